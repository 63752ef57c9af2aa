"""The sphere: against an independent geodesic library, and at its awkward places."""

from __future__ import annotations

import itertools
import random

import pytest
from geographiclib.geodesic import Geodesic
from stdnum import iso6346 as official

from sealtrail.contract.iso6346 import check_digit
from simulators.geodesy import Line, Point, course_between, destination, distance_m, wrapped
from simulators.lanes import ROAD_NAMES, SEA_NAMES, lane
from simulators.world import container_number

ANTIMERIDIAN = Line([Point(50.0, 179.0), Point(51.0, -179.5)])


def test_distances_agree_with_the_ellipsoid() -> None:
    """Distances lie within 0.6 % of geographiclib's, for near and far points all over the earth."""
    rng = random.Random(1)
    for _ in range(200):
        a = Point(rng.uniform(-80, 80), rng.uniform(-180, 180))
        b = Point(rng.uniform(-80, 80), rng.uniform(-180, 180))
        expected = Geodesic.WGS84.Inverse(*a, *b)["s12"]
        assert distance_m(a, b) == pytest.approx(expected, rel=0.006)


def test_destination_is_undone_by_distance_and_course() -> None:
    """Going a way and measuring it gives the same way, also over the antimeridian."""
    for longitude in (0.0, 179.9, -179.9):
        start = Point(52.0, longitude)
        end = destination(start, 80.0, 40_000.0)
        assert distance_m(start, end) == pytest.approx(40_000.0, abs=0.01)
        assert course_between(start, end) == pytest.approx(80.0, abs=1e-6)
        assert -180.0 <= end.longitude_deg < 180.0


def test_a_line_crosses_the_antimeridian() -> None:
    """A leg from 179 E to 179.5 W is 130 km long, and its middle lies at the 180th meridian."""
    assert ANTIMERIDIAN.length_m == pytest.approx(153_700, rel=0.01)
    middle = ANTIMERIDIAN.at(ANTIMERIDIAN.length_m * 2 / 3)
    assert abs(middle.longitude_deg) == pytest.approx(180.0, abs=0.05)
    assert ANTIMERIDIAN.distance_m(middle) < 0.01


def test_distance_to_a_line_is_that_to_its_nearest_point() -> None:
    """The closed form agrees with the least distance to points every 50 m of the line."""
    rng = random.Random(2)
    line = lane("KEMBA-UGMAL").line
    for _ in range(5):
        near = line.at(rng.uniform(0, line.length_m))
        point = destination(near, rng.uniform(0, 360), rng.uniform(0, 30_000))
        sampled = min(distance_m(point, line.at(s)) for s in range(0, int(line.length_m), 50))
        assert line.distance_m(point) == pytest.approx(sampled, abs=60.0)


def test_every_lane_is_sound() -> None:
    """Lanes have coordinates on the earth without a jump, and one of them crosses the antimeridian."""
    crossings = 0
    for name in (*ROAD_NAMES, *SEA_NAMES):
        found = lane(name)
        corridor = found.corridor
        assert all(-180 <= lon < 180 and -90 <= lat <= 90 for lon, lat in corridor.coordinates)
        assert found.line.length_m == pytest.approx(
            sum(distance_m(a, b) for a, b in itertools.pairwise(found.line.points))
        )
        legs = [distance_m(a, b) for a, b in itertools.pairwise(found.line.points)]
        assert max(legs) < (1_200_000 if found.at_sea else 110_000)
        crossings += any(
            abs(a.longitude_deg - b.longitude_deg) > 180 for a, b in itertools.pairwise(found.line.points)
        )
    assert crossings >= 1


def test_container_numbers_have_the_official_check_digit() -> None:
    """Numbers pass python-stdnum's ISO 6346 check; a known number of the standard has digit 3."""
    assert check_digit("CSQU305438") == 3
    for serial in range(0, 1_000_000, 4_321):
        assert official.is_valid(container_number("SLT", serial))


def test_wrapped_is_within_half_open_bounds() -> None:
    """180 becomes -180; what is inside stays."""
    assert [wrapped(x) for x in (180.0, -180.0, 190.5, 12.25)] == [-180.0, -180.0, -169.5, 12.25]
