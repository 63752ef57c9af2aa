"""Devices that a plan names and that never speak: from when, until when, and what excuses them."""

from __future__ import annotations

import msgspec
import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import Place, TripEvent, TripEventKind, Zone
from sealtrail.runtime.settings.anomaly import AnomalySettings
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
    trip,
    trip_event,
)

A = AlertAction
DAY = 24 * 60
RAISED = [(A.RAISED, "medium")]
MINE = Zone(name="Mine", circle=Place(name="", latitude_deg=50.0, longitude_deg=10.0, radius_m=5_000))


def silences(events: list[AlertEvent]) -> list[tuple[AlertAction, str]]:
    return [(event.action, event.severity.value) for event in of_type(events, AlertType.SILENT)]


def ticks(made: Judge, minutes: range) -> list[AlertEvent]:
    """Ticks at these minutes."""
    fields = {"container_id": "", "trip_id": ""}
    return [
        event
        for minute in minutes
        for event in made.apply_trip_events([trip_event(TripEventKind.TICK, minute, **fields)])
    ]


def awaited(**changes: object) -> TripEvent:
    """A plan whose devices report every ten minutes: silent after 35."""
    return planned(reporting_interval_s=600.0, **changes)  # type: ignore[arg-type]  # fields by name


def test_a_device_that_never_speaks_is_silent_until_it_does() -> None:
    """Raised after two of the trip's intervals and the grace, high six hours later, ended by a report."""
    made = judge(awaited())
    assert silences(ticks(made, range(-5, 35))) == []
    events = ticks(made, range(35, 38))
    assert silences(events) == RAISED
    [told] = of_type(events, AlertType.SILENT)
    assert told.device_id == SEAL
    assert told.occurred_at_ms == START_MS
    assert told.received_at_ms == START_MS + 35 * MINUTE_MS
    assert "has never been heard on this trip" in told.sentence
    assert silences(ticks(made, range(38, 420))) == [(A.UPDATED, "high")]
    events = made.apply_readings([reading(421)])
    assert silences(events) == [(A.CLEARED, "high")]
    assert "heard for the first time" in of_type(events, AlertType.SILENT)[0].sentence


def test_one_that_speaks_in_time_is_not() -> None:
    """The first report shortly after the start is in time; so is one from before it."""
    for first in (20, -5):
        made = judge(awaited())
        events = ticks(made, range(-9, first)) + made.apply_readings([reading(first)])
        assert silences(events + ticks(made, range(first + 1, 34))) == []


def test_without_an_interval_it_is_given_a_day() -> None:
    """A plan that names no interval gives a device that has shown none `silent_unlearned_s`."""
    made = judge()
    assert silences(ticks(made, range(0, DAY, 10))) == []
    assert silences(ticks(made, range(DAY, DAY + 20, 10))) == RAISED


def test_each_device_is_one_alert() -> None:
    """Of two devices of a trip, only the one that never spoke is told, though the other one speaks."""
    made = judge(awaited(device_ids=(SEAL, TRACKER)))
    events = [event for m in range(0, 60, 10) for event in made.apply_readings([reading(m, device=TRACKER)])]
    assert [event.device_id for event in of_type(events, AlertType.SILENT)] == [SEAL]


def test_a_backlog_ends_it_and_is_counted() -> None:
    """Reports of the time before, received late, end it when they arrive: it was silent until then."""
    made = judge(awaited())
    assert silences(ticks(made, range(60))) == RAISED
    backlog = [
        msgspec.structs.replace(each, received_at_ms=START_MS + 61 * MINUTE_MS)
        for each in drive(range(0, 60, 10))
    ]
    events = made.apply_readings(backlog)
    [end] = of_type(events, AlertType.SILENT)
    assert end.action is A.CLEARED
    assert end.details["reports_of_the_gap"] == 6


def test_it_is_found_without_ticks_and_in_one_batch() -> None:
    """A file that is judged at once says the same as one report after another."""
    tracked = drive(range(0, 60, 10), device=TRACKER) + drive(range(60, 90, 10))
    plan = awaited(device_ids=(SEAL, TRACKER))
    whole = silences(judge(plan).apply_readings(tracked))
    made = judge(plan)
    single = silences([event for each in tracked for event in made.apply_readings([each])])
    assert [action for action, _ in whole] == [A.RAISED, A.CLEARED]
    assert whole == single


def test_a_trip_that_is_known_late_gives_it_time() -> None:
    """Before the plan was known its reports were nobody's: the time counts from then on."""
    made = judge(awaited(minute=-3), trip_event(TripEventKind.ENDED, -2))
    late = trip_event(TripEventKind.PLANNED, 300, trip=trip(trip_id="T-2", reporting_interval_s=600.0))
    made.apply_trip_events([late])
    assert silences(ticks(made, range(301, 335))) == []
    assert silences(ticks(made, range(335, 340))) == RAISED


def test_a_trip_to_come_or_called_off_says_nothing() -> None:
    """Nobody is silent before a trip begins, nor on one that is ended before anything was due."""
    made = judge(awaited(departs_at_ms=START_MS + DAY * MINUTE_MS))
    assert silences(ticks(made, range(0, DAY, 5))) == []
    for minute in (-2, 30):
        made = judge(awaited())
        events = made.apply_trip_events([trip_event(TripEventKind.ENDED, minute)])
        assert silences(events + ticks(made, range(minute + 1, 120))) == []


