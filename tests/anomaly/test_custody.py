"""The custody log: said once each, when it is known; plans that overlap; malformed events."""

from __future__ import annotations

from sealtrail.contract.alert import AlertAction, AlertFamily
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import SealCheck, TripEventKind
from tests.anomaly.world import (
    MINUTE_MS,
    START_MS,
    drive,
    judge,
    planned,
    reading,
    told,
    trip,
    trip_event,
)


def test_every_step_of_custody_is_logged_once() -> None:
    """Pairing, arming, checks, start and end are lines of the log; a copy of an event is none.

    The broken seal, and the device that is taken off under way, are alerts besides.
    """
    check = SealCheck(
        check_id="C1",
        checked_at_ms=START_MS,
        condition=4,
        party="Customs Malaba",
        party_role="CU",
        seal_expected="S1",
        seal_seen="S2",
    )
    made = judge(planned())
    events = [
        trip_event(TripEventKind.PAIRED, 1, device_id="JT-123"),
        trip_event(TripEventKind.ARMED, 2),
        trip_event(TripEventKind.SEAL_CHECKED, 3, seal_check=check),
        trip_event(TripEventKind.UNPAIRED, 4, device_id="JT-123"),
        trip_event(TripEventKind.ENDED, 5),
    ]
    told = made.apply_trip_events(events)
    raised = [event.type.value for event in told if event.action is AlertAction.RAISED]
    assert raised == ["SEAL_CUT", "SEAL_MISMATCH"]
    said = [event for event in told if event.action is AlertAction.LOGGED]
    assert [event.type.value for event in said] == [
        "PAIRED",
        "SEAL_ARMED",
        "SEAL_CHECK",
        "UNPAIRED",
        "TRIP_ENDED",
        "TRIP_STARTED",
    ]
    assert {event.family for event in said} == {AlertFamily.CUSTODY}
    assert "found broken" in said[2].sentence
    assert said[2].details["seal_seen"] == "S2"
    assert made.apply_trip_events(events) == []


def test_a_trip_starts_when_time_has_passed_its_departure() -> None:
    """The start is told by the first tick or report after it, once, dated to the departure."""
    made = judge(planned())
    assert made.apply_trip_events([trip_event(TripEventKind.TICK, -1)]) == []
    [start] = made.apply_trip_events([trip_event(TripEventKind.TICK, 1)])
    assert (start.type.value, start.occurred_at_ms) == ("TRIP_STARTED", START_MS)
    assert made.apply_readings(drive(range(3))) == []
    by_reading = judge(planned())
    assert [event.type.value for event in by_reading.apply_readings(drive(range(3)))] == ["TRIP_STARTED"]


def test_a_plan_without_a_departure_is_watched_from_its_planning() -> None:
    """A missing departure means from the time of planning on."""
    made = judge(planned(10, departs_at_ms=None))
    assert told(made.apply_readings([reading(9, events=SealEvent.CUT)])) == []
    assert told(made.apply_readings([reading(9.5), reading(11, events=SealEvent.CUT)])) == [
        ("raised", "SEAL_CUT")
    ]


def test_a_departure_that_is_moved_moves_the_watch() -> None:
    """Put off before it began the watch begins later; put off under way it goes on."""
    later = trip(departs_at_ms=START_MS + 60 * MINUTE_MS)
    for minute, expected in ((-5, []), (5, [("raised", "SEAL_CUT")])):
        made = judge(planned(), trip_event(TripEventKind.CHANGED, minute, trip=later))
        assert told(made.apply_readings([reading(30, events=SealEvent.CUT)])) == expected
        assert told(made.apply_readings([reading(31), reading(61, events=SealEvent.CUT)])) == [
            ("raised", "SEAL_CUT")
        ]


def test_the_next_trip_takes_over_and_its_end_is_the_end() -> None:
    """A trip that nobody ended ends with the next one's start, for good."""
    following = trip(trip_id="T-2", departs_at_ms=START_MS + 60 * MINUTE_MS)
    made = judge(
        planned(),
        trip_event(TripEventKind.PLANNED, 20, trip=following, trip_id="T-2"),
        trip_event(TripEventKind.ENDED, 90, trip_id="T-2"),
    )
    for minute, trips in ((30, ["T-MSKU9070323"]), (70, ["T-2"]), (100, [])):
        events = made.apply_readings([reading(minute - 1), reading(minute, events=SealEvent.CUT)])
        assert [event.trip_id for event in events if event.type.value == "SEAL_CUT"] == trips


def test_malformed_trip_events_are_counted_and_nothing_else() -> None:
    """Events without a container, a trip or a possible time cost nothing but themselves."""
    made = judge(
        trip_event(TripEventKind.PLANNED, 1, container_id="", trip=None),
        trip_event(TripEventKind.PLANNED, 2, trip=None),
        trip_event(TripEventKind.AUTHORISED, 3),
        trip_event(TripEventKind.SEAL_CHECKED, 4),
        trip_event(TripEventKind.ENDED, 5, occurred_at_ms=1 << 62),
        trip_event(TripEventKind.ENDED, 6, trip_id="unknown"),
    )
    assert made.refused == {"trip_event_without_container": 1, "trip_event_out_of_range": 1}
    assert told(made.apply_readings([reading(7, events=SealEvent.CUT)])) == [("raised", "SEAL_CUT")]


def test_the_log_of_a_container_is_bounded() -> None:
    """Thousands of events leave the plan that holds and the newest ones."""
    made = judge(planned(), custody_events_kept=16)
    made.apply_trip_events([trip_event(TripEventKind.ARMED, minute) for minute in range(100)])
    custody = made.containers.files[0].custody
    assert custody is not None
    assert 12 <= len(custody.events) <= 16
    assert custody.segments[0].trip == trip()
