"""Incidents as pure transitions: what opens, joins, escalates, retracts and closes them."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.book import Book
from alerts.incidents import (
    MAX_ALERTS,
    MAX_EVIDENCE,
    MAX_SEEN,
    MAX_STEPS,
    Change,
    Notice,
    StoredIncident,
)
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.incident import IncidentAction, IncidentCommand, IncidentState
from tests.alerts.samples import NOW_MS, alert


def applied(book: Book, event: AlertEvent) -> Change:
    """The change of an event that is expected to make one."""
    change = book.apply(event, NOW_MS)
    assert change is not None
    return change


def command(
    incident: StoredIncident, action: IncidentAction, reason: str = "looked into", actor: str = "J. Otieno"
) -> IncidentCommand:
    return IncidentCommand(incident_id=incident.incident_id, action=action, actor=actor, reason=reason)


def actions(incident: StoredIncident) -> list[str]:
    return [step.action for step in incident.history]


def test_a_raised_alert_opens_an_incident_with_both_times() -> None:
    """A first alert opens an incident that carries when it happened, when it was received, and why."""
    change = applied(Book(), alert())
    incident = change.incident
    assert (incident.state, incident.severity) == (IncidentState.OPEN, Severity.CRITICAL)
    assert (incident.occurred_at_ms, incident.received_at_ms) == (NOW_MS - 3_600_000, NOW_MS)
    assert incident.late_by_ms == 3_600_000
    assert (change.notice, change.cause_id) == (Notice.RAISED, alert().event_id)
    assert actions(incident) == ["opened"]


def test_a_second_alert_of_the_family_joins_and_tells_nobody() -> None:
    """Further evidence joins the open incident: one incident, no second notification."""
    book = Book()
    first = applied(book, alert("cut-1"))
    second = applied(book, alert("tamper-1", type=AlertType.SEAL_TAMPER))
    assert second.incident.incident_id == first.incident.incident_id
    assert [one.alert_id for one in second.incident.alerts] == ["cut-1", "tamper-1"]
    assert second.notice is None


def test_other_family_trip_or_container_is_another_incident() -> None:
    """Only alerts of one family on one trip (or one container without a trip) share an incident."""
    book = Book()
    ids = {
        applied(book, event).incident.incident_id
        for event in (
            alert("a"),
            alert("b", type=AlertType.ROUTE_DEVIATION),
            alert("c", trip_id="T2"),
            alert("d", trip_id=""),
            alert("e", trip_id="", container_id="CSQU3054383"),
            alert("f", trip_id="MSCU6639870"),
        )
    }
    assert len(ids) == 6


@pytest.mark.parametrize("state", [IncidentAction.ACKNOWLEDGE, None])
def test_more_severe_evidence_escalates(state: IncidentAction | None) -> None:
    """A rise in severity notifies again, also when somebody has acknowledged; repeats do not."""
    book = Book()
    incident = applied(book, alert("r", type=AlertType.ROUTE_DEVIATION)).incident
    if state is not None:
        book.decide(command(incident, state), NOW_MS)
    worse = alert(
        "r", AlertAction.UPDATED, type=AlertType.ROUTE_DEVIATION, severity=Severity.CRITICAL, cause=1
    )
    change = applied(book, worse)
    assert (change.notice, change.incident.severity) == (Notice.ESCALATED, Severity.CRITICAL)
    again = alert(
        "r", AlertAction.UPDATED, type=AlertType.ROUTE_DEVIATION, severity=Severity.CRITICAL, cause=2
    )
    assert applied(book, again).notice is None


def test_an_update_may_move_the_beginning_earlier() -> None:
    """An UPDATED event replaces the alert's newest event, so the incident's time follows it."""
    book = Book()
    applied(book, alert())
    earlier = alert(action=AlertAction.UPDATED, occurred_at_ms=NOW_MS - 7_200_000, cause=1)
    change = applied(book, earlier)
    assert change.incident.occurred_at_ms == NOW_MS - 7_200_000
    assert len(change.incident.alerts) == 1


def test_cleared_is_noted_and_leaves_the_incident_to_a_person() -> None:
    """Back on route doesn't close the incident: somebody has to look."""
    book = Book()
    applied(book, alert("r", type=AlertType.ROUTE_DEVIATION))
    change = applied(book, alert("r", AlertAction.CLEARED, type=AlertType.ROUTE_DEVIATION))
    assert change.incident.state is IncidentState.OPEN
    assert actions(change.incident) == ["opened", "cleared"]
    assert change.notice is None


