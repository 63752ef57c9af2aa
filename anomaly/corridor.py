"""Corridors: polylines on the sphere with a width to either side.

All legs of all corridors lie in flat arrays, cut into pieces of at most
``leg_max_m``. A position is measured against its current leg, then against a
window around it, then against the whole corridor, so that inside and outside
never depend on the pointer: outside means outside of every leg.

A trip's alternatives are further legs of the same corridor: a position is
measured against the way it is on until it leaves that one's width, then against
the nearest of all. ``along_m`` counts from the beginning of the way it is on.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from typing import NamedTuple

import msgspec
import numpy as np

from anomaly.slots import Slots, moved, placed
from anomaly.sphere import EARTH_RADIUS_M, Bools, Floats, Ints, distance_m, dot, point
from sealtrail.contract.public.corridor_file import check_corridor
from sealtrail.contract.trip import Corridor

WINDOW = np.arange(-3, 5)
SCAN_ROWS = 256
LEAST_LEG_RAD = 1e-9
_VECTORS = ("a", "b", "n", "ta", "tb")
_SCALARS = ("length_rad", "start_m", "half_width_m")


class Located(NamedTuple):
    """Where positions lie in their corridors; arrays of equal length.

    ``excess_m`` is the distance beyond the corridor's edge, negative inside;
    ``side`` is +1 left of the direction of travel, -1 right.
    """

    excess_m: Floats
    offset_m: Floats
    half_width_m: Floats
    along_m: Floats
    side: Floats
    leg: Ints


def _pieces(a: Floats, b: Floats, leg_max_m: float) -> list[tuple[Floats, Floats]]:
    """Great-circle pieces of one leg, none longer than ``leg_max_m``."""
    angle = float(distance_m(a, b)) / EARTH_RADIUS_M
    if angle < LEAST_LEG_RAD:
        return []
    count = math.ceil(angle * EARTH_RADIUS_M / leg_max_m)
    shares = np.linspace(0, 1, count + 1)[:, None]
    line = (np.sin((1 - shares) * angle) * a + np.sin(shares * angle) * b) / math.sin(angle)
    line /= np.sqrt(dot(line, line))[:, None]
    return [(line[i], line[i + 1]) for i in range(count)]


Ways = tuple[Corridor, ...]
"""A corridor and its alternatives."""


def _address(ways: Ways) -> tuple[int, ...]:
    return tuple(map(id, ways))


def _name(ways: Ways) -> str:
    return hashlib.blake2b(msgspec.msgpack.encode(ways), digest_size=16).hexdigest()


class Corridors:
    """Interned corridors: equal content has one number, until it is forgotten."""

    def __init__(self, leg_max_m: float) -> None:
        self._leg_max_m = leg_max_m
        self._numbers: dict[str, int] = {}
        self._slots = Slots()
        self._ways: dict[int, Ways] = {}
        self._of_object: dict[tuple[int, ...], int] = {}  # numbers by the addresses of these very corridors
        self.first = np.zeros(0, np.int64)
        self.last = np.zeros(0, np.int64)
        self.a, self.b, self.n, self.ta, self.tb = (np.zeros((0, 3)) for _ in range(5))
        self.length_rad, self.start_m, self.half_width_m = (np.zeros(0) for _ in range(3))
        self.way = np.zeros(0, np.int64)  # of each leg: 0 the corridor, 1 its first alternative, …

    def number_of(self, corridor: Corridor, *alternatives: Corridor) -> int:
        """Number of a corridor with its alternatives, new or known. Raises `InvalidTripError`."""
        ways = (corridor, *alternatives)
        if (known := self._of_object.get(_address(ways))) is not None:
            return known
        name = _name(ways)
        if (known := self._numbers.get(name)) is not None:
            return known
        for each in ways:
            check_corridor(each)
        number = self._numbers[name] = self._slots.take()
        self._put(number, ways)
        return number

    def ways_of(self, number: int) -> Ways:
        """The corridor of a number, and its alternatives."""
        return self._ways[number]

    def _put(self, number: int, ways: Ways) -> None:
        first = len(self.a)
        for way, each in enumerate(ways):
            self._add(each, way)
        self.first = placed(self.first, number, first)
        self.last = placed(self.last, number, len(self.a) - 1)
        self._ways[number] = ways
        self._of_object[_address(ways)] = number

    def __len__(self) -> int:
        return len(self._ways)

    @property
    def kept(self) -> list[tuple[int, Ways]]:
        """Numbers and corridors with their alternatives, in the order of their legs, for `restore`."""
        return sorted(self._ways.items(), key=lambda item: int(self.first[item[0]]))

    def restore(self, kept: list[tuple[int, Ways]]) -> None:
        """Give everything its number, and its legs theirs, again."""
        for number, ways in kept:
            self._numbers[_name(ways)] = number
            self._put(number, ways)
        self._slots.hold(self._ways)

    def forget(self, used: set[int]) -> Ints:
        """Keep only these; the number of each leg from now on, -1 where it is gone."""
        self._ways = {number: ways for number, ways in self._ways.items() if number in used}
        self._numbers = {name: number for name, number in self._numbers.items() if number in used}
        self._of_object = {_address(ways): number for number, ways in self._ways.items()}
        self._slots.hold(self._ways)
        size = self.last - self.first
        stays, self.first = moved(self.first, size + 1, self._ways, len(self.a))
        self.last = self.first + size
        for name in (*_VECTORS, *_SCALARS, "way"):
            setattr(self, name, getattr(self, name)[stays])
        return np.where(stays, np.cumsum(stays) - 1, -1)

    def _add(self, corridor: Corridor, way: int) -> None:
        vectors = [point(latitude, longitude) for longitude, latitude in corridor.coordinates]
        widths = corridor.half_width_m
        ends: list[tuple[Floats, Floats]] = []
        half_widths: list[float] = []
        for index, (start, end) in enumerate(itertools.pairwise(vectors)):
            pieces = _pieces(start, end, self._leg_max_m)
            ends.extend(pieces)
            half_widths.extend([widths[index % len(widths)]] * len(pieces))
        a = np.array([start for start, _ in ends])
        b = np.array([end for _, end in ends])
        n = np.cross(a, b)
        n /= np.sqrt(dot(n, n))[:, None]
        length = distance_m(a, b) / EARTH_RADIUS_M
        new = {"a": a, "b": b, "n": n, "ta": np.cross(n, a), "tb": np.cross(b, n), "length_rad": length}
        new["start_m"] = np.concatenate(([0.0], np.cumsum(length)[:-1])) * EARTH_RADIUS_M
        new["half_width_m"] = np.array(half_widths)
        for name in (*_VECTORS, *_SCALARS):
            setattr(self, name, np.concatenate((getattr(self, name), new[name])))
        self.way = np.append(self.way, np.full(len(a), way))

    def locate(self, corridor: Ints, leg: Ints, vectors: Floats) -> Located:
        """Measure positions; ``leg`` is where each was before, -1 where unknown."""
        found = self._current(leg, vectors)
        near = np.flatnonzero(~found)
        chosen = leg.copy()
        if near.size:
            centre = leg[near]
            excess = np.full(near.size, np.inf)
            known = centre >= 0
            if known.any():
                rows = near[known]
                best, excess[known] = self._window(corridor[rows], centre[known], vectors[rows])
                chosen[rows] = best
            lost = near[excess > 0]
            for start in range(0, lost.size, SCAN_ROWS):
                part = lost[start : start + SCAN_ROWS]
                nearest = self._scan(corridor[part], vectors[part])
                chosen[part], _ = self._window(corridor[part], nearest, vectors[part])
        return self._measure(chosen, vectors)

    def _current(self, leg: Ints, vectors: Floats) -> Bools:
        """Whether each position projects onto its current leg and lies within its width."""
        safe = np.maximum(leg, 0)
        across = np.abs(dot(self.n[safe], vectors))
        limit = np.sin(np.minimum(self.half_width_m[safe] / EARTH_RADIUS_M, np.pi / 2))
        ahead, behind = dot(self.ta[safe], vectors), dot(self.tb[safe], vectors)
        within: Bools = (leg >= 0) & (ahead >= 0) & (behind >= 0) & (across <= limit)
        return within

    def _window(self, corridor: Ints, centre: Ints, vectors: Floats) -> tuple[Ints, Floats]:
        """Best leg of a window around ``centre`` and the excess there."""
        legs = centre[:, None] + WINDOW
        legs = np.clip(legs, self.first[corridor][:, None], self.last[corridor][:, None])
        excess = self._measure(legs, vectors[:, None, :]).excess_m
        best = np.argmin(excess, axis=1)
        rows = np.arange(len(best))
        return legs[rows, best], excess[rows, best]

    def _scan(self, corridor: Ints, vectors: Floats) -> Ints:
        """Best leg of the whole corridor of each position: all legs of all of them in one row of pairs."""
        first = self.first[corridor]
        counts = self.last[corridor] - first + 1
        begins = np.cumsum(counts) - counts
        of = np.repeat(np.arange(len(corridor)), counts)
        legs = np.arange(len(of)) + (first - begins)[of]
        vector = vectors[of]
        across = np.arcsin(np.minimum(np.abs(dot(self.n[legs], vector)), 1))
        within = (dot(self.ta[legs], vector) >= 0) & (dot(self.tb[legs], vector) >= 0)
        nearest_end = np.maximum(dot(self.a[legs], vector), dot(self.b[legs], vector))
        angle = np.where(within, across, np.arccos(np.clip(nearest_end, -1, 1)))
        excess = angle * EARTH_RADIUS_M - self.half_width_m[legs]
        hits = np.flatnonzero(excess == np.minimum.reduceat(excess, begins)[of])
        best: Ints = legs[hits[np.searchsorted(of[hits], np.arange(len(corridor)))]]
        return best

    def _measure(self, legs: Ints, vectors: Floats) -> Located:
        a, normal = self.a[legs], self.n[legs]
        across, ahead = dot(normal, vectors), dot(self.ta[legs], vectors)
        within = (ahead >= 0) & (dot(self.tb[legs], vectors) >= 0)
        offset = np.arcsin(np.minimum(np.abs(across), 1)) * EARTH_RADIUS_M
        if not within.all():
            ends = np.minimum(distance_m(a, vectors), distance_m(self.b[legs], vectors))
            offset = np.where(within, offset, ends)
        length = self.length_rad[legs]
        along = np.clip(np.arctan2(ahead, dot(a, vectors)), 0, length)
        half_width = self.half_width_m[legs]
        return Located(
            excess_m=offset - half_width,
            offset_m=offset,
            half_width_m=half_width,
            along_m=self.start_m[legs] + along * EARTH_RADIUS_M,
            side=np.sign(across),
            leg=legs,
        )

    def place(self, number: int, latitude_deg: float, longitude_deg: float) -> tuple[float, float, float]:
        """(metres along the corridor, off its centre line, beyond its edge) of one place."""
        vector = point(latitude_deg, longitude_deg)[None, :]
        located = self.locate(np.array([number]), np.array([-1]), vector)
        return float(located.along_m[0]), float(located.offset_m[0]), float(located.excess_m[0])

    def legs_of(self, number: int) -> Ints:
        """All legs of a corridor and its alternatives."""
        return np.arange(self.first[number], self.last[number] + 1)

    def last_along_m(self, number: int, vectors: Floats, radius_m: Floats) -> Floats:
        """Where each way leaves circles behind, for (n, 3) centres: shape (ways, n), infinite for never."""
        legs = self.legs_of(number)
        found = np.full((int(self.way[legs].max()) + 1, len(vectors)), np.inf)
        for i, (vector, reach) in enumerate(zip(vectors, radius_m, strict=True)):
            located = self._measure(legs, np.broadcast_to(vector, (len(legs), 3)))
            near = np.flatnonzero(located.excess_m <= reach)
            for way in np.unique(self.way[legs[near]]):
                found[way, i] = located.along_m[near[self.way[legs[near]] == way]].max()
        return found

    def further_on(self, leg: int, number: int, vector: Floats, from_m: float, slack_m: float) -> bool:
        """Whether a position lies on a leg's way also at ``from_m`` along it or later: it doubles back."""
        legs = self.legs_of(number)
        legs = legs[self.way[legs] == self.way[leg]]
        located = self._measure(legs, np.broadcast_to(vector, (len(legs), 3)))
        beside = (dot(self.ta[legs], vector) >= 0) & (dot(self.tb[legs], vector) >= 0)
        return bool((beside & (located.excess_m <= slack_m) & (located.along_m >= from_m)).any())

    def length_m(self, leg: int, number: int) -> float:
        """Length of the way that a leg belongs to."""
        legs = self.legs_of(number)
        last = legs[self.way[legs] == self.way[leg]][-1]
        return float(self.start_m[last] + self.length_rad[last] * EARTH_RADIUS_M)
