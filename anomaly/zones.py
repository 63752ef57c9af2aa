"""Zones: polygons and circles on the sphere, and which side of their edge positions lie.

All edges of all polygons lie in flat arrays. The side of the nearest edge
decides between inside and outside, and where a corner is nearest, the sum of
both edges there: right for every ring that doesn't cross itself, at the poles
and over the antimeridian, and one pass gives the distance too. Rings that run
clockwise are turned, so that a ring encloses the smaller side. A cap around
each zone keeps far positions cheap; near ones cost about 0.15 µs for each edge.
Who moved less than the distance to the edge is on the same side still: a rule
that keeps that distance need not ask again before.
"""

from __future__ import annotations

import hashlib
import math

import msgspec
import numpy as np

from anomaly.slots import Slots, moved, placed
from anomaly.sphere import EARTH_RADIUS_M, Bools, Floats, Ints, distance_m, dot, point
from sealtrail.contract.geometry import ring_area_sr, unit
from sealtrail.contract.public.zone_file import check_zone, corners
from sealtrail.contract.trip import Zone

PAIRS_AT_ONCE = 1 << 18
_EDGES = ("a", "n", "ta", "tb", "na")


def _name(zone: Zone) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(zone), digest_size=16).digest()


class Zones:
    """Interned zones: equal content has one number, until it is forgotten."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._slots = Slots()
        self.kept: dict[int, Zone] = {}  # by number
        self.centre = np.zeros((0, 3))
        self.cap_m = np.zeros(0)  # no part of the zone is further than this from its centre
        self.first = np.zeros(0, np.int64)  # first edge
        self.edges = np.zeros(0, np.int64)  # how many; 0: the zone is its cap
        self.a, self.n, self.ta, self.tb, self.na = (np.zeros((0, 3)) for _ in _EDGES)

    def number_of(self, zone: Zone) -> int:
        """Number of a zone, new or known. Raises `InvalidTripError`."""
        name = _name(zone)
        if (known := self._numbers.get(name)) is not None:
            return known
        check_zone(zone)
        number = self._numbers[name] = self._slots.take()
        self._put(number, zone)
        return number

    def _put(self, number: int, zone: Zone) -> None:
        self.kept[number] = zone
        if zone.circle is not None:
            centre = point(zone.circle.latitude_deg, zone.circle.longitude_deg)
            self._set(number, centre, zone.circle.radius_m, {each: np.zeros((0, 3)) for each in _EDGES})
        else:
            self._set(number, *_ring(zone))

    def restore(self, kept: dict[int, Zone]) -> None:
        """Give every zone its number again."""
        for number, zone in kept.items():
            self._numbers[_name(zone)] = number
            self._put(number, zone)
        self._slots.hold(self.kept)

    def forget(self, used: set[int]) -> None:
        """Keep only these."""
        self.kept = {number: zone for number, zone in self.kept.items() if number in used}
        self._numbers = {name: number for name, number in self._numbers.items() if number in used}
        self._slots.hold(self.kept)
        stays, self.first = moved(self.first, self.edges, self.kept, len(self.a))
        for each in _EDGES:
            setattr(self, each, getattr(self, each)[stays])

    def _set(self, number: int, centre: Floats, cap_m: float, edges: dict[str, Floats]) -> None:
        self.first = placed(self.first, number, len(self.a))
        self.edges = placed(self.edges, number, len(edges["a"]))
        self.centre = placed(self.centre, number, centre)
        self.cap_m = placed(self.cap_m, number, cap_m)
        for each in _EDGES:
            setattr(self, each, np.concatenate((getattr(self, each), edges[each])))

    def distance_m(self, numbers: Ints | int, vectors: Floats) -> Floats:
        """Distance of positions to the edge of their zone, negative inside; NaN where the position is.

        ``vectors`` has shape (n, 3); ``numbers`` is one zone for all or one for each.
        """
        of = np.broadcast_to(np.asarray(numbers, np.int64), len(vectors))
        found = distance_m(self.centre[of], vectors) - self.cap_m[of]
        rings = np.flatnonzero((self.edges[of] > 0) & ~np.isnan(found))
        if rings.size:
            found[rings] = self._to_rings(of[rings], vectors[rings])
        return found

    def within(self, numbers: Ints | int, vectors: Floats, margin_m: Floats | float = 0.0) -> Bools:
        """Whether positions lie at most ``margin_m`` beyond the edge; a margin below 0 asks for depth inside.

        A position that is none (NaN) lies in no zone. The edge itself is inside.
        """
        of = np.broadcast_to(np.asarray(numbers, np.int64), len(vectors))
        margin = np.broadcast_to(np.asarray(margin_m, np.float64), len(vectors))
        beyond = distance_m(self.centre[of], vectors) - self.cap_m[of]
        found: Bools = beyond <= margin  # false for NaN
        near = np.flatnonzero(found & (self.edges[of] > 0))
        if near.size:
            found[near] = self._to_rings(of[near], vectors[near]) <= margin[near]
        return found

    def contains(self, numbers: Ints | int, vectors: Floats) -> Bools:
        """Whether positions lie in their zone: `within` without a margin."""
        return self.within(numbers, vectors)

    def _to_rings(self, of: Ints, vectors: Floats) -> Floats:
        """Signed distances to polygons, in portions of a bounded number of (position, edge) pairs."""
        found = np.empty(len(of))
        counts = self.edges[of]
        start = 0
        while start < len(of):
            pairs = np.cumsum(counts[start:])
            stop = start + max(1, int(np.searchsorted(pairs, PAIRS_AT_ONCE, side="right")))
            found[start:stop] = self._pairs(of[start:stop], counts[start:stop], vectors[start:stop])
            start = stop
        return found

    def _pairs(self, of: Ints, counts: Ints, vectors: Floats) -> Floats:
        begins = np.cumsum(counts) - counts
        row = np.repeat(np.arange(len(of)), counts)
        edge = np.arange(len(row)) + (self.first[of] - begins)[row]
        vector = vectors[row]
        ahead, behind = dot(self.ta[edge], vector), dot(self.tb[edge], vector)
        across = dot(self.n[edge], vector)
        to_corner = self.a[edge] - vector  # an edge's other corner is the next one's first
        inner = (ahead > 0) & (behind > 0)
        sine2 = np.minimum(across * across, 1)
        chord2 = np.where(inner, 2 * sine2 / (1 + np.sqrt(1 - sine2)), dot(to_corner, to_corner))
        least = np.minimum.reduceat(chord2, begins)
        hits = np.flatnonzero(chord2 == least[row])
        best = hits[np.searchsorted(row[hits], np.arange(len(of)))]
        side = np.where(inner[best], across[best], dot(self.na[edge[best]], vectors))
        away = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(np.sqrt(least) / 2, 1))
        return np.where(side >= 0, -away, away)


def _ring(zone: Zone) -> tuple[Floats, float, dict[str, Floats]]:
    """Centre, reach and edges of a polygon whose inside is made to lie to the left."""
    ring = corners(zone)
    if ring_area_sr(ring) > 2 * math.pi:
        ring.reverse()
    a = np.array(ring)
    b = np.roll(a, -1, axis=0)
    n = np.array([unit((float(x), float(y), float(z))) for x, y, z in np.cross(a, b)])
    edges = {"a": a, "n": n, "ta": np.cross(n, a), "tb": np.cross(b, n), "na": n + np.roll(n, 1, axis=0)}
    return *_cap(a, b), edges


def _cap(a: Floats, b: Floats) -> tuple[Floats, float]:
    """A circle that holds all edges, and the inside where it is less than a hemisphere (else everything)."""
    total = a.sum(axis=0)
    length = float(np.sqrt(dot(total, total)))
    globe_m = math.pi * EARTH_RADIUS_M
    if length < 1e-9:  # noqa: PLR2004 (corners all around the globe have no middle)
        return a[0], globe_m
    centre = total / length
    reach_m = float((distance_m(centre, a) + distance_m(a, b) / 2).max())
    return centre, reach_m if reach_m < globe_m / 2 else globe_m
