"""`Board`: containers, incidents and trips as they are now, kept in memory for the page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from dashboards.controlroom.backend import Change, IncidentChanged, ReadingsSeen, TripChanged, TripRemoved
from dashboards.controlroom.fleet import Fleet
from dashboards.controlroom.schemas.incidents import IncidentSummary
from dashboards.controlroom.schemas.trips import TripSummary
from dashboards.controlroom.unread import Unread
from sealtrail.contract.incident import Incident, IncidentState
from sealtrail.contract.trip import Trip

ENDED_TRIPS_KEPT = 5_000
STANDING = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)


class Board:
    """A projection of what the backend said. Not thread-safe; belongs to one event loop."""

    def __init__(self, *, max_containers: int, closed_incidents: int, unread_bytes: int) -> None:
        self.fleet = Fleet(max_containers)
        self.unread = Unread(unread_bytes)
        self.readings_seen = 0
        self._closed_kept = closed_incidents
        self._incidents: dict[str, Incident] = {}
        self._incident_rows: dict[str, IncidentSummary] = {}
        self._trips: dict[str, Trip] = {}
        self._trip_rows: dict[str, TripSummary] = {}
        self._ended: dict[str, Trip] = {}  # incidents outlive their trips, and people look at both

    def replace(self, incidents: Iterable[Incident], trips: Iterable[Trip]) -> None:
        """Start from what the stores hold now."""
        self._incidents = {incident.incident_id: incident for incident in incidents}
        before, self._trips = self._trips, {trip.trip_id: trip for trip in trips}
        for trip_id in before.keys() - self._trips.keys():
            self._keep_ended(before[trip_id])
        self._incident_rows = {key: IncidentSummary.of(one) for key, one in self._incidents.items()}
        self._trip_rows = {key: TripSummary.of(one) for key, one in self._trips.items()}
        self._forget_old()

    def apply(self, change: Change) -> bool:
        """Take a change in; False where it says nothing new.

        Reports are collected in ``unread`` and count as nothing new here: they
        are read by `read_reports` and sent in batches.
        """
        match change:
            case ReadingsSeen(batch, readings):
                self.readings_seen += readings
                self.unread.put(batch)
                return False
            case IncidentChanged(incident):
                return self._take_incident(incident)
            case TripChanged(trip):
                known = self._trips.get(trip.trip_id)
                self._trips[trip.trip_id] = trip
                self._trip_rows[trip.trip_id] = TripSummary.of(trip)
                return known != trip
            case TripRemoved(trip_id):
                ended = self._trips.pop(trip_id, None)
                self._trip_rows.pop(trip_id, None)
                if ended is not None:
                    self._keep_ended(ended)
                return ended is not None

    async def read_reports(self) -> None:
        """Bring ``fleet`` up to date; lets others in between."""
        for readings in self.unread.read():
            self.fleet.absorb(readings)
            await asyncio.sleep(0)

    def _take_incident(self, incident: Incident) -> bool:
        known = self._incidents.get(incident.incident_id)
        # The answer to a command and the store's watch tell of the same step, in any order. A history
        # only grows; its times say nothing, because clocks are set back.
        if known == incident or (known and len(known.history) > len(incident.history)):
            return False
        self._incidents[incident.incident_id] = incident
        self._incident_rows[incident.incident_id] = IncidentSummary.of(incident)
        self._forget_old()
        return True

    def incident(self, incident_id: str) -> Incident | None:
        return self._incidents.get(incident_id)

    def trip(self, trip_id: str) -> Trip | None:
        """A trip under way, or one that ended lately."""
        return self._trips.get(trip_id) or self._ended.get(trip_id)

    def incidents_of(self, container_id: str) -> list[Incident]:
        """Incidents of a container, oldest first."""
        found = [one for one in self._incidents.values() if one.container_id == container_id]
        return sorted(found, key=lambda one: (one.occurred_at_ms, one.incident_id))

    def summaries(self) -> tuple[list[IncidentSummary], list[TripSummary]]:
        """Everything in its public form, made when it changed rather than for every viewer."""
        return list(self._incident_rows.values()), list(self._trip_rows.values())

    def _keep_ended(self, trip: Trip) -> None:
        self._ended[trip.trip_id] = trip
        if len(self._ended) > ENDED_TRIPS_KEPT:
            del self._ended[next(iter(self._ended))]

    def _forget_old(self) -> None:
        """Keeps the standing incidents and the newest closed ones."""
        closed = [one for one in self._incidents.values() if one.state not in STANDING]
        # A margin, so that not every further incident sorts them all again.
        if len(closed) <= self._closed_kept + self._closed_kept // 4:
            return
        closed.sort(key=_last_step_ms)
        for incident in closed[: len(closed) - self._closed_kept]:
            del self._incidents[incident.incident_id]
            del self._incident_rows[incident.incident_id]


def _last_step_ms(incident: Incident) -> int:
    return incident.history[-1].at_ms if incident.history else incident.opened_at_ms
