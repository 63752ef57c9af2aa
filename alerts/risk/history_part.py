"""What happened on other trips: to the same devices, and on the same lane."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from alerts.risk.case import LanePast, PastIncident, TripCase
from alerts.risk.fading import fading
from alerts.risk.words import DAY_MS, ago, counted
from sealtrail.contract.risk import BasisKind, RiskBasis, RiskPart, RiskPartName
from sealtrail.runtime.settings.risk import RiskSettings

MOST_BASIS = 20


def _serious(past: Iterable[PastIncident], settings: RiskSettings, now_ms: int) -> list[PastIncident]:
    """Incidents that are severe enough and have happened, newest first."""
    least = settings.history_from.rank
    found = [one for one in past if one.severity.rank >= least and one.occurred_at_ms <= now_ms]
    return sorted(found, key=lambda one: (-one.occurred_at_ms, one.incident_id))


def _basis(found: Iterable[PastIncident]) -> tuple[RiskBasis, ...]:
    newest = itertools.islice(found, MOST_BASIS)
    return tuple(RiskBasis(kind=BasisKind.INCIDENT, id=one.incident_id) for one in newest)


def device_history_part(case: TripCase, settings: RiskSettings, now_ms: int) -> RiskPart | None:
    """Points for each serious incident of the trip's devices on other trips, fading with time."""
    own = frozenset(case.trip.device_ids)
    known = {one.incident_id: one for one in case.device_past}
    others = [one for one in known.values() if one.trip_id != case.trip.trip_id and one.device_ids & own]
    found = _serious(others, settings, now_ms)
    if not found:
        return None
    half_life_ms = settings.history_half_life_days * DAY_MS
    points = sum(settings.device_incident * fading(one.occurred_at_ms, now_ms, half_life_ms) for one in found)
    trips = len({one.trip_id for one in found})
    return RiskPart(
        name=RiskPartName.DEVICE_HISTORY,
        points=round(min(points, settings.device_history_max), 1),
        reason=f"Its devices had {counted(len(found), 'serious incident')} on "
        f"{counted(trips, 'other trip')}, the last {ago(found[0].occurred_at_ms, now_ms)}.",
        basis=_basis(found),
    )


def lane_past_of(
    trips: int, incidents: Iterable[PastIncident], settings: RiskSettings, now_ms: int
) -> LanePast:
    """What the ``trips`` of a lane and their incidents come to at ``now_ms``."""
    newest: dict[str, PastIncident] = {}
    for one in _serious(incidents, settings, now_ms):
        newest.setdefault(one.trip_id, one)
    half_life_ms = settings.history_half_life_days * DAY_MS
    weights = {key: fading(one.occurred_at_ms, now_ms, half_life_ms) for key, one in newest.items()}
    return LanePast(trips, newest, weights, math.fsum(weights.values()))


def lane_history_part(case: TripCase, settings: RiskSettings, now_ms: int) -> RiskPart | None:
    """Points by the share of the lane's other trips that had a serious incident, fading with time."""
    past, trip = case.lane_past, case.trip
    bad = len(past.newest) - (trip.trip_id in past.newest)
    if bad == 0 or trip.origin is None or trip.destination is None:
        return None
    others = (one for one in past.newest.values() if one.trip_id != trip.trip_id)
    basis = list(itertools.islice(others, MOST_BASIS))
    trips = max(past.trips - 1, bad)
    share = (past.weight - past.weights.get(trip.trip_id, 0.0)) / (trips + settings.lane_few_trips)
    return RiskPart(
        name=RiskPartName.LANE_HISTORY,
        points=round(settings.lane_history * share, 1),
        reason=f"Of {counted(trips, 'other trip')} from {trip.origin.name} to {trip.destination.name}, "
        f"{bad} had a serious incident, the last {ago(basis[0].occurred_at_ms, now_ms)}.",
        basis=_basis(basis),
    )
