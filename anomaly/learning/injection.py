"""Anomalies put into clean stretches of past reports: what a detector must find, of known size.

Each is an event of several reports in one channel of one device:

* ``spike``: one report is off by so many sigmas;
* ``drift``: over sixteen reports the value moves away by so many sigmas;
* ``stuck``: the value stays what it was, for so many reports;
* ``swapped``: two channels are exchanged for six reports.

A channel's sigma is that of this device's changes from report to report, so that
an event of ten sigmas is as visible in a quiet channel as in a lively one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anomaly.learning.sensor_history import GAP_MS, Series, features_of
from anomaly.models.features import FLOORS, LOGARITHMIC, Layout, transformed
from anomaly.sphere import Bools, Floats, Ints
from sealtrail.contract.reading import SENSOR_FIELDS

LEAD_REPORTS = 32
"""Untouched reports before each event, by which the features know the device."""
DRIFT_REPORTS = 16
SWAPPED_REPORTS = 6
MAGNITUDES: dict[str, tuple[int, ...]] = {
    "spike": (4, 6, 10, 30, 100),
    "drift": (4, 6, 10, 30, 100),
    "stuck": (16, 48),
    "swapped": (1,),
}
LONGEST = 48
LIVELY = 0.5
"""A channel that changes from report to report at least so often may be stuck."""

MAD_TO_SIGMA = 1.4826


class Events(NamedTuple):
    """Events with their features."""

    kinds: tuple[str, ...]  # of each event: "spike 10"
    features: Floats  # (rows of all events, d)
    event: Ints  # (rows,) which event each row is of


class Place(NamedTuple):
    """Where an event may stand."""

    series: int
    begin: int  # of the lead


def sigmas(series: Series, layout: Layout) -> dict[str, float]:
    """One sigma of each channel's changes between reports, in the feature's unit, at least its floor."""
    found = {}
    for channel in layout.channels:
        column = SENSOR_FIELDS.index(channel)
        changes = np.abs(np.diff(transformed(series.values[:, [column]], [channel])[:, 0]))
        changes = changes[np.isfinite(changes)]
        spread = MAD_TO_SIGMA * float(np.median(changes)) / np.sqrt(2) if changes.size else 0.0
        found[channel] = max(spread, FLOORS[channel])
    return found


def complete(series: Sequence[Series], layout: Layout) -> list[Series]:
    """The reports that have every channel, of series long enough for an event."""
    found = []
    for each in series:
        whole = np.isfinite(each.values[:, layout.columns]).all(axis=1)
        if whole.sum() >= LEAD_REPORTS + LONGEST:
            longitude = each.longitude_deg[whole]
            found.append(
                each._replace(at_ms=each.at_ms[whole], values=each.values[whole], longitude_deg=longitude)
            )
    return found


def places(series: Sequence[Series], most: int, seed: int) -> list[Place]:
    """Stretches of `complete` series without gaps, drawn at random."""
    length = LEAD_REPORTS + LONGEST
    found = []
    for number, each in enumerate(series):
        gap = np.diff(each.at_ms, prepend=each.at_ms[0]) > GAP_MS
        broken = np.concatenate(([0], np.cumsum(gap)))
        sound = np.flatnonzero(broken[length:] == broken[1 : len(broken) - length + 1])
        found += [Place(number, int(begin)) for begin in sound[:: max(1, LONGEST // 4)]]
    rng = np.random.default_rng(seed)
    return [found[i] for i in np.sort(rng.permutation(len(found))[:most])]


def inject(series: Sequence[Series], found: Sequence[Place], layout: Layout, seed: int) -> Events:
    """Every kind and magnitude at every place, each kind in a channel drawn at random."""
    rng = np.random.default_rng(seed)
    changed: list[Series] = []
    kinds: list[str] = []
    lengths: list[int] = []
    for place in found:
        unit = sigmas(series[place.series], layout)
        stretch = series[place.series].part(place.begin, place.begin + LEAD_REPORTS + LONGEST)
        for kind, magnitudes in MAGNITUDES.items():
            if kind == "swapped" and len(layout.channels) < 2:  # noqa: PLR2004 (two to exchange)
                continue
            channel = _drawn(rng, layout.channels if kind != "stuck" else _lively(stretch, layout))
            other = _drawn(rng, [each for each in layout.channels if each != channel])
            sign = float(rng.choice((-1.0, 1.0)))
            if channel is None:
                continue
            for magnitude in magnitudes:
                values = stretch.values.copy()
                if kind == "swapped":
                    length = _swap(values, channel, other or channel)
                else:
                    size = sign * magnitude * (unit[channel] if kind != "stuck" else 1)
                    length = _change(values, channel, kind, size)
                kinds.append(f"{kind} {magnitude}" if len(magnitudes) > 1 else kind)
                lengths.append(length)
                changed.append(stretch._replace(values=values).part(0, LEAD_REPORTS + length))
    rows = [own[LEAD_REPORTS:] for own in features_of(changed, layout)]
    width = len(layout.names)
    return Events(
        tuple(kinds),
        np.concatenate(rows) if rows else np.empty((0, width)),
        np.repeat(np.arange(len(kinds)), lengths),
    )


def _drawn(rng: np.random.Generator, channels: Sequence[str]) -> str | None:
    return str(rng.choice(channels)) if channels else None


def _lively(stretch: Series, layout: Layout) -> list[str]:
    """Channels that change during the event: being stuck is none where nothing moves anyway."""
    values = stretch.values[LEAD_REPORTS:, layout.columns]
    changes = (np.diff(values, axis=0) != 0).mean(axis=0)
    return [name for name, share in zip(layout.channels, changes, strict=True) if share >= LIVELY]


def _swap(values: Floats, channel: str, other: str) -> int:
    rows = slice(LEAD_REPORTS, LEAD_REPORTS + SWAPPED_REPORTS)
    columns = [SENSOR_FIELDS.index(channel), SENSOR_FIELDS.index(other)]
    values[rows, columns[0]], values[rows, columns[1]] = (
        values[rows, columns[1]].copy(),
        values[rows, columns[0]].copy(),
    )
    return SWAPPED_REPORTS


def _change(values: Floats, channel: str, kind: str, size: float) -> int:
    """Changes one channel from the lead's end on, and says for how many reports."""
    column = SENSOR_FIELDS.index(channel)
    if kind == "stuck":
        length = round(abs(size))
        values[LEAD_REPORTS : LEAD_REPORTS + length, column] = values[LEAD_REPORTS - 1, column]
        return length
    length = 1 if kind == "spike" else DRIFT_REPORTS
    rows = slice(LEAD_REPORTS, LEAD_REPORTS + length)
    ramp = size * np.arange(1, length + 1) / length
    if channel in LOGARITHMIC:  # upwards: below nothing there is nothing
        values[rows, column] = np.expm1(np.log1p(values[rows, column]) + np.abs(ramp))
    else:
        values[rows, column] += ramp
    return length


def recall_by_kind(events: Events, alarming: Bools) -> dict[str, float]:
    """Share of the events of each kind in which any report alarms; ``alarming`` is (rows,)."""
    found = np.zeros(len(events.kinds), bool)
    np.logical_or.at(found, events.event[alarming], True)
    kinds = np.array(events.kinds)
    return {kind: float(found[kinds == kind].mean()) for kind in dict.fromkeys(events.kinds)}
