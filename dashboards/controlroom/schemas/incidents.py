"""Incidents at the HTTP edge: in the queue, in full, and what people do to them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from dashboards.controlroom.schemas.base import Model
from dashboards.controlroom.schemas.positions import seal_event_names, seal_state_name
from sealtrail.contract.alert import CATALOGUE, AlertAction, AlertEvent, AlertFamily, AlertType, Severity
from sealtrail.contract.incident import ChannelKind, Delivery, DeliveryState, Incident, IncidentState


class Step(Model):
    """One line of an incident's history: who did what, when and why."""

    at_ms: int
    actor: str
    action: str
    reason: str


class EvidenceReport(Model):
    """A report that an alert rests on."""

    reading_id: str
    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    longitude_deg: float | None
    latitude_deg: float | None
    fix_kind: int
    seal_state: str
    seal_events: list[str]


class Alert(Model):
    """One alert of an incident, as last known."""

    alert_id: str
    type: AlertType
    title: str
    action: AlertAction
    severity: Severity
    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    late_by_ms: int
    sentence: str
    rule: str
    rule_version: int
    longitude_deg: float | None
    latitude_deg: float | None
    place_is_last_known: bool
    details: dict[str, float | int | str | bool | None]
    evidence: list[EvidenceReport]


class IncidentSummary(Model):
    """One line of the alert queue. Title, sentence and place are those of its leading alert."""

    incident_id: str
    container_id: str
    trip_id: str
    family: AlertFamily
    state: IncidentState
    severity: Severity
    type: AlertType | None
    title: str
    sentence: str
    alerts: int = Field(description="How many alerts have joined.")
    cleared: bool = Field(description="The condition has ended by itself, for example back on route.")
    opened_at_ms: int
    occurred_at_ms: int
    received_at_ms: int
    late_by_ms: int
    longitude_deg: float | None
    latitude_deg: float | None
    place_is_last_known: bool
    last_step: Step | None

    @classmethod
    def of(cls, incident: Incident) -> IncidentSummary:
        """Summary of an incident; one without alerts is described by its family."""
        lead = leading_alert(incident)
        last = incident.history[-1] if incident.history else None
        return cls.model_construct(
            incident_id=incident.incident_id,
            container_id=incident.container_id,
            trip_id=incident.trip_id,
            family=incident.family,
            state=incident.state,
            severity=incident.severity,
            type=lead.type if lead else None,
            title=CATALOGUE[lead.type].title if lead else incident.family.value,
            sentence=lead.sentence if lead else "",
            alerts=len(incident.alerts),
            cleared=_all(incident, AlertAction.CLEARED),
            opened_at_ms=incident.opened_at_ms,
            occurred_at_ms=incident.occurred_at_ms,
            received_at_ms=incident.received_at_ms,
            late_by_ms=incident.late_by_ms,
            longitude_deg=lead.longitude_deg if lead else None,
            latitude_deg=lead.latitude_deg if lead else None,
            place_is_last_known=lead.place_is_last_known if lead else False,
            last_step=Step.model_validate(last) if last else None,
        )


class IncidentDetail(IncidentSummary):
    """An incident with all its alerts, evidence and history."""

    alert_list: list[Alert]
    history: list[Step]

    @classmethod
    def of(cls, incident: Incident) -> IncidentDetail:
        summary = IncidentSummary.of(incident)
        return cls.model_construct(
            **{name: getattr(summary, name) for name in IncidentSummary.model_fields},
            alert_list=[alert_of(event) for event in incident.alerts],
            history=[Step.model_validate(step) for step in incident.history],
        )


class Decision(Model):
    """What a person says when acting on an incident."""

    actor: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)] = Field(
        description="Who decides: name or duty number."
    )
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = Field(
        default="", description="Why; needed to resolve, retract and reopen."
    )


class Attempt(Model):
    at_ms: int
    outcome: str
    detail: str
    took_ms: int


class DeliveryRecord(Model):
    """One notification to one subscriber, with every attempt."""

    delivery_id: str
    subscriber_id: str
    channel: ChannelKind
    incident_id: str
    alert_type: str
    container_id: str
    trip_id: str
    state: DeliveryState
    queued_at_ms: int
    delivered_at_ms: int | None
    next_attempt_at_ms: int | None
    attempts: list[Attempt]


class Deliveries(Model):
    """The ledger, newest first. ``truncated``: older ones were left out."""

    truncated: bool
    deliveries: list[DeliveryRecord]

    @classmethod
    def of(cls, found: list[Delivery], limit: int) -> Deliveries:
        newest = sorted(found, key=lambda one: (one.queued_at_ms, one.delivery_id), reverse=True)
        return cls(
            truncated=len(newest) > limit,
            deliveries=[DeliveryRecord.model_validate(one) for one in newest[:limit]],
        )


def leading_alert(incident: Incident) -> AlertEvent | None:
    """The alert that stands for the incident: not retracted, most severe, earliest."""
    return min(
        incident.alerts,
        key=lambda event: (
            event.action is AlertAction.RETRACTED,
            -event.severity.rank,
            event.occurred_at_ms,
            event.alert_id,
        ),
        default=None,
    )


def alert_of(event: AlertEvent) -> Alert:
    """Public form of an alert event."""
    return Alert.model_construct(
        alert_id=event.alert_id,
        type=event.type,
        title=CATALOGUE[event.type].title,
        action=event.action,
        severity=event.severity,
        device_id=event.device_id,
        occurred_at_ms=event.occurred_at_ms,
        received_at_ms=event.received_at_ms,
        late_by_ms=event.late_by_ms,
        sentence=event.sentence,
        rule=event.rule,
        rule_version=event.rule_version,
        longitude_deg=event.longitude_deg,
        latitude_deg=event.latitude_deg,
        place_is_last_known=event.place_is_last_known,
        details=event.details,
        evidence=[
            EvidenceReport.model_construct(
                reading_id=one.reading_id,
                device_id=one.device_id,
                occurred_at_ms=one.occurred_at_ms,
                received_at_ms=one.received_at_ms,
                longitude_deg=one.longitude_deg,
                latitude_deg=one.latitude_deg,
                fix_kind=one.fix_kind,
                seal_state=seal_state_name(one.seal_state),
                seal_events=seal_event_names(one.seal_events),
            )
            for one in event.evidence
        ],
    )


def _all(incident: Incident, action: AlertAction) -> bool:
    return bool(incident.alerts) and all(
        event.action in (action, AlertAction.RETRACTED) for event in incident.alerts
    )
