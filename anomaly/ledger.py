"""What has been said about one container, and what must be said now.

Findings say what is true as far as is known; the ledger holds what subscribers
were told. The difference is alert events: raised, updated, cleared, retracted.
"""

from __future__ import annotations

import msgspec

from anomaly.reports import Sighting
from anomaly.rules.rule import EVIDENCE_KEPT, Finding
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, alert_id_of, event_id_of

RETRACTED_KEPT = 256
COMPOSED = frozenset({AlertType.LIKELY_THEFT})
"""Types that rest on alerts of other types."""

Key = tuple[int, int]


class Entry(msgspec.Struct):
    """One alert as it was last told."""

    event: AlertEvent
    group: str
    lane: int
    shown_key: Key
    until_ms: int | None
    cleared: bool
    retracted: bool
    revision: int


class Cause(msgspec.Struct, frozen=True):
    """Why findings are looked at again, for the words of a retraction."""

    what: str  # "a late report", "the trip's plan", "an authorisation", …
    received_at_ms: int


class Fixed(msgspec.Struct, frozen=True, array_like=True):
    """Of which time what was said stays as it was said, because what it rests on was given up."""

    before_ms: int = 0
    known_ms: int = 0  # when that was, by the log's clock: what is received later is new
    composed_before_ms: int = 0  # of alerts that rest on others, of which some were given up

    def fixes(self, finding: Finding) -> bool:
        """Whether a finding may say no more than that something has ended."""
        before = finding.start.occurred_at_ms < self.before_ms
        return before and finding.shown_by.received_at_ms <= self.known_ms

    def keeps(self, entry: Entry) -> bool:
        """Whether an alert isn't taken back though nothing shows it any more."""
        composed_before_ms = self.composed_before_ms if entry.event.type in COMPOSED else 0
        return entry.event.occurred_at_ms < max(self.before_ms, composed_before_ms)


Ledger = dict[str, Entry]


def forget(ledger: Ledger, lane: int, types: tuple[AlertType, ...], up_to: Key) -> None:
    """Entries whose signals are given up stay as they were told, out of reach of corrections."""
    gone = [
        alert_id
        for alert_id, entry in ledger.items()
        if entry.lane == lane and entry.event.type in types and entry.shown_key <= up_to
    ]
    for alert_id in gone:
        del ledger[alert_id]


def settle(
    container_id: str, ledger: Ledger, findings: list[Finding], cause: Cause, fixed: Fixed
) -> list[AlertEvent]:
    """Alert events that bring what was told in line with ``findings``; the ledger is updated."""
    told = _match(ledger, findings)
    events: list[AlertEvent] = []
    standing: set[str] = set()
    for finding, alert_id in zip(findings, told, strict=True):
        standing.add(alert_id)
        if not fixed.fixes(finding):
            events += _say(container_id, ledger, finding, alert_id)
        elif (entry := ledger.get(alert_id)) is not None:
            events += _end(container_id, entry, finding)
    authorised = {
        finding.start.key: str(finding.details.get("authorisation_id"))
        for finding in findings
        if "authorisation_id" in finding.details
    }
    for alert_id, entry in list(ledger.items()):
        if alert_id in standing or entry.retracted:
            continue
        if fixed.keeps(entry):
            del ledger[alert_id]
        else:
            events.append(_retract(entry, cause, authorised))
    _bound(ledger)
    return sorted(
        events, key=lambda event: (event.occurred_at_ms, event.alert_id, event.action.value != "raised")
    )


def _bound(ledger: Ledger) -> None:
    """Retracted alerts are remembered for their ids' sake, the oldest given up first."""
    retracted = [alert_id for alert_id, entry in ledger.items() if entry.retracted]
    for alert_id in retracted[: max(0, len(retracted) - RETRACTED_KEPT)]:
        del ledger[alert_id]


def _match(ledger: Ledger, findings: list[Finding]) -> list[str]:
    """Alert id of each finding: its own, or that of the told alert which it overlaps."""
    own = [alert_id_of(f.scope, f"{f.rule}/{f.type.value}", f.start.reading_id) for f in findings]
    if all(alert_id in ledger for alert_id in own):
        return own
    taken = {alert_id for alert_id in own if alert_id in ledger}
    result = []
    for finding, alert_id in zip(findings, own, strict=True):
        chosen = alert_id
        if alert_id not in ledger:
            for other_id, entry in ledger.items():
                if other_id not in taken and not entry.retracted and _overlaps(entry, finding):
                    chosen = other_id
                    break
        taken.add(chosen)
        result.append(chosen)
    return result


def _overlaps(entry: Entry, finding: Finding) -> bool:
    if entry.event.type is not finding.type or entry.group != finding.group:
        return False
    starts_before_end = finding.until_ms is None or entry.event.occurred_at_ms <= finding.until_ms
    ends_after_start = entry.until_ms is None or entry.until_ms >= finding.start.occurred_at_ms
    return starts_before_end and ends_after_start


