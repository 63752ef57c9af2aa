"""Devices that aren't heard of: their own interval, dead zones, backlogs, outages of the log itself."""

from __future__ import annotations

import msgspec
import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity
from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import Place, TripEventKind, Zone
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import (
    CORRIDOR,
    MINUTE_MS,
    SEAL,
    START_MS,
    authorised,
    drive,
    judge,
    of_type,
    planned,
    reading,
    trip,
    trip_event,
)

A = AlertAction
TUNNEL = Zone(name="Mountains", circle=Place(name="", latitude_deg=50.0, longitude_deg=10.4, radius_m=15_000))


def silences(events: list[AlertEvent]) -> list[tuple[AlertAction, str]]:
    return [(event.action, event.severity.value) for event in of_type(events, AlertType.SILENT)]


def tick(made: Judge, minute: float) -> list[AlertEvent]:
    return made.apply_trip_events([trip_event(TripEventKind.TICK, minute, container_id="", trip_id="")])


def ticks(made: Judge, minutes: range) -> list[AlertEvent]:
    return [event for minute in minutes for event in tick(made, minute)]


def at_once(made: Judge, readings: list[Reading]) -> list[AlertEvent]:
    return made.apply_readings(readings)


def test_two_periods_and_it_is_told_and_ends() -> None:
    """A device that reports every ten minutes is silent after twenty and the grace, then heard again."""
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    events = at_once(made, drive(range(0, 120, 10)))
    assert silences(events + ticks(made, range(110, 134))) == []
    events = ticks(made, range(134, 140))
    assert silences(events) == [(A.RAISED, "medium")]
    [told] = of_type(events, AlertType.SILENT)
    assert told.occurred_at_ms == START_MS + 110 * MINUTE_MS
    assert told.place_is_last_known
    events = made.apply_readings([reading(150)])
    assert silences(events) == [(A.CLEARED, "medium")]


@pytest.mark.parametrize(
    ("hours", "speed_kmh", "expected"),
    [(4, 50.0, [(A.RAISED, "medium")]), (4, 0.0, []), (4, None, []), (2, 50.0, [])],
    ids=["driving", "standing", "says neither", "too short a time"],
)
def test_a_new_device_that_drives_is_no_sleeper(
    hours: int, speed_kmh: float | None, expected: list[tuple[A, str]]
) -> None:
    """After hours of reports every ten minutes: told where it drove, not where it may be asleep."""
    made = judge(planned(), silent_grace_s=300)
    minutes = range(0, hours * 60, 10)
    events = at_once(made, [reading(m, (50.0, 10.0 + 0.005 * m), speed_kmh=speed_kmh) for m in minutes])
    assert silences(events + ticks(made, range(hours * 60, hours * 60 + 120, 5))) == expected


def test_it_is_found_without_ticks_and_in_one_batch() -> None:
    """A silence that lies between two receipts of one batch is found, as in a file that is judged."""
    gap = [*drive(range(0, 120, 10)), *drive(range(200, 260, 10))]
    whole = of_type(at_once(judge(planned(), silent_learn_s=0, silent_grace_s=300), gap), AlertType.SILENT)
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    single = of_type([e for each in gap for e in made.apply_readings([each])], AlertType.SILENT)
    assert [(e.action, e.occurred_at_ms) for e in whole] == [(e.action, e.occurred_at_ms) for e in single]
    assert [e.action for e in whole] == [A.RAISED, A.CLEARED]


def test_a_long_one_becomes_high() -> None:
    """Six hours beyond its limit it is updated to high, once."""
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    at_once(made, drive(range(0, 120, 10)))
    assert silences(ticks(made, range(120, 600, 5))) == [(A.RAISED, "medium"), (A.UPDATED, "high")]


def test_bursts_and_sleep_are_its_own_rhythm() -> None:
    """Three reports a minute apart every six hours are no silence, whatever their mean interval is."""
    minutes = [h * 360 + m for h in range(12) for m in (0, 1, 3)]
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    events = [event for m in minutes for event in made.apply_readings([reading(m)]) + tick(made, m)]
    assert silences(events) == []


def test_standing_devices_may_sleep() -> None:
    """After driving at a minute's interval it sleeps by the hour, as it did before when it stood."""
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    events: list[AlertEvent] = []
    minute = 0.0
    for _ in range(3):
        for _ in range(40):
            events += made.apply_readings([reading(minute, speed_kmh=60.0)])
            minute += 1
        for _ in range(10):
            events += made.apply_readings([reading(minute, speed_kmh=0.0)])
            minute += 60
    first_rest = [e for e in of_type(events, AlertType.SILENT) if e.action is A.RAISED]
    assert len(first_rest) <= 1, "only its first sleep may surprise"


