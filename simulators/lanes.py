"""Real lanes: sea routes from `searoute`'s network, roads digitised from public facts.

A road's points are the towns, junctions and border posts that it passes
(coordinates from the public gazetteers); between them the road may lie a few
kilometres beside the great circle, which the half width allows for.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from searoute import searoute

from sealtrail.contract.trip import Corridor
from simulators.geodesy import Line, Point, wrapped


class Lane(NamedTuple):
    """A way that cargo takes, in travel order."""

    name: str  # from-to, UN/LOCODEs
    origin: str
    destination: str
    line: Line
    half_width_m: float
    cruise_kmh: float
    at_sea: bool

    @property
    def corridor(self) -> Corridor:
        """What a trip on this lane is held to."""
        coordinates = tuple((p.longitude_deg, p.latitude_deg) for p in self.line.points)
        return Corridor(coordinates=coordinates, half_width_m=(self.half_width_m,))


class _Road(NamedTuple):
    origin: str
    destination: str
    half_width_m: float
    points: tuple[tuple[float, float], ...]  # latitude, longitude


_ROADS = {
    # Northern Corridor: A109 to Nairobi, A104 over Nakuru and Eldoret to the one-stop border post.
    "KEMBA-UGMAL": _Road(
        "Mombasa",
        "Malaba",
        5_000.0,
        (
            (-4.0435, 39.6682), (-3.8620, 39.4750), (-3.7710, 39.2750), (-3.3961, 38.5561),
            (-2.6890, 38.1660), (-2.4090, 37.9660), (-2.0830, 37.4690), (-2.0240, 37.3730),
            (-1.5700, 37.0900), (-1.4560, 36.9780), (-1.2921, 36.8219), (-1.1130, 36.6420),
            (-0.7170, 36.4310), (-0.4920, 36.3170), (-0.3031, 36.0800), (-0.2010, 35.8570),
            (-0.1610, 35.6880), (0.0690, 35.5380), (0.2070, 35.4290), (0.5143, 35.2698),
            (0.6330, 35.0460), (0.6040, 34.7690), (0.5635, 34.5606), (0.6350, 34.2810),
        ),
    ),
    # A1/A30/A2/E30: Maasvlakte, Utrecht, Hannover, the southern Berlin ring, Poznan, Warsaw.
    "NLRTM-PLWAW": _Road(
        "Rotterdam",
        "Warsaw",
        20_000.0,
        (
            (51.9500, 4.0300), (51.9244, 4.4777), (52.0907, 5.1214), (52.2112, 5.9699),
            (52.2659, 6.7931), (52.3030, 7.1600), (52.2799, 8.0472), (52.2070, 8.8000),
            (52.4300, 9.7400), (52.2689, 10.5268), (52.1205, 11.6276), (52.3200, 13.0000),
            (52.3000, 13.4500), (52.3471, 14.5506), (52.2480, 15.5340), (52.4064, 16.9252),
            (52.3250, 17.5650), (52.2230, 18.2510), (51.9010, 19.6040), (52.1070, 19.9450),
            (52.2297, 21.0122),
        ),
    ),
    # A7 to Würzburg, A3 to Nürnberg, A9 to Munich.
    "DEHAM-DEMUC": _Road(
        "Hamburg",
        "Munich",
        5_000.0,
        (
            (53.5100, 9.9500), (52.9850, 9.8400), (52.8000, 9.7300), (52.4000, 9.8500),
            (52.1540, 9.9900), (51.7070, 10.0100), (51.5410, 9.8900), (51.3127, 9.5000),
            (50.8680, 9.7070), (50.5558, 9.7100), (50.3100, 9.7900), (49.7913, 9.9534),
            (49.7720, 10.4700), (49.5900, 11.0000), (49.4000, 11.1300), (49.0450, 11.3540),
            (48.7665, 11.4258), (48.5300, 11.5080), (48.1900, 11.5900),
        ),
    ),
}  # fmt: skip

_PORTS = {
    "CNSHA": ("Shanghai", (122.1, 30.6)),
    "NLRTM": ("Rotterdam", (4.0, 52.0)),
    "SGSIN": ("Singapore", (103.8, 1.2)),
    "KEMBA": ("Mombasa", (39.7, -4.1)),
    "USLAX": ("Los Angeles", (-118.25, 33.7)),
    "USNYC": ("New York", (-74.0, 40.5)),
}
_SEA_LANES = {  # half width: wide where ships choose their own way across an ocean
    "CNSHA-NLRTM": 30_000.0,
    "SGSIN-KEMBA": 40_000.0,
    "CNSHA-USLAX": 50_000.0,  # crosses the antimeridian
    "NLRTM-USNYC": 40_000.0,
}
TRUCK_KMH, SHIP_KMH = 68.0, 33.0

ROAD_NAMES = tuple(_ROADS)
SEA_NAMES = tuple(_SEA_LANES)


@functools.cache
def lane(name: str) -> Lane:
    """The lane of that name, one of `ROAD_NAMES` and `SEA_NAMES`."""
    return _road(name) if name in _ROADS else _sea(name)


def _road(name: str) -> Lane:
    road = _ROADS[name]
    line = Line([Point(*point) for point in road.points])
    return Lane(name, road.origin, road.destination, line, road.half_width_m, TRUCK_KMH, at_sea=False)


def _sea(name: str) -> Lane:
    start, end = (_PORTS[code] for code in name.split("-"))
    route = searoute(list(start[1]), list(end[1]))
    points = [Point(latitude, wrapped(longitude)) for longitude, latitude in route.geometry["coordinates"]]
    return Lane(name, start[0], end[0], Line(points), _SEA_LANES[name], SHIP_KMH, at_sea=True)
