"""One value of each of many series in, how surprising each is out.

Four parts look at every value, each by its deviation in units of what is usual for
the series, and each through a tail of its own (tail.py):

* *spike*: the value against the one before, or as far towards that as the level went;
* *shift*: the smoothed value against a long level;
* *drift*: CUSUM, the larger of its two sums, against a middle level;
* *season*: the smoothed residual of the time of day (season.py).

The score is the greatest of theirs: -log10 of the probability that an episode so
far out begins at a value. 3 is one in a thousand values, for each part.

State is a structured array (dtype `STREAM`), a row for each series, all zero at the
beginning; its bytes are its snapshot. Rows of one call must be different series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomaly.sphere import Bools, Floats, Ints, Structured
from anomaly.streams.level import LEAST, LEVEL, deviations
from anomaly.streams.season import SEASON, residuals
from anomaly.streams.tail import TAIL, surprises
from anomaly.streams.tuning import Tuning

PARTS = ("spike", "shift", "drift", "season")
SPIKE, SHIFT, DRIFT, SEASONAL = range(4)
STREAM = np.dtype(
    [
        ("begun", "u1"),
        ("t", "i8"),
        ("smooth", "f8"),
        ("season_smooth", "f8"),
        ("up", "f8"),
        ("down", "f8"),
        ("level", LEVEL, (len(PARTS),)),
        ("season", SEASON),
        ("tail", TAIL, (len(PARTS),)),
        ("silent", "u4"),  # values for which an alarm given still stands
    ]
)
GREATEST = 1e100
"""Values beyond this are no measurement, and their squares no numbers."""


class Scored(NamedTuple):
    """What one step says; arrays of one row a series."""

    score: Floats  # NaN where not ready
    ready: Bools  # False: still learning, or the value was refused
    refused: Bools  # NaN, infinite, beyond `GREATEST`, or older than the value before: nothing was learned
    parts: Floats  # (n, 4) in order of `PARTS`; NaN for a part that isn't ready


def new_state(series: int) -> Structured:
    """State of series that have said nothing yet."""
    return np.zeros(series, STREAM)


def step(
    state: Structured,
    values: Floats,
    t_ms: Ints,
    tuning: Tuning,
    least_spread: Floats | float = LEAST,
) -> Scored:
    """Score one value of each series by what came before, then learn it; ``state`` is written in place.

    ``least_spread``: resolution of the quantity, in its unit, one for all or one
    for each series; less than it is no deviation.
    """
    values, t_ms = np.asarray(values, np.float64), np.asarray(t_ms, np.int64)
    begun = state["begun"] != 0
    usable: Bools = (np.abs(values) <= GREATEST) & ~(begun & (t_ms < state["t"]))
    values = np.where(usable, values, 0.0)
    resumed = usable & (~begun | (t_ms - state["t"] > tuning.gap_ms))
    state["t"] = np.where(usable, t_ms, state["t"])
    state["begun"] |= usable
    deviation = _deviations(state, values, t_ms, usable, resumed, (tuning, least_spread))
    ready = ~np.isnan(deviation)
    parts = surprises(state["tail"], deviation, ready, _thresholds(tuning), tuning)
    some = np.logical_or.reduce(ready, axis=1)
    best = np.where(ready, parts, -1.0).max(axis=1)
    return Scored(np.where(some, best, np.nan), some, ~usable, parts)


def alarms(state: Structured, scored: Scored, threshold: float, quiet_values: int) -> Bools:
    """Which values begin an alarm; for ``quiet_values`` values after it a series gives no other."""
    silent = state["silent"]
    begins: Bools = scored.ready & (np.where(scored.ready, scored.score, 0.0) >= threshold) & (silent == 0)
    left = np.where(scored.refused | (silent == 0), silent, silent - 1)
    state["silent"] = np.where(begins, quiet_values, left)
    return begins


def _thresholds(tuning: Tuning) -> Floats:
    thresholds = np.full(len(PARTS), tuning.threshold_deviations)
    thresholds[DRIFT] = tuning.threshold_drift
    return thresholds


def _deviations(
    state: Structured,
    values: Floats,
    t_ms: Ints,
    usable: Bools,
    resumed: Bools,
    how: tuple[Tuning, Floats | float],
) -> Floats:
    """How far out each part finds each value, (n, 4), not negative; NaN where a part can't say."""
    tuning, least_spread = how
    residual = residuals(state["season"], values, t_ms, usable, tuning)
    seasonal = ~np.isnan(residual)
    smooth = np.where(resumed, values, state["smooth"])
    smooth = smooth + tuning.shift_smoothing * (values - smooth)
    state["smooth"] = np.where(usable, smooth, state["smooth"])
    residual = np.where(seasonal, residual, 0.0)
    before = state["season_smooth"]
    season_smooth = before + tuning.shift_smoothing * (residual - before)
    state["season_smooth"] = np.where(seasonal, season_smooth, before)
    levels = state["level"]
    levels["mean"][:, SPIKE] = np.where(resumed, values, levels["mean"][:, SPIKE])
    seen = np.stack((values, smooth, values, season_smooth), axis=1)
    sure = np.stack((usable, usable, usable, seasonal), axis=1)
    least = np.asarray(least_spread)
    result = deviations(
        levels, seen, sure, _gains(tuning), tuning, least[:, None] if least.ndim else float(least)
    )
    result[:, SPIKE] = np.where(resumed, np.nan, result[:, SPIKE])
    drift = result[:, DRIFT]
    sums = _cusum(state, drift, usable, resumed, tuning)
    result = np.abs(result)
    result[:, DRIFT] = np.where(np.isnan(drift), np.nan, sums)
    return result


def _gains(tuning: Tuning) -> tuple[Floats, Floats]:
    """Gains of levels and spreads, in order of `PARTS`."""
    level = (tuning.spike_gain, tuning.shift_gain, tuning.drift_gain, tuning.season_gain_shift)
    spread = (
        tuning.spike_spread_gain,
        tuning.shift_gain,
        tuning.drift_gain,
        tuning.spike_spread_gain,
    )
    return np.array(level), np.array(spread)


def _cusum(state: Structured, deviation: Floats, usable: Bools, resumed: Bools, tuning: Tuning) -> Floats:
    """The larger of the sums of deviations to either side, less the allowance; anew after a silence."""
    off = np.clip(np.where(np.isnan(deviation), 0.0, deviation), -tuning.clip - 1, tuning.clip + 1)
    for side, sign in (("up", 1.0), ("down", -1.0)):
        before = np.where(resumed, 0.0, state[side])
        total = np.clip(before + sign * off - tuning.drift_allowance, 0.0, tuning.drift_most)
        state[side] = np.where(usable, total, state[side])
    larger: Floats = np.maximum(state["up"], state["down"])
    return larger
