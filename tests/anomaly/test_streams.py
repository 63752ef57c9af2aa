"""Streaming detectors: a score by the series' own past, or a plain word that there is none yet."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.sphere import Floats, Structured
from anomaly.streams.bank import DRIFT, SEASONAL, SHIFT, SPIKE, STREAM, Scored, alarms, new_state, step
from anomaly.streams.level import LEVEL, deviations
from anomaly.streams.season import HOUR_MS
from anomaly.streams.tail import TAIL, law, surprises
from anomaly.streams.tuning import Tuning

TUNING = Tuning()
MINUTE_MS = 60_000
EVERY_MS = 10 * MINUTE_MS


def noise(rows: int, series: int = 1, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(20.0, 1.0, (rows, series))


def follow(state: Structured, values: Floats, first: int = 0) -> list[Scored]:
    """Step through rows of values, one each ten minutes."""
    times = [np.full(values.shape[1], (first + row) * EVERY_MS) for row in range(len(values))]
    return [step(state, row, at, TUNING) for row, at in zip(values, times, strict=True)]


def scores_of(values: Floats) -> tuple[Floats, Floats]:
    """Scores and parts of one series of shape (n, 1)."""
    said = follow(new_state(1), values)
    return np.array([each.score[0] for each in said]), np.array([each.parts[0] for each in said])


def test_a_young_series_is_not_ready_and_has_no_score() -> None:
    """While it is learning a series says so: NaN, never 0."""
    said = follow(new_state(3), noise(60, 3))
    for each in said[: TUNING.warm_values]:
        assert not each.ready.any()
        assert np.isnan(each.score).all()
        assert np.isnan(each.parts).all()
    assert all(each.ready.all() and np.isfinite(each.score).all() for each in said[TUNING.warm_values :])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
def test_what_is_no_number_is_refused_and_teaches_nothing(bad: float) -> None:
    """Refused by name, without a score, the state as it was, the neighbours untouched."""
    state = new_state(2)
    follow(state, noise(100, 2))
    before, other = state.copy(), state.copy()
    values = noise(1, 2, seed=9)[0]
    expected = step(other, values, np.full(2, 100 * EVERY_MS), TUNING)
    said = step(state, np.array([bad, values[1]]), np.full(2, 100 * EVERY_MS), TUNING)
    assert said.refused.tolist() == [True, False]
    assert said.ready.tolist() == [False, True]
    assert np.isnan(said.score[0])
    assert said.score[1] == expected.score[1]
    assert state[0].tobytes() == before[0].tobytes()
    assert state[1].tobytes() == other[1].tobytes()


def test_a_value_older_than_the_last_is_refused() -> None:
    """Order is the caller's to keep; one of the same time is taken."""
    state = new_state(1)
    follow(state, noise(50))
    assert step(state, np.array([20.0]), np.array([48 * EVERY_MS]), TUNING).refused.all()
    assert step(state, np.array([20.0]), np.array([49 * EVERY_MS]), TUNING).ready.all()


def test_many_series_at_once_are_each_as_if_alone() -> None:
    """Scores and state are the same bytes, whatever else is in the batch and in whatever order."""
    values = noise(300, 17, seed=3) * np.linspace(0.1, 50, 17)
    values[150, ::5] = np.nan
    values[200:, ::3] += 40
    together = new_state(17)
    said = follow(together, values)
    order = np.random.default_rng(5).permutation(17)
    turned = new_state(17)
    mixed = follow(turned, values[:, order])
    assert turned.tobytes() == together[order].tobytes()
    for number in range(17):
        alone = new_state(1)
        single = follow(alone, values[:, number : number + 1])
        assert alone.tobytes() == together[number : number + 1].tobytes()
        for one, all_of_them in zip(single, said, strict=True):
            assert one.parts.tobytes() == all_of_them.parts[number : number + 1].tobytes()
    assert mixed[-1].score.tobytes() == said[-1].score[order].tobytes()


