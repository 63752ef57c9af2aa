"""Incidents of the scene, as the alerts service would make them."""

from __future__ import annotations

import msgspec

from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.incident import (
    ChannelKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Incident,
    IncidentAction,
    IncidentState,
    IncidentStep,
)

OUTCOMES = {
    IncidentAction.ACKNOWLEDGE: (IncidentState.ACKNOWLEDGED, "acknowledged"),
    IncidentAction.RESOLVE: (IncidentState.RESOLVED, "resolved"),
    IncidentAction.RETRACT: (IncidentState.RETRACTED, "retracted"),
    IncidentAction.REOPEN: (IncidentState.OPEN, "reopened"),
}


def opened(event: AlertEvent) -> Incident:
    """A new incident with one alert."""
    at_ms = event.received_at_ms + 200
    return Incident(
        incident_id=f"I-{event.alert_id}",
        container_id=event.container_id,
        trip_id=event.trip_id,
        family=event.family,
        state=IncidentState.OPEN,
        severity=event.severity,
        opened_at_ms=at_ms,
        occurred_at_ms=event.occurred_at_ms,
        received_at_ms=event.received_at_ms,
        alerts=(event,),
        history=(IncidentStep(at_ms=at_ms, actor="sealtrail", action="opened", event_id=event.event_id),),
    )


def decided(incident: Incident, action: IncidentAction, actor: str, reason: str, at_ms: int) -> Incident:
    """The incident after a person's decision."""
    state, done = OUTCOMES[action]
    step = IncidentStep(at_ms=at_ms, actor=actor, action=done, reason=reason)
    return msgspec.structs.replace(incident, state=state, history=(*incident.history, step))


def delivery_of(incident: Incident) -> Delivery:
    """A delivered notification of the incident."""
    (event,) = incident.alerts
    at_ms = incident.opened_at_ms
    return Delivery(
        delivery_id=f"D-{event.alert_id}",
        subscriber_id="customs-nl",
        channel=ChannelKind.WEBHOOK,
        incident_id=incident.incident_id,
        event_id=event.event_id,
        alert_type=event.type.value,
        container_id=incident.container_id,
        trip_id=incident.trip_id,
        state=DeliveryState.DELIVERED,
        queued_at_ms=at_ms + 10,
        delivered_at_ms=at_ms + 140,
        attempts=(DeliveryAttempt(at_ms=at_ms + 20, outcome="delivered", took_ms=120),),
    )
