"""What a series usually is at a time of day (UTC): a profile of hours, each an EWMA of its values.

A drum that is beaten at noon is no surprise the second time. The residual is the
value less what its hour has shown before; an hour not seen often enough has none.
"""

from __future__ import annotations

import numpy as np

from anomaly.sphere import Bools, Floats, Ints, Structured
from anomaly.streams.tuning import Tuning

HOURS = 24
HOUR_MS = 3_600_000
SEASON = np.dtype([("visits", "u1", (HOURS,)), ("usual", "f4", (HOURS,))])
MOST_VISITS = 255


def residuals(state: Structured, values: Floats, t_ms: Ints, usable: Bools, tuning: Tuning) -> Floats:
    """Residuals of shape (n,), NaN where the hour has no profile yet or the value is not usable."""
    rows, hour = np.arange(len(values)), t_ms // HOUR_MS % HOURS
    visits, usual = state["visits"][rows, hour], state["usual"][rows, hour].astype(np.float64)
    off = np.where(usable, values - usual, 0.0)
    gain = np.maximum(tuning.season_gain, 1 / (visits + 1.0))
    state["usual"][rows, hour] = np.where(usable, usual + gain * off, usual)
    state["visits"][rows, hour] = np.where(usable & (visits < MOST_VISITS), visits + 1, visits)
    residual: Floats = np.where(usable & (visits >= tuning.season_visits), off, np.nan)
    return residual
