"""Backlogs far longer than the history: the same breaches in whatever order their reports arrive."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.judge import Judge
from anomaly.rules.seal_custody import BREACH, CLOSED, CLOSED_SAID, SealWord, word_after, words_of
from anomaly.seal_log import BEGINNING
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.codec import encode_alert_events
from sealtrail.contract.reading import Reading, SealEvent, SealState
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import (
    CONTAINER,
    MINUTE_MS,
    SEAL,
    START_MS,
    Standing,
    authorised,
    judge,
    of_type,
    planned,
    reading,
    standing,
)

HERE = (50.0, 10.1)
BREACHES = {"SEAL_CUT", "SEAL_OPENED", "SEAL_TAMPER"}
STATES = {
    "sealed": SealState.SEALED,
    "cut": SealState.CUT,
    "open": SealState.OPEN,
    "tampered": SealState.SEALED,
}
EVENTS = {"cut": SealEvent.CUT, "open": SealEvent.OPENED, "tampered": SealEvent.TAMPERED}
CUT: dict[str, Any] = {"state": SealState.CUT}
SEALED: dict[str, Any] = {"state": SealState.SEALED}

WIDEST_MS = 105_000
"""Between two neighbouring reports of a backlog."""

Batches = list[list[Reading]]

SHORT: dict[str, Any] = {"history_reports": 8, "history_reports_busy": 8}
"""A history that every backlog here is longer than."""


CONDITIONS = st.sampled_from(["sealed", "sealed", "cut", "open", "tampered"])
LENGTHS = st.sampled_from([1, 2, 3, 9, 30, 60])
Plan = tuple[str, list[tuple[str, int, bool]]]
PLANS: st.SearchStrategy[Plan] = st.tuples(
    st.sampled_from(["states", "events", "both"]),
    st.lists(st.tuples(CONDITIONS, LENGTHS, st.booleans()), min_size=5, max_size=30),
)
"""How a seal reports, and stretches of (condition, reports, whether only a third of them speak of it)."""


def backlog_of(plan: Plan) -> list[Reading]:
    """Reports of a plan, some hundreds of them mostly, 1 to 1.75 min apart."""
    style, stretches = plan
    made: list[Reading] = []
    minute = 0.0
    for condition, length, sparing in stretches:
        for number in range(length):
            says = not (style == "both" and sparing and number % 3)
            events = EVENTS.get(condition, SealEvent.NONE) if style != "states" and says else SealEvent.NONE
            level = STATES.get(condition, SealState.SEALED)
            state = level if style != "events" and says else SealState.UNKNOWN
            made.append(reading(minute, HERE, events=events, state=state))
            minute += 1 + (number % 4) / 4
    return made


def play(batches: Batches, **limits: int) -> list[AlertEvent]:
    made = judge(planned(), authorised(30, 200), **limits)
    told: list[AlertEvent] = []
    for batch in batches:
        told += made.apply_readings(batch)
    return told


def breaches(events: list[AlertEvent]) -> list[Standing]:
    return [alert for alert in standing(events) if alert[0] in BREACHES]


def alike(found: list[Standing], expected: list[Standing]) -> bool:
    """Whether the same breaches stand, each beginning no further off than two neighbouring reports lie apart.

    A report that contradicts a joined stretch claims nothing nearer than that (seal_log.py).
    """
    return len(found) == len(expected) and all(
        (one[0], one[2:]) == (other[0], other[2:]) and abs(one[1] - other[1]) <= WIDEST_MS
        for one, other in zip(found, expected, strict=True)
    )


def blocks_of(reports: list[Reading], size: int) -> Batches:
    return [reports[start : start + size] for start in range(0, len(reports), size)]


@settings(max_examples=12, deadline=None)
@given(PLANS, st.integers(1, 40), st.sampled_from([8, 16, 64]), st.integers(0, 9_999).map(random.Random))
def test_blocks_in_any_order_are_the_breaches_of_the_run_in_order(
    plan: Plan, size: int, history: int, rng: random.Random
) -> None:
    """The breaches that stand don't depend on the order of arrival."""
    backlog = backlog_of(plan)
    short = {"history_reports": history, "history_reports_busy": history}
    expected = breaches(play(blocks_of(backlog, 50), **short))
    assert alike(breaches(play([backlog], history_reports=4096)), expected)
    blocks = blocks_of(backlog, size)
    assert alike(breaches(play(blocks[::-1], **short)), expected)
    rng.shuffle(blocks)
    assert alike(breaches(play(blocks + blocks[:3], **short)), expected)
    mixed = backlog[:]
    rng.shuffle(mixed)
    assert alike(breaches(play(blocks_of(mixed, size), **short)), expected)


