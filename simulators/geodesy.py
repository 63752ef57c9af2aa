"""Points, legs and lines on the sphere: unit vectors, so that the antimeridian is nowhere special.

Distances are metres on the mean sphere (at most 0.6 % off the ellipsoid, much
less than any corridor's width).
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_008.8

Vector = tuple[float, float, float]


class Point(NamedTuple):
    latitude_deg: float
    longitude_deg: float


class Pose(NamedTuple):
    """A place on a line and the course along it (0 north, clockwise)."""

    latitude_deg: float
    longitude_deg: float
    course_deg: float


def wrapped(longitude_deg: float) -> float:
    """The same meridian within [-180, 180)."""
    return (longitude_deg + 180.0) % 360.0 - 180.0


def vector(point: Point | Pose) -> Vector:
    latitude, longitude = math.radians(point.latitude_deg), math.radians(point.longitude_deg)
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )


def point_of(v: Vector) -> Point:
    latitude = math.atan2(v[2], math.hypot(v[0], v[1]))
    return Point(math.degrees(latitude), wrapped(math.degrees(math.atan2(v[1], v[0]))))


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def angle(a: Vector, b: Vector) -> float:
    """Angle between two vectors in radians, exact for tiny and for large ones."""
    return math.atan2(math.hypot(*_cross(a, b)), _dot(a, b))


def distance_m(a: Point | Pose, b: Point | Pose) -> float:
    return EARTH_RADIUS_M * angle(vector(a), vector(b))


def destination(start: Point | Pose, course_deg: float, distance: float) -> Point:
    """The place ``distance`` metres from ``start`` on the great circle that leaves at ``course_deg``."""
    delta, course = distance / EARTH_RADIUS_M, math.radians(course_deg)
    latitude = math.radians(start.latitude_deg)
    sine = math.sin(latitude) * math.cos(delta) + math.cos(latitude) * math.sin(delta) * math.cos(course)
    east = math.sin(course) * math.sin(delta) * math.cos(latitude)
    turn = math.atan2(east, math.cos(delta) - math.sin(latitude) * sine)
    return Point(
        math.degrees(math.asin(max(-1.0, min(1.0, sine)))),
        wrapped(start.longitude_deg + math.degrees(turn)),
    )


def course_between(a: Point | Pose, b: Point | Pose) -> float:
    """Course at ``a`` of the great circle to ``b``, degrees within [0, 360)."""
    north, south = math.radians(a.latitude_deg), math.radians(b.latitude_deg)
    turn = math.radians(b.longitude_deg - a.longitude_deg)
    east = math.sin(turn) * math.cos(south)
    ahead = math.cos(north) * math.sin(south) - math.sin(north) * math.cos(south) * math.cos(turn)
    return math.degrees(math.atan2(east, ahead)) % 360.0


def _distance_to_leg(p: Vector, a: Vector, b: Vector) -> float:
    """Angle from ``p`` to the great-circle leg a-b: to its plane beside it, to the nearer end beyond."""
    normal = _cross(a, b)
    if _dot(_cross(normal, a), p) >= 0.0 and _dot(_cross(b, normal), p) >= 0.0:
        length = math.hypot(*normal)
        if length > 0.0:
            return abs(math.asin(max(-1.0, min(1.0, _dot(normal, p) / length))))
    return min(angle(p, a), angle(p, b))


class Line:
    """A polyline of great-circle legs, measured from its start.

    ``points`` are at least two; equal neighbours are dropped.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        kept = [point for i, point in enumerate(points) if i == 0 or distance_m(points[i - 1], point) > 1.0]
        if len(kept) < 2:  # noqa: PLR2004 - a line has two ends
            raise ValueError("a line needs two different points")
        self.points = tuple(kept)
        self.vectors = tuple(vector(point) for point in kept)
        legs = (EARTH_RADIUS_M * angle(a, b) for a, b in itertools.pairwise(self.vectors))
        self.starts_m = tuple(itertools.accumulate(legs, initial=0.0))

    @property
    def length_m(self) -> float:
        return self.starts_m[-1]

    def at(self, along_m: float) -> Pose:
        """Place and course ``along_m`` metres from the start; clamped to the ends."""
        along_m = max(0.0, min(self.length_m, along_m))
        leg = max(0, min(len(self.points) - 2, bisect.bisect_right(self.starts_m, along_m) - 1))
        a, b = self.vectors[leg], self.vectors[leg + 1]
        whole = angle(a, b)
        part = (along_m - self.starts_m[leg]) / EARTH_RADIUS_M
        left, right = math.sin(whole - part) / math.sin(whole), math.sin(part) / math.sin(whole)
        place = point_of((left * a[0] + right * b[0], left * a[1] + right * b[1], left * a[2] + right * b[2]))
        end = self.points[leg + 1]
        # On the end itself the course to it is undefined: that of the leg is meant.
        near_end = distance_m(place, end) < 1.0
        course = (course_between(end, self.points[leg]) + 180.0) % 360.0 if near_end else None
        return Pose(*place, course if course is not None else course_between(place, end))

    def distance_m(self, point: Point | Pose) -> float:
        """Shortest way from ``point`` to the line."""
        p = vector(point)
        return EARTH_RADIUS_M * min(_distance_to_leg(p, a, b) for a, b in itertools.pairwise(self.vectors))
