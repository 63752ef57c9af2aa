"""`Board`: containers, incidents and trips as they are now, kept in memory for the page."""

from __future__ import annotations

from collections.abc import Iterable

from dashboards.controlroom.backend import Change, IncidentChanged, ReadingsSeen, TripChanged, TripRemoved
from dashboards.controlroom.fleet import Fleet
from dashboards.controlroom.schemas.incidents import IncidentSummary
from dashboards.controlroom.schemas.trips import TripSummary
from sealtrail.contract.incident import Incident, IncidentState
from sealtrail.contract.trip import Trip

STANDING = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)


class Board:
    """A projection of what the backend said. Not thread-safe; belongs to one event loop."""

    def __init__(self, *, max_containers: int, closed_incidents: int) -> None:
        self.fleet = Fleet(max_containers)
        self.readings_seen = 0
        self._closed_kept = closed_incidents
        self._incidents: dict[str, Incident] = {}
        self._trips: dict[str, Trip] = {}

    def replace(self, incidents: Iterable[Incident], trips: Iterable[Trip]) -> None:
        """Start from what the stores hold now."""
        self._incidents = {incident.incident_id: incident for incident in incidents}
        self._trips = {trip.trip_id: trip for trip in trips}
        self._forget_old()

    def apply(self, change: Change) -> bool:
        """Take a change in; False where it says nothing new.

        Containers that moved are collected in ``fleet`` and count as nothing
        new here: they are sent in batches.
        """
        match change:
            case ReadingsSeen(readings):
                self.readings_seen += len(readings)
                self.fleet.absorb(readings)
                return False
            case IncidentChanged(incident):
                known = self._incidents.get(incident.incident_id)
                # The answer to a command and the store's watch tell of the same step, in any order.
                if known == incident or (known and _last_step_ms(known) > _last_step_ms(incident)):
                    return False
                self._incidents[incident.incident_id] = incident
                self._forget_old()
                return True
            case TripChanged(trip):
                if self._trips.get(trip.trip_id) == trip:
                    return False
                self._trips[trip.trip_id] = trip
                return True
            case TripRemoved(trip_id):
                return self._trips.pop(trip_id, None) is not None

    def incident(self, incident_id: str) -> Incident | None:
        return self._incidents.get(incident_id)

    def trip(self, trip_id: str) -> Trip | None:
        return self._trips.get(trip_id)

    def incidents_of(self, container_id: str) -> list[Incident]:
        """Incidents of a container, oldest first."""
        found = [one for one in self._incidents.values() if one.container_id == container_id]
        return sorted(found, key=lambda one: (one.occurred_at_ms, one.incident_id))

    def summaries(self) -> tuple[list[IncidentSummary], list[TripSummary]]:
        """Everything in its public form."""
        return (
            [IncidentSummary.of(incident) for incident in self._incidents.values()],
            [TripSummary.of(trip) for trip in self._trips.values()],
        )

    def _forget_old(self) -> None:
        """Keeps the standing incidents and the newest closed ones."""
        closed = [one for one in self._incidents.values() if one.state not in STANDING]
        # A margin, so that not every further incident sorts them all again.
        if len(closed) <= self._closed_kept + self._closed_kept // 4:
            return
        closed.sort(key=_last_step_ms)
        for incident in closed[: len(closed) - self._closed_kept]:
            del self._incidents[incident.incident_id]


def _last_step_ms(incident: Incident) -> int:
    return incident.history[-1].at_ms if incident.history else incident.opened_at_ms
