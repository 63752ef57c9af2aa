"""IDENTITY_SUSPECT: somebody speaks as a device, and may not be it.

What: the gateway has said so on the log, since only it sees sessions, logins
and signatures: an unknown or suspended device speaks, two sessions of one
identity are open, a sequence comes again with another content, a signature is
wrong. When: at the gateway's own time; it says the same of a device once an
hour. What such a device reports is judged, or kept in quarantine, as the
gateway's settings say: this alert changes nothing about it.

Severity: high, or the trip's own. Settings: none here, `access` at the gateway.
Source: ../shared/ALERTS.md. Equivalents: none.
"""

from __future__ import annotations

from anomaly.custody import Segment
from anomaly.rules.rule import severity_under
from anomaly.words import moment
from sealtrail.contract.alert import (
    AlertAction,
    AlertEvent,
    AlertType,
    alert_id_of,
    event_id_of,
)
from sealtrail.contract.device import Suspicion
from sealtrail.contract.trip import TripEvent

NAME = "identity_suspect"
VERSION = 1
WORDS = {
    Suspicion.UNKNOWN_DEVICE: "spoke, and is in no registry",
    Suspicion.SUSPENDED_DEVICE: "spoke although it may not",
    Suspicion.SECOND_SESSION: "had two sessions at once",
    Suspicion.REPLAYED_SEQUENCE: "repeated a number of its own with another report",
    Suspicion.BAD_SIGNATURE: "sent a report with a wrong signature",
}


def alert_of(event: TripEvent, segment: Segment | None) -> AlertEvent:
    """The alert that a suspicion of the gateway's is; equal events give equal alerts."""
    device_id, key = event.device_id or "", event.container_id
    kind = AlertType.IDENTITY_SUSPECT
    trip_id = segment.trip.trip_id if segment else ""
    severity = severity_under(segment, kind)
    words = WORDS.get(Suspicion(event.suspicion), "") if event.suspicion in set(Suspicion) else ""
    where = f" of {key}" if key != device_id else ""
    alert_id = alert_id_of(trip_id or key, f"{NAME}/{kind.value}", event.event_id)
    return AlertEvent(
        event_id=event_id_of(alert_id, AlertAction.RAISED, event.event_id),
        alert_id=alert_id,
        type=kind,
        action=AlertAction.RAISED,
        severity=severity,
        container_id=key,
        trip_id=trip_id,
        device_id=device_id,
        occurred_at_ms=event.occurred_at_ms,
        received_at_ms=event.recorded_at_ms,
        sentence=f"Device {device_id}{where} {words or 'is suspect'} {moment(event.occurred_at_ms)}.",
        rule=NAME,
        rule_version=VERSION,
        details={"suspicion": event.suspicion, **event.evidence},
    )
