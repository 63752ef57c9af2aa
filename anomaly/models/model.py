"""`Model`: from features of reports to calibrated scores, by arrays alone.

A score is the larger of two, each put in units of its own spread on the
calibrating part: the chosen scorer's, and the guard's (the largest deviation
of any one feature). Scores of ranks, histograms and trees end somewhere,
so a sensor that is a hundred sigma off could pass below their threshold; the
guard's doesn't.

A row with a missing feature has the score NaN: not ready, which is not normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.models.features import Layout
from anomaly.models.scorers import MaxZ, Scorer
from anomaly.models.tail import Tail
from anomaly.sphere import Bools, Floats

FURTHEST = 1e6
"""Deviations beyond this count as this, so that no square of them overflows."""

GUARD = MaxZ()


@dataclass(frozen=True, slots=True)
class Unit:
    """Middle and spread of a score on the calibrating part."""

    middle: float
    spread: float


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Immutable; made by training or from bytes (blob.py)."""

    name: str
    family: str
    lane: str
    layout: Layout
    centre: Floats  # (d,)
    width: Floats  # (d,) one sigma of each feature
    scorer: Scorer
    scorer_unit: Unit
    guard_unit: Unit
    tail: Tail
    threshold: float
    budget: float  # false alarms per container-day that the threshold stands for
    calibrated: bool
    stream: Unit  # of the combined score's daily averages: what drift is measured against

    def standardised(self, features: Floats) -> Floats:
        """Features (n, d) in sigmas, NaN where missing."""
        z: Floats = np.clip((features - self.centre) / self.width, -FURTHEST, FURTHEST)
        return z

    def score(self, features: Floats) -> Floats:
        """Scores (n,) of features (n, d); NaN where any feature is missing."""
        z = self.standardised(np.asarray(features, np.float64))
        ready = ~np.isnan(z).any(axis=1)
        if ready.all():
            return self._combined(z)
        scores = np.full(len(z), np.nan)
        scores[ready] = self._combined(z[ready])
        return scores

    def alarming(self, scores: Floats) -> Bools:
        """Which scores are beyond the budget; none that isn't ready."""
        return scores > self.threshold

    def strangest(self, features: Floats) -> tuple[str, float]:
        """The feature of one row (d,) that is furthest off, and by how many sigmas; for the sentence."""
        z = self.standardised(np.asarray(features, np.float64)[None, :])[0]
        if np.isnan(z).all():
            return "", float("nan")
        place = int(np.nanargmax(np.abs(z)))
        return self.layout.names[place], float(z[place])

    def _combined(self, z: Floats) -> Floats:
        if not len(z):
            return np.empty(0)
        own = (self.scorer.score(z) - self.scorer_unit.middle) / self.scorer_unit.spread
        guard = (GUARD.score(z) - self.guard_unit.middle) / self.guard_unit.spread
        return np.maximum(own, guard)
