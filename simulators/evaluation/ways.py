"""The ways of the evaluation world, with vectorised geometry on unit vectors.

Roads and sea lanes of the demonstration, both directions, and three more: a
road far north of the polar circle, ferries on a road trip, and ferries over
the antimeridian; a sea lane at 72 degrees north. Coordinates of towns and
ports are from public gazetteers.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sealtrail.contract.trip import Corridor
from simulators.geodesy import EARTH_RADIUS_M
from simulators.lanes import ROAD_NAMES, SEA_NAMES, SHIP_KMH, TRUCK_KMH, lane

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FERRY_KMH = 28.0


def unit_vectors(latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """Shape (n, 3)."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    across = np.cos(latitude)
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=-1)


def lat_lon(vectors: Floats) -> tuple[Floats, Floats]:
    """(latitude, longitude) in degrees, longitude within [-180, 180)."""
    latitude = np.degrees(np.arctan2(vectors[..., 2], np.hypot(vectors[..., 0], vectors[..., 1])))
    longitude = np.degrees(np.arctan2(vectors[..., 1], vectors[..., 0]))
    return latitude, (longitude + 180.0) % 360.0 - 180.0


def apart_m(a: Floats, b: Floats) -> Floats:
    """Distance between unit vectors, row by row."""
    half = np.linalg.norm(a - b, axis=-1) / 2
    found: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, half))
    return found


def moved(
    latitude_deg: Floats, longitude_deg: Floats, east_m: Floats, north_m: Floats
) -> tuple[Floats, Floats]:
    """Places so many metres east and north of others, by the tangent plane; exact enough to 100 km."""
    p = unit_vectors(latitude_deg, longitude_deg)
    longitude = np.radians(longitude_deg)
    east = np.stack([-np.sin(longitude), np.cos(longitude), np.zeros_like(longitude)], axis=-1)
    north = np.cross(p, east)
    shifted = p + (east * np.expand_dims(east_m, -1) + north * np.expand_dims(north_m, -1)) / EARTH_RADIUS_M
    return lat_lon(shifted)


@dataclass(frozen=True)
class _Spec:
    origin: str
    destination: str
    half_width_m: float
    cruise_kmh: float
    at_sea: bool
    points: tuple[tuple[float, float], ...]  # latitude, longitude
    ferries: tuple[int, ...] = ()  # numbers of the legs that a ferry sails


_FERRY_ROADS = {
    "FJSUV-FJTVU": _Spec(
        "Suva", "Taveuni", 6_000.0, TRUCK_KMH * 0.7, False,
        ((-18.14, 178.44), (-17.97, 178.65), (-17.66, 178.58), (-17.20, 178.95), (-16.80, 179.31),
         (-16.73, 179.52), (-16.62, 179.83), (-16.70, -179.98), (-16.79, -179.99), (-16.93, -179.93)),
        (2, 3, 6),
    ),
    "SEORB-FIHEL": _Spec(
        "Orebro", "Helsinki", 5_000.0, TRUCK_KMH, False,
        ((59.27, 15.21), (59.61, 16.55), (59.33, 18.10), (59.48, 19.20), (60.02, 20.20), (60.22, 21.60),
         (60.44, 22.23), (60.38, 23.13), (60.20, 24.90)),
        (2, 3, 4, 5),
    ),
}  # fmt: skip
_NORTH = {
    "NONVK-NOKKN": _Spec(
        "Narvik", "Kirkenes", 6_000.0, TRUCK_KMH * 0.9, False,
        ((68.44, 17.42), (68.85, 18.35), (69.22, 19.55), (69.39, 20.27), (69.73, 21.05), (69.97, 23.27),
         (70.43, 24.50), (70.05, 24.97), (69.47, 25.51), (69.95, 26.90), (70.20, 28.19), (69.73, 30.05)),
    ),
}  # fmt: skip
_POLAR_SEA = {
    "RUMMK-ISREK": _Spec(
        "Murmansk", "Reykjavik", 40_000.0, SHIP_KMH, True,
        ((69.30, 33.50), (71.50, 30.00), (72.20, 20.00), (70.50, 5.00), (67.00, -12.00), (64.40, -22.80)),
    ),
}  # fmt: skip
_MORE = _FERRY_ROADS | _NORTH | _POLAR_SEA

LAND_NAMES = (*ROAD_NAMES, *_NORTH, *_FERRY_ROADS)
FERRY_NAMES = tuple(_FERRY_ROADS)
OCEAN_NAMES = (*SEA_NAMES, *_POLAR_SEA)