def test_an_incident_is_retracted_with_its_last_alert_and_told_again() -> None:
    """Only when every alert in it was wrong is the incident retracted, and those who were told hear it."""
    book = Book()
    applied(book, alert("a"))
    applied(book, alert("b", severity=Severity.HIGH))
    first = applied(book, alert("a", AlertAction.RETRACTED))
    assert (first.incident.state, first.notice) == (IncidentState.OPEN, None)
    assert first.incident.severity is Severity.HIGH
    last = applied(book, alert("b", AlertAction.RETRACTED))
    assert (last.incident.state, last.notice) == (IncidentState.RETRACTED, Notice.RETRACTED)
    assert last.reason


def test_a_retracted_alert_that_is_raised_anew_is_told_anew() -> None:
    """An authorisation that is itself taken back makes the breach a breach again."""
    book = Book()
    opened = applied(book, alert())
    applied(book, alert(action=AlertAction.RETRACTED))
    again = applied(book, alert(cause="authorisation withdrawn"))
    assert again.incident.incident_id == opened.incident.incident_id
    assert (again.incident.state, again.notice) == (IncidentState.OPEN, Notice.RAISED)


def test_custody_and_data_quality_never_open_incidents() -> None:
    """What is logged stays in the log."""
    book = Book()
    for kind in (AlertType.SEAL_ARMED, AlertType.BACK_ON_ROUTE, AlertType.POSITION_IMPLAUSIBLE):
        assert book.apply(alert("c", AlertAction.LOGGED, type=kind), NOW_MS) is None
    assert book.apply(alert("c", AlertAction.RAISED, type=AlertType.POSITION_IMPLAUSIBLE), NOW_MS) is None
    assert book.all() == []


def test_a_new_alert_after_resolution_opens_a_new_incident() -> None:
    """A resolved incident stays resolved; the next breach is an incident of its own, with its own id."""
    book = Book()
    first = applied(book, alert("a")).incident
    book.decide(command(first, IncidentAction.RESOLVE), NOW_MS)
    second = applied(book, alert("b"))
    assert second.notice is Notice.RAISED
    assert second.incident.incident_id != first.incident_id
    assert {one.state for one in book.all()} == {IncidentState.RESOLVED, IncidentState.OPEN}


def test_an_alert_that_gets_worse_after_resolution_opens_a_new_incident() -> None:
    """A deviation that was closed as high and becomes critical needs a person again, a mild update not."""
    book = Book()
    kind = AlertType.ROUTE_DEVIATION
    first = applied(book, alert("r", type=kind)).incident
    book.decide(command(first, IncidentAction.RESOLVE), NOW_MS)
    mild = applied(book, alert("r", AlertAction.UPDATED, type=kind, cause=1))
    assert (mild.incident.incident_id, mild.notice) == (first.incident_id, None)
    assert mild.incident.state is IncidentState.RESOLVED
    worse = applied(book, alert("r", AlertAction.UPDATED, type=kind, severity=Severity.CRITICAL, cause=2))
    assert worse.incident.incident_id != first.incident_id
    assert worse.notice is Notice.RAISED
    after = applied(book, alert("r", AlertAction.CLEARED, type=kind))
    assert after.incident.incident_id == worse.incident.incident_id


def test_a_resolved_incident_that_was_wrong_is_still_retracted() -> None:
    """Those who were told of a breach hear that it was none, even after somebody had closed it."""
    book = Book()
    first = applied(book, alert()).incident
    book.decide(command(first, IncidentAction.RESOLVE), NOW_MS)
    change = applied(book, alert(action=AlertAction.RETRACTED))
    assert (change.incident.state, change.notice) == (IncidentState.RETRACTED, Notice.RETRACTED)


