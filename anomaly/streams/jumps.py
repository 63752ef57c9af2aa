"""The *spike* part of the bank alone: how surprising a value is after the one before.

The same numbers as `bank.step` gives for that part, in 87 bytes a series instead of
417. Of the four parts only this one keeps a budget of alarms on series of a few days,
where a day's warmth is the greatest drift they have ever shown (docs/detection.md).

State is a structured array (dtype `JUMPS`), a row for each series, all zero at the
beginning; its bytes are its snapshot. Rows of one call must be different series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomaly.sphere import Bools, Floats, Ints, Structured
from anomaly.streams.bank import GREATEST
from anomaly.streams.level import LEAST, LEVEL, deviations
from anomaly.streams.tail import TAIL, surprises
from anomaly.streams.tuning import Tuning

JUMPS = np.dtype(
    [
        ("t", "i8"),
        ("level", LEVEL),
        ("tail", TAIL),
        ("value", "f4"),  # the newest one, and what `step` has said of it
        ("usual", "f4"),
        ("spread", "f4"),
        ("score", "f4"),  # 0 where not ready
    ]
)


class Jumped(NamedTuple):
    """What one step says; arrays of one row a series."""

    score: Floats  # -log10 of the probability that a jump as wide begins at a value; NaN where not ready
    ready: Bools  # False: still learning, after a silence, or the value was refused
    usual: Floats  # what the value was compared with
    spread: Floats  # usual width of a change, one sigma


def step(
    state: Structured,
    values: Floats,
    t_ms: Ints,
    tuning: Tuning,
    least_spread: Floats | float = LEAST,
) -> Jumped:
    """Score one value of each series by what came before, then learn it; ``state`` is written in place.

    ``least_spread`` as in `bank.step`.
    """
    level = state["level"]
    begun = level["seen"] != 0
    usable: Bools = (np.abs(values) <= GREATEST) & ~(begun & (t_ms < state["t"]))
    values = np.where(usable, values, 0.0)
    resumed = usable & (~begun | (t_ms - state["t"] > tuning.gap_ms))
    state["t"] = np.where(usable, t_ms, state["t"])
    level["mean"] = np.where(resumed, values, level["mean"])
    usual, spread = level["mean"].copy(), np.maximum(level["spread"], least_spread)
    gains = np.asarray(tuning.spike_gain), np.asarray(tuning.spike_spread_gain)
    deviation = deviations(level, values, usable, gains, tuning, least_spread)
    ready = ~(np.isnan(deviation) | resumed)
    deviation = np.abs(np.where(ready, deviation, 0.0))
    score = surprises(state["tail"], deviation, ready, np.asarray(tuning.threshold_deviations), tuning)
    said = {"value": values, "usual": usual, "spread": spread, "score": np.where(ready, score, 0.0)}
    for name, figures in said.items():
        state[name] = np.where(usable, figures, state[name])
    return Jumped(score, ready, usual, spread)
