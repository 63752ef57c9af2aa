"""How long a device may be silent that is in, or about to enter, the dead zones of its trip."""

from __future__ import annotations

import numpy as np

from anomaly.custody import Segment
from anomaly.plans import Plans
from anomaly.rules.rule import Case, Signal, Spot
from anomaly.sphere import EARTH_RADIUS_M, Bools, Floats, Ints, distance_m, point
from sealtrail.contract.errors import InvalidTripError

STEP_M = 2_000
APPROACH_M_S = 25.0
APPROACH_MOST_M = 150_000.0


def due_of(case: Case, segment: Segment, lost: Signal, due_ms: int) -> tuple[str, int]:
    """(name of the dead zone, when the device is due): "" and ``due_ms`` where its place is in none.

    A place counts as in a zone too if the device may have reached it before its next report. Zones
    that touch, or lie one after the other along the way, are crossed as one. A device that has had
    no fix yet came from the corridor's beginning.
    """
    plans, corridor = case.plans, case.corridor_at(lost.at.occurred_at_ms)
    numbers, names = _zones(plans, segment)
    spot = lost.place or _departure(segment)
    if spot is None or not numbers:
        return "", due_ms
    vector = point(spot.latitude_deg, spot.longitude_deg)[None, :]
    reach_m = case.settings.uncertainty_factor * spot.uncertainty_m
    age_s = max(0, lost.at.occurred_at_ms - spot.at_ms) / 1000  # of the place, when it last said anything new
    age_s = lost.numbers.get("place_age_s", age_s)
    gap_s, interval_s = lost.numbers["gap_s"], segment.trip.reporting_interval_s
    if interval_s is not None:
        gap_s = min(gap_s, case.settings.silent_periods * interval_s)
    reach_m += min(APPROACH_MOST_M, (gap_s + age_s) * APPROACH_M_S)
    away_m = np.array([float(plans.zones.distance_m(number, vector)[0]) for number in numbers])
    nearest = int(np.argmin(away_m))
    if away_m[nearest] > reach_m:
        return "", due_ms
    through_m = 0.0
    if corridor >= 0:
        along_m, _, _ = plans.corridors.place(corridor, spot.latitude_deg, spot.longitude_deg)
        through_m = _along_m(plans, corridor, np.array(numbers), along_m, reach_m)
        if not through_m and away_m[nearest] > case.settings.uncertainty_factor * spot.uncertainty_m:
            return "", due_ms  # it has come out of the zone beside it
    if not through_m:
        through_m = _across_m(plans, np.array(numbers), nearest)
    through_m += max(0.0, float(away_m[nearest]))
    extra_ms = round(through_m / (case.settings.dead_zone_speed_kmh / 3.6) * 1000)
    return names[nearest], due_ms + extra_ms


def _departure(segment: Segment) -> Spot | None:
    """Where and when a trip began: the last place known of a device that has had no fix yet."""
    trip = segment.trip
    if trip.corridor is None:
        return None
    longitude_deg, latitude_deg = trip.corridor.coordinates[0]
    began_ms = segment.from_ms if trip.departs_at_ms is None else trip.departs_at_ms
    return Spot(latitude_deg, longitude_deg, 0.0, began_ms)


def _zones(plans: Plans, segment: Segment) -> tuple[list[int], list[str]]:
    """Numbers and names of a trip's dead zones."""
    numbers, names = [], []
    for zone in segment.trip.dead_zones:
        try:
            numbers.append(plans.zones.number_of(zone))
        except InvalidTripError:
            continue
        names.append(zone.name)
    return numbers, names


def _along_m(plans: Plans, corridor: int, zones: Ints, from_m: float, reach_m: float) -> float:
    """How far the corridor's way lies in dead zones from a place on, gaps of ``reach_m`` being none."""
    vectors, along_m = _samples(plans, corridor)
    inside: Bools = np.zeros(len(vectors), bool)
    for zone in zones.tolist():
        inside |= plans.zones.contains(zone, vectors)
    ahead = np.flatnonzero(inside & (along_m >= from_m - STEP_M))
    if not ahead.size or along_m[ahead[0]] - from_m > reach_m + STEP_M:
        return 0.0
    breaks = np.flatnonzero(np.diff(along_m[ahead]) > max(reach_m, STEP_M) + STEP_M)
    last = ahead[breaks[0]] if breaks.size else ahead[-1]
    return float(along_m[last] - from_m) + STEP_M


def _samples(plans: Plans, corridor: int) -> tuple[Floats, Floats]:
    """Points of a corridor's first way, about ``STEP_M`` apart, and how far along they are."""
    corridors = plans.corridors
    legs = np.arange(corridors.first[corridor], corridors.last[corridor] + 1)
    legs = legs[corridors.way[legs] == 0]
    length_rad = corridors.length_rad[legs]
    steps = np.maximum(1, np.rint(length_rad * EARTH_RADIUS_M / STEP_M)).astype(np.int64)
    of = np.repeat(legs, steps)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(steps) - steps, steps)
    angle = (nth + 0.5) / np.repeat(steps, steps) * corridors.length_rad[of]
    vectors = np.cos(angle)[:, None] * corridors.a[of] + np.sin(angle)[:, None] * corridors.ta[of]
    return vectors, corridors.start_m[of] + angle * EARTH_RADIUS_M


def _across_m(plans: Plans, zones: Ints, start: int) -> float:
    """The widths of a zone and of all that hang together with it: the way where no corridor says it."""
    centre, cap_m = plans.zones.centre[zones], plans.zones.cap_m[zones]
    reached = np.zeros(len(zones), bool)
    reached[start] = True
    for _ in range(len(zones)):
        near = distance_m(centre[:, None, :], centre[None, :, :]) <= cap_m[:, None] + cap_m[None, :]
        grown = reached | (near & reached[None, :]).any(axis=1)
        if (grown == reached).all():
            break
        reached = grown
    return float(2 * cap_m[reached].sum())