def test_an_update_without_its_beginning_is_not_missed() -> None:
    """An UPDATED event of an alert that was never heard of opens an incident; a retraction doesn't."""
    assert applied(Book(), alert(action=AlertAction.UPDATED)).notice is Notice.RAISED
    assert Book().apply(alert(action=AlertAction.RETRACTED), NOW_MS) is None


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        ([], IncidentAction.ACKNOWLEDGE, IncidentState.ACKNOWLEDGED),
        ([], IncidentAction.RESOLVE, IncidentState.RESOLVED),
        ([], IncidentAction.RETRACT, IncidentState.RETRACTED),
        ([IncidentAction.ACKNOWLEDGE], IncidentAction.RESOLVE, IncidentState.RESOLVED),
        ([IncidentAction.RESOLVE], IncidentAction.REOPEN, IncidentState.OPEN),
        ([IncidentAction.RESOLVE], IncidentAction.RETRACT, IncidentState.RETRACTED),
        ([IncidentAction.RETRACT], IncidentAction.REOPEN, IncidentState.OPEN),
        ([IncidentAction.ACKNOWLEDGE], IncidentAction.ACKNOWLEDGE, None),
        ([], IncidentAction.REOPEN, None),
        ([IncidentAction.RESOLVE], IncidentAction.ACKNOWLEDGE, None),
        ([IncidentAction.RETRACT], IncidentAction.RESOLVE, None),
    ],
)
def test_decisions(before: list[IncidentAction], action: IncidentAction, after: IncidentState | None) -> None:
    """People's decisions follow the life-cycle; anything else is refused as bad_transition."""
    book = Book()
    incident = applied(book, alert()).incident
    for step in before:
        incident = book.decide(command(incident, step), NOW_MS).incident
    if after is None:
        with pytest.raises(RefusedError) as refused:
            book.decide(command(incident, action), NOW_MS)
        assert refused.value.reason == "bad_transition"
        return
    changed = book.decide(command(incident, action), NOW_MS + 1).incident
    assert changed.state is after
    last = changed.history[-1]
    assert (last.actor, last.reason, last.at_ms) == ("J. Otieno", "looked into", NOW_MS + 1)


def test_refusals_have_names() -> None:
    """Unknown incidents and decisions without a person or a reason are refused by name."""
    book = Book()
    incident = applied(book, alert()).incident
    cases = {
        "actor_missing": command(incident, IncidentAction.ACKNOWLEDGE, actor="  "),
        "reason_missing": command(incident, IncidentAction.RESOLVE, reason=""),
        "unknown_incident": IncidentCommand(
            incident_id="none", action=IncidentAction.ACKNOWLEDGE, actor="J. Otieno"
        ),
    }
    for reason, wrong in cases.items():
        with pytest.raises(RefusedError) as refused:
            book.decide(wrong, NOW_MS)
        assert refused.value.reason == reason


def test_an_older_incident_is_not_reopened_beside_a_newer_one() -> None:
    """There is never more than one open incident per trip and family."""
    book = Book()
    first = applied(book, alert("a")).incident
    book.decide(command(first, IncidentAction.RESOLVE), NOW_MS)
    applied(book, alert("b"))
    with pytest.raises(RefusedError) as refused:
        book.decide(command(first, IncidentAction.REOPEN), NOW_MS)
    assert refused.value.reason == "bad_transition"


