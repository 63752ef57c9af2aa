"""Past reports as series of sensor values, one for each device on each container, and their features."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from anomaly.models.features import Layout, new_states, step
from anomaly.sphere import Floats, Ints
from sealtrail.contract.reading import SENSOR_FIELDS, FixKind, Reading

GAP_MS = 12 * 3_600_000
"""A longer silence is no time under watch; the features start afresh after it too."""
DAY_MS = 86_400_000


class Series(NamedTuple):
    """Reports of one device on one container in event-time order, no two at one time."""

    device_id: str
    container_id: str
    family: str
    at_ms: Ints  # (n,)
    values: Floats  # (n, len(SENSOR_FIELDS)), NaN where missing
    longitude_deg: Floats  # (n,), NaN where missing

    @property
    def days(self) -> float:
        """Time under watch."""
        gaps = np.diff(self.at_ms)
        return float(gaps[gaps <= GAP_MS].sum()) / DAY_MS

    def part(self, begin: int, end: int) -> Series:
        return self._replace(
            at_ms=self.at_ms[begin:end],
            values=self.values[begin:end],
            longitude_deg=self.longitude_deg[begin:end],
        )


def series_of(readings: Iterable[Reading]) -> list[Series]:
    """Series of readings in any order; copies count once, and what is at one time is one report."""
    rows: dict[tuple[str, str, str], dict[int, list[Reading]]] = defaultdict(lambda: defaultdict(list))
    seen: set[tuple[str, int]] = set()
    for reading in readings:
        if (reading.device_id, reading.reading_id) not in seen:
            seen.add((reading.device_id, reading.reading_id))
            key = (reading.key, reading.device_id, reading.family)
            rows[key][reading.occurred_at_ms].append(reading)
    return [_series(key, rows[key]) for key in sorted(rows)]


def _series(key: tuple[str, str, str], by_time: dict[int, list[Reading]]) -> Series:
    times = sorted(by_time)
    values = np.full((len(times), len(SENSOR_FIELDS)), np.nan)
    longitude = np.full(len(times), np.nan)
    for row, at_ms in enumerate(times):
        for reading in sorted(by_time[at_ms], key=lambda each: each.reading_id):
            for column, name in enumerate(SENSOR_FIELDS):
                value = getattr(reading, name)
                if value is not None:
                    values[row, column] = value
            if reading.fix_kind in (FixKind.GNSS, FixKind.CELL) and reading.longitude_deg is not None:
                longitude[row] = reading.longitude_deg
    return Series(key[1], key[0], key[2], np.array(times, np.int64), values, longitude)


def container_days(series: Sequence[Series]) -> float:
    """Time under watch: of two devices on one container the longer counts."""
    days: dict[str, dict[str, float]] = {}
    for each in series:
        of_device = days.setdefault(each.container_id, {})
        of_device[each.device_id] = of_device.get(each.device_id, 0.0) + each.days
    return sum(max(of_device.values()) for of_device in days.values())


def features_of(series: Sequence[Series], layout: Layout) -> list[Floats]:
    """Features (n, d) of each series, by the very step that the judgement takes, all series at once."""
    length = np.array([len(each.at_ms) for each in series], np.int64)
    order = np.argsort(-length, kind="stable")
    out = [np.full((size, len(layout.names)), np.nan) for size in length.tolist()]
    states = new_states(len(series), layout)  # in the order of `order`
    begins = np.cumsum(length) - length
    if not length.sum():
        return out
    at_ms = np.concatenate([each.at_ms for each in series])
    values = np.concatenate([each.values[:, layout.columns] for each in series])
    longitude = np.concatenate([each.longitude_deg for each in series])
    found = np.full((len(at_ms), len(layout.names)), np.nan)
    for nth in range(int(length.max())):
        many = int(np.searchsorted(-length[order], -nth, "left"))  # series that have an nth report
        rows = begins[order[:many]] + nth
        states[:many], found[rows] = step(states[:many], values[rows], at_ms[rows], longitude[rows], layout)
    return [found[begin : begin + size] for begin, size in zip(begins, length, strict=True)]


def choose_layout(
    series: Sequence[Series], least_share: float, wanted: Sequence[str] = ()
) -> tuple[Layout, dict[str, str]]:
    """The channels (of the wanted ones) that so many of the reports have, and why the others are left out."""
    values = np.concatenate([each.values for each in series])
    placed = np.repeat(
        [np.isfinite(each.longitude_deg).any() for each in series], [len(each.at_ms) for each in series]
    )
    measuring = np.isfinite(values).any(axis=1)  # other reports say nothing that a model could be about
    present = np.isfinite(values[measuring]).mean(axis=0) if measuring.any() else np.zeros(len(SENSOR_FIELDS))
    left_out: dict[str, str] = {}
    channels = []
    for name, share in zip(SENSOR_FIELDS, present.tolist(), strict=True):
        if wanted and name not in wanted:
            left_out[name] = "not wanted"
        elif share < least_share:
            left_out[name] = f"in {share:.0%} of the reports with sensor values"
        else:
            channels.append(name)
    solar = float(placed.mean()) >= least_share
    if not solar:
        left_out["solar time"] = "too few devices have positions"
    return Layout(tuple(channels), solar), left_out
