"""Alert events and subscribers for tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from alerts.incidents import Notice
from alerts.ledger import LedgerEntry
from sealtrail.contract.alert import (
    CATALOGUE,
    AlertAction,
    AlertEvent,
    AlertType,
    Evidence,
    Severity,
    event_id_of,
)
from sealtrail.contract.incident import ChannelKind, DeliveryState
from sealtrail.contract.public.subscriber import Subscriber

NOW_MS = 1_795_000_000_000


def alert(  # noqa: PLR0913 - every field that a test may vary
    alert_id: str = "cut-1",
    action: AlertAction = AlertAction.RAISED,
    *,
    type: AlertType = AlertType.SEAL_CUT,  # noqa: A002 - the contract's name
    severity: Severity | None = None,
    trip_id: str = "T1",
    container_id: str = "MSCU6639870",
    occurred_at_ms: int = NOW_MS - 3_600_000,
    received_at_ms: int = NOW_MS,
    cause: int | str = 0,
    evidence: int = 1,
) -> AlertEvent:
    """An alert event; its id follows from alert, action and cause."""
    return AlertEvent(
        event_id=event_id_of(alert_id, action, cause),
        alert_id=alert_id,
        type=type,
        action=action,
        severity=severity or CATALOGUE[type].severity,
        container_id=container_id,
        trip_id=trip_id,
        device_id="867000000000001",
        occurred_at_ms=occurred_at_ms,
        received_at_ms=received_at_ms,
        sentence=f"{CATALOGUE[type].title} ({alert_id}).",
        rule=type.value.lower(),
        rule_version=1,
        latitude_deg=-1.2921,
        longitude_deg=36.8219,
        details={"distance_m": 12.5},
        evidence=tuple(
            Evidence(
                reading_id=f"{number:016x}",
                device_id="867000000000001",
                occurred_at_ms=occurred_at_ms + number,
                received_at_ms=received_at_ms,
                fix_kind=1,
                seal_events=1,
                seal_state=4,
            )
            for number in range(evidence)
        ),
    )


def subscriber(subscriber_id: str = "customs", **changes: Any) -> Subscriber:
    """A subscriber by webhook to nowhere, unless ``channels`` says otherwise."""
    tree: dict[str, Any] = {
        "id": subscriber_id,
        "name": subscriber_id,
        "channels": {"webhook": {"url": "https://customs.example/alerts", "secret": "a secret of the tests"}},
    }
    return Subscriber.model_validate(tree | changes)


def entry(
    number: int,
    subscriber_id: str = "customs",
    container_id: str = "MSCU6639870",
    queued_at_ms: int = NOW_MS,
    channel: ChannelKind = ChannelKind.WEBHOOK,
) -> LedgerEntry:
    """A queued delivery."""
    return LedgerEntry(
        delivery_id=f"{subscriber_id}-{number:04d}",
        subscriber_id=subscriber_id,
        channel=channel,
        incident_id="i1",
        event_id="e1",
        alert_type="SEAL_CUT",
        container_id=container_id,
        trip_id="T1",
        state=DeliveryState.QUEUED,
        queued_at_ms=queued_at_ms + number,
        notice=Notice.RAISED,
        body=f'{{"number":{number}}}',
    )


async def until(condition: Callable[[], bool], within_s: float = 10.0, what: str = "") -> None:
    """Returns when the condition holds; fails after the deadline."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what or condition}")
        await asyncio.sleep(0.01)
