"""Forbidden zones: inside by more than the uncertainty, or through one between two reports; nothing else."""

from __future__ import annotations

import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.reading import FixKind, Reading
from sealtrail.contract.trip import Place, TripEventKind, Zone
from tests.anomaly.world import (
    MINUTE_MS,
    START_MS,
    TRACKER,
    authorised,
    judge,
    of_type,
    planned,
    reading,
    standing,
    trip,
    trip_event,
)

SQUARE = Zone(name="quarter", ring=((10.2, 50.1), (10.4, 50.1), (10.4, 50.3), (10.2, 50.3)))
DISC = Zone(
    name="depot of others",
    circle=Place(name="", latitude_deg=50.2, longitude_deg=10.7, radius_m=3_000.0),
)


def zones(events: list[AlertEvent]) -> list[AlertEvent]:
    return of_type(events, AlertType.ZONE_FORBIDDEN)


def watching(**changes: object) -> Judge:
    return judge(planned(**{"corridor": None, "forbidden_zones": (SQUARE, DISC), **changes}))  # type: ignore[arg-type]


def east(minutes: range, north: float, **fields: object) -> list[Reading]:
    """Reports a minute and a hundredth of a degree (700 m) apart, eastwards from 10 E."""
    return [reading(m, (north, 10.0 + 0.01 * m), **fields) for m in minutes]  # type: ignore[arg-type]


def test_a_way_through_two_zones_is_two_alerts_with_their_ends() -> None:
    """Raised at once where deep, dated to the first report inside, cleared at the first outside; named."""
    events = zones(watching().apply_readings(east(range(90), 50.2)))
    said = [(event.action.value, event.details["zone"]) for event in events]
    assert said == [
        ("raised", "quarter"),
        ("cleared", "quarter"),
        ("raised", "depot of others"),
        ("cleared", "depot of others"),
    ]
    assert {event.severity for event in events} == {Severity.HIGH}
    assert events[0].occurred_at_ms == START_MS + 21 * MINUTE_MS
    assert events[1].details["ended_at_ms"] == START_MS + 41 * MINUTE_MS
    assert "entered the forbidden zone quarter" in events[0].sentence


def test_past_a_zone_within_the_uncertainty_raises_nothing() -> None:
    """Along the edge, 30 m inside with fixes that may be 60 m wrong, and a cell fix in it: nothing."""
    inside = 50.1 + 30 / 111_195
    cell = reading(30.5, (50.2, 10.3), kind=FixKind.CELL, accuracy_m=8_000.0)
    assert not zones(watching().apply_readings([*east(range(60), inside), cell]))


def test_one_shallow_report_is_none_and_two_are() -> None:
    """Inside by 200 m once may be a bad fix; twice in a row it is there, since the first time."""
    shallow = 50.1 + 200 / 111_195
    made = watching()
    assert not zones(made.apply_readings([*east(range(29), 50.09), *east(range(29, 30), shallow)]))
    [alert] = zones(made.apply_readings(east(range(30, 31), shallow)))
    assert alert.occurred_at_ms == START_MS + 29 * MINUTE_MS


def test_a_crossing_between_two_sparse_reports() -> None:
    """Half an hour apart on either side of the zone, the straight way deep inside: raised, and over."""
    made = watching()
    events = zones(made.apply_readings([reading(0, (50.2, 10.15)), reading(30, (50.2, 10.45))]))
    assert [event.action for event in events] == [AlertAction.RAISED, AlertAction.CLEARED]
    assert events[0].occurred_at_ms == START_MS
    assert events[0].details["between_two_reports"] is True
    assert "between two reports" in events[0].sentence


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ((50.11, 10.15), (50.11, 10.45), 30),  # only 1 km inside on a way of 21 km
        ((50.2, 9.0), (50.2, 12.0), 200),  # so far apart that roads lead round it
        ((50.4, 10.15), (50.4, 10.45), 30),  # beside it
    ],
)
def test_a_way_that_may_lead_round_the_zone_is_no_crossing(
    start: tuple[float, float], end: tuple[float, float], minutes: int
) -> None:
    """A corner cut, a long gap, a way beside it prove nothing."""
    assert not zones(watching().apply_readings([reading(0, start), reading(minutes, end)]))


