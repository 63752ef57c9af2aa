"""What rules need of trips' plans, as numbers that stand in arrays: equal content has one number.

A plan's row (`PLAN`) says which corridor, cargo limits, forbidden zones and
checkpoints hold, so that a step can look at a thousand reports of a thousand
trips at once. A part keeps its number as long as anything refers to it, and by snapshots
(forgetting.py); then the number stands for another.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from anomaly.corridor import Corridors
from anomaly.plan_parts import NONE, Ends, EndsKey, Limits
from anomaly.reports import number_hash
from anomaly.slots import Slots, moved, placed
from anomaly.sphere import Bools, Floats, Ints, Structured, point
from anomaly.zones import Zones
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.trip import Corridor, Place, SensorLimit, Trip, TripEvent, Zone

CHECKPOINTS_KEPT = 64
"""Checkpoints of one trip that are watched."""
PLAN: np.dtype[Any] = np.dtype(
    [
        ("corridor", "i4"),  # number in `Plans.corridors`; NONE: no corridor
        ("limits", "i4"),  # in `Plans.limits`
        ("forbidden", "i4"),  # in `Plans.forbidden`
        ("checkpoints", "i4"),  # in `Plans.checkpoints`
        ("stop_max_s", "f4"),  # NaN: the setting
        ("interval_s", "f4"),  # NaN: as the device is seen to report
        ("separation_m", "f4"),  # NaN: the setting
        ("ends", "i4"),  # in `Plans.ends`
        ("trip", "u4"),  # changes with the trip; 0: none
        ("watched", "?"),  # whether a trip holds at all
        (
            "awaited",
            "u4",
        ),  # where none holds, ``trip`` of the next one: else only its ends and interval
    ]
)


def no_plan(size: int) -> Structured:
    """Rows of containers that are on no trip."""
    rows = np.zeros(size, PLAN)
    for name in ("corridor", "limits", "forbidden", "checkpoints", "ends"):
        rows[name] = NONE
    for name in ("stop_max_s", "interval_s", "separation_m"):
        rows[name] = np.nan
    return rows


class Passage(NamedTuple):
    """The checkpoints of a trip, in order."""

    vectors: Floats  # centres, shape (n, 3)
    radius_m: Floats
    names: tuple[str, ...]


def awaiting(plan: Structured) -> Structured:
    """The row of a time for which no trip holds, from that of the trip that comes next."""
    row = no_plan(1)
    row["ends"], row["awaited"], row["interval_s"] = plan["ends"], plan["trip"], plan["interval_s"]
    return row


class Lists:
    """Lists of different lengths, end to end: the members of many of them at once."""

    def __init__(self) -> None:
        self.first = np.zeros(0, np.int64)
        self.count = np.zeros(0, np.int64)
        self.length = 0

    def put(self, number: int, count: int) -> None:
        """One more list, whose members stand behind all others."""
        self.first = placed(self.first, number, self.length)
        self.count = placed(self.count, number, count)
        self.length += count

    def forget(self, used: Iterable[int]) -> Bools:
        """Keep only these lists; which members stay."""
        stays, self.first = moved(self.first, self.count, used, self.length)
        self.length = int(stays.sum())
        return stays

    def spread(self, lists: Ints, rows: Ints) -> tuple[Ints, Ints, Ints]:
        """(row, place, place within its list) of each member of each row's list."""
        counts = self.count[lists]
        begins = np.cumsum(counts) - counts
        nth = np.arange(int(counts.sum())) - np.repeat(begins, counts)
        return np.repeat(rows, counts), np.repeat(self.first[lists], counts) + nth, nth


