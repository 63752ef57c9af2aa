"""Has the score stream moved since the model was made? Page-Hinkley, both ways, as a pure function.

Each device's scores are averaged day by day, so that neither the time of day
nor a score's memory looks like a drift, and cut where the tail begins, so that
alarms don't. The averages, put in units of those of the calibrating part,
are summed in event-time order as far as they exceed `SLACK`, and the sum is
compared with its own minimum. A shift by two spreads is seen after about eight
device-days; independent averages without one are called a drift less than once
in a hundred thousand. It is reported; nothing is retrained by it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomaly.sphere import Floats, Ints

CLIPPED_AT = 4.0
SLACK = 0.5
LIMIT = 12.0
_DAY_MS = 86_400_000


class Drift(NamedTuple):
    """Where the stream drifts: index of the average that showed it (-1: nowhere), and how far it went."""

    higher_at: int
    lower_at: int
    most: float  # largest sum in either direction; a drift from `LIMIT` on

    @property
    def found(self) -> bool:
        return max(self.higher_at, self.lower_at) >= 0


def daily(scores: Floats, at_ms: Ints, highest: float) -> tuple[Floats, Ints]:
    """Averages of one device's scores (n,), cut at ``highest``, over days from its first one; and their ends.

    Scores are in event-time order; those that are NaN are left out, as are days without any.
    """
    known = ~np.isnan(scores)
    scores, at_ms = np.minimum(scores[known], highest), at_ms[known]
    if not len(scores):
        return np.empty(0), np.empty(0, np.int64)
    day = (at_ms - at_ms[0]) // _DAY_MS
    begins = np.flatnonzero(np.diff(day, prepend=-1))
    ends = np.append(begins[1:], len(day))
    averages: Floats = np.add.reduceat(scores, begins) / (ends - begins)
    return averages, at_ms[ends - 1]


def drift(averages: Floats, middle: float, spread: float) -> Drift:
    """Drift of `daily` averages of any devices in event-time order."""
    units = np.clip((averages - middle) / spread, -CLIPPED_AT, CLIPPED_AT)
    sums = [_exceeding(direction * units) for direction in (1.0, -1.0)]
    first = [int(np.argmax(each > LIMIT)) if (each > LIMIT).any() else -1 for each in sums]
    most = max((float(each.max()) for each in sums if each.size), default=0.0)
    return Drift(first[0], first[1], most)


def _exceeding(units: Floats) -> Floats:
    path = np.concatenate(([0.0], np.cumsum(units - SLACK)))
    return (path - np.minimum.accumulate(path))[1:]
