"""IDENTITY_SUSPECT: what the gateway says about who speaks becomes an alert of its own."""

from __future__ import annotations

import pytest

from sealtrail.contract.alert import AlertAction, AlertType, Severity
from sealtrail.contract.device import Suspicion
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import TripEvent, TripEventKind
from tests.anomaly.world import START_MS, judge, of_type, planned, reading


def suspicion(what: str = Suspicion.BAD_SIGNATURE, **changes: object) -> TripEvent:
    values: dict[str, object] = {
        "event_id": "identity-1",
        "kind": TripEventKind.IDENTITY_SUSPECT,
        "occurred_at_ms": START_MS + 60_000,
        "recorded_at_ms": START_MS + 60_000,
        "container_id": reading(0).key,
        "device_id": "JT-1",
        "suspicion": what,
        "evidence": {"address": "127.0.0.1"},
    }
    return TripEvent(**{**values, **changes})  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize("what", [*Suspicion, "something newer"])
def test_every_suspicion_is_an_alert_with_its_evidence(what: str) -> None:
    """High, of the trip that is under way, with what the gateway saw and words for people."""
    [alert] = of_type(judge(planned()).apply_trip_events([suspicion(what)]), AlertType.IDENTITY_SUSPECT)
    assert (alert.type, alert.action, alert.severity) == (
        AlertType.IDENTITY_SUSPECT,
        AlertAction.RAISED,
        Severity.HIGH,
    )
    assert alert.trip_id
    assert alert.details == {"suspicion": what, "address": "127.0.0.1"}
    assert alert.sentence.startswith("Device JT-1 of ")


def test_the_same_suspicion_is_the_same_alert() -> None:
    """A replay of the log, and a second gateway that noticed too, say the same."""
    first, second = (judge(planned()).apply_trip_events([suspicion()]) for _ in range(2))
    assert first == second


def test_a_suspect_stranger_is_no_container() -> None:
    """What is judged of a lone device doesn't change because it is suspect."""
    stranger = reading(2, container_id=None, events=SealEvent.OPENED)
    plain, suspected = judge(), judge()
    suspected.apply_trip_events([suspicion(container_id=stranger.device_id, device_id=stranger.device_id)])
    opened = [of_type(made.apply_readings([stranger]), AlertType.SEAL_OPENED) for made in (plain, suspected)]
    assert opened[0] == opened[1]
    assert len(opened[0]) == 1
