"""Overdue: departures, checkpoints and arrivals by event time, however late the reports are."""

from __future__ import annotations

import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import Checkpoint, Place, TripEvent, TripEventKind
from tests.anomaly.world import (
    MINUTE_MS,
    ORIGIN,
    START_MS,
    drive,
    judge,
    of_type,
    planned,
    reading,
    standing,
    trip_event,
)

END = Place(name="Malaba", latitude_deg=50.0, longitude_deg=11.0, radius_m=1_000.0)
POST = Place(name="Post", latitude_deg=50.0, longitude_deg=10.5, radius_m=1_000.0)


def overdue(events: list[AlertEvent]) -> list[AlertEvent]:
    return of_type(events, AlertType.OVERDUE)


def at(minute: float) -> int:
    return START_MS + round(minute * MINUTE_MS)


def tick(minute: float) -> TripEvent:
    """Time has passed."""
    return TripEvent(
        event_id=f"tick-{minute}",
        kind=TripEventKind.TICK,
        occurred_at_ms=at(minute),
        recorded_at_ms=at(minute),
    )


def watching(**changes: object) -> Judge:
    """A trip to `END`, due after 100 minutes."""
    return judge(planned(**{"origin": ORIGIN, "destination": END, "arrives_at_ms": at(100), **changes}))  # type: ignore[arg-type]


def to(minutes: range, from_east: float, step: float, **fields: object) -> list[Reading]:
    return [
        reading(m, (50.0, from_east + step * k), **fields)  # type: ignore[arg-type]
        for k, m in enumerate(minutes)
    ]


def test_an_arrival_in_time_or_within_the_grace_is_none() -> None:
    """At 100 minutes, and at 125, which is within half an hour."""
    assert not overdue(
        watching().apply_readings(
            drive(
                range(140),
            )
        )
    )
    late = [*drive(range(90)), *to(range(90, 140), 10.9, 0.003)]
    assert not overdue(watching().apply_readings(late))


def test_a_late_arrival_is_raised_with_an_estimate_and_ends_when_it_arrives() -> None:
    """Still on the way after plan and grace: the sentence says how far and when; the arrival ends it."""
    made = watching()
    events = [e for each in drive(range(90)) for e in made.apply_readings([each])]
    slow = to(range(90, 132), 10.89, 0.001)
    events += [e for each in slow for e in made.apply_readings([each])]
    [alert] = overdue(events)
    assert (alert.severity, alert.occurred_at_ms) == (Severity.MEDIUM, at(100))
    assert "has not arrived at Malaba" in alert.sentence
    assert "average speed" in alert.sentence
    assert 4 < float(str(alert.details["left_km"])) < 7  # to Malaba: the corridor goes on behind it
    assert int(str(alert.details["estimated_arrival_at_ms"])) > at(131)
    [ended] = overdue(made.apply_readings([reading(150, (50.0, 11.0))]))
    assert ended.action is AlertAction.CLEARED
    assert ended.details["late_s"] == 50 * 60


BLIND = 100 + 30 + 24 * 60
"""Planned, the grace, and a day in which nothing is heard."""


def test_silence_is_no_lateness_until_a_day_has_passed() -> None:
    """Where nothing is reported any more: not at the end of the grace, nor hours later, but after a day."""
    made = watching()
    made.apply_readings(drive(range(60)))
    assert not overdue(made.apply_trip_events([tick(140)]))
    assert not overdue(made.apply_trip_events([tick(BLIND - 1)]))
    [alert] = overdue(made.apply_trip_events([tick(BLIND + 1)]))
    assert alert.occurred_at_ms == at(100)
    assert "last seen" in alert.sentence


def test_a_backlog_that_shows_it_in_time_has_never_been_an_alert() -> None:
    """Unheard around its time, as in a dead zone: nothing is told before, nor when the backlog comes."""
    made = watching()
    made.apply_readings(drive(range(60)))
    assert not overdue(made.apply_trip_events([tick(300)]))
    assert not overdue(made.apply_readings([reading(310, (50.0, 11.0))]))
    assert not overdue(made.apply_readings(drive(range(60, 101), late_min=240)))


def test_a_report_of_a_later_time_shows_it_though_it_comes_with_a_backlog() -> None:
    """Half the way at 140 minutes, heard at 300: told then, dated to the plan."""
    made = watching()
    made.apply_readings(drive(range(60)))
    [alert] = overdue(made.apply_readings([reading(140, (50.0, 10.6), late_min=160)]))
    assert (alert.action, alert.occurred_at_ms) == (AlertAction.RAISED, at(100))


@pytest.mark.parametrize(("due_min", "late"), [(40, True), (55, False)])
def test_from_too_far_away_it_is_late_though_nothing_is_heard(due_min: int, *, late: bool) -> None:
    """29 km to go at minute 59: at 25 m/s not possible in the 11 minutes until 70, in 26 until 85 it is."""
    made = watching(arrives_at_ms=at(due_min))
    made.apply_readings(drive(range(60)))
    found = overdue(made.apply_trip_events([tick(due_min + 31)]))
    assert [event.occurred_at_ms for event in found] == ([at(due_min)] if late else [])


def test_an_arrival_that_is_reported_late_takes_it_back() -> None:
    """Raised for want of reports; the backlog shows that it was there in time."""
    made = watching()
    made.apply_readings(drive(range(60)))
    [raised] = overdue(made.apply_trip_events([tick(BLIND + 10)]))
    assert raised.action is AlertAction.RAISED
    [retracted] = overdue(made.apply_readings(drive(range(60, 101), late_min=1_600)))
    assert retracted.action is AlertAction.RETRACTED


