"""Unexpected movement: before the planned departure, or said by the device."""

from __future__ import annotations

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.reading import FixKind, Reading, SealEvent
from sealtrail.contract.trip import TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import (
    MINUTE_MS,
    ORIGIN,
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

DEPOT = (50.0, 10.001)


def moved(events: list[AlertEvent]) -> list[AlertEvent]:
    return of_type(events, AlertType.UNEXPECTED_MOVEMENT)


def watching() -> Judge:
    """A trip planned 200 minutes before it departs from `ORIGIN`."""
    return judge(planned(-200, origin=ORIGIN))


def waiting(minutes: range, **fields: object) -> list[Reading]:
    return [reading(m, DEPOT, **fields) for m in minutes]  # type: ignore[arg-type]


def leaving(minutes: range, **fields: object) -> list[Reading]:
    """Out of the depot at a kilometre a minute."""
    return [
        reading(m, (50.0 + 0.012 * k, 10.0), **fields)  # type: ignore[arg-type]
        for k, m in enumerate(minutes, 1)
    ]


def test_leaving_the_origin_before_the_departure_is_raised_and_ends_with_it() -> None:
    """At the second report outside, dated to the first; over when the planned time has come."""
    made = watching()
    assert not moved(made.apply_readings([*waiting(range(-150, -100)), *leaving(range(-100, -99))]))
    [alert] = moved(made.apply_readings([reading(-99, (50.024, 10.0))]))
    assert (alert.severity, alert.occurred_at_ms) == (Severity.HIGH, START_MS - 100 * MINUTE_MS)
    assert "left Depot" in alert.sentence
    assert "1 h 40 min before its planned departure" in alert.sentence
    [ended] = moved(made.apply_readings(drive(range(1, 3))))
    assert ended.action is AlertAction.CLEARED
    assert ended.details["ended_at_ms"] == START_MS


def test_back_in_the_origin_ends_it() -> None:
    """Moved about the town and back before the departure."""
    made = watching()
    made.apply_readings([*waiting(range(-150, -100)), *leaving(range(-100, -90))])
    [ended] = moved(made.apply_readings(waiting(range(-80, -70))))
    assert "back at Depot" in ended.sentence


def test_what_is_no_movement() -> None:
    """Within the circle, drift, a cell fix, one bad fix, the way to the depot, a departure in time."""
    coarse = reading(-120, (50.1, 10.0), kind=FixKind.CELL)
    drift = [reading(-140 + k, (50.0095 * (1 + 1e-7 * k), 10.0), accuracy_m=60.0) for k in range(5)]
    one = reading(-110.5, (50.02, 10.0))
    arriving = [reading(-190 + k, (50.2 - 0.01 * k, 10.0)) for k in range(20)]
    readings = [*arriving, *waiting(range(-165, 0)), *drift, coarse, one, *drive(range(1, 30))]
    made = judge(planned(-200, origin=ORIGIN), history_reports=512)
    assert not moved(made.apply_readings(readings))


def test_before_it_was_planned_it_could_go_where_it_liked() -> None:
    """Leaving the origin before the trip was planned is nobody's business."""
    made = judge(planned(-50, origin=ORIGIN))
    assert not moved(made.apply_readings([*waiting(range(-150, -100)), *leaving(range(-100, -60))]))


def test_a_departure_put_forward_takes_it_back() -> None:
    """The plan allowed it, but that became known later."""
    made = watching()
    made.apply_readings([*waiting(range(-150, -100)), *leaving(range(-100, -90))])
    earlier = planned(origin=ORIGIN, departs_at_ms=START_MS - 105 * MINUTE_MS).trip
    change = trip_event(TripEventKind.CHANGED, -105, trip=earlier, recorded_at_ms=START_MS - 80 * MINUTE_MS)
    [retracted] = moved(made.apply_trip_events([change]))
    assert retracted.action is AlertAction.RETRACTED


def test_a_device_that_says_so() -> None:
    """Raised at the first report that says it, ended at the one that doesn't; repeats are no news."""
    made = judge()
    says = SealEvent.ILLEGAL_MOVEMENT
    events = moved(
        made.apply_readings([*drive(range(5)), *drive(range(5, 8), events=says), *drive(range(8, 9))])
    )
    assert [event.action for event in events] == [AlertAction.RAISED, AlertAction.CLEARED]
    assert events[0].occurred_at_ms == START_MS + 5 * MINUTE_MS
    assert events[1].details["ended_at_ms"] == START_MS + 8 * MINUTE_MS


def test_a_device_on_no_trip_is_not_asked() -> None:
    """Without a trip, or after it, what the device says of movement is recorded and not raised."""
    says = drive(range(5), events=SealEvent.ILLEGAL_MOVEMENT)
    assert not moved(Judge(AnomalySettings()).apply_readings(says))
    made = judge()
    made.apply_trip_events([trip_event(TripEventKind.ENDED, 0)])
    later = drive(range(10, 15), events=SealEvent.ILLEGAL_MOVEMENT)
    assert not moved(made.apply_readings(later))


def test_order_copies_devices_and_a_restart_change_nothing() -> None:
    """Two devices leave together: one alert, whatever the order of arrival."""
    readings = [*waiting(range(-130, -100)), *leaving(range(-100, -90))]
    readings += [*waiting(range(-130, -98), device=TRACKER), *leaving(range(-98, -90), device=TRACKER)]
    expected = [("UNEXPECTED_MOVEMENT", START_MS - 100 * MINUTE_MS, "high", "open")]
    assert standing(moved(watching().apply_readings(readings))) == expected
    made, events = watching(), list[AlertEvent]()
    for number, each in enumerate(readings[::-1]):
        if number == 30:
            made = Judge.restore(made.settings, made.snapshot())
        events += made.apply_readings([each, each])
    assert standing(moved(events)) == expected
