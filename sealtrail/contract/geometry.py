"""Points, legs and rings on the sphere, one at a time, for checks of plans.

Points are unit vectors (n-vectors), so that the antimeridian and the poles are
places like any other; legs and edges are the shorter great-circle arcs. The
judgement has its own geometry for many points at once (`anomaly.corridor`,
`anomaly.zones`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

EARTH_RADIUS_M = 6_371_008.8
Vector = tuple[float, float, float]
LonLat = tuple[float, float]

_TOUCH = 1e-14  # sine of an angle below which a point lies on a great circle
_X, _Y, _Z = range(3)


def vector(longitude_deg: float, latitude_deg: float) -> Vector:
    """The unit vector of a place."""
    longitude, latitude = math.radians(longitude_deg), math.radians(latitude_deg)
    across = math.cos(latitude)
    return across * math.cos(longitude), across * math.sin(longitude), math.sin(latitude)


def lon_lat(v: Vector) -> LonLat:
    """(longitude, latitude) in degrees of a vector of any length but zero."""
    return math.degrees(math.atan2(v[_Y], v[_X])), math.degrees(math.atan2(v[_Z], math.hypot(v[_X], v[_Y])))


def dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def unit(a: Vector) -> Vector:
    """The vector at length one; zero stays zero."""
    length = math.sqrt(dot(a, a))
    return (a[0] / length, a[1] / length, a[2] / length) if length else a


def distance_m(a: Vector, b: Vector) -> float:
    """Great-circle distance."""
    return EARTH_RADIUS_M * 2 * math.asin(min(1.0, math.dist(a, b) / 2))


def beside_m(p: Vector, a: Vector, b: Vector) -> tuple[float, float]:
    """(distance of ``p`` from the leg a-b, progress along the leg of its nearest point) in metres."""
    normal = unit(cross(a, b))
    length_m = distance_m(a, b)
    if dot(cross(normal, a), p) < 0 or dot(cross(b, normal), p) < 0 or length_m == 0:
        to_a, to_b = distance_m(p, a), distance_m(p, b)
        return (to_a, 0.0) if to_a <= to_b else (to_b, length_m)
    offset_m = EARTH_RADIUS_M * math.asin(min(1.0, abs(dot(normal, p))))
    along_m = EARTH_RADIUS_M * math.atan2(dot(cross(normal, a), p), dot(a, p))
    return offset_m, min(max(along_m, 0.0), length_m)


def legs_cross(a: Vector, b: Vector, c: Vector, d: Vector) -> bool:
    """Whether the legs a-b and c-d cross; legs that only touch don't."""
    if a in (c, d) or b in (c, d):
        return False  # of short legs, on which side of each other their common end lies is rounding
    ab, cd = unit(cross(a, b)), unit(cross(c, d))
    sides = dot(ab, c), dot(ab, d), dot(cd, a), dot(cd, b)
    if min(abs(side) for side in sides) < _TOUCH or sides[0] * sides[1] > 0 or sides[2] * sides[3] > 0:
        return False
    at = cross(ab, cd)
    return (dot(at, a) + dot(at, b) > 0) == (dot(at, c) + dot(at, d) > 0)


def ring_area_sr(ring: Sequence[Vector]) -> float:
    """Area left of a ring without repeated corners, in steradians, 0 to 4 pi (by its turns)."""
    normals = [unit(cross(a, b)) for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)]
    turned = 0.0
    for corner, before, after in zip(ring, (normals[-1], *normals[:-1]), normals, strict=True):
        turned += math.atan2(dot(corner, cross(before, after)), dot(before, after))
    return 2 * math.pi - turned


def ring_crosses_itself(ring: Sequence[Vector]) -> bool:
    """Whether two edges of a ring cross, or an edge runs back over the one before."""
    edges = list(zip(ring, (*ring[1:], ring[0]), strict=True))
    normals = [unit(cross(a, b)) for a, b in edges]
    if any(dot(a, b) < _TOUCH - 1 for a, b in zip(normals, (*normals[1:], normals[0]), strict=True)):
        return True
    axis = max(range(3), key=lambda i: max(v[i] for v in ring) - min(v[i] for v in ring))
    spans = [_span(a, b, axis) for a, b in edges]
    order = sorted(range(len(edges)), key=lambda i: spans[i])
    near: list[int] = []
    for i in order:
        near = [j for j in near if spans[j][1] >= spans[i][0]]
        if any(legs_cross(*edges[i], *edges[j]) for j in near):
            return True
        near.append(i)
    return False


def _span(a: Vector, b: Vector, axis: int) -> tuple[float, float]:
    """Least and greatest coordinate of a leg along an axis."""
    normal = unit(cross(a, b))
    least, greatest = min(a[axis], b[axis]), max(a[axis], b[axis])
    pole = (float(axis == _X), float(axis == _Y), float(axis == _Z))
    lean = dot(normal, pole)
    top = unit((pole[0] - lean * normal[0], pole[1] - lean * normal[1], pole[2] - lean * normal[2]))
    ahead, behind = dot(cross(normal, a), top), dot(cross(b, normal), top)
    if ahead > 0 and behind > 0:
        greatest = top[axis]
    elif ahead < 0 and behind < 0:
        least = -top[axis]
    return least, greatest


def in_ring(p: Vector, ring: Sequence[Vector]) -> bool:
    """Whether a point lies on the smaller side of a ring that doesn't cross itself.

    Its side of the nearest edge decides; where a corner is nearest, of both edges there.
    """
    normals = [unit(cross(a, b)) for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)]
    best, side = math.inf, 0.0
    for i, (a, b) in enumerate(zip(ring, (*ring[1:], ring[0]), strict=True)):
        offset_m, along_m = beside_m(p, a, b)
        if offset_m < best:
            best = offset_m
            side = dot(normals[i], p)
            if along_m == 0:
                side += dot(normals[i - 1], p)
            elif along_m >= distance_m(a, b):
                side += dot(normals[(i + 1) % len(ring)], p)
    return (side >= 0) == (ring_area_sr(ring) <= 2 * math.pi)


def simplified(points: Sequence[LonLat], tolerance_m: float) -> list[int]:
    """Indices of points to keep so that none dropped is more than ``tolerance_m`` off (Douglas-Peucker)."""
    vectors = [vector(*point) for point in points]
    keep = {0, len(points) - 1}
    open_ = [(0, len(points) - 1)]
    while open_:
        first, last = open_.pop()
        worst, at = tolerance_m, -1
        for i in range(first + 1, last):
            off, _ = beside_m(vectors[i], vectors[first], vectors[last])
            if off > worst:
                worst, at = off, i
        if at >= 0:
            keep.add(at)
            open_ += [(first, at), (at, last)]
    return sorted(keep)


def length_m(points: Sequence[LonLat]) -> float:
    """Length of a line."""
    vectors = [vector(*point) for point in points]
    return sum(distance_m(a, b) for a, b in itertools.pairwise(vectors))