def test_the_bytes_of_the_state_are_its_snapshot() -> None:
    """Restored from bytes in the middle, the series goes on as if nothing had been."""
    values = noise(600, 4, seed=4)
    values[400:, 2] += 6
    state = new_state(4)
    follow(state, values[:300])
    restored = np.frombuffer(state.tobytes(), STREAM).copy()
    expected, said = follow(state, values[300:], 300), follow(restored, values[300:], 300)
    assert restored.tobytes() == state.tobytes()
    assert [each.score.tobytes() for each in said] == [each.score.tobytes() for each in expected]


def test_a_spike_is_found_at_once_and_by_name() -> None:
    """The very value, by the part that looks at single values."""
    values = noise(1_000)
    values[800] += 15
    scores, parts = scores_of(values)
    assert np.nanargmax(scores) == 800
    assert np.nanargmax(parts[800]) == SPIKE
    assert scores[800] > 3.3


@pytest.mark.parametrize("part", [SHIFT, DRIFT])
def test_a_small_lasting_step_is_found_by_what_adds_up(part: int) -> None:
    """Two deviations, no single value out of the ordinary: within a few dozen values."""
    values = noise(1_500, seed=8)
    values[1_200:] += 2.0
    _, parts = scores_of(values)
    assert np.nanmax(parts[100:1_200, part]) < 3.3
    assert np.nanmax(parts[1_200:1_260, part]) > 3.3
    assert np.nanmax(parts[1_200:1_260, SPIKE]) < 3.3


def test_a_missing_day_is_found_by_the_season_alone() -> None:
    """A day that stays cool is within all that the series has ever been, and not what its hours are."""
    rows = 144 * 20
    hours = np.arange(rows) * EVERY_MS // HOUR_MS % 24
    values = noise(rows, seed=6) * 0.3 + 10 * ((hours >= 8) & (hours < 18))[:, None]
    values[144 * 17 : 144 * 18] = noise(144, seed=7) * 0.3
    _, parts = scores_of(values)
    day = parts[144 * 17 : 144 * 18]
    assert np.nanmax(parts[144 * 7 : 144 * 17, SEASONAL]) < 3.3
    assert np.nanmax(day[:, SEASONAL]) > 4.0
    assert np.nanmax(day[:, [SPIKE, SHIFT, DRIFT]]) < 3.3


def test_an_hour_never_seen_has_no_season() -> None:
    """The season is not ready for the first day, the others are."""
    said = follow(new_state(1), noise(200))
    assert all(np.isnan(each.parts[0, SEASONAL]) for each in said[:144:6])
    assert np.isfinite(said[150].parts[0]).all()


def test_after_a_silence_nothing_is_said_of_the_step_over_it() -> None:
    """The fast part begins at the value, the long ones still judge."""
    state = new_state(1)
    follow(state, noise(300))
    later = step(state, np.array([60.0]), np.array([300 * EVERY_MS + TUNING.gap_ms]), TUNING)
    assert np.isnan(later.parts[0, SPIKE])
    assert np.isfinite(later.parts[0, SHIFT])
    assert later.ready.all()


def level(values: list[float], gain: float = 0.5, spread_gain: float = 0.5) -> tuple[Floats, Structured]:
    """Deviations of one series under one level that warms up for three values."""
    state, tuning = np.zeros(1, LEVEL), Tuning(warm_values=3)
    gains = np.array(gain), np.array(spread_gain)
    return np.array(
        [deviations(state, np.array([value]), np.ones(1, bool), gains, tuning)[0] for value in values]
    ), state


def test_a_level_by_hand() -> None:
    """Means while young, then EWMA; a deviation beyond the clip moves it by the clip alone."""
    found, state = level([10.0, 12.0])
    assert np.isnan(found).all()
    assert state["mean"][0] == 11.0
    assert state["spread"][0] == pytest.approx(1.2533141 * 2 / 2)
    found, state = level([10.0, 12.0, 11.0, 1_011.0])
    spread = 1.2533141 / 2
    assert found[3] == pytest.approx(1_000 / spread)
    assert state["mean"][0] == pytest.approx(11 + 0.5 * 3 * spread)
    assert state["spread"][0] == pytest.approx(spread + 0.5 * (1.2533141 * 3 * spread - spread))


