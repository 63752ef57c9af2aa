"""`Index`: trips, incidents and custody lines in memory, arranged for looking up a `TripCase`.

Incidents are kept without evidence and history, and packed: only those of a
trip that is being scored are unpacked. All of it is a projection of what the
log has, so it is read anew at every start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from alerts.risk.case import Lane, LanePast, PastIncident, TripCase, lane_of
from alerts.risk.history_part import lane_past_of
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertFamily, AlertType
from sealtrail.contract.completeness import DeviceCompleteness
from sealtrail.contract.incident import Incident, IncidentState
from sealtrail.contract.queries import Position
from sealtrail.contract.trip import Trip
from sealtrail.runtime.settings.risk import RiskSettings

LINES_PER_TRIP = 100
_LINES = frozenset({AlertType.SEAL_DISARMED, AlertType.SEAL_ARMED, AlertType.RESEALED, AlertType.SEAL_CHECK})

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Incident).decode
_unpack_line = msgspec.msgpack.Decoder(AlertEvent).decode


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was asked of others: places and devices. None where nobody answered."""

    positions: dict[str, Position] | None
    devices: dict[str, DeviceCompleteness] | None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of what couldn't be asked."""
        asked = (("record", self.positions), ("devices", self.devices))
        return tuple(name for name, answer in asked if answer is None)


class Index:
    """Keeps at most ``kept_trips`` trips that have ended, the newest ones."""

    def __init__(self, kept_trips: int) -> None:
        self._kept_trips = kept_trips
        self.trips: dict[str, Trip] = {}
        self._ended: dict[str, Lane | None] = {}
        self._of_lane: defaultdict[Lane, set[str]] = defaultdict(set)
        self._incidents: dict[str, bytes] = {}
        self._past: dict[str, PastIncident] = {}
        self._of_trip: defaultdict[str, set[str]] = defaultdict(set)
        self._of_container: defaultdict[str, set[str]] = defaultdict(set)  # those that name no trip
        self._of_device: defaultdict[str, set[str]] = defaultdict(set)
        self._custody: dict[str, dict[str, bytes]] = {}

    def plan(self, trip: Trip) -> None:
        """A trip is planned or changed."""
        before = self.trips.get(trip.trip_id)
        self._leave_lane(trip.trip_id, lane_of(before) if before else self._ended.pop(trip.trip_id, None))
        self.trips[trip.trip_id] = trip
        lane = lane_of(trip)
        if lane is not None:
            self._of_lane[lane].add(trip.trip_id)

    def end(self, trip_id: str) -> None:
        """A trip is over; its lane and its incidents stay known."""
        trip = self.trips.pop(trip_id, None)
        self._custody.pop(trip_id, None)
        if trip is None:
            return
        self._ended[trip_id] = lane_of(trip)
        while len(self._ended) > self._kept_trips:
            oldest = next(iter(self._ended))
            self._leave_lane(oldest, self._ended.pop(oldest))

    def _leave_lane(self, trip_id: str, lane: Lane | None) -> None:
        if lane is not None:
            self._of_lane[lane].discard(trip_id)
            if not self._of_lane[lane]:
                del self._of_lane[lane]

    def take(self, incident: Incident) -> None:
        """An incident is new, or has changed."""
        key = incident.incident_id
        slim = msgspec.structs.replace(
            incident,
            history=(),
            alerts=tuple(
                msgspec.structs.replace(alert, evidence=(), details={}, settings={}, sentence="")
                for alert in incident.alerts
            ),
        )
        before = self._past.pop(key, None)
        for device_id in before.device_ids if before else ():
            self._of_device[device_id].discard(key)
        self._incidents[key] = _pack(slim)
        if incident.trip_id:
            self._of_trip[incident.trip_id].add(key)
        else:
            self._of_container[incident.container_id].add(key)
        past = past_of(incident)
        if past is not None:
            self._past[key] = past
            for device_id in past.device_ids:
                self._of_device[device_id].add(key)

    def log(self, events: Iterable[AlertEvent]) -> bool:
        """Takes the lines of the custody log among alert events; whether there were any.

        The same line again changes nothing.
        """
        taken = False
        for event in events:
            if event.family is not AlertFamily.CUSTODY or not event.trip_id or event.type not in _LINES:
                continue
            lines = self._custody.setdefault(event.trip_id, {})
            lines[event.event_id] = _pack(msgspec.structs.replace(event, evidence=(), settings={}))
            if len(lines) > LINES_PER_TRIP:
                del lines[next(iter(lines))]
            taken = True
        return taken

    def forget_custody_of_others(self) -> None:
        """Drops the lines of trips that aren't under way, when trips and lines have both been read."""
        self._custody = {key: lines for key, lines in self._custody.items() if key in self.trips}

    def case(self, trip: Trip, around: Surroundings, lanes: Lanes) -> TripCase:
        """All that is known of a trip under way."""
        devices = around.devices or {}
        return TripCase(
            trip=trip,
            incidents=self._incidents_of(trip),
            custody=[_unpack_line(line) for line in self._custody.get(trip.trip_id, {}).values()],
            position=(around.positions or {}).get(trip.container_id),
            place_asked=around.positions is not None,
            devices=[devices[device_id] for device_id in trip.device_ids if device_id in devices],
            device_past=[
                self._past[key]
                for device_id in trip.device_ids
                for key in sorted(self._of_device.get(device_id, ()))
            ],
            lane_past=lanes.past_of(lane_of(trip)),
        )

    def _incidents_of(self, trip: Trip) -> list[Incident]:
        """Those of the trip, and since its departure those of its container or devices that name no trip."""
        found = [_unpack(self._incidents[key]) for key in sorted(self._of_trip.get(trip.trip_id, ()))]
        loose = {
            key
            for container_id in (trip.container_id, *trip.device_ids)
            for key in self._of_container.get(container_id, ())
        }
        departed_ms = trip.departs_at_ms or 0
        for key in sorted(loose):
            incident = _unpack(self._incidents[key])
            if incident.occurred_at_ms >= departed_ms:
                found.append(incident)
        return found

    def lane(self, lane: Lane) -> tuple[int, list[PastIncident]]:
        """How many trips of a lane are known, and what happened on them."""
        trips = self._of_lane.get(lane, set())
        keys = (key for trip_id in trips for key in self._of_trip.get(trip_id, ()))
        return len(trips), [self._past[key] for key in keys if key in self._past]


