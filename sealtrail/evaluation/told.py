"""Alert events folded into alerts: what was told, when first, and whether it was taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sealtrail.contract.alert import CATALOGUE, AlertAction, AlertEvent, AlertFamily

_FIRST = frozenset({AlertAction.RAISED, AlertAction.LOGGED})


@dataclass(slots=True)
class Told:
    """One alert over its life. ``told_ms`` is the log's clock when it was first told."""

    alert_id: str
    alert_type: str
    container_id: str
    trip_id: str
    device_id: str
    occurred_ms: int  # as last told
    told_ms: int
    severity: str
    sentence: str
    retracted: bool = False


class Book:
    """Takes alert events in the order of telling; the custody log is left out."""

    def __init__(self) -> None:
        self._alerts: dict[str, Told] = {}

    def take(self, events: Iterable[AlertEvent], clock_ms: int) -> None:
        for event in events:
            if CATALOGUE[event.type].family is AlertFamily.CUSTODY:
                continue
            known = self._alerts.get(event.alert_id)
            if known is None:
                self._alerts[event.alert_id] = Told(
                    alert_id=event.alert_id,
                    alert_type=event.type.value,
                    container_id=event.container_id,
                    trip_id=event.trip_id,
                    device_id=event.device_id,
                    occurred_ms=event.occurred_at_ms,
                    told_ms=clock_ms,
                    severity=event.severity.value,
                    sentence=event.sentence,
                    retracted=event.action is AlertAction.RETRACTED,
                )
                continue
            if event.action is AlertAction.RETRACTED:
                known.retracted = True
                continue
            if event.action in _FIRST:
                known.retracted = False
            if event.action is not AlertAction.CLEARED:
                known.occurred_ms, known.sentence = event.occurred_at_ms, event.sentence
            known.severity = event.severity.value

    @property
    def alerts(self) -> list[Told]:
        """In the order of telling."""
        return list(self._alerts.values())
