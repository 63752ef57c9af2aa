"""`TripCase`: all that a trip's score is a function of, besides settings and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sealtrail.contract.alert import AlertEvent, AlertType, Severity
from sealtrail.contract.completeness import DeviceCompleteness
from sealtrail.contract.incident import Incident
from sealtrail.contract.queries import Position
from sealtrail.contract.trip import Trip

Lane = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An incident of another trip, as much of it as history needs. Retracted alerts are not in it."""

    incident_id: str
    trip_id: str
    device_ids: frozenset[str]
    types: tuple[AlertType, ...]
    severity: Severity  # of its most severe alert
    occurred_at_ms: int


@dataclass(frozen=True, slots=True)
class LanePast:
    """All trips of a lane, ended or under way, and what happened on them; made once for all of them.

    ``newest`` is the newest serious incident of each trip that had one, in
    order from new to old, ``weights`` what is left of it after its time, and
    ``weight`` the sum (`history_part.lane_past_of`).
    """

    trips: int = 0
    newest: Mapping[str, PastIncident] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class TripCase:
    """A trip under way and what is known of it.

    ``incidents`` are those of the trip, and those of its container or devices
    that name no trip; ``custody`` is its part of the custody log in any order;
    ``devices`` those of its devices that left something out. ``place_asked``
    is False where the record couldn't be asked, so that a missing ``position``
    says nothing.
    """

    trip: Trip
    incidents: Sequence[Incident] = ()
    custody: Sequence[AlertEvent] = ()
    position: Position | None = None
    place_asked: bool = True
    devices: Sequence[DeviceCompleteness] = ()
    device_past: Sequence[PastIncident] = ()
    lane_past: LanePast = LanePast()


def lane_of(trip: Trip) -> Lane | None:
    """From where to where, by name; None where the plan doesn't say both."""
    origin = trip.origin.name.strip().casefold() if trip.origin else ""
    destination = trip.destination.name.strip().casefold() if trip.destination else ""
    return (origin, destination) if origin and destination else None
