"""Zones against brute force: crossings counted, areas turned, distances searched along the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anomaly.sphere import EARTH_RADIUS_M, Floats, between_m, point, unit_vectors
from anomaly.zones import Zones
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.geometry import in_ring, vector
from sealtrail.contract.trip import Place, Zone

SPHERE = Geodesic(EARTH_RADIUS_M, 0)
LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)


def at(latitude: float, longitude: float) -> Floats:
    return unit_vectors(np.array([latitude]), np.array([longitude]))


def star(latitude: float, longitude: float, radii_m: list[float]) -> tuple[tuple[float, float], ...]:
    """A ring around a place, its corners at the given distances in equal steps of bearing."""
    found = []
    for index, radius_m in enumerate(radii_m):
        end = SPHERE.Direct(latitude, longitude, 360 * index / len(radii_m), radius_m)
        found.append((end["lon2"], end["lat2"]))
    return tuple(found)


def crossings(
    ring: tuple[tuple[float, float], ...], latitude: float, longitude: float, centre: Floats
) -> bool:
    """Inside by parity: how many edges the way from the (inner) centre crosses, in a gnomonic plane.

    All within a hemisphere around the centre, where great circles are straight lines.
    """
    up = centre
    east = np.cross([0.0, 0.0, 1.0] if abs(up[2]) < 0.9 else [1.0, 0.0, 0.0], up)
    east /= np.linalg.norm(east)
    north = np.cross(up, east)

    def flat(v: Floats) -> tuple[float, float]:
        return float(v @ east / (v @ up)), float(v @ north / (v @ up))

    x, y = flat(point(latitude, longitude))
    plane = [flat(point(corner[1], corner[0])) for corner in ring]
    inside = False
    for (x1, y1), (x2, y2) in zip(plane, (*plane[1:], plane[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


@settings(deadline=None, max_examples=150)
@given(
    LATITUDES,
    LONGITUDES,
    st.lists(st.floats(1_000, 4_000_000), min_size=3, max_size=12),
    st.floats(0, 360),
    st.floats(1, 8_000_000),
    st.booleans(),
)
def test_inside_is_what_counting_crossings_says(
    latitude: float,
    longitude: float,
    radii_m: list[float],
    bearing: float,
    away_m: float,
    turned: bool,  # noqa: FBT001
) -> None:
    """Stars of any size anywhere, over poles and the antimeridian, drawn either way round."""
    ring = star(latitude, longitude, radii_m)
    ring = ring[::-1] if turned else ring
    zones = Zones()
    try:
        zones.number_of(Zone(name="star", ring=ring))
    except InvalidTripError:
        assume(False)
    end = SPHERE.Direct(latitude, longitude, bearing, away_m)
    place = at(end["lat2"], end["lon2"])
    distance = float(zones.distance_m(0, place)[0])
    assume(abs(distance) > 0.01)
    expected = crossings(ring, end["lat2"], end["lon2"], point(latitude, longitude))
    assert (distance < 0) == expected
    assert bool(zones.contains(0, place)[0]) == expected
    assert in_ring(vector(end["lon2"], end["lat2"]), [vector(*corner) for corner in ring]) == expected


@settings(deadline=None, max_examples=60)
@given(
    LATITUDES,
    LONGITUDES,
    st.lists(st.floats(10_000, 3_000_000), min_size=3, max_size=6),
    LATITUDES,
    LONGITUDES,
)
def test_the_distance_is_that_of_the_nearest_point_of_the_edge(
    latitude: float, longitude: float, radii_m: list[float], other_latitude: float, other_longitude: float
) -> None:
    """Searching along every edge in fine steps finds nothing nearer, wherever on the globe one stands."""
    ring = star(latitude, longitude, radii_m)
    zones = Zones()
    try:
        zones.number_of(Zone(name="star", ring=ring))
    except InvalidTripError:
        assume(False)
    least = math.inf
    for a, b in zip(ring, (*ring[1:], ring[0]), strict=True):
        inverse = SPHERE.Inverse(a[1], a[0], b[1], b[0])
        line = SPHERE.Line(a[1], a[0], inverse["azi1"])
        for step in np.linspace(0, inverse["s12"], 60):
            on = line.Position(float(step))
            least = min(least, between_m((on["lat2"], on["lon2"]), (other_latitude, other_longitude)))
    distance = abs(float(zones.distance_m(0, at(other_latitude, other_longitude))[0]))
    assert distance <= least + 0.5
    assert distance >= least - max(inverse["s12"], 6_000_000) / 59


@pytest.mark.parametrize(
    ("ring", "inside", "outside"),
    [
        (((179.0, -1.0), (-179.0, -1.0), (-179.0, 1.0), (179.0, 1.0)), (0, 180), (0, 0)),
        (((0.0, 80.0), (90.0, 80.0), (180.0, 80.0), (-90.0, 80.0)), (90, 0), (-90, 0)),
        (((0.0, -80.0), (90.0, -80.0), (180.0, -80.0), (-90.0, -80.0)), (-90, 12), (-60, 0)),
        (((10.0, 50.0), (12.0, 50.0), (12.0, 51.0), (11.0, 50.2), (10.0, 51.0)), (50.1, 11), (50.9, 11)),
    ],
)
def test_the_antimeridian_the_poles_and_a_notch(
    ring: tuple[tuple[float, float], ...], inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    """Fiji, both poles, and a polygon that isn't convex; drawn in either direction, from any corner."""
    for turn in range(len(ring)):
        for way in (1, -1):
            zones = Zones()
            drawn = (ring[turn:] + ring[:turn])[::way]
            number = zones.number_of(Zone(name="z", ring=drawn))
            assert zones.contains(number, at(*inside))[0]
            assert not zones.contains(number, at(*outside))[0]


