"""Unscheduled stops: uncertainty-aware, dated to their beginning, excused in allowed places."""

from __future__ import annotations

import math

import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.reading import FixKind, Reading
from sealtrail.contract.trip import Checkpoint, Place, TripEventKind, Zone
from tests.anomaly.world import (
    MINUTE_MS,
    START_MS,
    TRACKER,
    drive,
    judge,
    of_type,
    planned,
    reading,
    standing,
    trip_event,
)

HERE = (50.0, 10.2)
METRE_DEG = 1 / 111_195


def stops(events: list[AlertEvent]) -> list[AlertEvent]:
    return of_type(events, AlertType.UNSCHEDULED_STOP)


def watching(*, changes: dict[str, object] | None = None, **settings: object) -> Judge:
    return judge(planned(**{"stop_max_s": None, **(changes or {})}), **settings)  # type: ignore[arg-type]


def stand(minutes: range, *, drift_m: float = 20, **fields: object) -> list[Reading]:
    """Reports at `HERE` that drift about it."""
    return [
        reading(m, (HERE[0] + drift_m * METRE_DEG * math.sin(m), HERE[1]), **fields)  # type: ignore[arg-type]
        for m in minutes
    ]


def test_a_long_stop_is_raised_made_worse_and_ended() -> None:
    """After 30 minutes medium, after two hours high, over when it has moved on; dated to its first report."""
    made = watching()
    assert not stops(made.apply_readings([*drive(range(20)), *stand(range(20, 50))]))
    [alert] = stops(made.apply_readings(stand(range(50, 51))))
    assert (alert.severity, alert.occurred_at_ms) == (Severity.MEDIUM, START_MS + 20 * MINUTE_MS)
    assert "stood for 30 min" in alert.sentence
    [worse] = stops(made.apply_readings(stand(range(51, 150))))
    assert (worse.action, worse.severity) == (AlertAction.UPDATED, Severity.HIGH)
    [ended] = stops(made.apply_readings([reading(150, (50.0, 10.22))]))
    assert ended.action is AlertAction.CLEARED
    assert ended.details["lasted_s"] == 130 * 60


def test_a_shorter_stop_and_slow_traffic_are_none() -> None:
    """20 minutes at one place, and an hour of 400 m every ten minutes, raise nothing."""
    crawl = [reading(40 + k, (50.0, 10.2 + 40 * k * METRE_DEG / math.cos(0.87))) for k in range(60)]
    assert not stops(watching().apply_readings([*drive(range(20)), *stand(range(20, 40)), *crawl]))


def test_the_trip_says_how_long() -> None:
    """A trip's own limit holds instead of the setting, and its own severity."""
    plan: dict[str, object] = {"stop_max_s": 600.0, "severities": {"UNSCHEDULED_STOP": "low"}}
    [alert] = stops(watching(changes=plan).apply_readings([*drive(range(20)), *stand(range(20, 31))]))
    assert (alert.severity, alert.details["allowed_s"]) == (Severity.LOW, 600.0)


PLACE = Place(name="lorry park", latitude_deg=50.0, longitude_deg=10.2, radius_m=300.0)
ZONE = Zone(name="lorry park", circle=PLACE)


@pytest.mark.parametrize(
    "changes",
    [
        {"allowed_places": (PLACE,)},
        {"origin": PLACE},
        {"destination": PLACE},
        {"parking_zones": (ZONE,)},
        {"checkpoints": (Checkpoint(place=PLACE),)},
    ],
    ids=lambda each: next(iter(each)),
)
def test_planned_places_are_no_stops(changes: dict[str, object]) -> None:
    """Standing where the plan says so raises nothing, however long; elsewhere it does."""
    readings = [*drive(range(20)), *stand(range(20, 300, 5))]
    assert not stops(watching(changes=changes).apply_readings(readings))
    assert stops(watching().apply_readings(readings))


def test_cell_fixes_neither_prove_nor_end_a_stop() -> None:
    """Only cell fixes: nothing. Cell fixes kilometres away within a stop: one stop, from its beginning."""
    cell = [reading(m, HERE, kind=FixKind.CELL) for m in range(20, 120)]
    assert not stops(watching().apply_readings([*drive(range(20)), *cell]))
    far = [reading(m + 0.5, (50.05, 10.2), kind=FixKind.CELL) for m in range(21, 60, 3)]
    events = stops(watching().apply_readings([*drive(range(20)), *stand(range(20, 60)), *far]))
    assert standing(events) == [("UNSCHEDULED_STOP", START_MS + 20 * MINUTE_MS, "medium", "open")]


