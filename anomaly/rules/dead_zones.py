"""How long a device may be silent that is in, or about to enter, one of its trip's dead zones."""

from __future__ import annotations

import numpy as np

from anomaly.custody import Segment
from anomaly.plans import Plans
from anomaly.rules.rule import Case, Signal, Spot
from anomaly.sphere import point
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.trip import Zone

STEP_M = 2_000
APPROACH_M_S = 25.0
APPROACH_MOST_M = 50_000.0


def due_of(case: Case, segment: Segment, lost: Signal, due_ms: int) -> tuple[str, int]:
    """(name of the dead zone, when the device is due): "" and ``due_ms`` where its place is in none.

    A place counts as in a zone too if the device may have reached it before its next report.
    """
    spot = lost.place
    if spot is None or not segment.trip.dead_zones:
        return "", due_ms
    vector = point(spot.latitude_deg, spot.longitude_deg)[None, :]
    reach_m = case.settings.uncertainty_factor * spot.uncertainty_m
    reach_m += min(APPROACH_MOST_M, lost.numbers["gap_s"] * APPROACH_M_S)
    latest, name = due_ms, ""
    for zone in segment.trip.dead_zones:
        try:
            number = case.plans.zones.number_of(zone)
        except InvalidTripError:
            continue
        away_m = float(case.plans.zones.distance_m(number, vector)[0])
        if away_m <= reach_m:
            through_m = _through_m(case, segment, number, zone, spot) + max(0.0, away_m)
            extra_ms = round(through_m / (case.settings.dead_zone_speed_kmh / 3.6) * 1000)
            if due_ms + extra_ms > latest:
                latest, name = due_ms + extra_ms, zone.name
    return name, latest


def _through_m(case: Case, segment: Segment, number: int, zone: Zone, spot: Spot) -> float:
    """How far the way through a zone is: along the corridor from a place on, else across all of it."""
    corridor = case.corridor_at(segment.from_ms) if segment.trip.corridor is not None else -1
    if corridor >= 0:
        along_m, _, _ = case.plans.corridors.place(corridor, spot.latitude_deg, spot.longitude_deg)
        inside_m = _corridor_within_m(case.plans, corridor, number, along_m)
        if inside_m > 0:
            return inside_m
    cap_m = float(case.plans.zones.cap_m[number])
    return 2 * (zone.circle.radius_m if zone.circle is not None else cap_m)


def _corridor_within_m(plans: Plans, corridor: int, zone: int, from_m: float) -> float:
    """Length of a corridor's first way that lies in a zone behind a distance along it."""
    corridors = plans.corridors
    legs = np.arange(corridors.first[corridor], corridors.last[corridor] + 1)
    legs = legs[corridors.way[legs] == 0]
    total = 0.0
    for leg in legs.tolist():
        length_rad = float(corridors.length_rad[leg])
        length_m = length_rad * 6_371_008.8
        steps = max(1, round(length_m / STEP_M))
        shares = (np.arange(steps) + 0.5) / steps
        angle = shares * length_rad
        vectors = np.cos(angle)[:, None] * corridors.a[leg] + np.sin(angle)[:, None] * corridors.ta[leg]
        ahead = float(corridors.start_m[leg]) + shares * length_m >= from_m
        total += float((plans.zones.contains(zone, vectors) & ahead).sum()) * length_m / steps
    return total
