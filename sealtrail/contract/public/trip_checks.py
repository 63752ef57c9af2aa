"""What a plan must not say: contradictions between parts of one trip, refused by name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from sealtrail.contract.device import check_device_id
from sealtrail.contract.errors import InvalidTripError, RefusedError
from sealtrail.contract.geometry import Vector, beside_m, distance_m, legs_cross, vector
from sealtrail.contract.public.corridor_file import check_corridor
from sealtrail.contract.public.zone_file import check_zone, corners, zone_contains
from sealtrail.contract.trip import Checkpoint, Corridor, Place, Trip, Zone

TRIP_ID = re.compile(r"[A-Za-z0-9_=/-]+(?:\.[A-Za-z0-9_=/-]+)*")
MOST_CORRIDOR_POINTS = 5_000
MOST_LISTED = 500
"""Zones, checkpoints or leaves of one trip: a plan travels the log whole."""


def check_trip(trip: Trip) -> None:
    """Raises `InvalidTripError` for a plan that contradicts itself."""
    _identities(trip)
    _times(trip)
    _once(trip)
    for corridor in _corridors(trip):
        check_corridor(corridor)
        if len(corridor.coordinates) > MOST_CORRIDOR_POINTS:
            raise InvalidTripError(
                "corridor_too_detailed",
                f"{len(corridor.coordinates)} points, at most {MOST_CORRIDOR_POINTS}: "
                "give it as --corridor, which simplifies it",
            )
    if trip.alternatives and trip.corridor is None:
        raise InvalidTripError("alternatives_without_corridor", "name one of the ways as the corridor")
    for zone in (*trip.forbidden_zones, *trip.dead_zones, *trip.parking_zones):
        check_zone(zone)
    _limits(trip)
    _forbidden(trip)
    _checkpoints(trip)


def _identities(trip: Trip) -> None:
    """What names keys and subjects has no blanks or signs that mean something there."""
    if TRIP_ID.fullmatch(trip.trip_id) is None:
        raise InvalidTripError(
            "bad_trip_id", f"{trip.trip_id!r}: letters, digits, - _ = /, with single dots between"
        )
    for device_id in trip.device_ids:
        try:
            check_device_id(device_id)
        except RefusedError as error:
            raise InvalidTripError(error.reason, error.detail) from error


def _corridors(trip: Trip) -> tuple[Corridor, ...]:
    return ((trip.corridor,) if trip.corridor is not None else ()) + trip.alternatives


def _times(trip: Trip) -> None:
    departs, arrives = trip.departs_at_ms, trip.arrives_at_ms
    if departs is not None and arrives is not None and arrives <= departs:
        raise InvalidTripError("arrives_before_departure", f"after {arrives - departs} ms")
    due = [(each.place.name, each.due_at_ms) for each in trip.checkpoints if each.due_at_ms is not None]
    for name, at_ms in due:
        if departs is not None and at_ms <= departs:
            raise InvalidTripError("checkpoint_before_departure", f"{name!r} is due before the departure")
        if arrives is not None and at_ms > arrives:
            raise InvalidTripError("checkpoint_after_arrival", f"{name!r} is due after the arrival")
    for (earlier, before_ms), (later, after_ms) in itertools.pairwise(due):
        if after_ms <= before_ms:
            raise InvalidTripError("checkpoints_out_of_order", f"{later!r} is due before {earlier!r}")


def _once(trip: Trip) -> None:
    """Names by which alerts tell things apart occur once, and lists are of a size that people write."""
    for reason, names in (
        ("device_twice", trip.device_ids),
        ("seal_twice", trip.seal_numbers),
        ("authorisation_twice", [leave.authorisation_id for leave in trip.authorisations]),
        ("checkpoint_twice", [each.place.name for each in trip.checkpoints]),
        ("forbidden_zone_twice", [zone.name for zone in trip.forbidden_zones]),
        ("dead_zone_twice", [zone.name for zone in trip.dead_zones]),
        ("parking_zone_twice", [zone.name for zone in trip.parking_zones]),
    ):
        if len(names) > MOST_LISTED:
            raise InvalidTripError("plan_too_long", f"{len(names)} in one list, at most {MOST_LISTED}")
        if twice := _twice(names):
            raise InvalidTripError(reason, ", ".join(twice))
    if any(not each.place.name for each in trip.checkpoints):
        raise InvalidTripError("checkpoint_unnamed", "each checkpoint needs a name for alerts to tell")


def _twice(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return sorted({name for name in names if name in seen or seen.add(name)})  # type: ignore[func-returns-value]  # add() says None on purpose


def _limits(trip: Trip) -> None:
    seen = set()
    for limit in trip.cargo_limits:
        if limit.least is None and limit.greatest is None:
            raise InvalidTripError("limit_open", f"{limit.quantity} has neither least nor greatest")
        if limit.least is not None and limit.greatest is not None and limit.least > limit.greatest:
            raise InvalidTripError(
                "limit_empty", f"{limit.quantity}: least {limit.least} is above greatest {limit.greatest}"
            )
        if (what := (limit.quantity, limit.least, limit.greatest)) in seen:
            raise InvalidTripError("limit_twice", f"{limit.quantity} from {limit.least} to {limit.greatest}")
        seen.add(what)


def _at(place: Place) -> Vector:
    return vector(place.longitude_deg, place.latitude_deg)


def _must_be_at(trip: Trip) -> Iterator[tuple[str, Place]]:
    for what, place in (("origin", trip.origin), ("destination", trip.destination)):
        if place is not None:
            yield what, place
    yield from (("allowed place", place) for place in trip.allowed_places)
    yield from (("checkpoint", each.place) for each in trip.checkpoints)


def _forbidden(trip: Trip) -> None:
    """Nothing that the plan asks for lies in a zone that it forbids."""
    for zone in trip.forbidden_zones:
        for what, place in _must_be_at(trip):
            if zone_contains(zone, _at(place)):
                raise InvalidTripError(
                    "forbidden_zone_on_the_way", f"the {what} {place.name!r} lies in {zone.name!r}"
                )
        for number, corridor in enumerate(_corridors(trip)):
            if _passes(zone, corridor):
                way = f"alternative {number}" if number else "the corridor"
                raise InvalidTripError("forbidden_zone_on_the_way", f"{way} leads through {zone.name!r}")


def _passes(zone: Zone, corridor: Corridor) -> bool:
    """Whether the middle line of a corridor enters a zone."""
    points = [vector(*point) for point in corridor.coordinates]
    if zone.circle is not None:
        centre, radius_m = _at(zone.circle), zone.circle.radius_m
        return any(beside_m(centre, a, b)[0] < radius_m for a, b in itertools.pairwise(points) if a != b)
    if zone_contains(zone, points[0]):
        return True
    ring = corners(zone)
    edges = list(zip(ring, (*ring[1:], ring[0]), strict=True))
    return any(legs_cross(a, b, c, d) for a, b in itertools.pairwise(points) if a != b for c, d in edges)


def _checkpoints(trip: Trip) -> None:
    """Each checkpoint is within reach of a way, and some way passes them in their order."""
    ways = [_reaches(corridor, trip.checkpoints) for corridor in _corridors(trip)]
    if not ways or not trip.checkpoints:
        return
    for index, checkpoint in enumerate(trip.checkpoints):
        if not any(way[index] for way in ways):
            raise InvalidTripError(
                "checkpoint_off_corridor",
                f"{checkpoint.place.name!r} is further from every corridor than its radius and the width",
            )
    whole = [way for way in ways if all(way)]
    if whole and not any(_in_order(way) for way in whole):
        names = ", ".join(repr(each.place.name) for each in trip.checkpoints)
        raise InvalidTripError("checkpoints_out_of_order", f"no corridor passes {names} in this order")


def _reaches(corridor: Corridor, checkpoints: tuple[Checkpoint, ...]) -> list[list[tuple[float, float]]]:
    """For each checkpoint the stretches of the corridor (metres along) from which it can be touched."""
    points = [vector(*point) for point in corridor.coordinates]
    widths = corridor.half_width_m
    found: list[list[tuple[float, float]]] = [[] for _ in checkpoints]
    start_m = 0.0
    for leg, (a, b) in enumerate(itertools.pairwise(points)):
        long_m = distance_m(a, b)
        for index, checkpoint in enumerate(checkpoints):
            reach_m = checkpoint.place.radius_m + widths[leg % len(widths)]
            off_m, along_m = beside_m(_at(checkpoint.place), a, b) if a != b else (float("inf"), 0.0)
            if off_m <= reach_m:
                half_m = (reach_m**2 - off_m**2) ** 0.5
                low_m, high_m = max(0.0, along_m - half_m), min(long_m, along_m + half_m)
                found[index].append((start_m + low_m, start_m + high_m))
        start_m += long_m
    return found


def _in_order(stretches: list[list[tuple[float, float]]]) -> bool:
    """Whether a position can be chosen in each list of stretches so that none lies behind the one before."""
    at_m = 0.0
    for choices in stretches:
        ahead = [max(low_m, at_m) for low_m, high_m in choices if high_m >= at_m]
        if not ahead:
            return False
        at_m = min(ahead)
    return True
