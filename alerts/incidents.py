"""How one incident changes: pure functions of the incident, what happens to it, and the time.

An incident's state, severity and times follow from the newest event of each
alert in it (and from what people did), never from the order in which events of
different alerts came. Everything in it is bounded, and it says what was left
out.
"""

from __future__ import annotations

import enum
import hashlib
from typing import NamedTuple

import msgspec

from sealtrail.contract.alert import AlertAction, AlertEvent, AlertFamily
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.incident import (
    Incident,
    IncidentAction,
    IncidentCommand,
    IncidentState,
    IncidentStep,
)

SYSTEM = "sealtrail"
MAX_ALERTS = 100
MAX_EVIDENCE = 20  # readings per alert: the first ten and the last ten
MAX_STEPS = 200
KEPT_FIRST_STEPS = 20
MAX_SEEN = 1_000
MAX_TEXT = 300

ACTIVE = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED})


class Notice(enum.StrEnum):
    """Why subscribers are told."""

    RAISED = "raised"  # the incident was opened, or is open again
    ESCALATED = "escalated"  # it has become more severe
    RETRACTED = "retracted"  # it turned out to be wrong


class StoredIncident(Incident, frozen=True, kw_only=True):
    """An incident with what the alerts service itself must remember of it."""

    number: int = 0  # counts the incidents of one trip and family from 0
    seen: tuple[str, ...] = ()  # newest `MAX_SEEN` event ids that were applied
    alerts_left_out: int = 0
    steps_left_out: int = 0


class Change(NamedTuple):
    """An incident after something happened, and whom that concerns."""

    incident: StoredIncident
    notice: Notice | None = None
    cause_id: str = ""  # of the alert event, or of a person's decision
    cause: AlertEvent | None = None
    reason: str = ""


class Key(NamedTuple):
    """What shares one open incident."""

    scope: str
    family: AlertFamily


def key_of(subject: AlertEvent | Incident) -> Key:
    """The trip and family, or the container and family where there is no trip."""
    scope = f"trip {subject.trip_id}" if subject.trip_id else f"container {subject.container_id}"
    return Key(scope, subject.family)


def concerns_incidents(event: AlertEvent) -> bool:
    """Custody and data quality are logged, never an incident."""
    return event.action is not AlertAction.LOGGED and event.family not in (
        AlertFamily.QUALITY,
        AlertFamily.CUSTODY,
    )


def incident_id_of(key: Key, number: int) -> str:
    """Identity of the ``number``-th incident of a trip and family."""
    text = "\x1f".join((key.scope, key.family.value, str(number)))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def is_active(incident: Incident) -> bool:
    return incident.state in ACTIVE


def is_withdrawn(incident: Incident) -> bool:
    """Retracted because the judgement took back every alert in it, not by a person."""
    return incident.state is IncidentState.RETRACTED and all(
        alert.action is AlertAction.RETRACTED for alert in incident.alerts
    )


def revives(incident: StoredIncident, event: AlertEvent) -> bool:
    """Whether an event of an alert in a closed incident needs an open one again.

    It does when the alert is raised anew, comes back after its retraction, or
    becomes more severe than what was closed: a person must see that.
    """
    if event.action is AlertAction.RAISED:
        return True
    if event.action is not AlertAction.UPDATED:
        return False
    known = _alert(incident, event.alert_id)
    return (
        known is not None and known.action is AlertAction.RETRACTED
    ) or event.severity.rank > incident.severity.rank


def _alert(incident: Incident, alert_id: str) -> AlertEvent | None:
    return next((alert for alert in incident.alerts if alert.alert_id == alert_id), None)


def _slim(event: AlertEvent) -> AlertEvent:
    """The event with its evidence bounded; says how much was left out."""
    left_out = len(event.evidence) - MAX_EVIDENCE
    if left_out <= 0:
        return event
    half = MAX_EVIDENCE // 2
    return msgspec.structs.replace(
        event,
        evidence=event.evidence[:half] + event.evidence[-half:],
        details={**event.details, "evidence_left_out": left_out},
    )


def _step(now_ms: int, action: str, event: AlertEvent) -> IncidentStep:
    return IncidentStep(
        at_ms=now_ms, actor=SYSTEM, action=action, reason=event.sentence[:MAX_TEXT], event_id=event.event_id
    )


def _with_steps(incident: StoredIncident, *steps: IncidentStep) -> StoredIncident:
    """The incident with steps added; where there are too many, one step stands for those left out."""
    history = incident.history + steps
    left_out = incident.steps_left_out
    if len(history) > MAX_STEPS:
        first, rest = history[:KEPT_FIRST_STEPS], history[KEPT_FIRST_STEPS:]
        if left_out:
            rest = rest[1:]  # the old stand-in
        surplus = len(first) + 1 + len(rest) - MAX_STEPS
        left_out += surplus
        stand_in = IncidentStep(
            at_ms=rest[surplus - 1].at_ms,
            actor=SYSTEM,
            action="steps_left_out",
            reason=f"{left_out} steps are not kept here",
        )
        history = (*first, stand_in, *rest[surplus:])
    return msgspec.structs.replace(incident, history=history, steps_left_out=left_out)


