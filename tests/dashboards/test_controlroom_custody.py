"""The custody log kept in memory."""

from __future__ import annotations

import msgspec

from dashboards.controlroom.custody_log import PER_CONTAINER, CustodyLog
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity


def event(number: int, container: str = "C", kind: AlertType = AlertType.SEAL_ARMED) -> AlertEvent:
    return AlertEvent(
        event_id=f"e{number}",
        alert_id=f"a{number}",
        type=kind,
        action=AlertAction.LOGGED,
        severity=Severity.INFO,
        container_id=container,
        trip_id="T",
        device_id="d",
        occurred_at_ms=number,
        received_at_ms=number,
        sentence="Armed.",
        rule="custody",
        rule_version=1,
    )


def test_only_custody_is_kept_and_each_event_once() -> None:
    """Alerts and data quality are no custody; a replay changes nothing; late ones take their place."""
    log = CustodyLog(100)
    log.absorb([event(2), event(1), event(2), event(3, kind=AlertType.SEAL_CUT)])
    log.absorb([event(4, kind=AlertType.POSITION_IMPLAUSIBLE), event(1)])
    assert log.of("C") == [event(1), event(2)]
    assert log.of("other") == []


def test_memory_is_bounded_in_all_and_per_container() -> None:
    """A container that chatters loses its own oldest events, the whole its oldest."""
    log = CustodyLog(PER_CONTAINER + 50)
    log.absorb(event(number) for number in range(PER_CONTAINER + 20))
    assert log.of("C")[0].occurred_at_ms == 20
    assert len(log.of("C")) == PER_CONTAINER
    log.absorb(event(1_000 + number, f"D{number}") for number in range(500))
    assert len(log) == PER_CONTAINER + 50
    assert log.of("C") == []
    assert log.of("D499") == [msgspec.structs.replace(event(1_499), container_id="D499")]