def test_a_jump_crosses_nothing() -> None:
    """A position that can't be true is neither in a zone nor beyond it."""
    readings = [reading(0, (50.2, 10.15)), reading(1, (50.2, 10.3)), reading(2, (50.2, 10.45))]
    assert not zones(watching().apply_readings(readings))


def test_leave_to_open_the_seal_or_to_stop_there_does_not_excuse() -> None:
    """An authorisation and an allowed place inside the zone change nothing."""
    inside = Place(name="yard", latitude_deg=50.2, longitude_deg=10.3, radius_m=5_000.0)
    plan = planned(corridor=None, forbidden_zones=(SQUARE,), allowed_places=(inside,))
    made = judge(plan, authorised(0, 100, place=inside))
    assert zones(made.apply_readings(east(range(31), 50.2)))


def test_order_copies_and_several_devices_make_one_alert() -> None:
    """Backwards, twice and by two devices: one stay, which ends with the last device outside."""
    readings = [*east(range(45), 50.2), *east(range(15, 48), 50.2, device=TRACKER)]
    [stands] = standing(zones(watching().apply_readings([*readings[::-1], *readings])))
    assert stands == ("ZONE_FORBIDDEN", START_MS + 21 * MINUTE_MS, "high", "cleared")


def test_the_end_of_the_trip_and_another_plan_end_it() -> None:
    """Inside when the trip ends, or when the zone is allowed by a changed plan: cleared."""
    made = watching()
    made.apply_readings(east(range(25), 50.2))
    [ended] = zones(made.apply_trip_events([trip_event(TripEventKind.ENDED, 26)]))
    assert (ended.action, ended.details["ended_at_ms"]) == (AlertAction.CLEARED, START_MS + 26 * MINUTE_MS)
    made = watching()
    made.apply_readings(east(range(25), 50.2))
    free = trip(corridor=None)
    made.apply_trip_events([trip_event(TripEventKind.CHANGED, 26, trip=free)])
    [left] = zones(made.apply_readings(east(range(27, 28), 50.2)))
    assert left.action is AlertAction.CLEARED
    assert "not forbidden" in left.sentence


def test_a_plan_that_becomes_known_late_is_judged_from_its_departure() -> None:
    """Reports before the plan arrived count under it."""
    made = Judge(judge().settings)
    assert not zones(made.apply_readings(east(range(30), 50.2)))
    plan = planned(corridor=None, forbidden_zones=(SQUARE,))
    [alert] = zones(made.apply_trip_events([plan]))
    assert alert.occurred_at_ms == START_MS + 21 * MINUTE_MS


def test_a_zone_over_the_antimeridian() -> None:
    """Fiji's side and ours are one zone."""
    zone = Zone(name="line", ring=((179.9, -17.0), (-179.9, -17.0), (-179.9, -16.8), (179.9, -16.8)))
    made = judge(planned(corridor=None, forbidden_zones=(zone,)))
    places = [179.85, 179.88, 179.95, -179.97, -179.92, -179.85]
    events = zones(made.apply_readings([reading(10 * k, (-16.9, east)) for k, east in enumerate(places)]))
    assert [event.action for event in events] == [AlertAction.RAISED, AlertAction.CLEARED]


def test_a_restart_in_the_middle_changes_nothing() -> None:
    """A judge restored from its snapshot goes on as the one that wasn't stopped."""
    readings = east(range(45), 50.2)
    made = watching()
    events = made.apply_readings(readings[:22])
    again = Judge.restore(made.settings, made.snapshot())
    rest = again.apply_readings(readings[22:])
    assert rest == made.apply_readings(readings[22:])
    assert len(zones(events + rest)) == 2