class ListedCheckpoints(Lists):
    """Circles of the checkpoints that are watched of each list of them."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = np.zeros((0, 3))
        self.radius_m = np.zeros(0)

    def add(self, number: int, passage: Passage) -> None:
        """One more list of checkpoints."""
        self.put(number, min(len(passage.radius_m), CHECKPOINTS_KEPT))
        self.vectors = np.concatenate((self.vectors, passage.vectors[:CHECKPOINTS_KEPT]))
        self.radius_m = np.concatenate((self.radius_m, passage.radius_m[:CHECKPOINTS_KEPT]))

    def forget(self, used: Iterable[int]) -> Bools:
        stays = super().forget(used)
        self.vectors, self.radius_m = self.vectors[stays], self.radius_m[stays]
        return stays


class Plans:
    """Interned parts of trips' plans."""

    def __init__(self, leg_max_m: float) -> None:
        self.corridors = Corridors(leg_max_m)
        self.zones = Zones()
        self.seal_numbers: set[int] = set()  # `number_hash` of all seals that plans have named
        self.limits = Limits()
        self.forbidden: dict[int, Ints] = {}  # numbers of zones
        self.checkpoints: dict[int, Passage] = {}
        self.ends = Ends()
        self.listed = ListedCheckpoints()
        self.zone_lists = Lists()
        self.listed_zones = np.zeros(0, np.int64)
        self.places: dict[int, tuple[Place, ...]] = {}  # of the same checkpoints
        self._along: dict[tuple[int, int], Floats] = {}
        self._forbidden: dict[tuple[Zone, ...], int] = {}
        self._checkpoints: dict[tuple[Place, ...], int] = {}
        self._forbidden_slots, self._checkpoint_slots = Slots(), Slots()

    def row_of(self, trip: Trip, refuse: Callable[[str], None]) -> Structured:
        """A row of `PLAN`, shape (1,); what can't be interned is left out and named to ``refuse``."""
        row = no_plan(1)
        row["watched"] = True
        row["trip"] = zlib.crc32(trip.trip_id.encode()) or 1
        self.seal_numbers.update(number_hash(number) for number in trip.seal_numbers)
        for name, value in (
            ("stop_max_s", trip.stop_max_s),
            ("interval_s", trip.reporting_interval_s),
            ("separation_m", trip.separation_max_m),
        ):
            row[name] = np.nan if value is None else value
        parts: tuple[tuple[str, Callable[[], int]], ...] = (
            ("corridor", lambda: self._corridor(trip)),
            ("limits", lambda: self.limits.number_of(trip.cargo_limits)),
            ("forbidden", lambda: self.forbidden_number(trip.forbidden_zones)),
            ("checkpoints", lambda: self.checkpoints_number(tuple(each.place for each in trip.checkpoints))),
            ("ends", lambda: self.ends.number_of(trip)),
        )
        for name, number_of in parts:
            try:
                row[name] = number_of()
            except InvalidTripError as error:
                refuse(error.reason)
            except KeyError:
                refuse("unknown_quantity")
        return row

    def shared(self, event: TripEvent) -> TripEvent:
        """The event, its trip's corridors those of the first trip with equal ones: kept once."""
        trip = event.trip
        if trip is None or trip.corridor is None:
            return event
        try:
            number = self.corridors.number_of(trip.corridor, *trip.alternatives)
        except InvalidTripError:
            return event  # refused by name where its row is made
        return msgspec.structs.replace(event, trip=self.on_way(trip, number))

    def on_way(self, trip: Trip, number: int) -> Trip:
        """The trip along the corridor of a number."""
        corridor, *alternatives = self.corridors.ways_of(number)
        return msgspec.structs.replace(trip, corridor=corridor, alternatives=tuple(alternatives))

    def _corridor(self, trip: Trip) -> int:
        return NONE if trip.corridor is None else self.corridors.number_of(trip.corridor, *trip.alternatives)

    def forbidden_number(self, zones: tuple[Zone, ...]) -> int:
        """Number of a set of forbidden zones; NONE for an empty one. Raises `InvalidTripError`."""
        if not zones:
            return NONE
        known = self._forbidden.get(zones)
        if known is None:
            numbers = np.array([self.zones.number_of(zone) for zone in zones])
            known = self._forbidden_slots.take()
            self._put_forbidden(known, zones, numbers)
        return known

    def _put_forbidden(self, number: int, zones: tuple[Zone, ...], numbers: Ints) -> None:
        self._forbidden[zones] = number
        self.forbidden[number] = numbers
        self.zone_lists.put(number, len(numbers))
        self.listed_zones = np.concatenate((self.listed_zones, numbers))

    def checkpoints_number(self, places: tuple[Place, ...]) -> int:
        """Number of the places of checkpoints, whenever they are due; NONE where there is none."""
        if not places:
            return NONE
        known = self._checkpoints.get(places)
        if known is None:
            known = self._checkpoint_slots.take()
            self._put_checkpoints(known, places)
        return known

    def _put_checkpoints(self, number: int, places: tuple[Place, ...]) -> None:
        passage = Passage(
            vectors=np.array([point(place.latitude_deg, place.longitude_deg) for place in places]),
            radius_m=np.array([place.radius_m for place in places]),
            names=tuple(place.name for place in places),
        )
        self._checkpoints[places] = number
        self.checkpoints[number] = passage
        self.listed.add(number, passage)
        self.places[number] = places

    def along_m(self, corridor: int, checkpoints: int) -> Floats:
        """Where each way of a corridor has passed each checkpoint for good: shape (ways, checkpoints).

        Infinite where a way passes a checkpoint by further than its radius and the half width.
        """
        known = self._along.get((corridor, checkpoints))
        if known is None:
            passage = self.checkpoints[checkpoints]
            known = self.corridors.last_along_m(corridor, passage.vectors, passage.radius_m)
            self._along[corridor, checkpoints] = known
        return known

    def __len__(self) -> int:
        """How many parts there are."""
        parts = self.zones.kept, self.limits, self.forbidden, self.checkpoints, self.ends, self.seal_numbers
        return len(self.corridors) + sum(len(part) for part in parts)

    def forget(self, used: Used) -> Ints:
        """Keep only these parts, and the zones of the forbidden ones; each leg's number then, -1: gone."""
        self.limits.forget(used.limits)
        self.ends.forget(used.ends)
        self.checkpoints = {n: each for n, each in self.checkpoints.items() if n in used.checkpoints}
        self.places = {n: self.places[n] for n in self.checkpoints}
        self._checkpoints = {each: n for n, each in self.places.items()}
        self._checkpoint_slots.hold(self.places)
        self.listed.forget(self.places)
        self.forbidden = {n: each for n, each in self.forbidden.items() if n in used.forbidden}
        self._forbidden = {each: n for each, n in self._forbidden.items() if n in used.forbidden}
        self._forbidden_slots.hold(self.forbidden)
        self.listed_zones = self.listed_zones[self.zone_lists.forget(self.forbidden)]
        self.zones.forget(used.zones | set(self.listed_zones.tolist()))
        self._along = {
            (corridor, n): each
            for (corridor, n), each in self._along.items()
            if corridor in used.corridors and n in used.checkpoints
        }
        return self.corridors.forget(used.corridors)

    @property
    def kept(self) -> PlansKept:
        """What states and signals refer to, with its numbers, for `restore`."""
        return PlansKept(
            corridors=self.corridors.kept,
            zones=self.zones.kept,
            forbidden=[(number, zones) for zones, number in self._forbidden.items()],
            checkpoints=list(self.places.items()),
            limits=self.limits.kept,
            ends=self.ends.kept,
            seal_numbers=sorted(self.seal_numbers),
        )

    def restore(self, kept: PlansKept) -> None:
        """Give everything its number again."""
        self.corridors.restore(kept.corridors)
        self.zones.restore(kept.zones)
        for number, zones in kept.forbidden:
            numbers = np.array([self.zones.number_of(zone) for zone in zones])
            self._put_forbidden(number, zones, numbers)
        self._forbidden_slots.hold(self.forbidden)
        for number, places in kept.checkpoints:
            self._put_checkpoints(number, places)
        self._checkpoint_slots.hold(self.checkpoints)
        self.limits.restore(kept.limits)
        self.ends.restore(kept.ends)
        self.seal_numbers.update(kept.seal_numbers)


class PlansKept(NamedTuple):
    """What snapshots hold of `Plans`."""

    corridors: list[tuple[int, tuple[Corridor, ...]]]
    zones: dict[int, Zone]
    forbidden: list[tuple[int, tuple[Zone, ...]]]
    checkpoints: list[tuple[int, tuple[Place, ...]]]
    limits: list[tuple[int, tuple[SensorLimit, ...]]]
    ends: list[tuple[int, EndsKey]]
    seal_numbers: list[int]  # hashes


class Used(NamedTuple):
    """Numbers of the parts that something refers to."""

    corridors: set[int]
    zones: set[int]  # beside those of forbidden ones
    limits: set[int]
    forbidden: set[int]
    checkpoints: set[int]
    ends: set[int]
