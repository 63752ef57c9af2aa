"""Detours within backlogs longer than the history: the same deviations in whatever order they arrive."""

from __future__ import annotations

import functools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.codec import encode_alert_events
from sealtrail.contract.reading import FixKind, Flag, Reading
from sealtrail.contract.trip import Corridor, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import (
    MINUTE_MS,
    START_MS,
    Standing,
    drive,
    judge,
    of_type,
    planned,
    reading,
    standing,
    trip_event,
)

ROUTE = {"ROUTE_DEVIATION", "BACK_ON_ROUTE"}
JUDGED = ROUTE | {"POSITION_IMPLAUSIBLE"}

Batches = list[list[Reading]]

SHORT: dict[str, Any] = {"history_reports": 8, "history_reports_busy": 8, "spoof_doubt_s": 0.0}
"""Doubts about a forged track are for the history: what is older is judged without them."""
"""A history that every backlog here is longer than."""


@st.composite
def tracks(draw: st.DrawFn) -> list[Reading]:
    """Legs on and off the corridor with jumps, zero islands, coarse and missing fixes, gaps between."""
    made: list[Reading] = []
    minute = 0.0
    legs = st.tuples(st.sampled_from([0.0, 0.0, 0.0, 0.03, 0.06, 0.6, 0.0181]), st.integers(1, 12))
    for north_deg, length in draw(st.lists(legs, min_size=3, max_size=9)):
        for _ in range(length):
            place: tuple[float, float] | None = (50.0 + north_deg, 10.0 + 0.01 * minute)
            kind, flags = FixKind.GNSS, Flag.NONE
            match draw(st.integers(0, 24)):
                case 0:
                    place = (51.5, 10.0)
                case 1:
                    place = (0.0, 0.0)
                case 2:
                    place = None
                case 3:
                    kind = FixKind.CELL
                case 4:
                    flags = Flag.CLOCK_FUTURE
                case 5:
                    place = (50.0 + draw(st.integers(1, 90)) / 10, 11.0)
            made.append(reading(minute, place, kind=kind, flags=int(flags)))
            minute += draw(st.sampled_from([1.0, 1.0, 1.0, 0.1, 12.0]))
        minute += draw(st.sampled_from([0.0, 30.0, 300.0]))
    return made


def play(batches: Batches, **limits: float) -> list[AlertEvent]:
    made = judge(**limits)
    return [event for batch in batches for event in made.apply_readings(batch)]


def judged(events: list[AlertEvent], kinds: set[str] = JUDGED) -> list[Standing]:
    return [alert for alert in standing(events) if alert[0] in kinds]


def blocks_of(reports: list[Reading], size: int) -> Batches:
    return [reports[start : start + size] for start in range(0, len(reports), size)]


@settings(max_examples=20, deadline=None)
@given(tracks(), st.integers(1, 30), st.integers(0, 9_999).map(random.Random), st.sampled_from([8, 512]))
def test_any_order_leaves_the_alerts_of_the_run_in_order(
    track: list[Reading], size: int, rng: random.Random, kept: int
) -> None:
    """Deviations and returns with a history of eight are those in order, with copies, in any blocks.

    So are jumps, as long as nothing of the log is left out.
    """
    kinds, limits = (ROUTE if kept == 8 else JUDGED), {**SHORT, "path_reports_kept": kept}
    expected = judged(play([track], history_reports=4096, spoof_doubt_s=0.0), kinds)
    blocks = blocks_of(track, size)
    mixed = track + track[::3]
    orders = [blocks, blocks[::-1], rng.sample(blocks, len(blocks)) + blocks[:3]]
    rng.shuffle(mixed)
    for batches in (*orders, [[each] for each in mixed], blocks_of(mixed, size)):
        assert judged(play(batches, **limits), kinds) == expected


@settings(max_examples=12, deadline=None)
@given(tracks(), st.integers(1, 30), st.integers(0, 99), st.integers(0, 9_999).map(random.Random))
def test_a_restart_amid_a_backlog_changes_no_byte(
    track: list[Reading], size: int, at: int, rng: random.Random
) -> None:
    """A snapshot anywhere in a shuffled backlog, restored, leads to the same bytes, thinned logs included."""
    limits = AnomalySettings(**SHORT, path_reports_kept=8, path_reports_kept_busy=32)
    blocks = blocks_of(track, size)
    rng.shuffle(blocks)

    def run(restart_at: int) -> bytes:
        made, told = Judge(limits), []
        made.apply_trip_events([planned()])
        for number, block in enumerate(blocks):
            if number == restart_at:
                made = Judge.restore(limits, made.snapshot())
                assert Judge.restore(limits, made.snapshot()).snapshot() == made.snapshot()
            told += made.apply_readings(block)
        return encode_alert_events(told)

    assert run(at % len(blocks)) == run(-1)


DETOURS = ((700, 6), (1_900, 12), (3_100, 40))


def long_journey(minutes: int = 4_000) -> list[Reading]:
    """Days of reports by the minute: three detours that are driven, a jump in a hundred reports."""
    rng, made = random.Random(1), []
    off = {
        begin + n: min(0.02 * (n + 1), 0.02 * (length - n), 0.12)
        for begin, length in DETOURS
        for n in range(length)
    }
    for minute in range(minutes):
        place = (50.0 + off.get(minute, 0.0), 10.0 + 2 * minute / minutes)
        if rng.random() < 0.01:
            place = (place[0] + rng.uniform(1, 9), place[1])
        made.append(reading(minute, place))
    return made


