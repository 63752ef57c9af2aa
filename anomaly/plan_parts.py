"""Parts of trips' plans as numbers in arrays: cargo profiles, and the ends of trips."""

from __future__ import annotations

from operator import itemgetter

import numpy as np

from anomaly.reports import COLUMN
from anomaly.slots import Slots, placed
from anomaly.sphere import point
from sealtrail.contract.reading import SENSOR_FIELDS
from sealtrail.contract.trip import Corridor, Place, SensorLimit, Trip

NONE = -1
NO_DEPARTURE = int(np.iinfo(np.int64).max)


class Limits:
    """Interned cargo profiles: the greatest and least of each quantity, and how long outside counts."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[SensorLimit, ...], int] = {}
        self._slots = Slots()
        self.least = np.zeros((0, len(SENSOR_FIELDS)))  # -inf: open
        self.greatest = np.zeros((0, len(SENSOR_FIELDS)))  # inf: open
        self.lasting_ms = np.zeros((0, len(SENSOR_FIELDS)))

    def __len__(self) -> int:
        return len(self._numbers)

    def forget(self, used: set[int]) -> None:
        """Keep only these."""
        self._numbers = {limits: number for limits, number in self._numbers.items() if number in used}
        self._slots.hold(self._numbers.values())

    def number_of(self, limits: tuple[SensorLimit, ...]) -> int:
        """Number of a profile, new or known; NONE for an empty one."""
        if not limits:
            return NONE
        known = self._numbers.get(limits)
        if known is None:
            known = self._slots.take()
            self._put(known, limits)
        return known

    def _put(self, number: int, limits: tuple[SensorLimit, ...]) -> None:
        self._numbers[limits] = number
        least, greatest, lasting = (np.full(len(SENSOR_FIELDS), each) for each in (-np.inf, np.inf, 0))
        for limit in limits:
            column = COLUMN[limit.quantity]
            least[column] = -np.inf if limit.least is None else limit.least
            greatest[column] = np.inf if limit.greatest is None else limit.greatest
            lasting[column] = limit.lasting_s * 1000
        self.least = placed(self.least, number, least)
        self.greatest = placed(self.greatest, number, greatest)
        self.lasting_ms = placed(self.lasting_ms, number, lasting)

    @property
    def kept(self) -> list[tuple[int, tuple[SensorLimit, ...]]]:
        """Profiles by their numbers, for `restore`."""
        return sorted(((number, limits) for limits, number in self._numbers.items()), key=itemgetter(0))

    def restore(self, kept: list[tuple[int, tuple[SensorLimit, ...]]]) -> None:
        """Give everything its number again."""
        for number, limits in kept:
            self._put(number, limits)
        self._slots.hold(self._numbers.values())


EndsKey = tuple[Place | None, Place | None, int | None]
"""Origin, destination, departure."""


class Ends:
    """Interned ends of trips: circles of origin and destination, and the departure with its grace."""

    def __init__(self) -> None:
        self._numbers: dict[EndsKey, int] = {}
        self._slots = Slots()
        self.vectors = np.zeros((0, 2, 3))  # NaN: none
        self.radius_m = np.zeros((0, 2))
        self.departs_at_ms = np.zeros(0, np.int64)  # NO_DEPARTURE: none

    def __len__(self) -> int:
        return len(self._numbers)

    def forget(self, used: set[int]) -> None:
        """Keep only these."""
        self._numbers = {key: number for key, number in self._numbers.items() if number in used}
        self._slots.hold(self._numbers.values())

    def number_of(self, trip: Trip) -> int:
        """Number of a trip's ends, new or known."""
        origin, destination = ends_of(trip)
        key = origin, destination, trip.departs_at_ms
        known = self._numbers.get(key)
        if known is None:
            known = self._slots.take()
            self._put(known, key)
        return known

    def _put(self, number: int, key: EndsKey) -> None:
        self._numbers[key] = number
        vectors, radius_m = np.full((2, 3), np.nan), np.full(2, np.nan)
        *places, departs_at_ms = key
        for i, place in enumerate(places):
            if place is not None:
                vectors[i] = point(place.latitude_deg, place.longitude_deg)
                radius_m[i] = place.radius_m
        self.vectors = placed(self.vectors, number, vectors)
        self.radius_m = placed(self.radius_m, number, radius_m)
        departs = NO_DEPARTURE if departs_at_ms is None else departs_at_ms
        self.departs_at_ms = placed(self.departs_at_ms, number, departs)

    @property
    def kept(self) -> list[tuple[int, EndsKey]]:
        """Ends by their numbers, for `restore`."""
        return sorted(((number, key) for key, number in self._numbers.items()), key=itemgetter(0))

    def restore(self, kept: list[tuple[int, EndsKey]]) -> None:
        """Give everything its number again."""
        for number, key in kept:
            self._put(number, key)
        self._slots.hold(self._numbers.values())


def ends_of(trip: Trip) -> tuple[Place | None, Place | None]:
    """Origin and destination; where a trip names none, the end of its corridor with its half width."""
    origin, destination, corridor = trip.origin, trip.destination, trip.corridor
    if corridor is not None and corridor.coordinates and corridor.half_width_m:
        legs = max(0, len(corridor.coordinates) - 2)
        origin = origin or _end("the corridor's beginning", corridor, 0, 0)
        destination = destination or _end("the corridor's end", corridor, -1, legs)
    return origin, destination


def _end(name: str, corridor: Corridor, index: int, leg: int) -> Place:
    longitude_deg, latitude_deg = corridor.coordinates[index]
    radius_m = corridor.half_width_m[leg % len(corridor.half_width_m)]
    return Place(name=name, latitude_deg=latitude_deg, longitude_deg=longitude_deg, radius_m=radius_m)
