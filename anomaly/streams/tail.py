"""From a deviation to how improbable an episode that far out is, by the series' own past.

Peaks over a threshold: excesses of ``log1p(deviation)`` over that of the threshold
follow a generalised Pareto law, fitted by moments. Values of one episode are no
independent evidence (a step stays a step), so an episode counts once, by its peak,
when it is over; the score asks how often an episode with such a peak begins. A
prior stands for what the series hasn't shown yet, so that a young series is
neither mute nor shrill. Source: Pickands 1975; Davison and Smith 1990;
../shared/DETECTION.md 5.5 (count events, not samples).
"""

from __future__ import annotations

import numpy as np

from anomaly.sphere import Bools, Floats, Structured
from anomaly.streams.tuning import Tuning

TAIL = np.dtype(
    [
        ("values", "f8"),
        ("episodes", "f8"),
        ("total", "f8"),  # sum of the episodes' excesses
        ("squares", "f8"),
        ("peak", "f8"),  # of the episode under way
        ("quiet", "u2"),  # values below the threshold since; episodes end
        ("under_way", "u1"),
    ]
)
LEAST_SHAPE, MOST_SHAPE = -0.2, 0.4
NEARLY_ZERO = 1e-3
LEAST_VARIANCE = 1e-9


def surprises(
    state: Structured, deviations: Floats, usable: Bools, thresholds: Floats, tuning: Tuning
) -> Floats:
    """-log10 of the probability, for each value, that an episode at least so far out begins.

    0 at and below the threshold, NaN where not usable. ``deviations`` are not
    negative; all have one shape, to which ``thresholds`` can be broadcast.
    """
    excess = np.log1p(np.where(usable, deviations, 0.0)) - np.log1p(thresholds)
    shape, scale, rate = law(state, tuning)
    over = usable & (excess > 0)
    far = np.where(over, excess, 0.0) / scale
    straight = np.abs(shape) < NEARLY_ZERO
    bent = np.log(np.maximum(1 + shape * far, LEAST_VARIANCE)) / np.where(straight, 1.0, shape)
    surprise = (np.where(straight, far, bent) - np.log(rate)) / np.log(10)
    _count(state, excess, usable, over, scale * tuning.most_excess, tuning)
    result: Floats = np.where(usable, np.where(over, np.maximum(surprise, 0.0), 0.0), np.nan)
    return result


def law(state: Structured, tuning: Tuning) -> tuple[Floats, Floats, Floats]:
    """Shape and scale of the Pareto law, and episodes a value, from past and prior together."""
    number = state["episodes"] + tuning.prior_episodes
    prior = tuning.prior_episodes * tuning.prior_excess
    mean = (state["total"] + prior) / number
    squares = (state["squares"] + 2 * prior * tuning.prior_excess) / number  # of an exponential law
    variance = np.maximum(squares - mean * mean, LEAST_VARIANCE)
    shape = np.clip(0.5 * (1 - mean * mean / variance), LEAST_SHAPE, MOST_SHAPE)
    rate = number / (state["values"] + tuning.prior_episodes / tuning.prior_rate)
    return shape, mean * (1 - shape), np.minimum(rate, 1.0)


def _count(
    state: Structured, excess: Floats, usable: Bools, over: Bools, most: Floats, tuning: Tuning
) -> None:
    """Follow episodes, and count those that are over."""
    under_way = state["under_way"] != 0
    peak = np.where(over, np.maximum(np.where(under_way, state["peak"], 0.0), excess), state["peak"])
    quiet = np.where(over, 0, np.where(usable & under_way, state["quiet"] + 1, state["quiet"]))
    ended = under_way & (quiet >= tuning.tail_quiet_values)
    counted = np.where(ended, np.minimum(peak, most), 0.0)
    values = state["values"] + usable
    kept = np.where(values >= tuning.memory_values, 0.5, 1.0)
    state["values"] = values * kept
    state["episodes"] = (state["episodes"] + ended) * kept
    state["total"] = (state["total"] + counted) * kept
    state["squares"] = (state["squares"] + counted * counted) * kept
    state["peak"] = np.where(ended, 0.0, peak)
    state["quiet"] = np.where(ended, 0, quiet)
    state["under_way"] = (under_way | over) & ~ended
