"""The wrong way: steady backward progress is raised, ends forward, and nothing that only looks like it is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.reading import FixKind, Reading
from sealtrail.contract.trip import Corridor, TripEventKind
from tests.anomaly.world import (
    CONTAINER,
    CORRIDOR,
    MINUTE_MS,
    START_MS,
    TRACKER,
    drive,
    judge,
    of_type,
    planned,
    reading,
    standing,
    trip,
    trip_event,
)

WRONG = AlertType.WRONG_WAY


def along(steps: Iterable[tuple[float, float]], **fields: object) -> list[Reading]:
    """Reports (minute, degrees of longitude east of 10) on the first leg."""
    return [reading(minute, (50.0, 10.0 + east), **fields) for minute, east in steps]  # type: ignore[arg-type]


def there_and_back(top: int = 40, **fields: object) -> list[Reading]:
    """Forward to a minute, then back at the same speed for twenty minutes."""
    back = [(top + k, 0.01 * (top - k)) for k in range(1, 21)]
    return [*drive(range(top + 1), **fields), *along(back, **fields)]  # type: ignore[arg-type]


def wrong_ways(events: list[AlertEvent]) -> list[AlertEvent]:
    return of_type(events, WRONG)


def test_going_back_is_raised_with_its_beginning_and_ends_forward() -> None:
    """Raised beyond five kilometres, dated to the first report back; forward ends it."""
    made = judge()
    [alert] = wrong_ways(made.apply_readings(there_and_back()))
    assert (alert.action, alert.severity) == (AlertAction.RAISED, Severity.HIGH)
    assert alert.occurred_at_ms == START_MS + 41 * MINUTE_MS
    assert alert.details["furthest_km"] == pytest.approx(28.6, abs=0.3)
    assert 5_000 < float(str(alert.details["back_m"])) < 6_500
    assert "goes backwards" in alert.sentence
    [ended] = wrong_ways(made.apply_readings(along([(61, 0.21), (62, 0.22), (63, 0.23), (64, 0.24)])))
    assert ended.action is AlertAction.CLEARED
    assert "goes forward again" in ended.sentence


def test_a_device_that_reports_seldom_needs_no_third_report() -> None:
    """Two reports, a quarter of an hour apart, 11 and 21 km back; one 21 km back is nothing."""
    way = drive(range(0, 76, 15))
    [alert] = wrong_ways(judge().apply_readings([*way, *along([(90, 0.6), (105, 0.45)])]))
    assert alert.occurred_at_ms == START_MS + 90 * MINUTE_MS
    assert not wrong_ways(judge().apply_readings([*way, *along([(105, 0.45), (120, 0.6), (135, 0.75)])]))


def test_a_coarse_fix_ahead_makes_no_way_back() -> None:
    """On a wide corridor a cell five kilometres ahead lies inside: what stands behind hasn't gone back."""
    wide = Corridor(coordinates=((10.0, 50.0), (12.0, 50.0)), half_width_m=(20_000.0,))
    made = judge(planned(corridor=wide))
    cell = reading(41, (50.0, 10.5), kind=FixKind.CELL, accuracy_m=5_000.0)
    stands = [reading(45.0 + 5 * k, (50.0, 10.4 - 0.002 * k), accuracy_m=5.0) for k in range(6)]
    assert not wrong_ways(made.apply_readings([*drive(range(41)), cell, *stands]))


def test_a_short_way_back_is_no_wrong_way() -> None:
    """To a filling station three kilometres behind and on again: nothing."""
    steps = [(41.0, 0.39), (42.0, 0.38), (43.0, 0.37), (44.0, 0.36)]
    on = [(45.0 + k, 0.37 + 0.01 * k) for k in range(20)]
    assert not wrong_ways(judge().apply_readings([*drive(range(41)), *along(steps), *along(on)]))


def test_a_deviation_that_comes_back_further_back_is_no_retreat() -> None:
    """Out at km 30, in again twelve kilometres before that, and on: the deviation's business alone."""
    out = [reading(41 + k, (50.0 + 0.02 * k, 10.4 - 0.02 * k)) for k in range(1, 5)]
    back = [reading(46 + k, (50.06 - 0.02 * k, 10.28 - 0.02 * k)) for k in range(3)]
    on = along([(49.0 + k, 0.239 - 0.004 * k) for k in range(1, 4)]) + along(
        [(53.0 + k, 0.24 + 0.01 * k) for k in range(30)]
    )
    events = judge().apply_readings([*drive(range(41)), *out, *back, *on])
    assert of_type(events, AlertType.BACK_ON_ROUTE)
    assert not wrong_ways(events)


def test_two_reports_far_back_are_not_steady() -> None:
    """Fewer reports than the setting raise nothing up to fifteen kilometres back."""
    assert not wrong_ways(judge().apply_readings([*drive(range(41)), *along([(60, 0.3), (75, 0.2)])]))
    [alert] = wrong_ways(
        judge().apply_readings([*drive(range(41)), *along([(60, 0.2), (75, 0.1), (90, 0.0)])])
    )
    assert alert.action is AlertAction.RAISED