def test_a_level_is_never_locked_out() -> None:
    """A lasting step of a thousand deviations becomes the level, though each value is clipped."""
    found, state = level([20.0 + 0.1 * (row % 3) for row in range(50)] + [120.0] * 200, 0.05, 0.05)
    assert abs(found[50]) > 500
    assert state["mean"][0] == pytest.approx(120, abs=1)
    assert abs(found[-1]) < 2


def test_a_constant_series_has_a_resolution() -> None:
    """Less than the resolution is no deviation, more is one."""
    state = new_state(2)
    times = np.zeros(2, np.int64)
    least = np.array([0.5, 1e-9])
    for _ in range(200):
        step(state, np.array([0.0, 0.0]), times, TUNING, least)
    said = step(state, np.array([0.1, 0.1]), times, TUNING, least)
    assert said.score.tolist()[0] == 0.0
    assert said.score[1] > 3


def test_a_tail_without_a_past_is_its_prior() -> None:
    """Exponential in the logarithm, one episode in 300 values: worked out by hand."""
    shape, scale, rate = law(np.zeros(1, TAIL), TUNING)
    assert (shape[0], scale[0], rate[0]) == pytest.approx((0.0, 0.35, 1 / 300))
    far = np.array([np.expm1(np.log1p(2.0) + 0.35 * np.log(10))])
    two = np.array([2.0])
    said = surprises(np.zeros(1, TAIL), far, np.ones(1, bool), two, TUNING)
    assert said[0] == pytest.approx(np.log10(300) + 1)
    assert surprises(np.zeros(1, TAIL), two, np.ones(1, bool), two, TUNING).tolist() == [0.0]
    assert np.isnan(surprises(np.zeros(1, TAIL), far, np.zeros(1, bool), two, TUNING)).all()


def test_an_episode_counts_once_by_its_peak_when_it_is_over() -> None:
    """Values in a row beyond the threshold are one episode; a peak counts as three scales at most."""
    state, tuning = np.zeros(1, TAIL), Tuning(tail_quiet_values=3)
    for value in [1.0, 5.0, 8.0, 1.0, 1.0, 6.0, 1.0, 1.0]:
        surprises(state, np.array([value]), np.ones(1, bool), np.array([2.0]), tuning)
    assert state["episodes"][0] == 0
    surprises(state, np.array([1.0]), np.ones(1, bool), np.array([2.0]), tuning)
    assert (state["values"][0], state["episodes"][0]) == (9, 1)
    assert state["total"][0] == pytest.approx(min(np.log(9 / 3), 3 * 0.35))


def test_scores_are_as_rare_as_they_say() -> None:
    """On 200 series of independent values, episodes at a score of 2.5 come about once in 10^2.5 values."""
    rng, state = np.random.default_rng(11), np.zeros(200, TAIL)
    begun, quiet, values = 0, np.full(200, 10**6), 0
    for row in range(3_000):
        sample = np.abs(rng.standard_t(4, 200))
        said = surprises(state, sample, np.ones(200, bool), np.array([2.0]), Tuning(tail_quiet_values=5))
        over = said >= 2.5
        if row >= 500:
            begun += int((over & (quiet >= 5)).sum())
            values += 200
        quiet = np.where(over, 0, quiet + 1)
    assert 0.5 < begun / values * 10**2.5 < 2.0


def test_an_alarm_stands_for_a_while() -> None:
    """One alarm in so many values, refused ones not counted; a series that isn't ready gives none."""
    state = new_state(1)

    def said(score: float, *, refused: bool = False) -> bool:
        ready = np.array([not np.isnan(score)])
        scored = Scored(np.array([score]), ready, np.array([refused]), np.zeros((1, 4)))
        return bool(alarms(state, scored, 3.0, 2)[0])

    assert [said(each) for each in (np.nan, 2.9, 3.0, 9.0, 9.0, 9.0)] == [
        False,
        False,
        True,
        False,
        False,
        True,
    ]
    assert [said(np.nan, refused=True), said(9.0), said(9.0), said(9.0)] == [False, False, False, True]