def test_an_arrival_between_two_reports_is_in_time() -> None:
    """On the way at 80 minutes, there at 140: nobody saw when, so it isn't late."""
    assert not overdue(watching().apply_readings([*drive(range(81)), reading(140, (50.0, 11.0))]))


def test_the_end_of_the_trip_ends_it_or_prevents_it() -> None:
    """Ended before the time: nothing; after: cleared."""
    made = watching()
    made.apply_readings(drive(range(60)))
    made.apply_trip_events([trip_event(TripEventKind.ENDED, 110)])
    assert not overdue(made.apply_trip_events([tick(500)]))
    made = watching()
    made.apply_readings(drive(range(60)))
    made.apply_trip_events([tick(BLIND + 10)])
    [ended] = overdue(made.apply_trip_events([trip_event(TripEventKind.ENDED, BLIND + 20)]))
    assert ended.action is AlertAction.CLEARED


def test_a_plan_put_off_ends_it() -> None:
    """A later arrival planned while it is overdue: over, and raised again when that passes too."""
    made = watching()
    made.apply_readings(drive(range(60)))
    made.apply_trip_events([tick(BLIND + 10)])
    later = planned(origin=ORIGIN, destination=END, arrives_at_ms=at(2_000)).trip
    [ended] = overdue(made.apply_trip_events([trip_event(TripEventKind.CHANGED, BLIND + 20, trip=later)]))
    assert ended.action is AlertAction.CLEARED
    assert "another time" in ended.sentence
    [again] = overdue(made.apply_trip_events([tick(BLIND + 1_901)]))
    assert (again.action, again.occurred_at_ms) == (AlertAction.RAISED, at(2_000))


def test_a_departure_is_late_when_it_is_seen_in_the_origin_after_the_grace() -> None:
    """Standing at the depot at 40 minutes: raised; leaving ends it. A silent depot shows nothing."""
    made = watching(arrives_at_ms=None)
    assert not overdue(made.apply_readings([reading(m, (50.0, 10.001)) for m in range(0, 31, 5)]))
    [alert] = overdue(made.apply_readings([reading(40, (50.0, 10.001))]))
    assert (alert.occurred_at_ms, alert.details["what"]) == (at(0), "departure")
    assert "still at Depot" in alert.sentence
    [ended] = overdue(made.apply_readings([reading(50, (50.0, 10.1))]))
    assert ended.action is AlertAction.CLEARED
    silent = watching(arrives_at_ms=None)
    silent.apply_readings([reading(0, (50.0, 10.001))])
    assert not overdue(silent.apply_trip_events([tick(300)]))


def test_a_trip_planned_after_its_departure_is_not_late_to_depart() -> None:
    """Planned at minute 20 for minute 0: no alarm for standing at the depot."""
    plan = planned(20, origin=ORIGIN)
    made = judge(plan)
    assert not overdue(made.apply_readings([reading(m, (50.0, 10.001)) for m in range(0, 60, 5)]))


def test_a_checkpoint_is_overdue_until_it_is_passed_or_missed() -> None:
    """Due at 30 minutes, passed at 90: raised, cleared by the passage; unwatched without a time."""
    due = Checkpoint(place=POST, due_at_ms=at(30))
    made = watching(checkpoints=(due,), arrives_at_ms=None)
    [raised] = overdue(made.apply_readings(to(range(62), 10.0, 0.005)))
    assert (raised.details["checkpoint"], raised.occurred_at_ms) == ("Post", at(30))
    [ended] = overdue(made.apply_readings(to(range(62, 100), 10.31, 0.01)))
    assert ended.action is AlertAction.CLEARED
    assert "passed the checkpoint Post" in ended.sentence
    free = watching(checkpoints=(Checkpoint(place=POST),), arrives_at_ms=None)
    assert not overdue(free.apply_readings(to(range(62), 10.0, 0.005)))


def test_a_checkpoint_ahead_of_who_stands_before_it_is_not_passed() -> None:
    """Two sparse reports, the second two kilometres short, leave time to go there and back: late."""
    plan = {"checkpoints": (Checkpoint(place=POST, due_at_ms=at(70)),), "arrives_at_ms": None}
    made = watching(**plan)
    readings = [reading(m, (50.0, east)) for m, east in ((10, 10.1), (100, 10.46), (160, 10.46))]
    [alert] = overdue(made.apply_readings(readings))
    assert alert.details["checkpoint"] == "Post"
    [ended] = overdue(made.apply_readings([reading(170, (50.0, 10.53))]))
    assert ended.action is AlertAction.CLEARED


def test_order_and_restarts_change_nothing() -> None:
    """Backwards, one by one, with a restart: the same stands."""
    readings = [*drive(range(0, 60, 2)), *to(range(60, 170, 5), 10.6, 0.01), reading(200, (50.0, 11.0))]
    expected = standing(overdue(watching().apply_readings(readings)))
    assert expected == [("OVERDUE", at(100), "medium", "cleared")]
    made, events = watching(), list[AlertEvent]()
    for number, each in enumerate(readings[::-1]):
        if number % 10 == 5:
            made = Judge.restore(made.settings, made.snapshot())
        events += made.apply_readings([each, each])
    assert standing(overdue(events)) == expected


def test_a_container_that_never_reports_is_overdue_too() -> None:
    """A trip without a single report is missed by the clock of the log."""
    made = watching()
    [alert] = overdue(made.apply_trip_events([tick(BLIND + 1)]))
    assert alert.latitude_deg is None
    assert alert.evidence