def test_the_trip_says_how_often() -> None:
    """A trip's own reporting interval counts from the first report on."""
    made = judge(planned(reporting_interval_s=600.0), silent_grace_s=300)
    at_once(made, [reading(0)])
    assert silences(ticks(made, range(1, 25))) == []
    assert silences(ticks(made, range(25, 30))) == [(A.RAISED, "medium")]


def test_the_sentence_says_the_interval_that_was_missed() -> None:
    """A device that has shown an hour under a plan of five minutes should report every five minutes."""
    made = judge(planned(reporting_interval_s=300.0))
    events = at_once(made, drive(range(0, 600, 60)))
    assert "it should report every 5 min." in of_type(events, AlertType.SILENT)[0].sentence


def test_a_dead_zone_is_no_surprise_until_its_far_side() -> None:
    """Silence in a known dead zone is raised, high, only when the device ought to be through."""
    made = judge(planned(dead_zones=(TUNNEL,), reporting_interval_s=300.0))
    at_once(made, drive(range(0, 30, 2)))
    assert silences(ticks(made, range(30, 120, 2))) == []
    events = ticks(made, range(120, 240, 2))
    assert silences(events) == [(A.RAISED, "high")]
    assert "dead zone Mountains" in of_type(events, AlertType.SILENT)[0].sentence


def test_a_dead_zone_is_none_the_less_in_one_batch() -> None:
    """Where it was when it fell silent counts, though the batch goes on to far beyond the zone."""
    made = judge(planned(dead_zones=(TUNNEL,), reporting_interval_s=300.0))
    outside = [each for each in drive(range(0, 120, 5)) if not 20 <= _minute(each) < 60]
    assert silences(at_once(made, outside)) == []
    made = judge(planned(reporting_interval_s=300.0))
    assert silences(at_once(made, outside)) != []


def _minute(report: Reading) -> float:
    return (report.occurred_at_ms - START_MS) / MINUTE_MS


def test_what_is_sent_at_once_was_not_kept() -> None:
    """The report that ends a silence is no memory of the silence."""
    made = judge(planned(reporting_interval_s=300.0))
    events = at_once(made, [*drive(range(0, 60, 5)), *drive([200], late_min=0.05)])
    [end] = [e for e in of_type(events, AlertType.SILENT) if e.action is A.CLEARED]
    assert end.details["reports_of_the_gap"] == 0
    assert "memory" not in end.sentence


def test_without_a_fix_it_came_from_the_beginning() -> None:
    """A device in a hold that has had no fix yet may be in the dead zone on its way, but not for ever."""
    made = judge(planned(dead_zones=(TUNNEL,), reporting_interval_s=300.0))
    at_once(made, [reading(minute, None) for minute in range(0, 30, 2)])
    assert silences(ticks(made, range(30, 120, 2))) == []
    events = ticks(made, range(120, 360, 2))
    assert silences(events) == [(A.RAISED, "high")]
    without = judge(planned(reporting_interval_s=300.0))
    at_once(without, [reading(minute, None) for minute in range(0, 30, 2)])
    assert silences(ticks(without, range(30, 120, 2)))[0] == (A.RAISED, "medium")


def test_a_backlog_ends_it_and_is_counted() -> None:
    """The reports of the silence end it when they arrive, and it says that they were kept."""
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    at_once(made, drive(range(0, 120, 10)))
    ticks(made, range(120, 200, 5))
    backlog = [
        msgspec.structs.replace(each, received_at_ms=START_MS + 205 * MINUTE_MS)
        for each in drive(range(120, 200, 10))
    ]
    events = made.apply_readings(backlog)
    [end] = of_type(events, AlertType.SILENT)
    assert end.action is A.CLEARED
    assert end.details["reports_of_the_gap"] == 8


@pytest.mark.parametrize(("history", "ids"), [(64, 2), (8, 1)])
def test_a_straggler_ends_it_once(history: int, ids: int) -> None:
    """An old report received in between: heard, silent again from then on, and nothing is said twice.

    Where it is too old for the history it is the same silence, told again.
    """
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300, history_reports=history)
    for report in drive(range(0, 400, 10)):
        at_once(made, [report])
    told = ticks(made, range(400, 500, 5))
    told += at_once(made, [reading(55, (50.0, 10.055), late_min=500 - 55)])
    told += ticks(made, range(505, 600, 5))
    said = of_type(told, AlertType.SILENT)
    assert [event.action for event in said] == [A.RAISED, A.CLEARED, A.RAISED]
    assert len({event.alert_id for event in said}) == ids
    again = "16:20" if ids == 2 else "14:30"
    assert f"has not been heard of since {again} UTC" in said[-1].sentence
    assert silences(made.apply_trip_events([authorised(700, 800)])) == []