def _with_alerts(incident: StoredIncident, alerts: list[AlertEvent]) -> StoredIncident:
    """The incident with these alerts, and all that follows from them."""
    left_out = incident.alerts_left_out
    if len(alerts) > MAX_ALERTS:
        alerts.sort(
            key=lambda one: (one.action is AlertAction.RETRACTED, -one.severity.rank, one.occurred_at_ms)
        )
        left_out += len(alerts) - MAX_ALERTS
        del alerts[MAX_ALERTS:]
    alerts.sort(key=lambda one: (one.occurred_at_ms, one.alert_id))
    standing = [one for one in alerts if one.action is not AlertAction.RETRACTED] or alerts
    return msgspec.structs.replace(
        incident,
        alerts=tuple(alerts),
        alerts_left_out=left_out,
        severity=max((one.severity for one in standing), key=lambda severity: severity.rank),
        occurred_at_ms=standing[0].occurred_at_ms,
        received_at_ms=standing[0].received_at_ms,
    )


def opened(event: AlertEvent, number: int, now_ms: int) -> Change:
    """The ``number``-th incident of the event's trip and family, opened by this event."""
    event = _slim(event)
    incident = StoredIncident(
        incident_id=incident_id_of(key_of(event), number),
        container_id=event.container_id,
        trip_id=event.trip_id,
        family=event.family,
        state=IncidentState.OPEN,
        severity=event.severity,
        opened_at_ms=now_ms,
        occurred_at_ms=event.occurred_at_ms,
        received_at_ms=event.received_at_ms,
        alerts=(event,),
        history=(_step(now_ms, "opened", event),),
        number=number,
        seen=(event.event_id,),
    )
    if event.action is AlertAction.CLEARED:
        incident = _with_steps(incident, _step(now_ms, "cleared", event))
    return Change(incident, Notice.RAISED, event.event_id, event, "")


_STEP_OF = {
    AlertAction.RAISED: "evidence_joined",
    AlertAction.UPDATED: "evidence_joined",
    AlertAction.CLEARED: "cleared",
    AlertAction.RETRACTED: "evidence_retracted",
}


def joined(before: StoredIncident, event: AlertEvent, now_ms: int) -> Change:
    """The incident after an event of a new or a known alert joined it.

    The caller has made sure that the event wasn't applied before.
    """
    event = _slim(event)
    known = _alert(before, event.alert_id)
    seen = msgspec.structs.replace(before, seen=(*before.seen, event.event_id)[-MAX_SEEN:])
    if known is not None and known.action is AlertAction.RETRACTED and event.action is AlertAction.CLEARED:
        return Change(seen)  # what never was can't end
    alerts = [alert for alert in before.alerts if alert is not known]
    after = _with_alerts(seen, [*alerts, event])
    after = _with_steps(after, _step(now_ms, _STEP_OF[event.action], event))
    return _with_state(before, after, event, now_ms)


def _with_state(before: StoredIncident, after: StoredIncident, event: AlertEvent, now_ms: int) -> Change:
    nothing_stands = not after.alerts_left_out and all(
        alert.action is AlertAction.RETRACTED for alert in after.alerts
    )
    if nothing_stands and before.state is not IncidentState.RETRACTED:
        after = msgspec.structs.replace(after, state=IncidentState.RETRACTED)
        after = _with_steps(after, _step(now_ms, "retracted", event))
        return Change(after, Notice.RETRACTED, event.event_id, event, event.sentence)
    if not nothing_stands and is_withdrawn(before):
        after = msgspec.structs.replace(after, state=IncidentState.OPEN)
        after = _with_steps(after, _step(now_ms, "reopened", event))
        return Change(after, Notice.RAISED, event.event_id, event, "")
    if is_active(after) and after.severity.rank > before.severity.rank:
        after = _with_steps(after, _step(now_ms, "severity_raised", event))
        return Change(after, Notice.ESCALATED, event.event_id, event, "")
    return Change(after)


_DECISIONS: dict[IncidentAction, tuple[frozenset[IncidentState], IncidentState, str]] = {
    IncidentAction.ACKNOWLEDGE: (
        frozenset({IncidentState.OPEN}),
        IncidentState.ACKNOWLEDGED,
        "acknowledged",
    ),
    IncidentAction.RESOLVE: (ACTIVE, IncidentState.RESOLVED, "resolved"),
    IncidentAction.RETRACT: (ACTIVE | {IncidentState.RESOLVED}, IncidentState.RETRACTED, "retracted"),
    IncidentAction.REOPEN: (
        frozenset({IncidentState.RESOLVED, IncidentState.RETRACTED}),
        IncidentState.OPEN,
        "reopened",
    ),
}


def decided(before: StoredIncident, command: IncidentCommand, now_ms: int) -> Change:
    """The incident after a person's decision.

    Raises `RefusedError` named ``actor_missing``, ``reason_missing`` (all but
    acknowledging need one) or ``bad_transition``.
    """
    actor, reason = command.actor.strip()[:MAX_TEXT], command.reason.strip()[:MAX_TEXT]
    if not actor:
        raise RefusedError("actor_missing", "say who decides")
    if not reason and command.action is not IncidentAction.ACKNOWLEDGE:
        raise RefusedError("reason_missing", f"say why you {command.action.value} it")
    allowed, state, verb = _DECISIONS[command.action]
    if before.state not in allowed:
        raise RefusedError("bad_transition", f"the incident is {before.state.value}; it can't be {verb}")
    after = _with_steps(
        msgspec.structs.replace(before, state=state),
        IncidentStep(at_ms=now_ms, actor=actor, action=verb, reason=reason),
    )
    notice = None
    if state is IncidentState.RETRACTED:
        notice = Notice.RETRACTED
    elif before.state is IncidentState.RETRACTED:
        notice = Notice.RAISED  # those who were told that it was wrong must hear that it isn't
    steps = len(before.history) + before.steps_left_out
    cause_id = f"{before.incident_id}-{verb}-{steps}" if notice else ""
    return Change(after, notice, cause_id, None, reason)
