"""Backlogs longer than the ring: every rule judges late reports as if they had come in time."""

from __future__ import annotations

import random
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.judge import Judge
from anomaly.past import Block, Past, block_of
from anomaly.replay import alike
from anomaly.rules.catalogue import RULES
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.codec import encode_alert_events
from sealtrail.contract.reading import Reading, SealEvent
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.test_conformance import JOURNEY, plan
from tests.anomaly.world import MINUTE_MS, SEAL, START_MS, Standing, drive, judge, planned, reading, standing

Batches = list[list[Reading]]
ALL = 4_096
LEGS, LEG_MIN, LONG = 6, 45, 300


def later(report: Reading, leg: int) -> Reading:
    shift_ms = leg * LEG_MIN * MINUTE_MS
    return msgspec.structs.replace(
        report,
        reading_id=(report.reading_id + leg) % (1 << 64),
        occurred_at_ms=report.occurred_at_ms + shift_ms,
        received_at_ms=report.received_at_ms + shift_ms,
    )


TYPES = {kind.value for rule in RULES for kind in rule.types}


def of_rules(events: list[AlertEvent]) -> list[Standing]:
    return [alert for alert in standing(events) if alert[0] in TYPES]


LONG_JOURNEY = sorted(
    (later(report, leg) for leg in range(LEGS) for report in JOURNEY),
    key=lambda each: (each.occurred_at_ms, each.reading_id),
)[:LONG]
"""Three hundred reports of two devices in which every rule speaks, several times."""


def play(batches: Batches, **limits: int) -> list[AlertEvent]:
    made = judge(plan(), signals_kept=ALL, **limits)
    return [event for batch in batches for event in made.apply_readings(batch)]


@cache
def expected() -> list[Standing]:
    return of_rules(play(blocks_of(LONG_JOURNEY, 7), history_reports=ALL))


def blocks_of(reports: list[Reading], size: int) -> Batches:
    return [reports[start : start + size] for start in range(0, len(reports), size)]


def arranged(order: str, size: int, rng: random.Random) -> Batches:
    """The long journey in blocks, in one of the orders in which backlogs come."""
    reports = LONG_JOURNEY[:]
    blocks = blocks_of(reports, size)
    match order:
        case "newest block first":
            blocks.reverse()
        case "reversed":
            blocks = blocks_of(reports[::-1], size)
        case "shuffled":
            rng.shuffle(reports)
            blocks = blocks_of(reports, size)
        case "blocks shuffled":
            rng.shuffle(blocks)
        case "doubled":
            reports += rng.sample(reports, 100)
            rng.shuffle(reports)
            blocks = blocks_of(reports, size)
    return blocks


ORDERS = st.sampled_from(
    ["in order", "newest block first", "reversed", "shuffled", "blocks shuffled", "doubled"]
)
RANDOM = st.integers(0, 99_999).map(random.Random)


def test_every_rule_speaks_in_the_long_journey() -> None:
    """What the other tests here compare holds alerts of every rule that speaks in the short one."""
    short = {alert[0] for alert in of_rules(play([JOURNEY], history_reports=ALL))}
    assert {alert[0] for alert in expected()} >= short
    assert len(short) > len(RULES) // 2


@settings(max_examples=8, deadline=None)
@given(ORDERS, st.integers(1, 40), st.sampled_from([8, 16]), RANDOM)
def test_any_order_leaves_the_alerts_of_the_run_in_order(
    order: str, size: int, history: int, rng: random.Random
) -> None:
    """A journey of hundreds of reports and a ring of eight or sixteen: alerts of all rules are the same."""
    limits = {"history_reports": history, "history_reports_spare": 2 * LONG}
    assert of_rules(play(arranged(order, size, rng), **limits)) == expected()


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(["in order", "newest block first", "reversed"]),
    st.integers(1, 40),
    st.sampled_from([8, 16]),
    RANDOM,
)
def test_a_steady_backlog_needs_nothing_kept_before_it(
    order: str, size: int, history: int, rng: random.Random
) -> None:
    """In a fleet too large to keep more than rings, the first late report tells what to keep."""
    assert of_rules(play(arranged(order, size, rng), history_reports=history)) == expected()


@pytest.mark.parametrize(("size", "seed"), [(4, 20_558), (40, 80_930), (10, 65_535)])
def test_blocks_that_begin_like_a_run_in_order(size: int, seed: int) -> None:
    """Reports that skip others, long enough to seem a quiet device, and then what was skipped."""
    blocks = arranged("blocks shuffled", size, random.Random(seed))
    assert of_rules(play(blocks, history_reports=8, history_reports_spare=2 * LONG)) == expected()


def test_a_burst_doesnt_end_what_is_kept_for_it() -> None:
    """A block larger than many rings is no sign of a quiet device; the blocks before it find their places."""
    blocks = arranged("blocks shuffled", 40, random.Random(80_930))
    assert of_rules(play(blocks, history_reports=8)) == expected()


