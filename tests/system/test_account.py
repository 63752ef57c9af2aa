"""The account of a demonstration is never well when something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from sealtrail.contract.alert import AlertEvent, AlertType
from sealtrail.contract.completeness import Totals
from sealtrail.demonstration.account import RAISED_NOTICE, Account, settle
from sealtrail.demonstration.receiver import Received
from simulators.fleet import FleetReport, SentEvent
from simulators.truth import ScriptedEvent
from tests.alerts.samples import NOW_MS, alert

SOUND = {
    "published": 12,
    "accepted": 9,
    "duplicate": 1,
    "quarantined": 2,
    "stored": 9,
    "judged": 9,
    "by_device": 12,
}


class Ran(NamedTuple):
    """What was scripted, judged and told in a run."""

    scripted: tuple[SentEvent, ...] = ()
    events: tuple[AlertEvent, ...] = ()
    received: tuple[Received, ...] = ()


def _account(*troubles: str, **changes: int) -> Account:
    """The account of a run in which nothing was scripted."""
    return _settled(Ran(), troubles, changes)


def _settled(ran: Ran, troubles: Sequence[str] = (), changes: dict[str, int] | None = None) -> Account:
    """The account of a run of twelve messages, two of them corrupt."""
    counts = SOUND | (changes or {})
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
            scripted=ran.scripted,
        ),
        gateway_metrics=gateway,
        anomaly_metrics=f"sealtrail_judged_readings_total {counts['judged']}.0\n",
        stored=counts["stored"],
        devices=Totals(devices=3, messages=counts["by_device"]),
        events=ran.events,
        received=ran.received,
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


DETOUR = SentEvent(
    ScriptedEvent(
        event_no=1,
        kind="detour",
        container_id="MSCU6639870",
        trip_id="T1",
        device_id="d",
        alert_type="ROUTE_DEVIATION",
        occurred_at_ms=NOW_MS,
        description="leaves the corridor and stands out there",
        also=("UNSCHEDULED_STOP",),
    ),
    NOW_MS,
)
LEFT = alert("left", type=AlertType.ROUTE_DEVIATION)
STOOD = alert("stood", type=AlertType.UNSCHEDULED_STOP)
TOLD = Received("1", RAISED_NOTICE, "left", "ROUTE_DEVIATION", "MSCU6639870", "T1", NOW_MS + 1_000)


def test_what_must_come_of_an_event_is_asked_for() -> None:
    """A consequence that is scripted is well when it was raised, and is missed when it wasn't."""
    whole = _settled(Ran((DETOUR,), (LEFT, STOOD), (TOLD,)))
    assert whole.problems == ()
    assert whole.scripted[0].also == {"UNSCHEDULED_STOP": 1}
    without = _settled(Ran((DETOUR,), (LEFT,), (TOLD,)))
    assert without.problems == ("scripted event 1 (detour, MSCU6639870) raised UNSCHEDULED_STOP 0 times",)


def test_what_nobody_scripted_is_named() -> None:
    """An alert that belongs to no scripted event is a problem, also on a trip that has another."""
    theft = alert("theft", type=AlertType.LIKELY_THEFT)
    (problem,) = _settled(Ran((DETOUR,), (LEFT, STOOD, theft), (TOLD,))).problems
    assert problem.startswith("nobody scripted LIKELY_THEFT on MSCU6639870")