def test_who_watches_nobody_is_not_silent() -> None:
    """No silence before a trip, after it, or of a device that was taken off."""
    made = judge(planned(corridor=CORRIDOR), silent_learn_s=0, silent_grace_s=300)
    at_once(made, drive(range(0, 120, 10)))
    made.apply_trip_events([trip_event(TripEventKind.UNPAIRED, 112, device_id=SEAL)])
    assert silences(ticks(made, range(115, 200, 5))) == []
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    at_once(made, drive(range(0, 120, 10)))
    made.apply_trip_events([trip_event(TripEventKind.ENDED, 112)])
    assert silences(ticks(made, range(115, 200, 5))) == []


def test_an_outage_of_the_log_is_nobodys_silence() -> None:
    """When ticks themselves were missing for an hour, devices get time to be heard again."""
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    at_once(made, drive(range(0, 120, 10)))
    ticks(made, range(105, 115))
    assert silences(tick(made, 175)) == []
    assert silences(ticks(made, range(176, 180))) == []
    assert silences(made.apply_readings([reading(180)])) == []


def test_a_snapshot_in_between_changes_nothing() -> None:
    """What was learned of a device and what was told survive a restart."""
    made = judge(planned(), silent_learn_s=0, silent_grace_s=300)
    at_once(made, drive(range(0, 120, 10)))
    made = Judge.restore(AnomalySettings(silent_learn_s=0, silent_grace_s=300), made.snapshot())
    events = ticks(made, range(120, 140))
    made = Judge.restore(AnomalySettings(silent_learn_s=0, silent_grace_s=300), made.snapshot())
    events += ticks(made, range(140, 150))
    assert silences(events) == [(A.RAISED, Severity.MEDIUM.value)]


@pytest.mark.parametrize("heard", [-5, -300])
@pytest.mark.parametrize("interval_s", [600.0, None])
def test_heard_before_the_trip_and_never_since(heard: float, interval_s: float | None) -> None:
    """A seal that was tried at the depot and says nothing on the trip is silent from the trip's beginning."""
    due = 35 if interval_s else 1440
    made = judge(planned(minute=-400, reporting_interval_s=interval_s))
    at_once(made, [reading(heard)])
    assert silences(ticks(made, range(-4, due, 5))) == []
    events = ticks(made, range(due, due + 10))
    assert silences(events) == [(A.RAISED, "medium")]
    [told] = of_type(events, AlertType.SILENT)
    assert told.occurred_at_ms == START_MS
    assert "before it was on this trip" in told.sentence
    assert [each.occurred_at_ms for each in told.evidence] == [START_MS + heard * MINUTE_MS]
    assert silences(at_once(made, [reading(due + 11)])) == [(A.CLEARED, "medium")]


def test_heard_before_the_trip_it_is_found_in_one_batch_too() -> None:
    """Two receipts with the beginning of a trip in between say the same as ticks do."""
    made = judge(planned(reporting_interval_s=600.0))
    events = at_once(made, [reading(-5), reading(50), reading(55)])
    assert silences(events) == [(A.RAISED, "medium"), (A.CLEARED, "medium")]
    made = judge(planned(reporting_interval_s=600.0))
    assert silences(at_once(made, [reading(-5), reading(30), reading(55)])) == []


def test_silent_on_one_trip_and_on_the_next() -> None:
    """A device that falls silent, and is named by the next trip all the same, is told of once on each."""
    made = judge(planned(reporting_interval_s=600.0))
    at_once(made, drive(range(0, 60, 10)))
    assert silences(ticks(made, range(51, 100))) == [(A.RAISED, "medium")]
    made.apply_trip_events([trip_event(TripEventKind.ENDED, 100)])
    again = trip(trip_id="T-2", reporting_interval_s=600.0, departs_at_ms=START_MS + 200 * MINUTE_MS)
    made.apply_trip_events([trip_event(TripEventKind.PLANNED, 101, trip=again, trip_id="T-2")])
    assert silences(ticks(made, range(102, 235))) == []
    events = ticks(made, range(235, 240))
    assert [event.trip_id for event in of_type(events, AlertType.SILENT)] == ["T-2"]
    assert silences(at_once(made, [reading(241)])) == [(A.CLEARED, "medium")]


def test_a_trip_that_takes_over_begins_no_second_silence() -> None:
    """Where the first trip never ended, one silence through both is one alert."""
    made = judge(planned(reporting_interval_s=600.0))
    at_once(made, drive(range(0, 60, 10)))
    again = trip(trip_id="T-2", reporting_interval_s=600.0, departs_at_ms=START_MS + 200 * MINUTE_MS)
    made.apply_trip_events([trip_event(TripEventKind.PLANNED, 61, trip=again, trip_id="T-2")])
    assert silences(ticks(made, range(62, 260))) == [(A.RAISED, "medium")]