def test_one_bad_fix_does_not_end_a_stop() -> None:
    """One report half a kilometre away is drift; two in a row are a departure."""
    drift = reading(40.5, (50.0 + 500 * METRE_DEG, 10.2))
    readings = [*drive(range(20)), *stand(range(20, 60)), drift]
    assert [e.action for e in stops(watching().apply_readings(readings))] == [AlertAction.RAISED]


def test_a_silence_is_a_stop_only_where_it_ends_as_it_began() -> None:
    """Hours without a report: at the same place after them it stood, elsewhere nobody knows."""
    before = drive(range(21))
    [alert] = stops(watching().apply_readings([*before, reading(200, HERE)]))
    assert alert.occurred_at_ms == START_MS + 20 * MINUTE_MS
    assert alert.severity is Severity.HIGH
    assert not stops(watching().apply_readings([*before, reading(200, (50.0, 10.5))]))
    assert not stops(watching().apply_readings([*before, reading(200, None)]))


def test_a_stop_that_began_before_the_trip_is_none() -> None:
    """Waiting for the departure, and a while after it, is not an unscheduled stop."""
    assert not stops(watching().apply_readings(stand(range(-60, 120, 2))))


def test_order_copies_devices_and_the_end_of_the_trip() -> None:
    """Backwards, twice, two devices: one alert, which the end of the trip ends."""
    readings = [*drive(range(20)), *stand(range(20, 60)), *stand(range(22, 60), device=TRACKER)]
    made = watching(history_reports=128)
    events = made.apply_readings(readings[::-1] + readings)
    [alert] = standing(stops(events))
    assert alert == ("UNSCHEDULED_STOP", START_MS + 20 * MINUTE_MS, "medium", "open")
    [ended] = stops(made.apply_trip_events([trip_event(TripEventKind.ENDED, 61)]))
    assert ended.action is AlertAction.CLEARED


def test_a_late_report_from_elsewhere_takes_it_back() -> None:
    """What looked like standing through a silence was a round trip."""
    made = watching()
    [raised] = stops(made.apply_readings([*drive(range(21)), reading(60, HERE)]))
    assert raised.action is AlertAction.RAISED
    [retracted] = stops(made.apply_readings([reading(40, (50.0, 10.3), late_min=30)]))
    assert retracted.action is AlertAction.RETRACTED


def test_a_place_allowed_later_takes_it_back_from_the_time_of_the_change() -> None:
    """A plan changed from before the stop allows it; the alert is retracted with its reason."""
    made = watching()
    made.apply_readings([*drive(range(20)), *stand(range(20, 60))])
    plan = planned(stop_max_s=None, allowed_places=(PLACE,)).trip
    change = trip_event(TripEventKind.CHANGED, 10, trip=plan, recorded_at_ms=START_MS + 61 * MINUTE_MS)
    [retracted] = stops(made.apply_trip_events([change]))
    assert retracted.action is AlertAction.RETRACTED


def test_where_it_stood_when_its_watch_began_is_no_stop() -> None:
    """A plan without places says nothing of where it may stand before it first moves."""
    made = judge(planned(minute=0, corridor=None, departs_at_ms=None, stop_max_s=1_800.0))
    events = made.apply_readings([reading(minute) for minute in range(0, 60, 5)])
    assert of_type(events, AlertType.UNSCHEDULED_STOP) == []


def test_two_stops_of_sparse_reports_are_two() -> None:
    """It stands at one place, is seen at another next, and stands there: neither stop is the other."""
    made = judge(planned(reporting_interval_s=21_600.0, corridor=None, stop_max_s=1_800.0))
    places = [0.0, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 2.5]
    journey = [reading(60 + 360 * n, (50.0, 10.0 + east)) for n, east in enumerate(places)]
    events = [event for each in journey for event in made.apply_readings([each])]
    stops = of_type(events, AlertType.UNSCHEDULED_STOP)
    raised = [event for event in stops if event.action is AlertAction.RAISED]
    assert [event.action for event in stops] == [AlertAction.RAISED, AlertAction.CLEARED] * 2
    assert [round(event.longitude_deg or 0, 1) for event in raised] == [10.5, 11.5]
    assert "outside allowed places at 50.0000 N 10.5000 E, since" in raised[0].sentence