def test_sparse_reports_hours_apart_show_it() -> None:
    """Three reports two hours apart are enough."""
    steps = [(0.0, 1.9), (120.0, 1.4), (240.0, 0.9), (360.0, 0.4)]
    [alert] = wrong_ways(judge().apply_readings(along(steps)))
    assert alert.occurred_at_ms == START_MS + 120 * MINUTE_MS


def test_coarse_fixes_prove_no_retreat() -> None:
    """Cell positions that wander back by less than they may be wrong say nothing."""
    steps = [(41.0 + k, 0.40 - 0.02 * k) for k in range(10)]
    readings = [*drive(range(41)), *along(steps, accuracy_m=900.0)]
    assert not wrong_ways(judge(uncertainty_factor=8).apply_readings(readings))


OUT_AND_BACK = Corridor(coordinates=((10.0, 50.0), (11.0, 50.0), (10.0, 50.0)), half_width_m=(2_000.0,))


def test_a_corridor_that_doubles_back_alarms_nobody() -> None:
    """Out and home on one road, as planned: no report of the way home is a retreat."""
    out = [(float(k), 0.02 * k) for k in range(51)]
    home = [(50.0 + k, 1.0 - 0.02 * k) for k in range(1, 51)]
    made = judge(planned(corridor=OUT_AND_BACK))
    assert not wrong_ways(made.apply_readings([*along(out), *along(home)]))


def test_a_loop_that_crosses_itself_alarms_nobody() -> None:
    """A way that crosses its own beginning, reported so sparsely that the pointer is lost: nothing."""
    loop = Corridor(
        coordinates=((10.0, 50.0), (11.0, 50.0), (11.0, 50.5), (10.5, 50.5), (10.5, 49.5)),
        half_width_m=(3_000.0,),
    )
    places = [(10.0, 50.0), (10.5, 50.0), (10.6, 50.0), (10.7, 50.0), (10.9, 50.0), (11.0, 50.2)]
    places += [(10.8, 50.5), (10.5, 50.3), (10.5, 50.0), (10.5, 49.8), (10.5, 49.6)]
    readings = [reading(60.0 * k, (north, east)) for k, (east, north) in enumerate(places)]
    assert not wrong_ways(judge(planned(corridor=loop)).apply_readings(readings))


def test_another_alternative_starts_anew() -> None:
    """Kilometres of two ways are never compared: a shorter alternative's count smaller there."""
    long = Corridor(
        coordinates=((10.0, 50.0), (10.0, 51.0), (11.0, 51.0), (12.0, 50.0)), half_width_m=(2_000.0,)
    )
    short = Corridor(coordinates=((11.0, 51.0), (12.0, 51.0), (12.0, 50.0)), half_width_m=(2_000.0,))
    made = judge(planned(corridor=long, alternatives=(short,)))
    way = [(51.0, 10.5), (51.0, 10.7), (51.0, 10.9), (51.0, 11.2), (51.0, 11.4), (51.0, 11.6), (51.0, 11.8)]
    readings = [reading(30.0 * k, place) for k, place in enumerate(way)]
    assert not wrong_ways(made.apply_readings(readings))


def test_order_devices_and_the_end_of_the_trip() -> None:
    """Reversed and by two devices it is one alert, which ends with the trip."""
    readings = [*there_and_back(), *there_and_back(device=TRACKER)]
    made = judge()
    events = made.apply_readings(readings[::-1])
    events += made.apply_trip_events([trip_event(TripEventKind.ENDED, 70)])
    [stands] = standing(wrong_ways(events))
    assert stands == ("WRONG_WAY", START_MS + 41 * MINUTE_MS, "high", "cleared")


def test_a_late_report_that_shows_forward_progress_takes_it_back() -> None:
    """What was dated too early is judged anew with the late reports in their places."""
    made = judge()
    [raised] = wrong_ways(made.apply_readings([*drive(range(41)), *along([(60, 0.3), (75, 0.2), (90, 0.1)])]))
    assert raised.action is AlertAction.RAISED
    forward = [(61.0, 0.31), (62.0, 0.33), (76.0, 0.21), (77.0, 0.23)]
    events = made.apply_readings(along(forward, late_min=40))
    assert [event.action for event in wrong_ways(events)] == [AlertAction.RETRACTED]


def test_a_trip_the_other_way_is_judged_by_its_own_corridor() -> None:
    """Home again under a second trip whose corridor leads back: nothing."""
    home = Corridor(coordinates=CORRIDOR.coordinates[::-1], half_width_m=(5_000.0, 2_000.0))
    second = trip(trip_id="T-HOME", corridor=home, departs_at_ms=START_MS + 41 * MINUTE_MS)
    event = trip_event(TripEventKind.PLANNED, -5, trip=second, trip_id="T-HOME", container_id=CONTAINER)
    assert not wrong_ways(judge(planned(), event).apply_readings(there_and_back()))
