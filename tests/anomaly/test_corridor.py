"""Corridor geometry against geographiclib, an independent implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anomaly.corridor import Corridors
from anomaly.sphere import EARTH_RADIUS_M, between_m, point, unit_vectors
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.trip import Corridor

SPHERE = Geodesic(EARTH_RADIUS_M, 0)
LATITUDES = st.floats(-89.5, 89.5)
LONGITUDES = st.floats(-180, 180)
BEARINGS = st.floats(0, 360)


def located(
    corridors: Corridors, number: int, latitude: float, longitude: float
) -> tuple[float, float, float]:
    """(along, offset, excess) in metres."""
    return corridors.place(number, latitude, longitude)


def store(*points: tuple[float, float], width_m: float = 10_000, leg_max_m: float = 50_000) -> Corridors:
    corridors = Corridors(leg_max_m)
    corridors.number_of(Corridor(coordinates=points, half_width_m=(width_m,)))
    return corridors


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_distances_are_those_of_the_sphere(a: float, b: float, c: float, d: float) -> None:
    """Great-circle distance agrees with geographiclib to a millimetre, and with the ellipsoid to 0.6 %."""
    mine = between_m((a, b), (c, d))
    assert mine == pytest.approx(SPHERE.Inverse(a, b, c, d)["s12"], abs=0.5, rel=1e-9)
    assert mine == pytest.approx(Geodesic.WGS84.Inverse(a, b, c, d)["s12"], rel=0.006, abs=1e-3)


@settings(deadline=None)
@given(
    LATITUDES,
    LONGITUDES,
    BEARINGS,
    st.floats(20_000, 15_000_000),
    st.floats(0.001, 0.999),
    st.floats(1, 300_000),
    st.sampled_from([-1, 1]),
)
def test_offset_and_progress_of_a_point_beside_a_leg(
    latitude: float, longitude: float, bearing: float, length_m: float, share: float, away_m: float, side: int
) -> None:
    """A point set off at right angles from a leg of any length anywhere has that offset and progress."""
    line = SPHERE.Line(latitude, longitude, bearing)
    end, foot = line.Position(length_m), line.Position(share * length_m)
    assume(abs(end["lat2"]) < 89.99)
    off = SPHERE.Direct(foot["lat2"], foot["lon2"], foot["azi2"] + 90 * side, away_m)
    corridors = store((longitude, latitude), (end["lon2"], end["lat2"]))
    along_m, offset_m, excess_m = located(corridors, 0, off["lat2"], off["lon2"])
    assert offset_m == pytest.approx(away_m, abs=0.1)
    assert excess_m == pytest.approx(away_m - 10_000, abs=0.1)
    assert along_m == pytest.approx(share * length_m, abs=1, rel=1e-6)


@settings(deadline=None)
@given(
    LATITUDES, LONGITUDES, BEARINGS, st.floats(20_000, 15_000_000), st.floats(1_000, 2_000_000), st.booleans()
)
def test_beyond_the_ends_the_distance_is_to_the_end(
    latitude: float,
    longitude: float,
    bearing: float,
    length_m: float,
    away_m: float,
    past_end: bool,  # noqa: FBT001
) -> None:
    """The far part of the leg's great circle is no part of the corridor: caps are round."""
    line = SPHERE.Line(latitude, longitude, bearing)
    end = line.Position(length_m)
    assume(abs(end["lat2"]) < 89.99)
    beyond = line.Position(length_m + away_m if past_end else -away_m)
    corridors = store((longitude, latitude), (end["lon2"], end["lat2"]))
    _, offset_m, _ = located(corridors, 0, beyond["lat2"], beyond["lon2"])
    assert offset_m == pytest.approx(away_m, abs=0.5)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(LONGITUDES, st.floats(-80, 80)), min_size=2, max_size=8, unique=True),
    LATITUDES,
    LONGITUDES,
    st.integers(-1, 10_000),
)
def test_inside_and_outside_never_depend_on_the_pointer(
    points: list[tuple[float, float]], latitude: float, longitude: float, pointer: int
) -> None:
    """Whatever leg a position was on before, it is found outside only where it is outside of all legs."""
    try:
        corridors = store(*points, width_m=300_000)
    except InvalidTripError:
        assume(False)
    leg = min(pointer, int(corridors.last[0]))
    vector = unit_vectors(np.array([latitude]), np.array([longitude]))
    from_there = corridors.locate(np.array([0]), np.array([leg]), vector)
    least = min(_to_leg(points[i], points[i + 1], latitude, longitude) for i in range(len(points) - 1))
    assert (from_there.excess_m[0] <= 0) == (least <= 300_000) or abs(least - 300_000) < 1