class Lanes:
    """The past of lanes at one moment, each worked out once however many trips are on it."""

    def __init__(self, index: Index, settings: RiskSettings, now_ms: int) -> None:
        self._index = index
        self._settings = settings
        self._now_ms = now_ms
        self._known: dict[Lane, LanePast] = {}

    def past_of(self, lane: Lane | None) -> LanePast:
        """Nothing where the plan doesn't say from where to where."""
        if lane is None:
            return LanePast()
        if lane not in self._known:
            self._known[lane] = lane_past_of(*self._index.lane(lane), self._settings, self._now_ms)
        return self._known[lane]


def past_of(incident: Incident) -> PastIncident | None:
    """What history needs of an incident; None where it names no trip or was wrong altogether."""
    standing = [alert for alert in incident.alerts if alert.action is not AlertAction.RETRACTED]
    if not incident.trip_id or not standing or incident.state is IncidentState.RETRACTED:
        return None
    return PastIncident(
        incident_id=incident.incident_id,
        trip_id=incident.trip_id,
        device_ids=frozenset(alert.device_id for alert in standing if alert.device_id),
        types=tuple(sorted({alert.type for alert in standing})),
        severity=max((alert.severity for alert in standing), key=lambda severity: severity.rank),
        occurred_at_ms=incident.occurred_at_ms,
    )
