"""Temperature, humidity, battery, radio and shock of one device over time."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

_DAY_MS = 86_400_000


class Values(NamedTuple):
    temperature_c: float
    humidity_pct: float
    battery_pct: float
    signal_pct: float
    shock_g: float


class Sensors:
    """Smooth series with small noise: a reefer holds its set point, a dry box follows the day."""

    def __init__(self, rng: random.Random, start_ms: int) -> None:
        self._rng = rng
        self._start_ms = start_ms
        self._set_point_c = rng.choice((None, None, None, -18.0, 4.0))
        self._mean_c = rng.uniform(12.0, 27.0)
        self._phase = rng.uniform(0.0, math.tau)
        self._humidity_pct = rng.uniform(45.0, 70.0)
        self._battery_pct = rng.uniform(55.0, 100.0)
        self._battery_pct_a_day = rng.uniform(0.3, 1.2)

    def at(self, at_ms: int, *, moving: bool) -> Values:
        rng = self._rng
        day = math.sin(math.tau * (at_ms % _DAY_MS) / _DAY_MS + self._phase)
        level_c = self._mean_c + 5.0 * day if self._set_point_c is None else self._set_point_c
        days = (at_ms - self._start_ms) / _DAY_MS
        return Values(
            temperature_c=round(level_c + rng.gauss(0.0, 0.2), 1),
            humidity_pct=round(min(100.0, max(0.0, self._humidity_pct - 4.0 * day + rng.gauss(0.0, 0.5))), 1),
            battery_pct=round(max(30.0, self._battery_pct - days * self._battery_pct_a_day), 1),
            signal_pct=float(rng.randrange(45, 98)),
            shock_g=round(abs(rng.gauss(0.0, 0.12 if moving else 0.01)), 2),
        )