@settings(max_examples=15, deadline=None)
@given(PLANS, st.integers(1, 40), st.integers(0, 9_999).map(random.Random))
def test_a_breach_with_a_proof_between_is_never_taken_back(plan: Plan, size: int, rng: random.Random) -> None:
    """Cuts of a seal that reports states are raised once each and never retracted, in any order."""
    backlog = backlog_of(plan)
    for each in backlog:
        each.seal_events = 0
    blocks = blocks_of(backlog, size)
    rng.shuffle(blocks)
    made = judge(**SHORT)
    events = [event for block in blocks for event in made.apply_readings(block)]
    cuts = of_type(events, AlertType.SEAL_CUT)
    assert {event.action for event in cuts} <= {AlertAction.RAISED, AlertAction.UPDATED}
    raised = [event.alert_id for event in cuts if event.action is AlertAction.RAISED]
    assert len(raised) == len(set(raised))


@settings(max_examples=12, deadline=None)
@given(PLANS, st.integers(1, 40), st.integers(0, 9_999).map(random.Random))
def test_a_log_that_is_too_small_forgets_no_cut_and_multiplies_none(
    plan: Plan, size: int, rng: random.Random
) -> None:
    """With stretches joined all the time each kind is raised, and nowhere near an alert for each report."""
    backlog = backlog_of(plan)
    expected = breaches(play([backlog], history_reports=4096))
    rng.shuffle(backlog)
    made = judge(planned(), authorised(30, 200), **SHORT, seal_stretches_kept=8, seal_stretches_kept_busy=64)
    got = breaches([event for block in blocks_of(backlog, size) for event in made.apply_readings(block)])
    for kind in ("SEAL_CUT", "SEAL_TAMPER"):
        assert any(alert[0] == kind for alert in got) == any(alert[0] == kind for alert in expected)
    [log] = made.lanes.logs.seals
    assert len(log.stretches) <= 64 + 64
    if log.notes.horizon == BEGINNING:
        assert len(got) <= 2 * len(expected)


@settings(max_examples=12, deadline=None)
@given(PLANS, st.integers(1, 40), st.integers(0, 99), st.integers(0, 9_999).map(random.Random))
def test_a_restart_amid_a_backlog_changes_no_byte(plan: Plan, size: int, at: int, rng: random.Random) -> None:
    """A snapshot anywhere in a shuffled backlog, restored, leads to the same bytes."""
    limits, backlog = AnomalySettings(**SHORT), backlog_of(plan)
    blocks = blocks_of(backlog, size)
    rng.shuffle(blocks)

    def run(restart_at: int) -> bytes:
        made, told = judge(planned(), **SHORT), []
        for number, block in enumerate(blocks):
            if number == restart_at:
                made = Judge.restore(limits, made.snapshot())
                assert Judge.restore(limits, made.snapshot()).snapshot() == made.snapshot()
            told += made.apply_readings(block)
        return encode_alert_events(told)

    assert run(at % len(blocks)) == run(-1)


