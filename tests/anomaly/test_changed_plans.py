"""Plans that change under way: from when they hold, and what of the past they leave alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest

from anomaly.custody import Custody
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import Corridor, Trip, TripEvent, TripEventKind
from tests.anomaly.world import (
    CONTAINER,
    CORRIDOR,
    MINUTE_MS,
    START_MS,
    drive,
    judge,
    of_type,
    planned,
    reading,
    standing,
    told,
    trip,
    trip_event,
)

NORTH = Corridor(coordinates=((10.0, 50.3), (12.0, 50.3), (14.0, 51.0)), half_width_m=(5_000.0,))
OFF = 0.3  # degrees north: outside of `CORRIDOR`, on `NORTH`


def changed(minute: float, from_minute: float | None = None, **changes: object) -> TripEvent:
    """A change recorded at one minute, valid from another (or from then on)."""
    plan = trip(**changes)  # type: ignore[arg-type]  # fields by name
    return trip_event(
        TripEventKind.CHANGED,
        minute if from_minute is None else from_minute,
        event_id=f"changed-{minute}",
        recorded_at_ms=START_MS + round(minute * MINUTE_MS),
        trip=plan,
    )


def ended(minute: float, recorded: float | None = None) -> TripEvent:
    return trip_event(
        TripEventKind.ENDED,
        minute,
        recorded_at_ms=START_MS + round((minute if recorded is None else recorded) * MINUTE_MS),
    )


def plans(events: Iterable[TripEvent]) -> list[tuple[float, float, Trip]]:
    """Stretches of the custody log as (from, until, plan), in minutes; an open end is infinite."""
    custody = Custody(100, list(events))
    return [
        (
            (each.from_ms - START_MS) / MINUTE_MS,
            float("inf") if each.until_ms > START_MS * 2 else (each.until_ms - START_MS) / MINUTE_MS,
            each.trip,
        )
        for each in custody.segments
    ]


FIRST, SECOND, THIRD = trip(), trip(corridor=NORTH), trip(corridor=NORTH, seal_numbers=("S3",))
OPEN = float("inf")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([planned()], [(0, OPEN, FIRST)]),
        ([planned(), changed(30, corridor=NORTH)], [(0, 30, FIRST), (30, OPEN, SECOND)]),
        ([planned(), changed(30, 10, corridor=NORTH)], [(0, 10, FIRST), (10, OPEN, SECOND)]),
        ([planned(), changed(30, -20, corridor=NORTH)], [(0, OPEN, SECOND)]),
        (  # recorded last, valid from before the other change: the newest word on everything since
            [
                planned(),
                changed(30, corridor=NORTH),
                changed(40, 10, corridor=NORTH, seal_numbers=("S3",)),
            ],
            [(0, 10, FIRST), (10, OPEN, THIRD)],
        ),
        (
            [planned(), changed(-5, corridor=NORTH)],
            [(0, OPEN, SECOND)],
        ),
        ([planned(), ended(60), changed(70, 20, corridor=NORTH)], [(0, 20, FIRST), (20, 60, SECOND)]),
        ([planned(), ended(60), planned(80)], [(0, 60, FIRST), (80, OPEN, FIRST)]),
        (
            [planned(), ended(60), planned(80, departs_at_ms=START_MS + 90 * MINUTE_MS)],
            [(0, 60, FIRST), (90, OPEN, trip(departs_at_ms=START_MS + 90 * MINUTE_MS))],
        ),
        ([planned(), ended(60), ended(50, 70)], [(0, 50, FIRST)]),
    ],
)
def test_a_plan_holds_from_its_own_time(
    events: list[TripEvent], expected: list[tuple[float, float, Trip]]
) -> None:
    """Versions, ends and plannings anew, in whatever order they arrive."""
    for order in itertools.permutations(events):
        assert plans(order) == expected


def test_a_change_of_plan_before_departure_holds_when_the_time_comes() -> None:
    """A plan recorded early with the departure as its own time doesn't win over the change after it."""
    plan = trip_event(TripEventKind.PLANNED, 0, recorded_at_ms=START_MS - 100 * MINUTE_MS, trip=trip())
    assert plans([plan, changed(-50, corridor=NORTH)]) == [(0, OPEN, SECOND)]


def test_a_change_from_now_on_leaves_what_was_judged() -> None:
    """The deviation of before stands though the new corridor leads there; the new way is no deviation."""
    made = judge(planned())
    before = made.apply_readings(drive(range(10), north_deg=OFF))
    assert told(before) == [("raised", "ROUTE_DEVIATION")]
    after = made.apply_trip_events([changed(20, corridor=NORTH)])
    after += made.apply_readings(drive(range(21, 40), north_deg=OFF))
    said = of_type(before + after, AlertType.ROUTE_DEVIATION)
    assert {event.action.value for event in said} <= {"raised", "updated", "cleared"}
    assert [entry[:2] for entry in standing(before + after) if entry[0] == "ROUTE_DEVIATION"] == [
        ("ROUTE_DEVIATION", START_MS)
    ]


def test_a_change_that_says_from_before_corrects_what_was_judged() -> None:
    """With a time before the deviation, the way was allowed after all: it is taken back with its reason."""
    made = judge(planned())
    events = made.apply_readings(drive(range(10), north_deg=OFF))
    events += made.apply_trip_events([changed(20, -1, corridor=NORTH)])
    assert told(events) == [("raised", "ROUTE_DEVIATION"), ("retracted", "ROUTE_DEVIATION")]
    assert standing(events) == []


def test_late_reports_are_judged_by_the_plan_of_their_own_time() -> None:
    """After a change reports from before it are still held against the old corridor, and only those."""
    made = judge(planned())
    made.apply_readings(drive(range(3)))
    made.apply_trip_events([changed(20, corridor=NORTH)])
    made.apply_readings(drive(range(40, 43), north_deg=OFF))
    late = made.apply_readings(drive(range(5, 15), north_deg=OFF, late_min=60))
    [raised] = of_type(late, AlertType.ROUTE_DEVIATION)[:1]
    assert START_MS <= raised.occurred_at_ms < START_MS + 20 * MINUTE_MS
    later = made.apply_readings(drive(range(25, 35), north_deg=OFF, late_min=60))
    assert [event for event in told(later) if event[0] == "raised"] == []


def test_a_trip_planned_again_after_its_end_is_under_watch_again() -> None:
    """Between the end and the new planning nothing is a breach; after it everything is."""
    made = judge(planned())
    made.apply_readings(drive(range(3)))
    made.apply_trip_events([ended(30), planned(60)])
    assert told(made.apply_readings([reading(40), reading(45, events=SealEvent.CUT)])) == []
    again = made.apply_readings([reading(70), reading(75, events=SealEvent.CUT)])
    assert ("raised", "SEAL_CUT") in told(again)
    assert {event.trip_id for event in again} == {f"T-{CONTAINER}"}


def test_the_corridor_stays_the_one_that_was_planned() -> None:
    """A change of something else keeps the corridor, its number and the pointer into it."""
    made = judge(planned())
    made.apply_readings(drive(range(5)))
    said = made.apply_trip_events([changed(6, seal_numbers=("S9",), corridor=CORRIDOR)])
    said += made.apply_readings(drive(range(7, 20)))
    assert told(said) == []
    assert len(made.plans.corridors.kept) == 1
