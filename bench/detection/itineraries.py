"""Corridors of the real journeys, through the ports and stations where each called.

What a carrier's schedule says beforehand, and nothing of the way between: the ports
where each box called, the main stations of the railway that one took; places by name
from public lists (sea ports from `searoute`'s, inland ones from the gazetteers).
A passage by sea follows `searoute`'s network, one by land the great circle between
stations. Each is as wide to either side as a tenth of its length
(what `sealtrail corridor learn` gives a stretch without evidence), at least 50 km.
"""

from __future__ import annotations

import functools
import itertools
import json
from importlib import resources
from typing import NamedTuple

from searoute import searoute

from anomaly.learning.corridor import BLIND_SHARE
from anomaly.sphere import between_m
from sealtrail.contract.trip import Corridor
from simulators.geodesy import wrapped

LEAST_HALF_WIDTH_M = 50_000.0

Place = tuple[float, float]  # latitude, longitude in degrees


class Itinerary(NamedTuple):
    """Calls in order; a call is a UN/LOCODE of a sea port or an inland place."""

    container_id: str
    calls: tuple[str, ...]


ITINERARIES = {
    "A": Itinerary("MSKU9070323", ("Miami", "USPEF", "COCTG", "PAONX", "ECGYE", "PECLL", "Lima")),
    "B": Itinerary(
        "TCNU7200794",
        (
            *(
                "Leipzig",
                "Wustermark",
                "Frankfurt (Oder)",
                "Warsaw",
                "Brest",
                "Minsk",
                "Smolensk",
                "Moscow",
                "Kazan",
            ),
            *("Yekaterinburg", "Omsk", "Novosibirsk", "Krasnoyarsk", "Taishet", "Irkutsk", "Slyudyanka"),
            *("Ulan-Ude", "Chita", "Zabaykalsk", "Hailar", "Qiqihar", "Baicheng", "Tongliao", "Shenyang"),
        ),
    ),
    "D": Itinerary("GYOU4047990", ("FRLEH", "USELZ", "New Brunswick")),
    "F": Itinerary("APZU4812090", ("MXZLO", "PECLL", "Lima")),
    "H": Itinerary(
        "CSQU3054383",
        ("Zhengzhou", "CNYAN", "CNCWN", "CNYTN", "SGJUR", "EGADA", "USELZ", "Harrisburg"),
    ),
}
INLAND: dict[str, Place] = {
    "Baicheng": (45.620, 122.837),
    "Brest": (52.098, 23.734),
    "Chita": (52.034, 113.501),
    "Frankfurt (Oder)": (52.347, 14.551),
    "Hailar": (49.212, 119.765),
    "Harrisburg": (40.274, -76.884),
    "Irkutsk": (52.287, 104.305),
    "Kazan": (55.796, 49.108),
    "Krasnoyarsk": (56.010, 92.852),
    "Leipzig": (51.340, 12.373),
    "Lima": (-12.046, -77.043),
    "Miami": (25.774, -80.194),
    "Minsk": (53.902, 27.562),
    "Moscow": (55.756, 37.617),
    "New Brunswick": (40.486, -74.452),
    "Novosibirsk": (55.030, 82.920),
    "Omsk": (54.989, 73.369),
    "Qiqihar": (47.354, 123.918),
    "Shenyang": (41.806, 123.432),
    "Slyudyanka": (51.659, 103.706),
    "Smolensk": (54.782, 32.045),
    "Taishet": (55.941, 98.006),
    "Tongliao": (43.652, 122.243),
    "Ulan-Ude": (51.834, 107.585),
    "Warsaw": (52.230, 21.012),
    "Wustermark": (52.550, 12.940),
    "Yekaterinburg": (56.838, 60.605),
    "Zabaykalsk": (49.652, 117.327),
    "Zhengzhou": (34.747, 113.625),
}


@functools.cache
def _sea_ports() -> dict[str, Place]:
    text = resources.files("searoute").joinpath("data/ports.geojson").read_text(encoding="utf-8")
    ports: dict[str, Place] = {}
    for feature in json.loads(text)["features"]:
        longitude, latitude = feature["geometry"]["coordinates"]
        ports[feature["properties"]["port"]] = latitude, longitude
    return ports


def place_of(call: str) -> Place:
    """Where a call is."""
    return INLAND[call] if call in INLAND else _sea_ports()[call]


def corridor_of(itinerary: Itinerary) -> Corridor:
    """The way of an itinerary, passage by passage."""
    points: list[Place] = []
    widths: list[float] = []
    for start, end in itertools.pairwise(itinerary.calls):
        passage = _lane(start, end)
        legs = [(a, b) for a, b in itertools.pairwise(passage) if a != b]
        length_m = sum(between_m(a, b) for a, b in legs)
        points = points or [passage[0]]
        points += [b for _, b in legs]
        widths += [max(LEAST_HALF_WIDTH_M, BLIND_SHARE * length_m)] * len(legs)
    return Corridor(
        coordinates=tuple((longitude, latitude) for latitude, longitude in points),
        half_width_m=tuple(widths),
    )


def _lane(start: str, end: str) -> list[Place]:
    """Points of a passage: of `searoute`'s network between sea ports, else only its ends."""
    ends = [place_of(start), place_of(end)]
    if start in INLAND or end in INLAND:
        return ends
    (from_lat, from_lon), (to_lat, to_lon) = ends
    line = searoute([from_lon, from_lat], [to_lon, to_lat]).geometry["coordinates"]
    return [ends[0], *((latitude, wrapped(longitude)) for longitude, latitude in line), ends[1]]