def test_older_evidence_moves_the_beginning_of_the_same_alert() -> None:
    """A hundred cut reports in blocks, newest first, are one alert, raised once, then updated backwards."""
    made = judge()
    made.apply_readings([reading(minute, HERE, **SEALED) for minute in range(5)])
    events: list[AlertEvent] = []
    for start in range(105, 4, -12):
        events += made.apply_readings([reading(start + n, HERE, late_min=200, **CUT) for n in range(12)])
    cuts = of_type(events, AlertType.SEAL_CUT)
    assert len({event.alert_id for event in cuts}) == 1
    assert [event.action.value for event in cuts] == ["raised"] + ["updated"] * (len(cuts) - 1)
    assert all(late.occurred_at_ms < early.occurred_at_ms for early, late in pairwise(cuts))
    assert cuts[-1].occurred_at_ms == START_MS + 9 * MINUTE_MS


def test_a_closing_that_arrives_last_makes_two_alerts_at_that_moment() -> None:
    """Two cuts look like one until the report between them, older than the history, shows a closed seal."""
    made = judge(**SHORT)
    minutes = [*range(10, 50), *range(51, 90)]
    events = made.apply_readings([reading(minute, HERE, **CUT) for minute in minutes])
    assert breaches(events) == [("SEAL_CUT", START_MS + 10 * MINUTE_MS, "critical", "open")]
    events = of_type(made.apply_readings([reading(50, HERE, late_min=90, **SEALED)]), AlertType.SEAL_CUT)
    [second] = [event for event in events if event.action is AlertAction.RAISED]
    assert [event.action for event in events] == [AlertAction.RAISED]
    assert second.occurred_at_ms >= START_MS + 51 * MINUTE_MS
    assert made.apply_readings([reading(50, HERE, late_min=95, **SEALED)]) == []


def test_a_condition_before_the_history_holds_within_it() -> None:
    """An old report that changes the condition at the history's beginning changes what the history says."""
    made = judge(**SHORT)
    made.apply_readings([reading(0, HERE, **SEALED)])
    events = made.apply_readings([reading(minute, HERE) for minute in range(10, 40)])
    events += made.apply_readings([reading(41, HERE, events=SealEvent.CUT)])
    assert len(breaches(events)) == 1
    events += made.apply_readings([reading(5, HERE, late_min=60, **CUT)])
    assert breaches(events) == [("SEAL_CUT", START_MS + 5 * MINUTE_MS, "critical", "open")]
    lane = made.lanes.find(CONTAINER, SEAL)
    assert lane is not None
    assert made.lanes.foundation(lane)["seal_word"][0] & BREACH


def test_the_log_is_bounded() -> None:
    """Ten thousand reports, most of them in order, and the log keeps within its limits."""
    made = judge(**SHORT)
    rng = random.Random(1)
    bits = [SealEvent.NONE, SealEvent.CUT, SealEvent.OPENED]
    for start in range(0, 10_000, 500):
        batch = [reading(start + n, None, events=bits[(start + n) // 7 % 3]) for n in range(500)]
        old = [reading(rng.randrange(start + 1) + 0.5, None, events=rng.choice(bits)) for _ in range(20)]
        made.apply_readings(batch)
        made.apply_readings(old)
    [log] = made.lanes.logs.seals
    assert len(log.stretches) <= 256 + 256
    assert len(made.snapshot()) < 1_000_000


@pytest.mark.parametrize("level", [False, True])
@pytest.mark.parametrize("dirty", [False, True])
def test_one_report_and_many_at_once_come_to_the_same(*, level: bool, dirty: bool) -> None:
    """`word_after` is the vectorised step for every report and condition, and twice adds nothing."""
    for events in range(48):
        for state in range(6):
            for word in (*range(64), *range(128, 192), *range(256, 320)):
                now, speaks = word_after(events, state, SealWord(word, level, dirty))
                one = words_of(
                    np.array([events & 15 | events >> 4 << 30]),
                    np.array([state]),
                    np.array([word]),
                    np.array([now.level], np.int64),
                )
                assert now.word == int(one[0])
                assert now.level == (level or state != 0)
                closing = now.word & ~word & (CLOSED if dirty else CLOSED_SAID)
                assert speaks == bool((now.word ^ word) & BREACH or closing)
                assert word_after(events, state, now) == (now, False)
