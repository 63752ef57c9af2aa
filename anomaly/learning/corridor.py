"""A corridor learned from past journeys of one lane: the median way, as wide as they spread.

The journey that lies nearest to the others gives the first line. Those that
lie elsewhere are left out by name, those that went the other way are turned
round. Then, station by station, the line moves to the median of the journeys
beside it, one vote each, and stretches that too few of them show become
straight. Legs between positions further apart than ``gap_m`` are no evidence.

The width of a leg covers ``quantile`` of the journeys there with a margin, at
least ``floor_m``; journeys far outside the others' spread don't widen it.
A stretch without evidence is as wide as a tenth of its length.

A proposal for a person to look at: deterministic, and used by nothing itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from anomaly.corridor import Corridors
from anomaly.learning.journeys import Journey, resampled, spaced, thinned
from anomaly.sphere import EARTH_RADIUS_M, Bools, Floats, Ints, distance_m
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.geometry import lon_lat, simplified, vector
from sealtrail.contract.lane import LaneEvidence
from sealtrail.contract.public.fields import WIDEST_M
from sealtrail.contract.trip import Corridor

LEAST_JOURNEYS = 3
MOST_JOURNEYS = 200
ROUNDS = 5
STATIONS = 500
MOST_POINTS = 40_000
"""Points of all journeys together."""
COMPARED = 120
"""Points of each journey, and of each line, when all are compared with all."""
CANDIDATES = 25
MOST_CORNERS = 1_000
WHOLE_GLOBE_M = 1e8
LEAST_SHOWING = 2
STRANGE = 7.4
"""A journey so many median deviations (five sigma) outside the others' spread doesn't widen a leg."""
STRANGER_SHARE = 0.02
"""A journey half of which is further off than this share of the lane's length took another one."""
BLIND_SHARE = 0.1
"""Half width of a stretch without evidence, as a share of its length."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How to learn."""

    floor_m: float = 1_000.0  # least half width
    quantile: float = 0.95  # of the journeys' spread that the width covers
    margin: float = 1.5  # the width is so many times that spread
    gap_m: float = 20_000.0  # longest leg between two positions that shows the way


class Learned(NamedTuple):
    """A corridor, what it rests on, and the journeys as they were used (turned where they were)."""

    corridor: Corridor
    evidence: LaneEvidence
    used: list[Journey]
    left_out: list[Journey]


class _Beside(NamedTuple):
    """Points of all journeys beside a line; arrays of equal length."""

    journey: Ints
    along_m: Floats
    offset_m: Floats  # left positive
    leg: Ints
    inner: Bools  # not beyond the line's ends


