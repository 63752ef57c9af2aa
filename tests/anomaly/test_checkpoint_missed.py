"""Checkpoints: passed, possibly passed, left out, out of turn; by any device, in any order of arrival."""

from __future__ import annotations

import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.reading import FixKind, Reading
from sealtrail.contract.trip import Checkpoint, Corridor, Place, TripEventKind
from tests.anomaly.world import (
    MINUTE_MS,
    SEAL,
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

WEST = Place(name="West", latitude_deg=50.0, longitude_deg=10.2, radius_m=1_000.0)
EAST = Place(name="East", latitude_deg=50.0, longitude_deg=10.4, radius_m=1_000.0)
AWAY = Place(name="Hill", latitude_deg=50.05, longitude_deg=10.2, radius_m=1_000.0)
"""5.6 km beside the middle of the corridor: who stays on that passes it by."""
WIDE = Corridor(coordinates=((10.0, 50.0), (12.0, 50.0)), half_width_m=(6_000.0,))
END = Place(name="End", latitude_deg=50.0, longitude_deg=10.8, radius_m=1_000.0)


def missed(events: list[AlertEvent]) -> list[AlertEvent]:
    return of_type(events, AlertType.CHECKPOINT_MISSED)


def watching(*places: Place, **changes: object) -> Judge:
    checkpoints = tuple(Checkpoint(place=place) for place in places)
    return judge(planned(**{"checkpoints": checkpoints, "corridor": WIDE, **changes}), history_reports=128)  # type: ignore[arg-type]


def test_checkpoints_passed_in_order_raise_nothing() -> None:
    """By dense reports, and by ones so sparse that none lies in a circle."""
    assert not missed(watching(WEST, EAST).apply_readings(drive(range(70))))
    assert not missed(watching(WEST, EAST).apply_readings(drive(range(0, 70, 15))))


def test_a_checkpoint_passed_by_is_raised_beyond_it_and_ends_with_a_late_passage() -> None:
    """Dense reports five kilometres beside it: missed two kilometres beyond; a passage afterwards ends it."""
    made = watching(AWAY)
    [alert] = missed(made.apply_readings(drive(range(30))))
    assert (alert.action, alert.severity) == (AlertAction.RAISED, Severity.HIGH)
    assert alert.occurred_at_ms == START_MS + 25 * MINUTE_MS
    assert alert.details["checkpoint"] == "Hill"
    assert "missed the checkpoint Hill" in alert.sentence
    [ended] = missed(made.apply_readings([reading(45, (50.05, 10.2))]))
    assert (ended.action, ended.details["out_of_turn"]) == (AlertAction.CLEARED, True)


def test_a_gap_across_the_checkpoint_is_no_miss() -> None:
    """Silence before and after it with time for the way there: nobody knows, nothing is raised."""
    assert not missed(watching(AWAY).apply_readings([*drive(range(10)), *drive(range(40, 60))]))


def test_a_gap_too_short_for_the_way_there_is_a_miss() -> None:
    """Three minutes of silence are not enough for eleven kilometres."""
    assert missed(watching(AWAY).apply_readings([*drive(range(19)), *drive(range(22, 40))]))


def test_a_gap_round_a_bend_of_the_corridor_is_no_miss() -> None:
    """Two fixes 16 km apart, 32 km by the corridor, the checkpoint in the bend between them."""
    bend = Corridor(coordinates=((10.0, 50.0), (10.4, 50.0), (10.2, 50.2)), half_width_m=(2_000.0,))
    post = Place(name="Post", latitude_deg=50.0, longitude_deg=10.4, radius_m=1_000.0)
    readings = [reading(0, (50.0, 10.0)), reading(14, (50.0, 10.14)), reading(60, (50.1, 10.3))]
    assert not missed(watching(post, corridor=bend).apply_readings(readings))


def test_what_one_device_may_have_passed_unseen_another_did_not() -> None:
    """The tracker was silent long enough for the way to the hill, the seal never: missed."""
    made = watching(AWAY, device_ids=(SEAL, TRACKER))
    tracker = drive([*range(10), *range(40, 60)], device=TRACKER)
    assert missed(made.apply_readings([*tracker, *drive(range(60))]))
    assert not missed(watching(AWAY, device_ids=(SEAL, TRACKER)).apply_readings(tracker))


def test_a_later_checkpoint_first_is_out_of_turn() -> None:
    """East before West without a corridor: raised at East, ended by the passage of West."""
    made = watching(WEST, EAST, corridor=None)
    [alert] = missed(made.apply_readings([reading(0, (50.2, 10.4)), *_south(range(1, 22))]))
    assert alert.details["checkpoint"] == "West"
    assert "at the later checkpoint East" in alert.sentence
    [ended] = missed(made.apply_readings([reading(40, (50.0, 10.2))]))
    assert "out of its turn" in ended.sentence


def _south(minutes: range, **fields: object) -> list[Reading]:
    """From the north to East, a kilometre a minute."""
    return [reading(m, (50.2 - 0.01 * m, 10.4), **fields) for m in minutes]  # type: ignore[arg-type]


def test_a_cell_fix_makes_a_passage_possible_and_shows_none() -> None:
    """A fix with kilometres of doubt near East doesn't make West missed, one near West excuses it."""
    coarse = {"kind": FixKind.CELL, "accuracy_m": 5_000.0}
    made = watching(WEST, EAST, corridor=None)
    assert not missed(made.apply_readings([reading(0, (50.2, 10.3)), reading(30, (50.0, 10.4), **coarse)]))  # type: ignore[arg-type]


def test_the_destination_reached_without_it() -> None:
    """Without a corridor the arrival shows it."""
    made = watching(AWAY, corridor=None, destination=END)
    [alert] = missed(made.apply_readings(drive(range(85))))
    assert "at its destination" in alert.sentence


def test_a_late_report_of_the_passage_takes_it_back() -> None:
    """The backlog shows that the container was there: retracted."""
    made = watching(AWAY)
    made.apply_readings(drive([*range(15), *range(25, 35)], device=TRACKER))
    seen = [reading(15 + k, (50.0 + 0.01 * k, 10.15 + 0.01 * k)) for k in range(6)]
    made = watching(AWAY)
    [raised] = missed(made.apply_readings(drive(range(35))))
    assert raised.action is AlertAction.RAISED
    by_another = [
        msg for msg in made.apply_readings(_as_device(seen)) if msg.type is AlertType.CHECKPOINT_MISSED
    ]
    assert [event.action for event in by_another] == [AlertAction.RETRACTED]


def _as_device(readings: list[Reading]) -> list[Reading]:
    """The same places, reported late by the tracker."""
    return [
        reading(
            (each.occurred_at_ms - START_MS) / MINUTE_MS,
            (each.latitude_deg or 0, each.longitude_deg or 0),
            device=TRACKER,
            late_min=60,
        )
        for each in readings
    ]


def test_order_of_arrival_copies_and_a_restart_change_nothing() -> None:
    """Backwards, twice, one by one, with a restart in the middle: the same alerts stand."""
    readings = drive(range(40))
    expected = standing(missed(watching(WEST, AWAY, EAST).apply_readings(readings)))
    assert len(expected) == 1
    assert standing(missed(watching(WEST, AWAY, EAST).apply_readings(readings[::-1] + readings))) == expected
    made = watching(WEST, AWAY, EAST)
    events: list[AlertEvent] = []
    for number, each in enumerate(readings[::-1]):
        if number == 20:
            made = Judge.restore(made.settings, made.snapshot())
        events += made.apply_readings([each])
    assert standing(missed(events)) == expected


def test_a_trip_planned_late_or_begun_beyond_it_is_not_blamed() -> None:
    """The first report on the corridor under the plan lies beyond it, by however little: nobody knows."""
    for first in (22, 30):
        assert not missed(watching(WEST).apply_readings(drive(range(first, 60))))


def test_a_passage_before_the_plan_changed_counts() -> None:
    """A changed plan with one more checkpoint doesn't ask again for what was passed."""
    made = watching(WEST)
    events = made.apply_readings(drive(range(30)))
    more = planned(corridor=WIDE, checkpoints=(Checkpoint(place=WEST), Checkpoint(place=EAST))).trip
    events += made.apply_trip_events([trip_event(TripEventKind.CHANGED, 30, trip=more)])
    events += made.apply_readings(drive(range(31, 60)))
    assert not missed(events)


def test_two_trips_in_a_row_ask_for_it_each() -> None:
    """The passage of the first trip doesn't count for the second, whose checkpoints are the same."""
    second = planned(
        trip_id="T-2", corridor=WIDE, checkpoints=(Checkpoint(place=AWAY),), departs_at_ms=_at(100)
    )
    second = trip_event(TripEventKind.PLANNED, 50, trip=second.trip, trip_id="T-2")
    made = watching(AWAY)
    events = made.apply_readings([*drive(range(18)), reading(23, (50.05, 10.2)), *drive(range(28, 40))])
    assert not missed(events)
    events = made.apply_trip_events([trip_event(TripEventKind.ENDED, 45), second])
    later = [reading(100 + m, (50.0, 10.0 + 0.01 * m)) for m in range(35)]
    [alert] = missed(events + made.apply_readings(later))
    assert alert.trip_id == "T-2"


def _at(minute: float) -> int:
    return START_MS + round(minute * MINUTE_MS)


def test_the_end_of_the_trip_ends_it() -> None:
    """What wasn't passed by then never was."""
    made = watching(AWAY)
    made.apply_readings(drive(range(30)))
    [ended] = missed(made.apply_trip_events([trip_event(TripEventKind.ENDED, 40)]))
    assert ended.details["ended_at_ms"] == _at(40)


def test_several_misses_are_several_alerts() -> None:
    """Each checkpoint has an alert of its own, though one report shows both."""
    other = Place(name="Moor", latitude_deg=49.95, longitude_deg=10.2, radius_m=1_000.0)
    events = missed(watching(AWAY, other).apply_readings(drive(range(30))))
    assert sorted(str(event.details["checkpoint"]) for event in events) == ["Hill", "Moor"]
    assert len({event.alert_id for event in events}) == 2


@pytest.mark.parametrize("offset", [0.0, 0.001])
def test_over_the_antimeridian(offset: float) -> None:
    """A checkpoint on the line is passed by the straight way between two fixes."""
    place = Place(name="Line", latitude_deg=-17.0, longitude_deg=180.0 - offset, radius_m=500.0)
    corridor = Corridor(coordinates=((179.0, -17.0), (-179.0, -17.0)), half_width_m=(5_000.0,))
    made = watching(place, corridor=corridor)
    places = [179.5, 179.7, 179.9, -179.9, -179.7, -179.5]
    assert not missed(made.apply_readings([reading(20 * k, (-17.0, east)) for k, east in enumerate(places)]))