def test_a_small_fleet_keeps_its_share_and_gives_it_up_as_it_grows() -> None:
    """What may be kept beside the rings is shared out evenly; too little for each is kept by none."""
    made = judge(history_reports=8, history_reports_spare=640)

    def report(minutes: range, devices: int) -> list[int]:
        for minute in minutes:
            names = [(f"JT-{n}", f"MSKU{n:07}") for n in range(devices)]
            made.apply_readings([reading(minute, device=name, container=box) for name, box in names])
        return [len(made.lanes.history_of(lane)) for lane in range(devices)]

    assert all(150 <= kept <= 160 for kept in report(range(200), 4))
    assert Judge.restore(made.settings, made.snapshot()).lanes.allowance == made.lanes.allowance == 160
    assert all(kept <= 8 for kept in report(range(200, 220), 40))
    assert made.lanes.pasts == {}


@settings(max_examples=8, deadline=None)
@given(ORDERS, st.integers(1, 40), st.integers(0, 999), RANDOM)
def test_a_restart_amid_a_backlog_changes_no_byte(order: str, size: int, at: int, rng: random.Random) -> None:
    """A snapshot anywhere in a backlog that is kept in blocks, restored, leads to the same bytes."""
    limits, blocks = AnomalySettings(history_reports=8), arranged(order, size, rng)

    def run(restart_at: int) -> bytes:
        made, told = judge(planned(), history_reports=8), []
        for number, block in enumerate(blocks):
            if number == restart_at:
                before = made.snapshot()
                made = Judge.restore(limits, before)
                assert made.snapshot() == before
            told += made.apply_readings(block)
        return encode_alert_events(told)

    assert run(at % len(blocks)) == run(-1)


@settings(max_examples=5, deadline=None)
@given(ORDERS, st.integers(1, 40), RANDOM)
def test_what_is_kept_doesnt_depend_on_the_order(order: str, size: int, rng: random.Random) -> None:
    """Reports, verdicts on them and states after all of them are those of the run in order, byte for byte."""
    straight, made = judge(history_reports=ALL), judge(history_reports=16, history_reports_spare=2 * LONG)
    straight.apply_readings(LONG_JOURNEY)
    for block in arranged(order, size, rng):
        made.apply_readings(block)
    for lane, names in enumerate(zip(straight.lanes.containers, straight.lanes.devices, strict=True)):
        mine = made.lanes.find(*names)
        assert mine is not None
        whole, kept = straight.lanes.history_of(lane), made.lanes.history_of(mine)
        assert kept.tobytes() == whole.tobytes()
        live = made.lanes.live[mine : mine + 1], straight.lanes.live[lane : lane + 1]
        assert alike(*live)


def test_a_quiet_lane_keeps_only_its_ring_again() -> None:
    """Blocks are kept while late reports come, and given up some time after the last of them."""
    made = judge(history_reports=16)
    lane = 0
    for minute in range(200):
        made.apply_readings(drive([minute]))
    assert made.lanes.pasts == {}
    backlog = drive(range(300, 500))
    for block in blocks_of(backlog, 20)[::-1]:
        made.apply_readings(block)
    past = made.lanes.pasts[lane]
    assert past.size + made.lanes.count[lane] >= len(backlog)
    assert past.size == sum(len(block.reports) for block in past.blocks)
    for minute in range(500, 800):
        made.apply_readings(drive([minute]))
    assert made.lanes.pasts == {}
    assert len(made.lanes.history_of(lane)) >= 16 // 2


def test_no_more_is_kept_than_the_setting_says() -> None:
    """A backlog that goes on for ever is bounded; a cut in its oldest part is still an alert."""
    made = judge(history_reports=16, history_reports_busy=64)
    events: list[AlertEvent] = []
    for start in range(1_000, 0, -10):
        cut = SealEvent.CUT if start == 501 - 1 else SealEvent.NONE
        events += made.apply_readings([reading(start + n, events=cut) for n in range(10)])
        assert len(made.lanes.history_of(0)) <= 64 + 32
    assert ("SEAL_CUT", START_MS + 500 * MINUTE_MS, "critical", "open") in standing(events)


def test_a_late_fix_far_back_is_judged_by_the_plan() -> None:
    """A plan that becomes known late is held against all reports that are kept."""
    made = judge(planned(container="MSKU0000001"), history_reports=8)
    backlog = [*drive(range(60)), *drive(range(60, 80), north_deg=0.03), *drive(range(80, 140))]
    for block in blocks_of(backlog, 20)[::-1]:
        made.apply_readings(block)
    alerts = standing(made.apply_trip_events([planned()]))
    assert ("ROUTE_DEVIATION", START_MS + 60 * MINUTE_MS, "high", "cleared") in alerts


@pytest.mark.parametrize(("minute", "expected_place"), [(0, -1), (9, -1), (10, 0), (19, 0), (20, 1), (99, 1)])
def test_a_report_belongs_to_the_block_behind_whose_beginning_it_is(minute: int, expected_place: int) -> None:
    """Blocks begin behind the report that their state is after; older than all is -1."""
    made = judge(history_reports=16)
    made.apply_readings(drive([9, 19]))
    reports, blocks = made.lanes.history_of(0), []
    for n in range(2):
        state = made.lanes.live[:1].copy()
        state["last_t"], state["last_rid"] = reports["t"][n], reports["rid"][n]
        blocks.append(Block(state, reports[n : n + 1]))
    at_ms = START_MS + minute * MINUTE_MS
    assert block_of(blocks, (at_ms, 0)) == expected_place
    assert Past(blocks).holds(blocks[0].key, whenever=True)
    assert made.lanes.devices[0] == SEAL
