"""Has the score stream moved since the model was made? Page-Hinkley, both ways, as a pure function.

Scores are put in units of the calibrating part's spread around its median and
clipped, so that alarms are no drift. The sum of what exceeds ``slack`` is
compared with its own minimum: a lasting shift of a whole unit is seen after about
``limit`` scores, and none within 10,000 independent scores on average.
It is reported; nothing is retrained by it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomaly.sphere import Floats

CLIPPED_AT = 3.0
SLACK = 0.25
LIMIT = 40.0


class Drift(NamedTuple):
    """Where the stream has drifted: index of the score that showed it (-1: nowhere), and how far it went."""

    higher_at: int
    lower_at: int
    most: float  # largest sum in either direction; a drift from `LIMIT` on

    @property
    def found(self) -> bool:
        return max(self.higher_at, self.lower_at) >= 0


def drift(scores: Floats, middle: float, spread: float) -> Drift:
    """Drift of scores in event-time order; those that are NaN are left out (indices count them)."""
    known = np.flatnonzero(~np.isnan(scores))
    units = np.clip((scores[known] - middle) / spread, -CLIPPED_AT, CLIPPED_AT)
    sums = [_exceeding(direction * units) for direction in (1.0, -1.0)]
    first = [int(known[np.argmax(each > LIMIT)]) if (each > LIMIT).any() else -1 for each in sums]
    most = max((float(each.max()) for each in sums if each.size), default=0.0)
    return Drift(first[0], first[1], most)


def _exceeding(units: Floats) -> Floats:
    path = np.concatenate(([0.0], np.cumsum(units - SLACK)))
    return (path - np.minimum.accumulate(path))[1:]
