"""Where the container is now, and what its devices left out."""

from __future__ import annotations

from alerts.risk.case import TripCase
from alerts.risk.words import HOUR_MS, ago
from sealtrail.contract.completeness import DeviceCompleteness
from sealtrail.contract.geometry import distance_m, in_ring, vector
from sealtrail.contract.queries import Position
from sealtrail.contract.risk import BasisKind, RiskBasis, RiskPart, RiskPartName
from sealtrail.contract.trip import Place, Trip, Zone
from sealtrail.runtime.settings.risk import RiskSettings


def is_there(position: Position | None, place: Place | None) -> bool:
    """Whether a position may lie in a place, its uncertainty allowed for."""
    if place is None or position is None or position.latitude_deg is None or position.longitude_deg is None:
        return False
    apart_m = distance_m(
        vector(position.longitude_deg, position.latitude_deg),
        vector(place.longitude_deg, place.latitude_deg),
    )
    return apart_m <= place.radius_m + (position.accuracy_m or 0.0)


def place_part(case: TripCase, settings: RiskSettings, now_ms: int) -> RiskPart | None:
    """Points where nobody knows the place under way, or where it stands outside the plan's places.

    Nothing before departure, nothing in a place where it may stand, nothing while it drives.
    """
    trip, position = case.trip, case.position
    departs_at_ms = trip.departs_at_ms
    if not case.place_asked or (departs_at_ms is not None and now_ms < departs_at_ms):
        return None
    if position is None or position.latitude_deg is None or position.longitude_deg is None:
        # without a departure the plan doesn't say whether there should be a place yet
        known = departs_at_ms is None or now_ms - departs_at_ms <= settings.place_old_h * HOUR_MS
        return None if known else _unknown(trip, settings, "No position has come since the trip began.")
    at_ms = position.position_at_ms if position.position_at_ms is not None else position.occurred_at_ms
    if _may_stand(trip, position):
        return None
    if now_ms - at_ms > settings.place_old_h * HOUR_MS:
        return _unknown(trip, settings, f"Its newest position is from {ago(at_ms, now_ms)}.")
    if position.speed_kmh is None or position.speed_kmh >= settings.standing_below_kmh:
        return None
    return RiskPart(
        name=RiskPartName.PLACE,
        points=round(settings.standing, 1),
        reason="It stands where the plan has no stop.",
        basis=(RiskBasis(kind=BasisKind.POSITION, id=f"{trip.container_id} {at_ms}"),),
    )


def _unknown(trip: Trip, settings: RiskSettings, reason: str) -> RiskPart:
    return RiskPart(
        name=RiskPartName.PLACE,
        points=round(settings.place_unknown, 1),
        reason=reason,
        basis=(RiskBasis(kind=BasisKind.TRIP, id=trip.trip_id),),
    )


def _may_stand(trip: Trip, position: Position) -> bool:
    if any(is_there(position, place) for place in (trip.origin, trip.destination, *trip.allowed_places)):
        return True
    return any(_in_zone(position, zone) for zone in trip.parking_zones)


def _in_zone(position: Position, zone: Zone) -> bool:
    if zone.circle is not None:
        return is_there(position, zone.circle)
    if position.longitude_deg is None or position.latitude_deg is None or not zone.ring:
        return False
    return in_ring(
        vector(position.longitude_deg, position.latitude_deg), [vector(*corner) for corner in zone.ring]
    )


def reports_part(case: TripCase, settings: RiskSettings, now_ms: int) -> RiskPart | None:
    """Points for the device that left out the largest share of its numbered reports."""
    del now_ms
    worst = max(case.devices, key=lambda device: (_missing(device), device.device_id), default=None)
    if worst is None:
        return None
    missing, free = _missing(worst), settings.reports_missing_free_share
    if missing <= free:
        return None
    full = max(settings.reports_missing_full_share, free)
    share = 1.0 if full <= free else min(1.0, (missing - free) / (full - free))
    return RiskPart(
        name=RiskPartName.REPORTS,
        points=round(settings.reports_missing * share, 1),
        reason=f"Of the reports that device {worst.device_id} numbered, {worst.missing} of "
        f"{worst.missing + worst.accepted} never came.",
        basis=(RiskBasis(kind=BasisKind.DEVICE, id=worst.device_id),),
    )


def _missing(device: DeviceCompleteness) -> float:
    """Share of its numbered reports that never came."""
    numbered = device.missing + device.accepted
    return device.missing / numbered if device.counted and numbered else 0.0
