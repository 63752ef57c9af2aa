"""Whether a place lies in one of a trip's own places, as far as its uncertainty lets it."""

from __future__ import annotations

from anomaly.custody import within
from anomaly.rules.rule import Case, Spot
from anomaly.sphere import point
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.trip import Trip, Zone


def in_allowed(trip: Trip, spot: Spot | None) -> bool:
    """Whether a place may lie in the origin, the destination, a checkpoint or another allowed circle."""
    if spot is None:
        return False
    checkpoints = (checkpoint.place for checkpoint in trip.checkpoints)
    places = (trip.origin, trip.destination, *trip.allowed_places, *checkpoints)
    return any(
        place is not None and within(place, spot.latitude_deg, spot.longitude_deg, spot.uncertainty_m)
        for place in places
    )


def in_zones(case: Case, zones: tuple[Zone, ...], spot: Spot | None) -> bool:
    """Whether a place may lie in one of some zones."""
    if spot is None or not zones:
        return False
    vector = point(spot.latitude_deg, spot.longitude_deg)[None, :]
    for zone in zones:
        try:
            number = case.plans.zones.number_of(zone)
        except InvalidTripError:
            continue
        if case.plans.zones.within(number, vector, spot.uncertainty_m)[0]:
            return True
    return False