def _to_leg(a: tuple[float, float], b: tuple[float, float], latitude: float, longitude: float) -> float:
    """Least distance to a leg by fine steps along geographiclib's line, refined around the best."""
    inverse = SPHERE.Inverse(a[1], a[0], b[1], b[0])
    line = SPHERE.Line(a[1], a[0], inverse["azi1"])
    low, high = 0.0, inverse["s12"]
    best = 0.0
    for _ in range(12):
        steps = np.linspace(low, high, 41)
        found = []
        for step in steps:
            at = line.Position(float(step))
            found.append(between_m((at["lat2"], at["lon2"]), (latitude, longitude)))
        index = int(np.argmin(found))
        best = found[index]
        low, high = steps[max(0, index - 1)], steps[min(40, index + 1)]
    return best


def test_long_legs_are_cut_and_equal_corridors_are_one() -> None:
    """No piece is longer than the setting; the same content has the same number."""
    corridors = store((-70, 40), (-10, 50))
    assert (corridors.length_rad * EARTH_RADIUS_M).max() <= 50_000
    assert corridors.number_of(*corridors.kept[0][1]) == 0
    total = float(corridors.length_rad.sum()) * EARTH_RADIUS_M
    assert total == pytest.approx(SPHERE.Inverse(40, -70, 50, -10)["s12"], abs=1)


def test_points_given_twice_and_a_loop_are_no_trouble() -> None:
    """A line through one point twice, and one that crosses itself, keep every leg."""
    corridors = store((10, 50), (10, 50), (11, 50), (11, 51), (10, 50.5), (10, 50))
    assert np.isfinite(corridors.n).all()
    assert located(corridors, 0, 50.0, 10.5)[1] < 300
    assert math.isfinite(located(corridors, 0, -50.0, -170.0)[1])
    assert point(0, 0)[0] == 1


@pytest.mark.parametrize(
    ("points", "widths", "reason"),
    [
        (((10.0, 50.0),), (1_000.0,), "corridor_too_short"),
        (((10.0, 50.0), (10.0, 50.0)), (1_000.0,), "corridor_too_short"),
        (((10.0, 50.0), (190.0, 50.0)), (1_000.0,), "corridor_out_of_range"),
        (((10.0, 50.0), (11.0, float("nan"))), (1_000.0,), "corridor_out_of_range"),
        (((10.0, 50.0), (11.0, 50.0)), (1_000.0, 2_000.0), "corridor_widths"),
        (((10.0, 50.0), (11.0, 50.0)), (0.0,), "corridor_width_out_of_range"),
        (((10.0, 50.0), (11.0, 50.0)), (float("inf"),), "corridor_width_out_of_range"),
        (((10.0, 50.0), (-170.0, -50.0)), (1_000.0,), "corridor_leg_ambiguous"),
    ],
)
def test_what_is_no_corridor_is_refused_by_name(
    points: tuple[tuple[float, float], ...], widths: tuple[float, ...], reason: str
) -> None:
    """Each way in which a line can be none has its name."""
    with pytest.raises(InvalidTripError) as refusal:
        Corridors(50_000).number_of(Corridor(coordinates=points, half_width_m=widths))
    assert refusal.value.reason == reason