def test_a_band_around_the_globe_encloses_its_smaller_side() -> None:
    """A ring along a parallel of high latitude holds the pole, and nothing of its antipodes."""
    zones = Zones()
    zones.number_of(Zone(name="cap", ring=tuple((float(lon), 5.0) for lon in range(-180, 180, 10))))
    places = unit_vectors(np.array([90.0, 6.0, 4.0, -90.0, -6.0]), np.array([0.0, 33.0, 33.0, 0.0, -100.0]))
    assert zones.contains(0, places).tolist() == [True, True, False, False, False]


def test_circles_rings_and_missing_positions_in_one_batch() -> None:
    """One number for each row; a position that is none lies nowhere; equal zones are one."""
    zones = Zones()
    circle = Zone(
        name="yard",
        circle=Place(name="yard", latitude_deg=50.0, longitude_deg=10.0, radius_m=1_000.0),
    )
    square = Zone(name="field", ring=((10.0, 50.0), (10.1, 50.0), (10.1, 50.1), (10.0, 50.1)))
    numbers = np.array([zones.number_of(each) for each in (circle, square, circle, square, square)])
    assert numbers.tolist() == [0, 1, 0, 1, 1]
    vectors = unit_vectors(
        np.array([50.0, 50.05, 50.02, np.nan, 49.999]), np.array([10.0, 10.05, 10.0, 10.0, 10.05])
    )
    assert zones.contains(numbers, vectors).tolist() == [True, True, False, False, False]
    distances = zones.distance_m(numbers, vectors)
    assert distances[0] == -1_000
    assert np.isnan(distances[3])
    assert 100 < distances[4] < 130
    assert zones.within(numbers, vectors, 150.0).tolist() == [True, True, False, False, True]
    assert zones.within(numbers, vectors, np.full(5, -900.0)).tolist() == [True, True, False, False, False]


def test_one_by_one_is_all_at_once() -> None:
    """A batch larger than one portion gives every row what it gets alone."""
    zones = Zones()
    random = np.random.default_rng(3)
    for index in range(4):
        radii_m = list(random.uniform(50_000, 200_000, 400))
        zones.number_of(Zone(name=str(index), ring=star(40.0 + index, 10.0, radii_m)))
    numbers = random.integers(0, 4, 2_000)
    vectors = unit_vectors(random.uniform(38, 45, 2_000), random.uniform(8, 12, 2_000))
    together = zones.distance_m(numbers, vectors)
    for i in range(0, 2_000, 97):
        assert zones.distance_m(int(numbers[i]), vectors[i : i + 1])[0] == together[i]
    assert (zones.contains(numbers, vectors) == (together <= 0)).all()


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        (Zone(name="z"), "zone_shape"),
        (
            Zone(
                name="z",
                ring=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),
                circle=Place(name="z", latitude_deg=0, longitude_deg=0, radius_m=1),
            ),
            "zone_shape",
        ),
        (Zone(name="z", ring=((0.0, 0.0), (1.0, 0.0))), "zone_corners"),
        (Zone(name="z", ring=((0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0))), "zone_corners"),
        (Zone(name="z", ring=((0.0, 0.0), (1.0, 0.0), (1.0, math.nan))), "zone_out_of_range"),
        (Zone(name="z", ring=((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0))), "zone_crosses_itself"),
        (Zone(name="z", ring=((0.0, 0.0), (2.0, 0.0), (1.0, 0.0))), "zone_crosses_itself"),
        (Zone(name="z", ring=((0.0, 0.0), (180.0, 0.0), (90.0, 50.0))), "zone_edge_ambiguous"),
        (Zone(name="z", ring=((0.0, 0.0), (120.0, 0.0), (-120.0, 0.0))), "zone_side_ambiguous"),
        (
            Zone(name="z", circle=Place(name="", latitude_deg=0, longitude_deg=0, radius_m=2e7)),
            "zone_out_of_range",
        ),
    ],
)
def test_what_is_no_zone_is_refused_by_name(zone: Zone, reason: str) -> None:
    """Each way in which an area can be none has its name."""
    with pytest.raises(InvalidTripError) as refusal:
        Zones().number_of(zone)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("size_m", [20.0, 200.0, 3_300.0])
def test_small_zones_are_accepted_wherever_they_are_and_however_they_lie(size_m: float) -> None:
    """Squares and hexagons turned by any angle: their corners are no crossings, whatever is rounded."""
    for step in range(200):
        latitude, longitude = -85 + step * 0.85, -180 + step * 1.8
        for count in (4, 6):
            ends = [SPHERE.Direct(latitude, longitude, step + 360 * i / count, size_m) for i in range(count)]
            zone = Zone(name="z", ring=tuple((end["lon2"], end["lat2"]) for end in ends))
            assert Zones().number_of(zone) == 0