def _say(container_id: str, ledger: Ledger, finding: Finding, alert_id: str) -> list[AlertEvent]:
    """Events of one finding that stands."""
    entry = ledger.get(alert_id)
    revision = entry.revision if entry else 0
    actions: list[AlertAction] = []
    if entry is None or entry.retracted or (entry.cleared and finding.cleared is None):
        actions.append(AlertAction.LOGGED if finding.logged else AlertAction.RAISED)
    elif _differs(entry.event, finding):
        actions.append(AlertAction.UPDATED)
    if finding.cleared is not None and (entry is None or not entry.cleared or actions):
        actions.append(AlertAction.CLEARED)
    events = []
    for action in actions:
        revision += 1
        known = entry.event if entry is not None and action is AlertAction.UPDATED else None
        events.append(_event(container_id, finding, alert_id, action, revision, known))
    ledger[alert_id] = Entry(
        event=next(
            (e for e in events if e.action is not AlertAction.CLEARED), entry.event if entry else events[0]
        ),
        group=finding.group,
        lane=finding.lane,
        shown_key=finding.shown_by.key,
        until_ms=finding.until_ms,
        cleared=finding.cleared is not None,
        retracted=False,
        revision=revision,
    )
    return events


def _end(container_id: str, entry: Entry, finding: Finding) -> list[AlertEvent]:
    """That something has ended of which nothing else can be said any more."""
    if finding.cleared is None or entry.cleared or entry.retracted:
        return []
    entry.revision += 1
    entry.cleared, entry.until_ms = True, finding.until_ms
    alert_id = entry.event.alert_id
    return [_event(container_id, finding, alert_id, AlertAction.CLEARED, entry.revision, None)]


def _differs(event: AlertEvent, finding: Finding) -> bool:
    return (event.occurred_at_ms, event.severity, event.trip_id) != (
        finding.start.occurred_at_ms,
        finding.severity,
        finding.trip_id,
    )


def _event(
    container_id: str,
    finding: Finding,
    alert_id: str,
    action: AlertAction,
    revision: int,
    known: AlertEvent | None,
) -> AlertEvent:
    """One event of a finding; ``known`` is what was told before, where this updates it."""
    cleared = finding.cleared if action is AlertAction.CLEARED else None
    details = dict(finding.details)
    sentence, evidence = finding.sentence, finding.evidence[:EVIDENCE_KEPT]
    received_at_ms = finding.shown_by.received_at_ms
    if known is not None:
        received_at_ms = _new_to(known, evidence, received_at_ms)
    if cleared is not None:
        sentence = cleared.sentence
        details |= cleared.details
        details["ended_at_ms"] = cleared.at_ms
        if cleared.at is not None:
            received_at_ms = cleared.at.received_at_ms
            evidence = (*evidence, cleared.at)
    place = finding.place
    return AlertEvent(
        event_id=event_id_of(alert_id, action, revision),
        alert_id=alert_id,
        type=finding.type,
        action=action,
        severity=finding.severity,
        container_id=container_id,
        trip_id=finding.trip_id,
        device_id=finding.start.device_id,
        occurred_at_ms=finding.start.occurred_at_ms,
        received_at_ms=received_at_ms,
        sentence=sentence,
        rule=finding.rule,
        rule_version=finding.rule_version,
        settings=finding.settings,
        latitude_deg=place.latitude_deg if place else None,
        longitude_deg=place.longitude_deg if place else None,
        place_is_last_known=finding.place_is_last_known,
        details=details,
        evidence=tuple(at.evidence() for at in evidence),
    )


def _new_to(known: AlertEvent, evidence: tuple[Sighting, ...], default_ms: int) -> int:
    """When the newest of the reports was received on which an alert now rests and didn't before."""
    before = {each.reading_id for each in known.evidence}
    new = [at.received_at_ms for at in evidence if at.evidence().reading_id not in before]
    return max(new, default=default_ms)


def _retract(entry: Entry, cause: Cause, authorised: dict[Key, str]) -> AlertEvent:
    """Take a told alert back, with the reason."""
    event = entry.event
    entry.retracted, entry.cleared = True, False
    entry.revision += 1
    authorisation_id = authorised.get(entry.shown_key)
    if authorisation_id is not None:
        reason = f"authorisation {authorisation_id} covers it, as was not known when it was raised"
    else:
        reason = f"{cause.what} shows otherwise"
    return msgspec.structs.replace(
        event,
        event_id=event_id_of(event.alert_id, AlertAction.RETRACTED, entry.revision),
        action=AlertAction.RETRACTED,
        sentence=f"Retracted: {reason}. It said: {event.sentence}",
        details={**event.details, "reason": reason, "known_at_ms": cause.received_at_ms},
    )
