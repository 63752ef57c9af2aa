"""Ways that are as good: a trip deviates only where it is outside of all of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.corridor import Corridors
from anomaly.judge import Judge
from anomaly.sphere import unit_vectors
from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import Corridor
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import judge, planned, reading, standing, told

MAIN = Corridor(coordinates=((10.0, 50.0), (11.0, 50.0), (12.0, 50.0)), half_width_m=(3_000.0,))
SOUTH = Corridor(
    coordinates=((10.5, 50.0), (10.7, 49.8), (11.3, 49.8), (11.5, 50.0)), half_width_m=(2_000.0,)
)
NORTH = Corridor(coordinates=((10.5, 50.0), (11.0, 50.4), (11.5, 50.0)), half_width_m=(1_000.0,))


def along(way: Corridor, minutes: range, **fields: object) -> list[Reading]:
    """Reports at equal steps along a polyline's corners."""
    share = np.linspace(0, 1, len(minutes))
    corners = np.linspace(0, 1, len(way.coordinates))
    longitudes = np.interp(share, corners, [point[0] for point in way.coordinates])
    latitudes = np.interp(share, corners, [point[1] for point in way.coordinates])
    return [
        reading(minute, (float(latitude), float(longitude)), **fields)  # type: ignore[arg-type]  # by name
        for minute, latitude, longitude in zip(minutes, latitudes, longitudes, strict=True)
    ]


def test_each_way_is_right_and_between_them_is_none() -> None:
    """The bypass raises nothing where it is an alternative, and a deviation where it isn't."""
    bypass = along(SOUTH, range(0, 120, 2))
    with_it = judge(planned(corridor=MAIN, alternatives=(NORTH, SOUTH)))
    assert told(with_it.apply_readings(bypass)) == []
    without = judge(planned(corridor=MAIN, alternatives=(NORTH,)))
    assert told(without.apply_readings(bypass))[0] == ("raised", "ROUTE_DEVIATION")
    between = judge(planned(corridor=MAIN, alternatives=(NORTH, SOUTH)))
    aside = [reading(minute, (50.1, 11.0 + 0.001 * minute)) for minute in range(5)]
    assert told(between.apply_readings(aside)) == [("raised", "ROUTE_DEVIATION")]


def test_a_deviation_ends_on_any_of_the_ways() -> None:
    """From beside the main way onto the bypass: back on route."""
    made = judge(planned(corridor=MAIN, alternatives=(SOUTH,)))
    events = made.apply_readings([reading(minute, (49.9, 11.0)) for minute in range(0, 20, 4)])
    events += made.apply_readings([reading(minute, (49.8, 11.0)) for minute in range(40, 60, 4)])
    assert [entry[0::3] for entry in standing(events)] == [
        ("BACK_ON_ROUTE", "open"),
        ("ROUTE_DEVIATION", "cleared"),
    ]


def test_alternatives_survive_a_snapshot() -> None:
    """A judge that was restored goes on along the bypass."""
    made = judge(planned(corridor=MAIN, alternatives=(SOUTH,)))
    bypass = along(SOUTH, range(0, 120, 2))
    made.apply_readings(bypass[:30])
    again = Judge.restore(AnomalySettings(), made.snapshot())
    assert again.plans.corridors.kept == [(0, (MAIN, SOUTH))]
    assert told(again.apply_readings(bypass[30:])) == []


@settings(deadline=None, max_examples=100)
@given(st.floats(49.6, 50.6), st.floats(9.8, 12.2), st.integers(-1, 40))
def test_the_nearest_way_decides_whatever_the_pointer(
    latitude: float, longitude: float, pointer: int
) -> None:
    """Outside of the whole is outside of each way taken alone; the leg is one of the way that holds it."""
    whole = Corridors(50_000)
    whole.number_of(MAIN, SOUTH, NORTH)
    vector = unit_vectors(np.array([latitude]), np.array([longitude]))
    leg = np.array([min(pointer, int(whole.last[0]))])
    found = whole.locate(np.array([0]), leg, vector)
    alone = []
    for way in (MAIN, SOUTH, NORTH):
        single = Corridors(50_000)
        single.number_of(way)
        alone.append(single.place(0, latitude, longitude))
    least = min(excess_m for _, _, excess_m in alone)
    assert (found.excess_m[0] <= 0) == (least <= 0)
    along_m, offset_m, excess_m = alone[int(whole.way[found.leg[0]])]
    if least > 0:
        assert abs(found.excess_m[0] - least) < 1e-3
        assert abs(found.offset_m[0] - offset_m) < 1e-3
        assert abs(found.along_m[0] - along_m) < 1
    assert excess_m <= max(found.excess_m[0], 0) + 1e-3