class Way:
    """A polyline of great circles in travel order, with what may be asked of many places at once."""

    def __init__(
        self, name: str, spec: _Spec, *, backwards: bool = False, points: Sequence[tuple[float, float]] = ()
    ) -> None:
        given = list(points or spec.points)
        if backwards:
            given.reverse()
        self.name = name
        self.origin, self.destination = spec.origin, spec.destination
        if backwards:
            self.origin, self.destination = self.destination, self.origin
        self.half_width_m, self.cruise_kmh, self.at_sea = spec.half_width_m, spec.cruise_kmh, spec.at_sea
        latitude, longitude = np.array(given, np.float64).T
        self.latitude_deg, self.longitude_deg = latitude, longitude
        self.vectors = unit_vectors(latitude, longitude)
        legs = apart_m(self.vectors[1:], self.vectors[:-1])
        self.starts_m: Floats = np.concatenate(([0.0], np.cumsum(legs)))
        normals = np.cross(self.vectors[:-1], self.vectors[1:])
        self.normals: Floats = normals / np.linalg.norm(normals, axis=1, keepdims=True)
        numbers = [len(legs) - 1 - leg if backwards else leg for leg in spec.ferries]
        self.ferries = tuple((float(self.starts_m[i]), float(self.starts_m[i + 1])) for i in sorted(numbers))

    @property
    def length_m(self) -> float:
        return float(self.starts_m[-1])

    @property
    def corridor(self) -> Corridor:
        """What a trip on this way is held to."""
        pairs = zip(self.longitude_deg.tolist(), self.latitude_deg.tolist(), strict=True)
        return Corridor(coordinates=tuple(pairs), half_width_m=(self.half_width_m,))

    def place(self, along_m: Floats, right_m: Floats) -> tuple[Floats, Floats]:
        """(latitude, longitude) so far along and so far to the right of the line; corners are rounded."""
        along_m = np.clip(along_m, 0.0, self.length_m)
        leg = np.clip(np.searchsorted(self.starts_m, along_m, "right") - 1, 0, len(self.normals) - 1)
        angle = (along_m - self.starts_m[leg]) / EARTH_RADIUS_M
        a, normal = self.vectors[leg], self.normals[leg]
        ahead = np.cross(normal, a)
        p = a * np.cos(angle)[:, None] + ahead * np.sin(angle)[:, None]
        middles = (self.starts_m[1:] + self.starts_m[:-1]) / 2
        smooth = np.stack([np.interp(along_m, middles, self.normals[:, i]) for i in range(3)], axis=-1)
        smooth -= p * np.sum(smooth * p, axis=1, keepdims=True)
        smooth /= np.linalg.norm(smooth, axis=1, keepdims=True)
        aside = (right_m / EARTH_RADIUS_M)[:, None]
        return lat_lon(p * np.cos(aside) - smooth * np.sin(aside))

    def point(self, along_m: float, right_m: float = 0.0) -> tuple[float, float]:
        """`place` of one point."""
        latitude, longitude = self.place(np.array([along_m]), np.array([right_m]))
        return round(float(latitude[0]), 5), round(float(longitude[0]), 5)

    def off_m(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Distance of places from the line; NaN stays NaN."""
        return line_off_m(self.vectors, latitude_deg, longitude_deg)


def line_off_m(line: Floats, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """Distance of places from a polyline of unit vectors; NaN stays NaN."""
    p = unit_vectors(latitude_deg, longitude_deg)
    a, b = line[:-1], line[1:]
    normals = np.cross(a, b)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    within = (p @ np.cross(normals, a).T >= 0) & (p @ np.cross(b, normals).T >= 0)
    beside = np.abs(np.arcsin(np.clip(p @ normals.T, -1.0, 1.0))) * EARTH_RADIUS_M
    beside = np.where(within, beside, np.inf).min(axis=1)
    chords = np.sqrt(np.maximum(0.0, 2 - 2 * np.clip(p @ line.T, -1.0, 1.0)))
    corner = 2 * EARTH_RADIUS_M * np.arcsin(np.clip(chords / 2, 0.0, 1.0)).min(axis=1)
    found: Floats = np.where(np.isnan(latitude_deg), np.nan, np.minimum(beside, corner))
    return found


@functools.cache
def way(name: str, *, backwards: bool = False) -> Way:
    """The way of that name, one of `LAND_NAMES` and `OCEAN_NAMES`."""
    if name in _MORE:
        return Way(name, _MORE[name], backwards=backwards)
    found = lane(name)
    points = tuple((p.latitude_deg, p.longitude_deg) for p in found.line.points)
    spec = _Spec(found.origin, found.destination, found.half_width_m, found.cruise_kmh, found.at_sea, points)
    return Way(name, spec, backwards=backwards)