@functools.cache
def run_in_order() -> list[Standing]:
    """What stands of the long journey's deviations in the end."""
    return judged(play([long_journey()], history_reports=4096), ROUTE)


@pytest.mark.parametrize(
    ("order", "busy"),
    [
        *((order, 8) for order in ("in order", "newest first", "reversed", "shuffled", "chunks")),
        *((order, 8_192) for order in ("newest first", "shuffled")),
    ],
)
def test_days_of_reports_leave_the_same_deviations_in_any_order(order: str, busy: int) -> None:
    """Thousands of reports, a history of 64 or of all: three deviations at their times, in bounded memory."""
    journey = long_journey()
    expected = run_in_order()
    assert [alert[0] for alert in expected].count("ROUTE_DEVIATION") == len(DETOURS)
    blocks, rng = blocks_of(journey, 100), random.Random(2)
    match order:
        case "newest first":
            blocks.reverse()
        case "reversed":
            blocks = blocks_of(journey[::-1], 100)
        case "shuffled":
            rng.shuffle(journey)
            blocks = blocks_of(journey, 100)
        case "chunks":
            rng.shuffle(blocks)
    made = judge(history_reports_busy=busy)
    events = [event for block in blocks for event in made.apply_readings(block)]
    assert judged(events, ROUTE) == expected
    [log] = made.lanes.logs.paths
    assert len(log.entries) <= 2 * 256
    assert made.apply_readings(journey[:500]) == []
    assert judged(events + made.apply_readings(journey[500:]), ROUTE) == expected


def test_a_late_detour_is_raised_at_its_own_time_and_corrected_by_what_comes_still_later() -> None:
    """Days later: raised with its lateness, its beginning moved back, then retracted by reports inside."""
    made = judge(history_reports_busy=8)
    made.apply_readings(drive([*range(100), *range(130, 190)], device="JT-123"))
    first = made.apply_readings(drive([110, 112], north_deg=0.03, late_min=3_000))
    [alert] = [e for e in of_type(first, AlertType.ROUTE_DEVIATION) if e.action is AlertAction.RAISED]
    assert alert.occurred_at_ms == START_MS + 110 * MINUTE_MS
    assert alert.late_by_ms == 3_002 * MINUTE_MS + 2_000
    events = made.apply_readings(drive([108], north_deg=0.03, late_min=4_000))
    [alert] = [e for e in of_type(events, AlertType.ROUTE_DEVIATION) if e.action is AlertAction.UPDATED]
    assert alert.occurred_at_ms == START_MS + 108 * MINUTE_MS
    assert alert.received_at_ms == START_MS + 4_108 * MINUTE_MS + 2_000
    more = made.apply_readings(drive([109, 111], late_min=5_000))
    assert ("retracted", "ROUTE_DEVIATION") in {(e.action.value, e.type.value) for e in more}
    assert judged(first + events + more, ROUTE) == []


def test_a_late_jump_opens_nothing() -> None:
    """Where reports were thinned, one far from the way is no detour, and neither are its copies."""
    made = judge(history_reports_busy=8)
    for start in range(0, 3_000, 300):
        made.apply_readings([reading(start + n, (50.0, 10.0 + (start + n) / 2_000)) for n in range(300)])
    [log] = made.lanes.logs.paths
    assert len(log.entries) < 150
    late = [reading(1_000.5 + n / 10, (50.9, 10.5), late_min=5_000) for n in range(4)]
    assert judged(made.apply_readings(late + late), ROUTE) == []
    single = [reading(500.5 + 100 * n, (50.03, 10.25 + n / 20), late_min=5_000) for n in range(5)]
    assert judged(made.apply_readings(single), ROUTE) == []


def test_a_plan_that_becomes_known_late_is_held_against_the_past() -> None:
    """Reports of the days before the plan arrived are judged by it, beyond the history too."""
    made = judge(trip_event(TripEventKind.ARMED), history_reports_busy=8)
    detour = set(range(100, 160))
    for start in range(0, 500, 50):
        minutes = range(start, start + 50)
        made.apply_readings([each for m in minutes for each in drive([m], north_deg=0.06 * (m in detour))])
    line = tuple((10.0 + n / 2, 50.0) for n in range(12))
    corridor = Corridor(coordinates=line, half_width_m=(3_000.0,))
    events = made.apply_trip_events([planned(corridor=corridor)])
    [alert] = of_type(events, AlertType.BACK_ON_ROUTE)
    assert START_MS + 150 * MINUTE_MS <= alert.occurred_at_ms <= START_MS + 175 * MINUTE_MS
    begins = [e.occurred_at_ms for e in of_type(events, AlertType.ROUTE_DEVIATION)]
    assert all(START_MS + 100 * MINUTE_MS <= at <= START_MS + 120 * MINUTE_MS for at in begins)


def test_a_device_that_jumps_all_the_time_is_bounded() -> None:
    """Thousands of reports none of which may be left out, in order and late, keep within the limits."""
    made = judge(path_reports_kept_busy=32, history_reports_busy=8)
    rng = random.Random(1)
    for start in range(0, 4_000, 200):
        made.apply_readings([reading(start + n, (50.0 + rng.uniform(-9, 9), 10.0)) for n in range(200)])
        old = [reading(rng.randrange(start + 1) + 0.5, (50.0 + rng.uniform(-9, 9), 10.0)) for _ in range(9)]
        made.apply_readings(old)
    [log] = made.lanes.logs.paths
    assert len(log.entries) <= 32 + 32 * 4
    assert log.notes.horizon > (0, 0)
