"""Custody log: what people do to a trip and its seals, said once each when it becomes known.

TRIP_STARTED when time (ticks, reports received, events recorded) has passed a
trip's beginning; TRIP_ENDED, PAIRED, UNPAIRED, SEAL_ARMED by hand, SEAL_CHECK
when their trip event is read. Logged, never alarmed. What a seal's own reports
add to the log (SEAL_DISARMED, SEAL_ARMED, RESEALED) is in seal_custody.py.

Settings: none. Source: ../shared/ALERTS.md, custody events; WCO SAFE seal integrity.
"""

from __future__ import annotations

import msgspec

from anomaly.custody import Segment
from anomaly.words import moment
from sealtrail.contract.alert import (
    CATALOGUE,
    AlertAction,
    AlertEvent,
    AlertType,
    alert_id_of,
    event_id_of,
)
from sealtrail.contract.trip import TripEvent, TripEventKind

NAME = "custody_log"
VERSION = 1
CONDITIONS = {
    1: "in the right condition",
    2: "damaged",
    3: "missing",
    4: "broken",
    5: "electronically faulty",
}
_KINDS = {
    TripEventKind.PAIRED: AlertType.PAIRED,
    TripEventKind.UNPAIRED: AlertType.UNPAIRED,
    TripEventKind.ARMED: AlertType.SEAL_ARMED,
    TripEventKind.SEAL_CHECKED: AlertType.SEAL_CHECK,
    TripEventKind.ENDED: AlertType.TRIP_ENDED,
}


def entry_of(event: TripEvent) -> AlertEvent | None:
    """The log's line for a trip event, or None for kinds that are no custody."""
    kind = _KINDS.get(event.kind)
    if kind is None:
        return None
    check, at_ms = event.seal_check, event.occurred_at_ms
    details: dict[str, float | int | str | bool | None] = {"actor": event.actor}
    device = event.device_id or ""
    words = {
        AlertType.PAIRED: f"Device {device} was put on {event.container_id}",
        AlertType.UNPAIRED: f"Device {device} was taken off {event.container_id}",
        AlertType.SEAL_ARMED: f"The seal on {event.container_id} was armed by hand",
        AlertType.SEAL_CHECK: f"The seal on {event.container_id} was checked",
        AlertType.TRIP_ENDED: f"Trip {event.trip_id} of {event.container_id} ended",
    }[kind]
    place = None
    if kind is AlertType.SEAL_CHECK and check is not None:
        at_ms, place = check.checked_at_ms, check.place
        words += (
            f" by {check.party} ({check.party_role}) and found {CONDITIONS.get(check.condition, 'unclear')}"
        )
        details |= {
            "check_id": check.check_id,
            "condition": check.condition,
            "party": check.party,
            "party_role": check.party_role,
            "seal_expected": check.seal_expected,
            "seal_seen": check.seal_seen,
            "replaced_by": check.replaced_by,
            "remark": check.remark,
        }
    by = f" by {event.actor}" if event.actor and kind is not AlertType.SEAL_CHECK else ""
    line = _line(event.event_id, kind, event.container_id, event.trip_id, event.recorded_at_ms)
    return msgspec.structs.replace(
        line,
        occurred_at_ms=at_ms,
        device_id=device,
        sentence=f"{words}{by} {moment(at_ms)}.",
        details=details,
        latitude_deg=place.latitude_deg if place else None,
        longitude_deg=place.longitude_deg if place else None,
    )


def start_of(segment: Segment, container_id: str, known_at_ms: int) -> AlertEvent:
    """The log's line for the beginning of a trip."""
    trip, from_ms = segment.trip, segment.from_ms
    cause = f"{trip.trip_id}/{from_ms}"
    line = _line(cause, AlertType.TRIP_STARTED, container_id, trip.trip_id, max(known_at_ms, from_ms))
    return msgspec.structs.replace(
        line,
        occurred_at_ms=from_ms,
        device_id=trip.device_ids[0] if trip.device_ids else "",
        sentence=f"Trip {trip.trip_id} of {container_id} started {moment(from_ms)}; its seal is under watch.",
        details={"seal_numbers": ", ".join(trip.seal_numbers)},
    )


def _line(cause: str, kind: AlertType, container_id: str, trip_id: str, received_at_ms: int) -> AlertEvent:
    """A line of the log without its words."""
    alert_id = alert_id_of(trip_id or container_id, f"{NAME}/{kind.value}", cause)
    return AlertEvent(
        event_id=event_id_of(alert_id, AlertAction.LOGGED, cause),
        alert_id=alert_id,
        type=kind,
        action=AlertAction.LOGGED,
        severity=CATALOGUE[kind].severity,
        container_id=container_id,
        trip_id=trip_id,
        device_id="",
        occurred_at_ms=received_at_ms,
        received_at_ms=received_at_ms,
        sentence="",
        rule=NAME,
        rule_version=VERSION,
    )
