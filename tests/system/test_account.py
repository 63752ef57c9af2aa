"""The account of a demonstration is never well when something is wrong."""

from __future__ import annotations

import pytest

from sealtrail.contract.completeness import Totals
from sealtrail.demonstration.account import Account, settle
from simulators.fleet import FleetReport

SOUND = {
    "published": 12,
    "accepted": 9,
    "duplicate": 1,
    "quarantined": 2,
    "stored": 9,
    "judged": 9,
    "by_device": 12,
}


def _account(*troubles: str, **changes: int) -> Account:
    """The account of a run of twelve messages, two of them corrupt."""
    counts = SOUND | changes
    gateway = "".join(
        f"sealtrail_gateway_{name}_total {value}.0\n"
        for name, value in (
            ("messages_accepted", counts["accepted"]),
            ("messages_duplicate", counts["duplicate"]),
            ("messages_quarantined", counts["quarantined"]),
            ("readings_stored", 9),
        )
    )
    return settle(
        seed=1,
        seconds=10.0,
        report=FleetReport(
            published=counts["published"],
            duplicates_sent=1,
            corrupt_sent=2,
            resent=0,
            unacknowledged=0,
            trip_events=0,
            scripted=(),
        ),
        gateway_metrics=gateway,
        anomaly_metrics=f"sealtrail_judged_readings_total {counts['judged']}.0\n",
        stored=counts["stored"],
        devices=Totals(devices=3, messages=counts["by_device"]),
        events=(),
        received=(),
        delivered_again=0,
        troubles=troubles,
    )


def test_a_sound_run_is_ok() -> None:
    """Every message and reading is where it belongs."""
    assert _account().problems == ()
    assert _account().ok


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"accepted": 8, "quarantined": 3}, "sent 2 corrupt messages but quarantined 3"),
        ({"accepted": 10, "quarantined": 1}, "sent 2 corrupt messages but quarantined 1"),
        ({"judged": 8}, "accepted 9 readings but judged 8"),
        ({"stored": 8}, "accepted 9 readings but stored 8"),
        ({"by_device": 11}, "accounted for 12 messages but 11 device by device"),
        ({"published": 13}, "published 13 but accounted for 12"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, int], problem: str) -> None:
    """Sound reports that were refused and readings that nobody judged are problems, though the sums agree."""
    account = _account(**changes)
    assert account.problems == (problem,)
    assert not account.ok


def test_what_its_host_saw_counts() -> None:
    """A service that died is a problem even where nothing was lost."""
    assert not _account("alerts died 1 times").ok
