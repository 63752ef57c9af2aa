"""What happened on other trips: to the same devices, and on the same lane."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.risk.case import PastIncident, TripCase
from alerts.risk.fading import fading
from alerts.risk.words import DAY_MS, ago, counted
from sealtrail.contract.risk import BasisKind, RiskBasis, RiskPart, RiskPartName
from sealtrail.runtime.settings.risk import RiskSettings

MOST_BASIS = 20


def _serious(
    past: Iterable[PastIncident], case: TripCase, settings: RiskSettings, now_ms: int
) -> list[PastIncident]:
    """Incidents of other trips that are severe enough and have happened, newest first."""
    found = [
        one
        for one in past
        if one.trip_id != case.trip.trip_id
        and one.severity.rank >= settings.history_from.rank
        and one.occurred_at_ms <= now_ms
    ]
    return sorted(found, key=lambda one: (-one.occurred_at_ms, one.incident_id))


def _basis(found: list[PastIncident]) -> tuple[RiskBasis, ...]:
    return tuple(RiskBasis(kind=BasisKind.INCIDENT, id=one.incident_id) for one in found[:MOST_BASIS])


def device_history_part(case: TripCase, settings: RiskSettings, now_ms: int) -> RiskPart | None:
    """Points for each serious incident of the trip's devices on other trips, fading with time."""
    own = frozenset(case.trip.device_ids)
    found = [one for one in _serious(case.device_past, case, settings, now_ms) if one.device_ids & own]
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


def lane_history_part(case: TripCase, settings: RiskSettings, now_ms: int) -> RiskPart | None:
    """Points by the share of the lane's other trips that had a serious incident, fading with time."""
    past = case.lane_past
    found = _serious(past.incidents, case, settings, now_ms)
    if not found or case.trip.origin is None or case.trip.destination is None:
        return None
    half_life_ms = settings.history_half_life_days * DAY_MS
    newest: dict[str, PastIncident] = {}
    for one in found:
        newest.setdefault(one.trip_id, one)
    troubled = sum(fading(one.occurred_at_ms, now_ms, half_life_ms) for one in newest.values())
    trips = max(past.trips, len(newest))
    share = troubled / (trips + settings.lane_few_trips)
    return RiskPart(
        name=RiskPartName.LANE_HISTORY,
        points=round(settings.lane_history * share, 1),
        reason=f"Of {counted(trips, 'other trip')} from {case.trip.origin.name} to "
        f"{case.trip.destination.name}, {len(newest)} had a serious incident, the last "
        f"{ago(found[0].occurred_at_ms, now_ms)}.",
        basis=_basis(list(newest.values())),
    )
