"""The scoring of the Numenta Anomaly Benchmark, as published.

Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms" (ICMLA 2015);
numenta/NAB ``nab/sweeper.py`` and ``nab/scorer.py``. Of the alarms in a window the
earliest counts, by ``sigmoid`` of its place in it (1 at its left edge, near 0 at its
right one); a window without any costs ``missed``. Alarms outside cost ``false`` times the
sigmoid of their distance behind the last window in its widths (-1 far from any). The
first 15 % of a series (of its first 5,000 values) count nothing. 0 is a detector that never
alarms, 100 one that alarms at the beginning of each window and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from anomaly.sphere import Bools

FAR_BEHIND = 3.0
PROBATION_SHARE = 0.15
PROBATION_FROM = 5_000


class Profile(NamedTuple):
    """What right, false and missing alarms weigh."""

    right: float
    false: float
    missed: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward low FP": Profile(1.0, 0.22, 1.0),
    "reward low FN": Profile(1.0, 0.11, 2.0),
}


class Window(NamedTuple):
    """Rows of a labelled anomaly window, both inclusive."""

    first: int
    last: int


def windows_of(inside: Bools) -> list[Window]:
    """Runs of rows marked as inside of a window."""
    edges = np.diff(np.concatenate(([0], inside.astype(np.int8), [0])))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return [Window(int(first), int(last)) for first, last in zip(begins, ends, strict=True)]


def sigmoid(place: float) -> float:
    """Weight of an alarm at a place in widths of a window, 0 being its right edge."""
    return -1.0 if place > FAR_BEHIND else 2 / (1 + math.exp(5 * place)) - 1


def probation(rows: int) -> int:
    """How many rows at the beginning count nothing."""
    return int(min(math.floor(PROBATION_SHARE * rows), PROBATION_SHARE * PROBATION_FROM))


def raw_score(alarms: Iterable[int], windows: Sequence[Window], rows: int, profile: Profile) -> float:
    """Raw score of one series: the sum over windows and false alarms."""
    counted = sorted(row for row in alarms if row >= probation(rows))
    total = 0.0
    for window in windows:
        within = [row for row in counted if window.first <= row <= window.last]
        if within:
            width = window.last - window.first + 1
            place = -(window.last - within[0] + 1) / width
            total += profile.right * sigmoid(place) / sigmoid(-1.0)
        else:
            total -= profile.missed
    for row in counted:
        if any(window.first <= row <= window.last for window in windows):
            continue
        before = [window for window in windows if window.last < row]
        if before:
            width = max(1, before[-1].last - before[-1].first)
            total += profile.false * sigmoid((row - before[-1].last) / width)
        else:
            total -= profile.false
    return total


def normalised(raw: float, windows: int, profile: Profile) -> float:
    """0 for the detector that never alarms, 100 for the perfect one."""
    nothing, perfect = -profile.missed * windows, profile.right * windows
    return 100 * (raw - nothing) / (perfect - nothing)
