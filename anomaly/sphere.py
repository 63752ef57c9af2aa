"""Points on the sphere as unit vectors (n-vectors): no antimeridian, no poles.

Places are kept in units of 1e-7 degree in 32-bit integers, about 1 cm. A
sphere of the mean radius is at most 0.6 % off the ellipsoid in distance.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_M = 6_371_008.8
DEGREE_E7 = 1e7

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Structured = NDArray[Any]


def unit_vectors(latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """Shape (n, 3); NaN where the place is."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    across = np.cos(latitude)
    vectors = np.empty((*across.shape, 3))
    vectors[..., 0], vectors[..., 1] = across * np.cos(longitude), across * np.sin(longitude)
    vectors[..., 2] = np.sin(latitude)
    return vectors


def dot(a: Floats, b: Floats) -> Floats:
    """Scalar products along the last axis, summed in one order whatever the shape."""
    total: Floats = a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
    return total


def distance_m(a: Floats, b: Floats) -> Floats:
    """Great-circle distances from the chord, exact for near points too."""
    apart = a - b
    chord = np.sqrt(dot(apart, apart))
    return 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(chord / 2, 1.0))


def point(latitude_deg: float, longitude_deg: float) -> Floats:
    """One unit vector, shape (3,)."""
    latitude, longitude = math.radians(latitude_deg), math.radians(longitude_deg)
    across = math.cos(latitude)
    return np.array((across * math.cos(longitude), across * math.sin(longitude), math.sin(latitude)))


def between_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance of two places given as (latitude, longitude) in degrees."""
    return float(distance_m(point(*a), point(*b)))