def test_an_incident_is_bounded_and_says_so() -> None:
    """However much joins, an incident stays storable, keeps the worst and says what it left out."""
    book = Book()
    applied(book, alert("worst", evidence=500))
    for number in range(MAX_SEEN + 50):
        applied(book, alert(f"mild-{number}", severity=Severity.HIGH, occurred_at_ms=NOW_MS + number))
    incident = book.all()[0]
    assert len(incident.alerts) == MAX_ALERTS
    assert incident.alerts_left_out == MAX_SEEN + 51 - MAX_ALERTS
    worst = next(one for one in incident.alerts if one.alert_id == "worst")
    assert len(worst.evidence) == MAX_EVIDENCE
    assert worst.details["evidence_left_out"] == 480
    assert len(incident.history) == MAX_STEPS
    stand_in = next(step for step in incident.history if step.action == "steps_left_out")
    assert stand_in.reason.startswith(f"{MAX_SEEN + 51 - (MAX_STEPS - 1)} steps")
    assert incident.history[0].action == "opened"
    assert len(incident.seen) == MAX_SEEN
    assert len(msgspec.json.encode(incident)) < 900_000


Life = list[tuple[AlertAction, Severity, int]]

_LATER = st.tuples(
    st.sampled_from((AlertAction.RAISED, AlertAction.UPDATED, AlertAction.CLEARED, AlertAction.RETRACTED)),
    st.sampled_from((Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)),
    st.integers(0, 5),
)
_LIVES = st.lists(st.lists(_LATER, max_size=4), min_size=1, max_size=5)
_TYPES = (AlertType.SEAL_CUT, AlertType.SEAL_OPENED, AlertType.ROUTE_DEVIATION, AlertType.WRONG_WAY)


def events_of_life(number: int, later: Life) -> list[AlertEvent]:
    """The events of one alert in their order: raised, then whatever the judgement says of it."""
    life: Life = [(AlertAction.RAISED, Severity.HIGH, 3), *later]
    return [
        alert(
            f"alert-{number}",
            action,
            type=_TYPES[number % len(_TYPES)],
            severity=severity,
            occurred_at_ms=NOW_MS - minutes * 60_000,
            cause=position,
        )
        for position, (action, severity, minutes) in enumerate(life)
    ]


def outcome(book: Book) -> list[StoredIncident]:
    """The incidents, without what tells the story of how they came about."""
    found = [msgspec.structs.replace(one, history=(), seen=()) for one in book.all()]
    return sorted(found, key=lambda one: one.incident_id)


def merged(lives: list[list[AlertEvent]], dice: random.Random) -> list[AlertEvent]:
    """Events of several alerts in some order that keeps each alert's own."""
    queues = [list(life) for life in lives]
    events = []
    while queues := [queue for queue in queues if queue]:
        events.append(dice.choice(queues).pop(0))
    return events


@given(_LIVES, st.integers(0, 2**32), st.integers(0, 2**32))
def test_order_and_repetition_change_nothing(lives: list[Life], one: int, other: int) -> None:
    """Whatever the order in which different alerts' events come, and however often, incidents are equal."""
    streams = [events_of_life(number, later) for number, later in enumerate(lives)]
    straight, mixed = Book(), Book()
    for event in merged(streams, random.Random(one)):
        straight.apply(event, NOW_MS)
    dice = random.Random(other)
    seen: list[AlertEvent] = []
    for event in merged(streams, dice):
        mixed.apply(event, NOW_MS)
        seen.append(event)
        assert mixed.apply(dice.choice(seen), NOW_MS) is None
    assert outcome(mixed) == outcome(straight)
    assert len({(one.trip_id, one.family) for one in mixed.all()}) == len(mixed.all())


@given(lives=_LIVES, seed=st.integers(0, 2**32), resolve=st.booleans())
def test_a_replay_after_a_restart_changes_nothing(lives: list[Life], seed: int, *, resolve: bool) -> None:
    """A book loaded from what was stored ignores all events that come again, also of resolved incidents."""
    events = merged(
        [events_of_life(number, later) for number, later in enumerate(lives)], random.Random(seed)
    )
    book = Book()
    for event in events:
        book.apply(event, NOW_MS)
    for incident in book.all():
        if resolve and incident.state is IncidentState.OPEN:
            book.decide(command(incident, IncidentAction.RESOLVE), NOW_MS)
    stored = msgspec.json.decode(msgspec.json.encode(book.all()), type=list[StoredIncident])
    again = Book(stored)
    assert [again.apply(event, NOW_MS + 1) for event in events] == [None] * len(events)
    assert outcome(again) == outcome(book)
