"""Which reports of a path log may go: those of which the others say as much.

A report may go where it, the one before and the one after left their device in
the same settled condition (`anomaly.reports`), and the one after is plausible
from the one before: then all that follows is judged as it was. What is lost is
where the device was in between, for a report that still arrives from there.
So the interval remembers three things of what went: that there were reports
(``hidden``, the condition they left), the widest time without any (``gap_ms``)
and how far from the straight line at even speed they were (``off_m``). Those go
first for which that is least: a wide gap, where reports may still be missing,
keeps its borders.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anomaly.reports import FAR, HOME, NOTHING, OUTSIDE, REPORT, UNSURE
from anomaly.rows import take
from anomaly.sphere import DEGREE_E7, EARTH_RADIUS_M, Bools, Floats, Ints, Structured
from sealtrail.runtime.settings.anomaly import AnomalySettings

ENTRY: np.dtype[Any] = np.dtype(
    [
        ("report", REPORT),
        ("gap_ms", "i8"),  # widest time without a report between the entry before and this one
        ("off_m", "f4"),  # how far off the straight line the reports were that are left out there
        ("hidden", "u1"),  # the mark of the reports left out there; 0: none is
    ]
)
PASSES = 5
_CLASS = np.zeros(256, np.uint8)
_CLASS[[HOME, UNSURE]], _CLASS[OUTSIDE], _CLASS[FAR] = 1, 2, 3
_METRES = EARTH_RADIUS_M * np.pi / 180 / DEGREE_E7
_TURN_E7 = round(360 * DEGREE_E7)
_ROOM = 1e9


def thin(entries: Structured, of: Ints, kept: Ints, settings: AnomalySettings) -> tuple[Structured, Ints]:
    """Entries of several logs (``of``: which log, ascending), about ``kept`` of each if possible."""
    for _ in range(PASSES):
        counts = np.bincount(of, minlength=len(kept))
        if (counts <= kept).all():
            break
        may_go, cost, gap_ms, off_m = _costs(entries, of, settings)
        gone = _alternate(_cheapest(may_go, cost, of, counts - kept))
        if not gone.size:
            break
        after = gone + 1
        hidden, before = entries["hidden"][after], entries["hidden"][gone]
        marks = entries["report"]["mark"][gone]
        own = np.where(marks == NOTHING, hidden, marks)
        for other in (before, hidden):
            own = np.where(own == 0, other, np.where(other == 0, own, np.minimum(own, other)))
        entries["hidden"][after], entries["gap_ms"][after] = own, gap_ms[gone]
        entries["off_m"][after] = off_m[gone]
        left = np.ones(len(entries), bool)
        left[gone] = False
        entries, of = take(entries, left), of[left]
    return entries, of


def metres_between(a: Structured, b: Structured) -> Floats:
    """Distances of places of `REPORT` on the plane that touches between them: for places near by."""
    east, north = _offsets(a["lat"], a["lon"], b["lat"], b["lon"])
    distance: Floats = np.hypot(east, north)
    return distance


def off_line(a: Structured, b: Structured, c: Structured) -> Floats:
    """How far from the way from ``a`` to ``c`` at even speed each ``b`` is, metres; likewise."""
    span = np.maximum(c["t"] - a["t"], 1)
    share = (b["t"] - a["t"]) / span
    east, north = _offsets(a["lat"], a["lon"], c["lat"], c["lon"])
    own_east, own_north = _offsets(a["lat"], a["lon"], b["lat"], b["lon"])
    distance: Floats = np.hypot(own_east - share * east, own_north - share * north)
    return distance


def _offsets(
    lat: Structured, lon: Structured, to_lat: Structured, to_lon: Structured
) -> tuple[Floats, Floats]:
    """(east, north) in metres; the antimeridian is an ordinary place."""
    half = _TURN_E7 // 2
    turned: Floats = ((to_lon.astype(np.int64) - lon + half) % _TURN_E7 - half).astype(np.float64)
    north: Floats = (to_lat.astype(np.float64) - lat) * _METRES
    middle: Floats = (to_lat.astype(np.float64) + lat) * (np.pi / 360 / DEGREE_E7)
    east: Floats = turned * _METRES * np.cos(middle)
    return east, north


def _costs(entries: Structured, of: Ints, settings: AnomalySettings) -> tuple[Bools, Floats, Ints, Floats]:
    """Whether each entry may go, what that costs in metres, and its interval's gap and offset after it."""
    size = len(entries)
    may_go, cost = np.zeros(size, bool), np.zeros(size)
    gap_ms, off_m = np.zeros(size, np.int64), np.zeros(size)
    if size < 3:  # noqa: PLR2004 (one between two)
        return may_go, cost, gap_ms, off_m
    reports, inner = entries["report"], slice(1, -1)
    kind = _CLASS[reports["mark"]]
    nothing = reports["mark"][inner] == NOTHING
    same = (kind[inner] != 0) & (kind[:-2] == kind[inner]) & (kind[2:] == kind[inner])
    a, b, c = reports[:-2], reports[inner], reports[2:]
    seconds = (c["t"] - a["t"]) / 1000 + settings.time_slack_s
    slack = settings.uncertainty_factor * (a["unc"] + c["unc"])
    reachable = metres_between(a, c) <= settings.max_speed_m_s * seconds + slack
    may_go[inner] = (of[:-2] == of[2:]) & (nothing | (same & reachable))
    before, after = entries["gap_ms"][inner], entries["gap_ms"][2:]
    gap_ms[inner] = np.where(nothing, before + after, np.maximum(before, after))
    off_m[inner] = off_line(a, b, c) + np.maximum(entries["off_m"][inner], entries["off_m"][2:])
    widest = np.maximum(gap_ms[inner], entries["gap_ms"][:-2])
    unknown = off_m[inner] + settings.max_speed_m_s * widest / 1000
    cost[inner] = np.where(nothing, 0, unknown + 1)
    return may_go, cost, gap_ms, off_m


def _cheapest(may_go: Bools, cost: Floats, of: Ints, surplus: Ints) -> Ints:
    """Entries that may go, of each log the cheapest as many as it has too many; ascending."""
    rows = np.flatnonzero(may_go & (surplus[of] > 0))
    order = rows[np.argsort(of[rows] * _ROOM + np.minimum(cost[rows], _ROOM / 2), kind="stable")]
    lanes = of[order]
    begins = np.searchsorted(lanes, lanes)
    chosen = order[np.arange(len(order)) - begins < surplus[lanes]]
    return np.sort(chosen)


def _alternate(rows: Ints) -> Ints:
    """Every other one of neighbours."""
    if not rows.size:
        return rows
    heads = np.concatenate(([True], np.diff(rows) != 1))
    places = np.arange(len(rows))
    begins = np.maximum.accumulate(np.where(heads, places, 0))
    result: Ints = rows[(places - begins) % 2 == 0]
    return result
