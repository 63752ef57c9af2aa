"""Trips at the HTTP edge."""

from __future__ import annotations

from pydantic import Field

from dashboards.controlroom.schemas.base import Model
from dashboards.controlroom.schemas.incidents import Alert, IncidentSummary
from sealtrail.contract.trip import Trip


class PlaceCircle(Model):
    """A circle on the ground."""

    name: str
    longitude_deg: float
    latitude_deg: float
    radius_m: float


class CorridorLine(Model):
    """Planned way: (longitude, latitude) in travel order, and the allowed distance to either side."""

    coordinates: list[tuple[float, float]]
    half_width_m: list[float] = Field(description="One value for all legs, or one for each leg.")


class Permit(Model):
    """Leave to open the seal: who, where and when. An empty part allows any."""

    authorisation_id: str
    granted_by: str
    valid_from_ms: int
    valid_until_ms: int
    card_ids: list[str]
    place: PlaceCircle | None
    reason: str


class TripSummary(Model):
    """A trip as the map needs it; a fleet has tens of thousands."""

    trip_id: str
    container_id: str
    departs_at_ms: int | None
    arrives_at_ms: int | None
    origin: str = Field(description="Name of the place; empty where the plan names none.")
    destination: str

    @classmethod
    def of(cls, trip: Trip) -> TripSummary:
        return cls.model_construct(
            trip_id=trip.trip_id,
            container_id=trip.container_id,
            departs_at_ms=trip.departs_at_ms,
            arrives_at_ms=trip.arrives_at_ms,
            origin=trip.origin.name if trip.origin else "",
            destination=trip.destination.name if trip.destination else "",
        )


class TripPlan(Model):
    """The whole plan of a trip."""

    trip_id: str
    container_id: str
    departs_at_ms: int | None
    arrives_at_ms: int | None
    origin: PlaceCircle | None
    destination: PlaceCircle | None
    device_ids: list[str]
    seal_numbers: list[str]
    corridor: CorridorLine | None
    allowed_places: list[PlaceCircle]
    authorisations: list[Permit]

    @classmethod
    def of(cls, trip: Trip) -> TripPlan:
        return cls.model_validate(trip)


class TripDetail(Model):
    """A trip with its incidents and its custody log, oldest first."""

    trip: TripPlan
    incidents: list[IncidentSummary]
    custody: list[Alert]
