"""From scores of ordinary reports to a threshold that keeps a budget of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anomaly.models import tail
from anomaly.models.tail import Tail
from anomaly.sphere import Floats

LEAST_POOLED = 10_000
FURTHEST_OUT = 10.0
"""A tail is trusted as far as what one in so many times the pooled scores exceeds."""

HIGH = 0.95
UNCORRELATED = 0.2
LONGEST_MEMORY = 48
LEAST_PAIRS = 100


class Threshold(NamedTuple):
    """A threshold and what it rests on."""

    tail: Tail
    threshold: float
    pooled: int
    memory: int  # reports
    uncalibrated_because: str  # empty: calibrated


def memory_of(scores: Sequence[Floats]) -> int:
    """After how many reports of one device a high score says hardly anything of the next, at most 48.

    High are the top 5 % of all: how long extremes stay is what false alarms depend on.
    """
    known = [each[~np.isnan(each)] for each in scores]
    pooled = np.concatenate(known) if known else np.empty(0)
    if not pooled.size:
        return 1
    highs = [(each > np.quantile(pooled, HIGH)).astype(np.float64) for each in known]
    share = float(np.mean(np.concatenate(highs)))
    for lag in range(1, LONGEST_MEMORY):
        pairs = [each[lag:] * each[:-lag] for each in highs if len(each) > lag]
        both = np.concatenate(pairs) if pairs else np.empty(0)
        if len(both) < LEAST_PAIRS or both.mean() - share**2 < UNCORRELATED * (share - share**2):
            return lag
    return LONGEST_MEMORY


def largest_of_stretches(scores: Floats, length: int) -> Floats:
    """The largest score of each stretch of so many reports of one series; the rest at the end counts too."""
    known = scores[~np.isnan(scores)]
    if not known.size:
        return known
    largest: Floats = np.maximum.reduceat(known, np.arange(0, len(known), length))
    return largest


def calibrate(scores: Sequence[Floats], container_days: float, budget: float) -> Threshold:
    """The threshold that ``budget`` events a container-day exceed.

    ``scores`` of one series each, in event-time order, NaN where not ready. Pooled is the
    largest score of each stretch as long as the scores' memory: each is a chance
    of one event, and they are hardly correlated.
    Raises `InvalidModelError` named ``too_few_scores`` where there is no tail to speak of.
    """
    memory = memory_of(scores)
    pooled = np.concatenate([largest_of_stretches(each, memory) for each in scores])
    return _threshold(tail.fit(pooled), pooled, memory, budget * max(container_days, 1e-9))


def _threshold(fitted: Tail, pooled: Floats, memory: int, allowed: float) -> Threshold:
    """``allowed`` is the number of alarms that the budget allows among the pooled scores."""
    why = ""
    if len(pooled) < LEAST_POOLED:
        why = f"{len(pooled)} stretches of {memory} reports, {LEAST_POOLED} needed"
    elif allowed * FURTHEST_OUT < 1:
        why = (
            f"the budget allows one alarm in {1 / allowed:.0f} times the reports there are; "
            f"{FURTHEST_OUT:g} times is the furthest that their tail is trusted"
        )
    threshold = fitted.threshold(allowed / len(pooled))
    return Threshold(fitted, threshold, len(pooled), memory, why)


def alarms(scores: Floats, threshold: float, memory: int) -> int:
    """Events of one series: exceedances further apart than the scores' memory."""
    beyond = np.flatnonzero(scores > threshold)
    return int(len(beyond) > 0) + int((np.diff(beyond) > memory).sum())