def learn(journeys: Sequence[Journey], manner: Manner) -> Learned:
    """The corridor of one lane. Raises `InvalidTripError` where journeys are too few or share no way."""
    journeys = sorted(journeys, key=lambda each: (int(each.at_ms[0]), each.name))[-MOST_JOURNEYS:]
    if len(journeys) < LEAST_JOURNEYS:
        raise InvalidTripError("too_few_journeys", f"{len(journeys)} with a way, at least {LEAST_JOURNEYS}")
    nearest, away_m = _most_central(journeys)
    usual_m = min(4 * float(np.median(away_m)), STRANGER_SHARE * journeys[nearest].length_m)
    limit_m = max(usual_m, 3 * manner.floor_m)
    left_out = {
        each.name: f"lies elsewhere: half of it is more than {away / 1000:.1f} km off"
        for each, away in zip(journeys, away_m, strict=True)
        if away > limit_m
    }
    kept = [each for each, away in zip(journeys, away_m, strict=True) if away <= limit_m]
    if len(kept) < LEAST_JOURNEYS:
        raise InvalidTripError("no_common_way", "; ".join(f"{name} {why}" for name, why in left_out.items()))
    kept, turned = _one_way(kept, journeys[nearest])
    line = next(each for each in kept if each.name == journeys[nearest].name).vectors
    step_m = max(_length(line) / STATIONS, manner.floor_m / 4)
    most = max(2 * STATIONS // 3, min(3 * STATIONS, MOST_POINTS // len(kept)))
    points = [thinned(spaced(each.vectors, step_m / 2, manner.gap_m), most) for each in kept]
    line = resampled(line, step_m)
    for _ in range(ROUNDS):
        line = resampled(_moved(line, points, step_m, limit_m), step_m)
    corners, blind = _corners(line, _blind(line, points, step_m, manner, limit_m), manner.floor_m / 10)
    widths, unobserved = _widths(corners, blind, points, manner, limit_m)
    corridor = Corridor(
        coordinates=tuple((round(lon, 6), round(lat, 6)) for lon, lat in corners), half_width_m=widths
    )
    evidence = LaneEvidence(
        journeys=tuple(each.name for each in kept),
        left_out=left_out,
        reversed_journeys=turned,
        positions=sum(len(each.vectors) for each in kept),
        from_ms=min(int(each.at_ms.min()) for each in kept),
        until_ms=max(int(each.at_ms.max()) for each in kept),
        quantile=manner.quantile,
        unobserved_km=unobserved,
    )
    return Learned(corridor, evidence, kept, [each for each in journeys if each.name in left_out])


def _length(line: Floats) -> float:
    return float(distance_m(line[:-1], line[1:]).sum())


def _store(line: Floats, half_width_m: float = 1.0) -> Corridors:
    """One line to measure against, of one width, its legs uncut."""
    store = Corridors(WHOLE_GLOBE_M)
    corners = tuple(lon_lat((float(v[0]), float(v[1]), float(v[2]))) for v in line)
    store.number_of(Corridor(coordinates=corners, half_width_m=(half_width_m,)))
    return store


def _away(line: Floats, points: Floats) -> Floats:
    """Distances of points from a line."""
    zero = np.zeros(len(points), np.int64)
    return _store(line).locate(zero, zero - 1, points).offset_m


def _most_central(journeys: Sequence[Journey]) -> tuple[int, Floats]:
    """The journey to which the others are nearest, and how far each lies from it (median of its points)."""
    lines = [thinned(each.vectors, COMPARED) for each in journeys]
    points = [
        thinned(resampled(each.vectors, max(each.length_m / COMPARED, 1.0)), COMPARED) for each in journeys
    ]
    longest = sorted(range(len(journeys)), key=lambda i: (-len(journeys[i].vectors), i))[:CANDIDATES]
    everything = np.concatenate(points)
    ends = np.cumsum([len(each) for each in points])[:-1]
    away = {
        i: np.array([np.median(part) for part in np.split(_away(lines[i], everything), ends)])
        for i in longest
    }
    # a short journey lies near every longer one and says less, so the reverse is asked for too
    best = min(longest, key=lambda i: (float(np.median(away[i])) + _uncovered(away, i), i))
    return best, away[best]


def _uncovered(away: dict[int, Floats], i: int) -> float:
    return float(np.median([each[i] for each in away.values()]))


def _one_way(journeys: list[Journey], central: Journey) -> tuple[list[Journey], tuple[str, ...]]:
    """All journeys in the direction of most of them, and the names of those that were turned."""
    store = _store(thinned(central.vectors, MOST_CORNERS))
    back = []
    for each in journeys:
        zero = np.zeros(len(each.vectors), np.int64)
        along = store.locate(zero, zero - 1, each.vectors).along_m
        third = max(1, len(along) // 3)
        back.append(float(np.median(along[:third])) > float(np.median(along[-third:])))
    most_back = sum(back) * 2 > len(back)
    turned = tuple(each.name for each, is_back in zip(journeys, back, strict=True) if is_back != most_back)
    return [each.reversed() if each.name in turned else each for each in journeys], turned


def _beside(line: Floats, points: Sequence[Floats], limit_m: float, *, even: bool = True) -> _Beside:
    """Points of the journeys that lie beside a line, no further off than ``limit_m``.

    On a line of ``even`` steps the legs at the nearest corner are measured first.
    """
    everything = np.concatenate(points)
    journey = np.repeat(np.arange(len(points)), [len(each) for each in points])
    hint = np.full(len(everything), -1, np.int64)
    store = _store(line, min(limit_m, WIDEST_M))
    if even:
        corner = np.concatenate([np.argmax(part @ line.T, axis=1) for part in _portions(everything)])
        reach_m = limit_m + float(store.length_rad.max()) * EARTH_RADIUS_M
        near = distance_m(line[corner], everything) <= reach_m
        everything, journey = everything[near], journey[near]
        hint = np.minimum(corner[near], len(store.a) - 1)
    found = store.locate(np.zeros(len(everything), np.int64), hint, everything)
    total = store.start_m[-1] + store.length_rad[-1] * EARTH_RADIUS_M
    near = found.offset_m <= limit_m
    inner = (found.along_m > 0) & (found.along_m < total)
    return _Beside(
        journey[near],
        found.along_m[near],
        (found.offset_m * found.side)[near],
        found.leg[near],
        inner[near],
    )


def _portions(vectors: Floats) -> list[Floats]:
    return np.array_split(vectors, max(1, len(vectors) // 8_192))


def _votes(
    beside: _Beside, place: Ints, places: int, journeys: int, *, spread: float | None = None
) -> Floats:
    """For each journey and place its median offset, or a quantile of its distance; NaN where it wasn't."""
    table = np.full((journeys, places), np.nan)
    key = beside.journey * places + place
    order = np.argsort(key, kind="stable")
    cells, begins = np.unique(key[order], return_index=True)
    for cell, part in zip(cells, np.split(beside.offset_m[order], begins[1:]), strict=True):
        value = np.median(part) if spread is None else np.quantile(np.abs(part), spread)
        table[cell // places, cell % places] = value
    return table


def _moved(line: Floats, points: Sequence[Floats], step_m: float, limit_m: float) -> Floats:
    """The line at the median of the journeys beside it; stations that too few show are left out."""
    beside = _beside(line, points, limit_m)
    inner = beside.inner
    beside = _Beside(
        beside.journey[inner], beside.along_m[inner], beside.offset_m[inner], beside.leg[inner], inner[inner]
    )
    station = np.clip(np.round(beside.along_m / step_m), 0, len(line) - 1).astype(np.int64)
    table = _votes(beside, station, len(line), len(points))
    seen = (~np.isnan(table)).sum(axis=0)
    enough = seen >= max(2, min(len(points) // 3, 10))
    enough[0] = enough[-1] = True
    middle = np.zeros(len(line))
    voted = enough & (seen > 0)
    # a journey's own offset, never the middle between two ways
    middle[voted] = np.nanquantile(table[:, voted], 0.5, axis=0, method="lower")
    middle[1:-1] = np.median([middle[:-2], middle[1:-1], middle[2:]], axis=0)
    ahead = np.roll(line, -1, axis=0)
    ahead[-1] = 2 * line[-1] - line[-2]
    behind = np.roll(line, 1, axis=0)
    behind[0] = 2 * line[0] - line[1]
    left = np.cross(behind, ahead)
    left /= np.sqrt((left**2).sum(axis=1))[:, None]
    moved = line + left * np.tan(middle / EARTH_RADIUS_M)[:, None]
    kept: Floats = (moved / np.sqrt((moved**2).sum(axis=1))[:, None])[enough]
    return kept


def _blind(
    line: Floats, points: Sequence[Floats], step_m: float, manner: Manner, limit_m: float
) -> list[tuple[int, int]]:
    """Stretches of the line, as (first, last) station, that fewer than two journeys show."""
    beside = _beside(line, points, limit_m)
    station = np.clip(np.round(beside.along_m / step_m), 0, len(line) - 1).astype(np.int64)
    shown = np.zeros((len(points), len(line)), bool)
    shown[beside.journey, station] = True
    seen = shown.sum(axis=0) >= LEAST_SHOWING
    found = []
    for is_seen, group in itertools.groupby(range(len(line)), key=lambda i: bool(seen[i])):
        run = list(group)
        if not is_seen and len(run) * step_m > max(manner.gap_m / 2, 4 * step_m):
            found.append((max(run[0] - 1, 0), min(run[-1] + 1, len(line) - 1)))
    return found


def _corners(
    line: Floats, blind: list[tuple[int, int]], tolerance_m: float
) -> tuple[list[tuple[float, float]], Bools]:
    """The line with fewer points, and of each of its legs whether it is a stretch without evidence."""
    stations = [lon_lat((float(v[0]), float(v[1]), float(v[2]))) for v in line]
    cuts = sorted({0, len(line) - 1, *itertools.chain.from_iterable(blind)})
    kept = [0]
    for begin, end in itertools.pairwise(cuts):
        if (begin, end) in blind:
            kept.append(end)
        else:
            kept += [begin + i for i in simplified(stations[begin : end + 1], tolerance_m)][1:]
    is_blind = np.array([pair in blind for pair in itertools.pairwise(kept)])
    return [stations[i] for i in kept], is_blind


def _widths(
    corners: list[tuple[float, float]],
    blind: Bools,
    points: Sequence[Floats],
    manner: Manner,
    limit_m: float,
) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:
    """Half width of each leg, and the stretches without evidence in km along."""
    line = np.array([vector(*corner) for corner in corners])
    beside = _beside(line, points, limit_m, even=False)
    legs = len(line) - 1
    table = _votes(beside, beside.leg, legs, len(points), spread=manner.quantile)
    length = distance_m(line[:-1], line[1:])
    along_km = np.concatenate(([0.0], np.cumsum(length))) / 1000
    widths = np.full(legs, manner.floor_m)
    for leg in range(legs):
        votes = table[~np.isnan(table[:, leg]), leg]
        if len(votes):
            middle = float(np.median(votes))
            strange = middle + STRANGE * float(np.median(np.abs(votes - middle)))
            votes = votes[votes <= max(strange, manner.floor_m)]
            widths[leg] = max(manner.floor_m, manner.margin * float(np.quantile(votes, manner.quantile)))
        if blind[leg]:
            widths[leg] = max(widths[leg], length[leg] * BLIND_SHARE)
    widest = np.maximum(widths, np.maximum(np.append(widths[1:], 0), np.append(0, widths[:-1])))
    widest = np.where(np.append(blind[1:], False) | np.append(False, blind[:-1]), widths, widest)
    unobserved = tuple(
        (round(float(along_km[leg]), 1), round(float(along_km[leg + 1]), 1)) for leg in np.flatnonzero(blind)
    )
    return tuple(float(math.ceil(min(width, WIDEST_M) / 10) * 10) for width in widest), unobserved
