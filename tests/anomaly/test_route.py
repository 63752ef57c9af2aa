"""The corridor: deviations are raised with evidence, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.reading import FixKind, Reading, SealEvent
from sealtrail.contract.trip import Corridor, Place, TripEventKind
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
    told,
    trip,
    trip_event,
)

RAISED = ("raised", "ROUTE_DEVIATION")
BACK = [("cleared", "ROUTE_DEVIATION"), ("logged", "BACK_ON_ROUTE")]


def deviation(events: list[AlertEvent]) -> AlertEvent:
    """The one deviation that is raised."""
    [found] = [e for e in of_type(events, AlertType.ROUTE_DEVIATION) if e.action is AlertAction.RAISED]
    return found


def test_a_detour_is_one_deviation_with_its_evidence_and_ends_back_on_route() -> None:
    """Raised at the second report outside, dated to the first, cleared at the second well inside."""
    made = judge()
    assert told(made.apply_readings(drive(range(20)))) == []
    assert told(made.apply_readings(drive([20], north_deg=0.03))) == []
    [alert] = made.apply_readings(drive([21], north_deg=0.05))
    assert (alert.action, alert.type, alert.severity) == (
        AlertAction.RAISED,
        AlertType.ROUTE_DEVIATION,
        Severity.HIGH,
    )
    assert alert.occurred_at_ms == START_MS + 20 * MINUTE_MS
    assert [each.occurred_at_ms for each in alert.evidence] == [
        START_MS + minute * MINUTE_MS for minute in (19, 20, 21)
    ]
    assert alert.details["offset_m"] == pytest.approx(0.05 * 111_195, rel=0.04)
    assert alert.details["half_width_m"] == 2_000
    assert alert.details["side"] == "left"
    assert alert.details["corridor_km"] == pytest.approx(15.0, abs=0.2)
    assert alert.details["departure_km"] == pytest.approx(13.6, abs=0.2)
    assert alert.details["departure_latitude_deg"] == 50.0
    assert "left of the centre line" in alert.sentence
    assert told(made.apply_readings(drive(range(22, 40), north_deg=0.05))) == []
    assert told(made.apply_readings(drive([42]))) == []
    events = made.apply_readings(drive([43]))
    assert sorted(told(events)) == BACK
    assert "after 23 min" in of_type(events, AlertType.ROUTE_DEVIATION)[0].sentence


def test_far_outside_is_critical() -> None:
    """Beyond the legal limit the same deviation becomes critical, once."""
    made = judge()
    made.apply_readings(drive(range(5)))
    far = [reading(60 + 30 * n, (50.0 + 0.2 * (n + 1), 10.3)) for n in range(6)]
    events = made.apply_readings(far[:2]) + made.apply_readings(far[2:])
    found = of_type(events, AlertType.ROUTE_DEVIATION)
    assert [(e.action.value, e.severity.value) for e in found] == [
        ("raised", "high"),
        ("updated", "critical"),
    ]
    assert found[0].received_at_ms == far[1].received_at_ms
    assert found[1].received_at_ms == far[2].received_at_ms == found[1].evidence[-1].received_at_ms


def test_the_trip_sets_the_base_severity() -> None:
    """A plan may call deviations medium; the legal limit stays critical."""
    made = judge(planned(severities={"ROUTE_DEVIATION": "medium"}))
    assert deviation(made.apply_readings(drive(range(3), north_deg=0.05))).severity is Severity.MEDIUM


@pytest.mark.parametrize(
    "journey",
    [
        pytest.param(drive(range(60)), id="on the line"),
        pytest.param(drive(range(60), north_deg=0.0178), id="just inside"),
        pytest.param(drive(range(60), north_deg=0.0182), id="outside by less than the fix may be wrong"),
        pytest.param(
            [*drive(range(9)), *drive([9], north_deg=0.03), *drive(range(10, 20))], id="one report outside"
        ),
        pytest.param(
            [*drive(range(9)), reading(9, (52.0, 10.09)), reading(10, (52.0, 10.09)), *drive(range(11, 20))],
            id="a jump of two reports",
        ),
        pytest.param(
            [*drive(range(9)), *[reading(n, (0.0, 0.0)) for n in range(9, 40)], *drive(range(40, 50))],
            id="zero island",
        ),
        pytest.param(
            [*drive(range(9)), *drive(range(10, 60), north_deg=0.05, kind=FixKind.STALE)], id="stale fixes"
        ),
        pytest.param(
            [*drive(range(9)), *drive(range(10, 60), north_deg=0.1, kind=FixKind.CELL)],
            id="cell ids as wrong as they may be",
        ),
        pytest.param([*drive(range(9)), *drive(range(100, 110))], id="a gap of an hour and a half"),
        pytest.param(
            [*drive(range(9)), *drive([9, 9.02, 9.04, 9.06, 9.08], north_deg=0.03), *drive(range(10, 20))],
            id="five reports outside within five seconds",
        ),
    ],
)
def test_no_false_deviation(journey: list[Reading]) -> None:
    """What is no deviation raises none, in one batch and one by one."""
    for batches in ([journey], [[each] for each in journey]):
        made = judge()
        events = [event for batch in batches for event in made.apply_readings(batch)]
        assert of_type(events, AlertType.ROUTE_DEVIATION, AlertType.BACK_ON_ROUTE) == []


def test_a_gap_neither_clears_nor_repeats_a_deviation() -> None:
    """Hours of silence outside the corridor leave the deviation as it is."""
    made = judge()
    made.apply_readings(drive(range(5)))
    assert told(made.apply_readings(drive([5, 6], north_deg=0.03))) == [RAISED]
    assert told(made.apply_readings(drive([106], north_deg=0.05))) == []
    assert told(made.apply_readings(drive([150], north_deg=0.0))) == []


def test_a_cell_id_far_outside_is_a_deviation_and_one_inside_clears_none() -> None:
    """Coarse fixes count as far as they can tell: far outside yes, inside a narrow corridor no."""
    made = judge()
    made.apply_readings(drive(range(3)))
    events = made.apply_readings([reading(60 + 10 * n, (50.4, 10.2), kind=FixKind.CELL) for n in range(3)])
    assert told(events) == [RAISED]
    inside = [reading(120 + 10 * n, (50.0, 10.2), kind=FixKind.CELL) for n in range(5)]
    assert told(made.apply_readings(inside)) == []


def test_inside_the_trips_circles_there_is_no_deviation() -> None:
    """A depot beside the corridor is allowed; its circle counts like the corridor."""
    depot = Place(name="Depot", latitude_deg=50.05, longitude_deg=10.1, radius_m=1_500)
    journey = [*drive(range(5)), *[reading(10 + n, (50.05, 10.1)) for n in range(30)]]
    assert told(judge().apply_readings(journey)) == [RAISED]
    for field in ("origin", "destination"):
        plan = planned(**{field: depot})  # type: ignore[arg-type]  # fields by name
        assert told(judge(plan).apply_readings(journey)) == []
    assert told(judge(planned(allowed_places=(depot,))).apply_readings(journey)) == []


def test_the_ends_of_the_corridor_are_round() -> None:
    """Just before the start and just past the end is inside; further is not."""
    for away_deg, expected in ((0.02, []), (0.08, [RAISED])):
        made = judge()
        assert told(made.apply_readings([reading(n, (50.0, 10.0 - away_deg)) for n in range(3)])) == expected


def test_each_leg_has_its_own_width() -> None:
    """Four kilometres off is outside on the first leg and inside on the second, wider one."""
    made = judge()
    assert told(made.apply_readings([reading(n, (50.04, 11.0)) for n in range(3)])) == [RAISED]
    made = judge()
    assert told(made.apply_readings([reading(n, (50.54, 13.0)) for n in range(3)])) == []


def test_two_devices_of_one_container_make_one_deviation() -> None:
    """Seal and tracker outside together: one alert, cleared when the last of them is back."""
    made = judge()
    journey = [each for device in ("JT-123", TRACKER) for each in drive(range(5), device=device)]
    outside = [
        each for device in ("JT-123", TRACKER) for each in drive(range(5, 9), north_deg=0.03, device=device)
    ]
    made.apply_readings(journey)
    assert told(made.apply_readings(outside)) == [RAISED]
    assert told(made.apply_readings(drive(range(9, 12)))) == []
    assert sorted(told(made.apply_readings(drive(range(9, 12), device=TRACKER)))) == BACK


def test_a_seal_that_leaves_while_the_truck_stays_is_a_deviation() -> None:
    """Reports of a tracker inside never hide the seal outside."""
    made = judge()
    mixed = [
        each
        for minute in range(5, 15)
        for each in (*drive([minute], north_deg=0.05), *drive([minute], device=TRACKER))
    ]
    assert told(made.apply_readings(mixed)) == [RAISED]


def test_a_late_detour_is_raised_late_and_a_late_return_retracts_nothing() -> None:
    """The backlog of a dead zone is judged at its own time, the live position stays where it was."""
    made = judge()
    made.apply_readings(drive([*range(5), *range(40, 45)]))
    detour = drive(range(10, 30), north_deg=0.05, late_min=40)
    events = made.apply_readings(detour)
    assert sorted(told(events)) == [*BACK, RAISED]
    alert = deviation(events)
    assert alert.occurred_at_ms == START_MS + 10 * MINUTE_MS
    assert alert.late_by_ms > 30 * MINUTE_MS
    assert "the report arrived" in alert.sentence
    lane = made.lanes.find(CONTAINER, "JT-123")
    assert made.lanes.live["pos_t"][lane] == START_MS + 44 * MINUTE_MS


def test_a_late_report_inside_retracts_a_deviation_that_was_none() -> None:
    """Two reports outside turn out to be two single ones when the one between them arrives."""
    made = judge()
    journey = [*drive(range(5)), *drive([5, 7], north_deg=0.03), *drive(range(8, 12))]
    events = made.apply_readings(journey)
    assert RAISED in told(events)
    events += made.apply_readings(drive([6], late_min=30))
    assert ("retracted", "ROUTE_DEVIATION") in told(events)
    assert standing(events) == []


def test_another_corridor_starts_anew_and_the_end_of_the_trip_ends_the_deviation() -> None:
    """With the plan changed the old deviation is over; with the trip ended too."""
    for event in (
        trip_event(
            TripEventKind.CHANGED,
            10,
            trip=trip(corridor=Corridor(coordinates=((10.0, 50.05), (12.0, 50.05)), half_width_m=(2_000,))),
        ),
        trip_event(TripEventKind.ENDED, 10),
    ):
        made = judge()
        assert told(made.apply_readings(drive(range(9), north_deg=0.05))) == [RAISED]
        events = made.apply_trip_events([event])
        events += made.apply_readings(drive(range(11, 20), north_deg=0.05))
        assert told(events) == [("cleared", "ROUTE_DEVIATION")], event.kind


@pytest.mark.parametrize(
    ("line", "inside", "outside"),
    [
        pytest.param(
            [(170, 10), (-170, 10)], [(10.15, 179.999), (10.15, -179.999)], [(12, 180)], id="antimeridian"
        ),
        pytest.param(
            [(179, 60), (180, 60.5), (-179, 61)], [(60.5, 180), (60.5, -180)], [(60.9, -179.9)], id="180"
        ),
        pytest.param(
            [(0, 85), (180, 85)], [(89.99, 12), (90, 0), (88, 180)], [(88, 90), (86, -90)], id="pole"
        ),
        pytest.param(
            [(-60, 45), (0, 45)], [(49.107, -30)], [(45.0, -30.0)], id="ocean leg is a great circle"
        ),
        pytest.param(
            [(0, 0), (10, 0)], [(0, 5)], [(0, -175), (0, 15), (0, 180)], id="not the far great circle"
        ),
    ],
)
def test_corridors_anywhere_on_the_globe(line: Any, inside: Any, outside: Any) -> None:
    """Antimeridian, pole and ocean legs are ordinary places."""
    corridor = Corridor(coordinates=tuple(line), half_width_m=(20_000.0,))
    for places, expected in ((inside, []), (outside, [RAISED])):
        for place in places:
            made = judge(planned(corridor=corridor))
            events = made.apply_readings([reading(n, place) for n in range(3)])
            assert told(events)[:1] == expected, place


def test_a_plan_with_an_impossible_corridor_is_counted_and_the_seal_stays_watched() -> None:
    """A broken corridor costs the route, never the seal, and never the worker."""
    made = judge(planned(corridor=Corridor(coordinates=((10.0, 50.0),), half_width_m=(-1.0,))))
    assert made.refused == {"corridor_too_short": 1}
    events = made.apply_readings([reading(1, events=SealEvent.CUT), *drive(range(120, 130), north_deg=1.0)])
    assert told(events) == [("raised", "SEAL_CUT")]
    assert made.plans.corridors.kept == []
    assert CORRIDOR.half_width_m
