"""Incidents, what people do to them, subscribers, and the ledger of deliveries."""

from __future__ import annotations

import enum

import msgspec

from sealtrail.contract.alert import AlertEvent, AlertFamily, Severity


class IncidentState(enum.StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    RETRACTED = "retracted"  # every alert in it turned out to be wrong


class IncidentStep(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an incident's history: who did what, when and why."""

    at_ms: int
    actor: str  # a person, or "sealtrail" for the system itself
    action: (
        str  # opened, evidence_joined, severity_raised, cleared, retracted, acknowledged, resolved, reopened
    )
    reason: str = ""
    event_id: str = ""  # the alert event behind it, where there is one


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """All that belongs together: one open incident per trip and alert family."""

    incident_id: str
    container_id: str
    trip_id: str
    family: AlertFamily
    state: IncidentState
    severity: Severity
    opened_at_ms: int  # when the system opened it
    occurred_at_ms: int  # when the earliest of its alerts happened
    received_at_ms: int  # when the report that shows the earliest reached the gateway
    alerts: tuple[AlertEvent, ...]  # newest event of each alert in it, by occurred_at_ms
    history: tuple[IncidentStep, ...]

    @property
    def late_by_ms(self) -> int:
        return max(0, self.received_at_ms - self.occurred_at_ms)


class IncidentAction(enum.StrEnum):
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    RETRACT = "retract"
    REOPEN = "reopen"


class IncidentCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks the alerts service to do (request on `subjects.INCIDENT_COMMAND`)."""

    incident_id: str
    action: IncidentAction
    actor: str
    reason: str = ""


class CommandReply(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a request: the new incident, or the refusal's name and text."""

    incident: Incident | None = None
    refused: str = ""
    detail: str = ""


class ChannelKind(enum.StrEnum):
    MQTT = "mqtt"
    WEBHOOK = "webhook"


class DeliveryState(enum.StrEnum):
    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"  # given up; the last error says why


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True):
    at_ms: int
    outcome: str  # "delivered", or the error's stable name
    detail: str = ""
    took_ms: int = 0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One notification to one subscriber, with every attempt."""

    delivery_id: str  # idempotency key: hash of subscriber and notification
    subscriber_id: str
    channel: ChannelKind
    incident_id: str
    event_id: str  # the alert event that caused the notification
    alert_type: str
    container_id: str
    trip_id: str
    state: DeliveryState
    queued_at_ms: int
    delivered_at_ms: int | None = None
    next_attempt_at_ms: int | None = None
    attempts: tuple[DeliveryAttempt, ...] = ()
