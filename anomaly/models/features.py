"""The feature vector of a report: what a model of sensor values looks at.

For each channel (a name of `SENSOR_FIELDS`) four numbers, in this order::

    <channel>         the value; light and shock as log(1 + value)
    <channel>.jump    value less the device's level of the last half hour, in units of its own spread
    <channel>.drift   that level less the level of the last twelve hours, in the same units
    <channel>.still   log(1 + minutes since the value was last another one, at most 720)

and, where the model asks for it, ``solar_sin`` and ``solar_cos``: the time of
day by the sun where the device was last known to be (UTC + longitude / 15).

Level and spread are exponentially weighted by the time between reports (the
spread by their number), and clipped at three spreads, so that one wild value
moves them little and a lasting change is followed within hours, never locked
out. A device that was silent for `RESTART_MIN` starts afresh.

Missing is NaN and stays NaN: a channel that the report doesn't have, every
channel before `WARM_REPORTS` reports of it, and the sun without a longitude.

The state is a row of NumPy columns for each device; `step` takes one report of
each of many devices, in event-time order for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anomaly.sphere import Floats, Ints, Structured
from sealtrail.contract.reading import SENSOR_FIELDS

RESTART_MIN = 720.0
WARM_REPORTS = 12
FAST_MIN = 30.0
SLOW_MIN = 720.0
LONGEST_STILL_MIN = 720.0
"""What never changes is no stranger on a long trip than on a short one."""

SPREAD_WEIGHT = 1 / 16
CLIP = 3.0
SIGMA_OF_MEAN_DEVIATION = 1.2533  # of a normal law
PARTS = ("", ".jump", ".drift", ".still")
SOLAR = ("solar_sin", "solar_cos")
LOGARITHMIC = frozenset({"light_lux", "shock_g"})
FLOORS: dict[str, float] = {
    "temperature_c": 0.1,
    "humidity_pct": 0.5,
    "light_lux": 0.05,
    "shock_g": 0.02,
    "tilt_deg": 0.5,
    "battery_pct": 0.5,
    "battery_v": 0.01,
    "external_v": 0.05,
    "signal_pct": 1.0,
    "speed_kmh": 1.0,
}
"""Least spread of a channel, in the feature's own unit: about what its sensors can tell apart."""

_DAY_MS = 86_400_000


class Layout(NamedTuple):
    """Which features a model has, in order."""

    channels: tuple[str, ...]
    solar: bool

    @property
    def names(self) -> tuple[str, ...]:
        own = tuple(f"{channel}{part}" for channel in self.channels for part in PARTS)
        return own + (SOLAR if self.solar else ())

    @property
    def columns(self) -> list[int]:
        """Places of the channels in `SENSOR_FIELDS`."""
        return [SENSOR_FIELDS.index(channel) for channel in self.channels]


def state_type(channels: int) -> np.dtype[np.void]:
    """Columns of one device's state: 12 bytes and 21 for each channel."""
    return np.dtype(
        [
            ("at_ms", "i8"),
            ("lon", "f4"),
            ("seen", "u1", (channels,)),
            *((name, "f4", (channels,)) for name in ("last", "fast", "slow", "spread", "still")),
        ]
    )


def new_states(number: int, layout: Layout) -> Structured:
    """States of devices that nothing is known of."""
    states = np.zeros(number, state_type(len(layout.channels)))
    states["lon"] = np.nan
    return states


def transformed(values: Floats, channels: Sequence[str]) -> Floats:
    """Values (n, channels) as the features have them; what can't be a value becomes missing."""
    out = np.array(values, np.float64)
    for column, channel in enumerate(channels):
        if channel in LOGARITHMIC:
            column_values = out[:, column]
            out[:, column] = np.log1p(np.where(column_values >= 0, column_values, np.nan))
    out[~np.isfinite(out)] = np.nan
    return out


def step(
    states: Structured, values: Floats, at_ms: Ints, longitude_deg: Floats, layout: Layout
) -> tuple[Structured, Floats]:
    """States after one report of each device, and the features (n, len(layout.names)) of that report.

    ``values`` are (n, channels) as reported, NaN where missing; ``at_ms`` not
    before the state's; ``longitude_deg`` NaN where the report has no place.
    """
    states = states.copy()
    minutes = (at_ms - states["at_ms"]) / 60_000.0
    afresh = minutes > RESTART_MIN
    states["seen"][afresh] = 0
    minutes = np.where(afresh, 0.0, minutes)
    states["at_ms"] = at_ms
    states["lon"] = np.where(np.isnan(longitude_deg), states["lon"], longitude_deg)

    floor = np.array([FLOORS[channel] for channel in layout.channels])
    value = transformed(values, layout.channels).astype(np.float32).astype(np.float64)
    there, first = ~np.isnan(value), states["seen"] == 0
    fast, slow = _from(states["fast"], value, first), _from(states["slow"], value, first)
    spread = _from(states["spread"], floor, first)
    unit = np.maximum(spread, floor)
    gap = value - fast
    still = np.where(first | (value != states["last"]), 0.0, states["still"] + minutes[:, None])
    still = np.minimum(still, LONGEST_STILL_MIN)

    moved = fast + _weight(minutes, FAST_MIN) * np.clip(gap, -CLIP * unit, CLIP * unit)
    slow_moved = slow + _weight(minutes, SLOW_MIN) * (moved - slow)
    deviation = np.minimum(np.abs(gap), CLIP * unit) * SIGMA_OF_MEAN_DEVIATION
    spread_moved = np.where(first, floor, spread + SPREAD_WEIGHT * (deviation - spread))

    warm = there & (states["seen"] >= WARM_REPORTS)
    parts = np.stack((value, gap / unit, (moved - slow_moved) / unit, np.log1p(still)), axis=2)
    parts[~warm] = np.nan
    for name, after in (
        ("last", value), ("fast", moved), ("slow", slow_moved), ("spread", spread_moved), ("still", still),
    ):  # fmt: skip
        states[name] = np.where(there, after, states[name])
    states["still"] = np.where(there, states["still"], states["still"] + minutes[:, None])
    states["seen"] = np.where(there, np.minimum(states["seen"] + 1, WARM_REPORTS), states["seen"])
    features = parts.reshape(len(at_ms), -1)
    return states, np.hstack((features, _sun(at_ms, states["lon"]))) if layout.solar else features


def _from(column: Floats, begin: Floats, first: Floats) -> Floats:
    return np.where(first, begin, column.astype(np.float64))


def _weight(minutes: Floats, memory_min: float) -> Floats:
    return (-np.expm1(-minutes / memory_min))[:, None]


def _sun(at_ms: Ints, longitude_deg: Floats) -> Floats:
    """Sine and cosine of the time of day by the sun, (n, 2)."""
    angle = ((at_ms % _DAY_MS) / _DAY_MS + longitude_deg.astype(np.float64) / 360.0) * (2 * np.pi)
    return np.stack((np.sin(angle), np.cos(angle)), axis=1)
