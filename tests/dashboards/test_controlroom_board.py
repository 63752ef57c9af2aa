"""The projection of incidents and trips."""

from __future__ import annotations

import msgspec

from dashboards.controlroom.backend import IncidentChanged, TripChanged, TripRemoved
from dashboards.controlroom.board import Board
from dashboards.controlroom.schemas.incidents import IncidentSummary, leading_alert
from sealtrail.contract.alert import AlertAction, AlertType, Severity
from sealtrail.contract.incident import Incident, IncidentState, IncidentStep
from tests.dashboards.controlroom_scene import Scene


def board(closed: int = 4) -> Board:
    return Board(max_containers=10, closed_incidents=closed, unread_bytes=1_048_576)


def one() -> Incident:
    scene = Scene(2)
    return scene.breach(scene.containers[0], AlertType.SEAL_CUT, scene.now_ms)


def stepped(incident: Incident, state: IncidentState, at_ms: int, **changes: str) -> Incident:
    step = IncidentStep(at_ms=at_ms, actor="A", action=state.value)
    return msgspec.structs.replace(incident, state=state, history=(*incident.history, step), **changes)


def test_same_news_twice_is_no_news() -> None:
    """The answer to a command and the store's watch tell of one change; viewers hear of it once."""
    projection, incident = board(), one()
    assert projection.apply(IncidentChanged(incident))
    assert not projection.apply(IncidentChanged(msgspec.structs.replace(incident)))


def test_overtaken_news_changes_nothing() -> None:
    """An incident never goes back to an earlier step, also when a clock was set back meanwhile."""
    projection, incident = board(), one()
    later = stepped(incident, IncidentState.ACKNOWLEDGED, at_ms=5)
    assert projection.apply(IncidentChanged(later))
    assert not projection.apply(IncidentChanged(incident))
    assert projection.incident(incident.incident_id) == later


def test_closed_incidents_are_bounded_and_standing_ones_are_not() -> None:
    """Memory doesn't grow with what is done; what needs attention always stays."""
    projection, incident = board(closed=4), one()
    for number in range(40):
        for state in (IncidentState.OPEN, IncidentState.RESOLVED):
            made = stepped(incident, state, number, incident_id=f"{state}-{number}")
            projection.apply(IncidentChanged(made))
    summaries, _ = projection.summaries()
    closed = {found.incident_id for found in summaries if found.state is IncidentState.RESOLVED}
    assert len(summaries) - len(closed) == 40
    assert 4 <= len(closed) <= 6
    assert "resolved-39" in closed


def test_ended_trip_can_still_be_looked_at() -> None:
    """An incident outlives its trip: the plan stays for those who open it."""
    projection = board()
    scene = Scene(1)
    trip = scene.trip_of(scene.containers[0])
    assert projection.apply(TripChanged(trip))
    assert not projection.apply(TripChanged(trip))
    assert projection.apply(TripRemoved(trip.trip_id))
    assert not projection.apply(TripRemoved(trip.trip_id))
    assert projection.trip(trip.trip_id) == trip
    assert projection.summaries()[1] == []


def test_worst_alert_speaks_for_the_incident() -> None:
    """Title and sentence are those of the most severe alert that still holds, then the earliest."""
    incident = one()
    (cut,) = incident.alerts
    wrong = msgspec.structs.replace(cut, alert_id="r", action=AlertAction.RETRACTED, occurred_at_ms=1)
    mild = msgspec.structs.replace(cut, alert_id="m", severity=Severity.LOW, occurred_at_ms=2)
    joined = msgspec.structs.replace(incident, alerts=(wrong, mild, cut))
    assert leading_alert(joined) == cut
    summary = IncidentSummary.of(joined)
    assert (summary.title, summary.alerts, summary.cleared) == ("Seal cut", 3, False)


def test_incident_whose_condition_has_ended_is_marked() -> None:
    """Back on route: the incident still stands but says that it is over."""
    incident = one()
    cleared = msgspec.structs.replace(incident.alerts[0], action=AlertAction.CLEARED)
    assert IncidentSummary.of(msgspec.structs.replace(incident, alerts=(cleared,))).cleared
    assert not IncidentSummary.of(msgspec.structs.replace(incident, alerts=())).cleared
