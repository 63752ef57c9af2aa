"""The robust level of a series: a Huberised EWMA and its spread; deviations from it in units of the spread.

The value that comes is compared with what was before it, then moves the level by
``gain`` and the spread by ``spread_gain`` of its deviation, clipped. While a level
is young both are plain means. The spread is the mean absolute deviation, scaled
to a standard deviation of a Gaussian. A lasting step is never locked out: each
clipped deviation widens the spread.
"""

from __future__ import annotations

import numpy as np

from anomaly.sphere import Bools, Floats, Structured
from anomaly.streams.tuning import Tuning

LEVEL = np.dtype([("seen", "u4"), ("mean", "f8"), ("spread", "f8")])
GAUSSIAN = 1.2533141373155003  # standard deviation of a Gaussian over its mean absolute deviation
LEAST = 1e-9
MOST_SEEN = np.iinfo(np.uint32).max


def deviations(
    state: Structured,
    values: Floats,
    usable: Bools,
    gains: tuple[Floats, Floats],
    tuning: Tuning,
    least_spread: Floats | float = LEAST,
) -> Floats:
    """Signed deviations, NaN where a level is still learning or the value is not usable.

    ``state`` (dtype `LEVEL`), ``values`` and ``usable`` have one shape, to which
    ``gains`` (level, spread) and ``least_spread`` (in units of the values) can
    be broadcast. State is written where the value is usable.
    """
    seen, mean, spread = state["seen"], state["mean"], state["spread"]
    gain, spread_gain = gains
    number = seen + 1.0
    centre = np.where(seen == 0, values, mean)
    off = np.where(usable, values - centre, 0.0)
    unit = np.maximum(spread, np.maximum(tuning.least_relative * np.abs(centre), least_spread))
    result = off / unit
    young = seen < tuning.warm_values
    counted = np.where(young, off, np.clip(result, -tuning.clip, tuning.clip) * unit)
    share = 1 / number
    wider = np.maximum(spread_gain, share) * (GAUSSIAN * np.abs(counted) - spread)
    state["mean"] = np.where(usable, centre + np.maximum(gain, share) * counted, mean)
    state["spread"] = np.where(usable, spread + wider, spread)
    state["seen"] = np.where(usable & (seen < MOST_SEEN), seen + 1, seen)
    deviation: Floats = np.where(usable & ~young, result, np.nan)
    return deviation
