"""Detectors as the benchmark runs them: scores of whole series, and alarms from scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from anomaly.sphere import Bools, Floats, Ints
from anomaly.streams.bank import new_state, step
from anomaly.streams.tuning import Tuning

QUIET_VALUES = 300
GAUSSIAN_WINDOW = 6_400
GAUSSIAN_STEP = 100
LEAST_DEVIATION = 1e-6
SIGMA_FROM = 30
"""k-sigma says nothing about so many values at the beginning."""


class Series(NamedTuple):
    """One series; arrays of equal length, oldest first."""

    t_ms: Ints
    values: Floats
    inside: Bools  # of a labelled window


def streams(series: Mapping[str, Series], tuning: Tuning | None = None) -> dict[str, Floats]:
    """Scores of the streaming bank, all series followed at once; NaN where it isn't ready."""
    names = list(series)
    tuning = tuning or Tuning()
    state = new_state(len(names))
    scores = {name: np.full(len(series[name].values), np.nan) for name in names}
    for row in range(max(len(each.values) for each in series.values())):
        going = [at for at, name in enumerate(names) if row < len(series[name].values)]
        part = state[going]
        values = np.array([series[names[at]].values[row] for at in going])
        t_ms = np.array([series[names[at]].t_ms[row] for at in going])
        scored = step(part, values, t_ms, tuning)
        state[going] = part
        for at, score in zip(going, scored.score.tolist(), strict=True):
            scores[names[at]][row] = score
    return scores


def windowed_gaussian(series: Series) -> Floats:
    """NAB's windowed Gaussian as |z|: of up to 6,400 values before, moved on by 100.

    NAB's own score is the tail probability of the same z, which saturates at 1;
    the z keeps the order of what it can't tell apart.
    """
    values = series.values
    scores = np.full(len(values), np.nan)
    for row in range(1, len(values)):
        moved = max(0, (row - GAUSSIAN_WINDOW) // GAUSSIAN_STEP) * GAUSSIAN_STEP
        if row <= GAUSSIAN_WINDOW or (row - GAUSSIAN_WINDOW) % GAUSSIAN_STEP == 0:
            window = values[moved : min(row, moved + GAUSSIAN_WINDOW)]
            mean, deviation = float(window.mean()), float(window.std())
        scores[row] = abs(values[row] - mean) / (deviation or LEAST_DEVIATION)
    return scores


def k_sigma(series: Series) -> Floats:
    """|z| by mean and deviation of all values before."""
    values = series.values
    before = np.arange(len(values))
    shifted = values - values[0]
    total = np.concatenate(([0.0], np.cumsum(shifted)[:-1]))
    squares = np.concatenate(([0.0], np.cumsum(shifted * shifted)[:-1]))
    mean = total / np.maximum(before, 1)
    deviation = np.sqrt(np.maximum(squares / np.maximum(before, 1) - mean * mean, 0.0))
    scores: Floats = np.abs(shifted - mean) / np.maximum(deviation, LEAST_DEVIATION)
    scores[:SIGMA_FROM] = np.nan
    return scores


def alarms(scores: Floats, threshold: float, quiet_values: int) -> list[int]:
    """Rows at which alarms begin: a score at the threshold, none within ``quiet_values`` before."""
    found: list[int] = []
    for row in np.flatnonzero(np.nan_to_num(scores, nan=-np.inf) >= threshold).tolist():
        if not found or row - found[-1] > quiet_values:
            found.append(row)
    return found