def test_it_ends_with_the_trip() -> None:
    """The end of a trip ends the silence of a device that was never heard on it."""
    made = judge(awaited())
    assert silences(ticks(made, range(60))) == RAISED
    events = made.apply_trip_events([trip_event(TripEventKind.ENDED, 61)])
    assert silences(events) == [(A.CLEARED, "medium")]
    assert "has ended" in of_type(events, AlertType.SILENT)[0].sentence


def test_a_device_added_under_way_counts_from_then() -> None:
    """A changed plan that names another device gives that one its own time, and its own words."""
    made = judge(awaited())
    made.apply_readings(drive(range(0, 100, 10)))
    both = trip(device_ids=(SEAL, TRACKER), reporting_interval_s=600.0)
    made.apply_trip_events([trip_event(TripEventKind.CHANGED, 95, trip=both)])
    spoken = [event for m in range(100, 130) for event in made.apply_readings([reading(m)])]
    assert silences(spoken) == []
    spoken = [event for m in range(130, 133) for event in made.apply_readings([reading(m)])]
    [told] = of_type(spoken, AlertType.SILENT)
    assert told.device_id == TRACKER
    assert told.occurred_at_ms == START_MS + 95 * MINUTE_MS
    assert "of which it is part since" in told.sentence


def test_a_device_taken_off_is_nobodys() -> None:
    """Unpaired in time it says nothing, unpaired later it ends; paired again it is awaited again."""
    made = judge(awaited())
    made.apply_trip_events([trip_event(TripEventKind.UNPAIRED, 10, device_id=SEAL)])
    assert silences(ticks(made, range(10, 120))) == []
    made.apply_trip_events([trip_event(TripEventKind.PAIRED, 120, device_id=SEAL)])
    assert silences(ticks(made, range(120, 155))) == []
    assert silences(ticks(made, range(155, 160))) == RAISED
    assert silences(made.apply_trip_events([trip_event(TripEventKind.UNPAIRED, 161, device_id=SEAL)])) == [
        (A.CLEARED, "medium")
    ]


def test_a_changed_plan_without_it_ends_it() -> None:
    """Where the plan names the device no longer, its silence ends; it isn't taken back."""
    made = judge(awaited())
    assert silences(ticks(made, range(60))) == RAISED
    without = trip(device_ids=(TRACKER,), reporting_interval_s=600.0)
    events = made.apply_trip_events([trip_event(TripEventKind.CHANGED, 61, trip=without)])
    assert silences(events) == [(A.CLEARED, "medium")]


def test_what_another_container_says_is_not_this_one() -> None:
    """A device that reports as another container's is not heard here."""
    made = judge(awaited())
    elsewhere = [reading(m, container="TCLU1234567") for m in range(0, 60, 10)]
    events = [event for each in elsewhere for event in made.apply_readings([each])]
    assert silences(events) == RAISED


def test_a_trip_that_names_no_device_awaits_none() -> None:
    """Without seals or trackers in the plan there is nobody to be silent."""
    assert silences(ticks(judge(awaited(device_ids=())), range(0, 600, 5))) == []


def test_an_outage_of_the_log_is_nobodys_silence() -> None:
    """After an hour without ticks it has its whole time again; told before, it stays told."""
    made = judge(awaited())
    ticks(made, range(10))
    assert silences(ticks(made, range(70, 100))) == []
    assert silences(ticks(made, range(100, 110))) == []
    assert silences(ticks(made, range(110, 115))) == RAISED
    assert silences(ticks(made, range(200, 230))) == []


def test_a_trip_that_begins_in_a_dead_zone_gives_it_the_way_out() -> None:
    """A seal armed at a mine without coverage is due only when it ought to be out of there; then high."""
    made = judge(awaited(dead_zones=(MINE,)))
    assert silences(ticks(made, range(60))) == []
    events = ticks(made, range(60, 120))
    assert silences(events) == [(A.RAISED, "high")]
    assert "dead zone Mine" in of_type(events, AlertType.SILENT)[0].sentence


def test_it_is_no_sign_of_theft() -> None:
    """What never spoke hasn't gone blind: a cut seal alone is no likely theft."""
    made = judge(awaited(device_ids=(SEAL, TRACKER)))
    made.apply_readings(drive(range(0, 60, 10)))
    events = ticks(made, range(60, 62))
    events += made.apply_readings([reading(62, (50.0, 10.62), events=SealEvent.CUT)])
    assert of_type(events, AlertType.SEAL_CUT)
    assert not of_type(events, AlertType.LIKELY_THEFT)


@pytest.mark.parametrize("minute", [5, 34, 36, 50])
def test_a_restart_changes_nothing(minute: int) -> None:
    """A snapshot before, at and after the deadline: told once, ended once."""
    settings = AnomalySettings()
    made = judge(awaited())
    events = ticks(made, range(minute))
    made = Judge.restore(settings, made.snapshot())
    events += ticks(made, range(minute, 60))
    made = Judge.restore(settings, made.snapshot())
    assert silences(events + made.apply_readings([reading(61)])) == [*RAISED, (A.CLEARED, "medium")]
