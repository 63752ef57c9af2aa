"""A seeded scene behind the control room's `Backend`: real data structures, kept in memory."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from dashboards.controlroom.backend import Change, IncidentChanged, ReadingsSeen
from sealtrail.contract.alert import (
    CATALOGUE,
    AlertAction,
    AlertEvent,
    AlertType,
    Evidence,
    Severity,
    alert_id_of,
    event_id_of,
)
from sealtrail.contract.clock import Clock, wall_clock_ms
from sealtrail.contract.codec import encode_readings
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.incident import (
    CommandReply,
    Delivery,
    Incident,
    IncidentAction,
    IncidentCommand,
    IncidentState,
)
from sealtrail.contract.queries import Position, Sample, SealQuery, SealRecord, SensorQuery, TrackQuery
from sealtrail.contract.reading import FixKind, Reading, SealEvent, SealState
from sealtrail.contract.risk import RiskAnswer, RiskQuery
from sealtrail.contract.trip import Authorisation, Corridor, Place, Trip
from tests.dashboards.controlroom_incidents import decided, delivery_of, opened
from tests.dashboards.controlroom_lanes import BASES, LANES, SENTENCES, along, container_number
from tests.dashboards.controlroom_risks import work_list

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def _circle(name: str, at: tuple[float, float]) -> Place:
    return Place(name=name, longitude_deg=at[0], latitude_deg=at[1], radius_m=2_000)


class Scene:
    """A fleet on its lanes, its record, its incidents; implements `Backend`."""

    def __init__(self, containers: int = 40, *, seed: int = 7, clock: Clock = wall_clock_ms) -> None:
        self._random = random.Random(seed)
        self._clock = clock
        self.now_ms = clock()
        self._feeds: set[asyncio.Queue[Change]] = set()
        self.failing = ""
        self._progress: dict[str, float] = {}
        self._lane: dict[str, int] = {}
        self._trips: dict[str, Trip] = {}
        self._trip_ids: dict[str, str] = {}
        self._incidents: dict[str, Incident] = {}
        self._deliveries: list[Delivery] = []
        self._latest: dict[str, Position] = {}
        self._talking: list[str] = []  # the others are late or silent
        self._cut: set[str] = set()
        self.containers = [container_number(100_000 + index) for index in range(containers)]
        for index, container_id in enumerate(self.containers):
            self._place(index, container_id)
        if containers >= 12:
            self._stage()

    def _place(self, index: int, container_id: str) -> None:
        lane = index % len(LANES)
        origin, destination, line = LANES[lane]
        progress = self._random.uniform(0.15, 0.9)
        self._lane[container_id], self._progress[container_id] = lane, progress
        departed = self.now_ms - round(progress * 30 * HOUR_MS)
        trip = Trip(
            trip_id=f"T-{index + 1:05d}",
            container_id=container_id,
            device_ids=(f"jt701-{index:05d}",),
            corridor=Corridor(coordinates=line, half_width_m=(4_000.0, *([2_500.0] * (len(line) - 2)))),
            seal_numbers=(f"SL{880_000 + index}",),
            departs_at_ms=departed,
            arrives_at_ms=departed + 30 * HOUR_MS,
            origin=_circle(origin, line[0]),
            destination=_circle(destination, line[-1]),
            authorisations=(
                Authorisation(
                    authorisation_id=f"A-{index}",
                    granted_by="Customs office",
                    valid_from_ms=departed + 28 * HOUR_MS,
                    valid_until_ms=departed + 40 * HOUR_MS,
                    place=_circle(destination, line[-1]),
                ),
            ),
        )
        self._trips[trip.trip_id] = trip
        self._trip_ids[container_id] = trip.trip_id
        age_ms = {3: 3 * HOUR_MS, 8: 9 * HOUR_MS}.get(index % 23, 0)
        if not age_ms:
            self._talking.append(container_id)
            age_ms = self._random.randrange(4 * MINUTE_MS)
        self._latest[container_id] = self._position(container_id, self.now_ms - age_ms, progress)

    def _position(self, container_id: str, at_ms: int, progress: float) -> Position:
        longitude, latitude, course = along(LANES[self._lane[container_id]][2], progress)
        wobble = random.Random(f"{container_id}{at_ms}")
        return Position(
            container_id=container_id,
            device_id=self._device(container_id),
            occurred_at_ms=at_ms,
            received_at_ms=at_ms + 900,
            fix_kind=FixKind.GNSS,
            longitude_deg=longitude + wobble.gauss(0, 0.004),
            latitude_deg=latitude + wobble.gauss(0, 0.004),
            accuracy_m=8.0,
            speed_kmh=wobble.uniform(55, 84),
            course_deg=course,
            seal_state=SealState.CUT if container_id in self._cut else SealState.SEALED,
            battery_pct=71.0,
            position_at_ms=at_ms,
        )

    def _device(self, container_id: str) -> str:
        return self.trip_of(container_id).device_ids[0]

    def trip_of(self, container_id: str) -> Trip:
        return self._trips[self._trip_ids[container_id]]

    def _stage(self) -> None:
        """Incidents of every kind that the queue must show."""
        now = self.now_ms
        self.breach(
            self.containers[0], AlertType.SEAL_CUT, now - 4 * HOUR_MS, received_at_ms=now - 3 * MINUTE_MS
        )
        self.breach(self.containers[1], AlertType.SEAL_OPENED, now - 12 * MINUTE_MS)
        self.breach(self.containers[9], AlertType.ROUTE_DEVIATION, now - 26 * MINUTE_MS)
        self.breach(self.containers[4], AlertType.UNSCHEDULED_STOP, now - 50 * MINUTE_MS)
        self.breach(self.containers[10], AlertType.BATTERY_LOW, now - 2 * HOUR_MS)
        acknowledged = self.breach(self.containers[5], AlertType.SEAL_TAMPER, now - 70 * MINUTE_MS)
        self._decide(acknowledged, IncidentAction.ACKNOWLEDGE, "M. Otieno", "", now - 64 * MINUTE_MS)
        resolved = self.breach(self.containers[6], AlertType.ROUTE_DEVIATION, now - 9 * HOUR_MS)
        self._decide(
            resolved, IncidentAction.RESOLVE, "M. Otieno", "Road closed, detour ordered", now - 8 * HOUR_MS
        )

    def breach(
        self,
        container_id: str,
        kind: AlertType,
        occurred_at_ms: int,
        received_at_ms: int | None = None,
        *,
        bare: bool = False,
    ) -> Incident:
        """Open an incident and tell the feeds, as the alerts service does.

        A ``bare`` one is what the plan alone says: no report, no device and no place stand behind it.
        """
        received = received_at_ms or occurred_at_ms + 1_200
        trip, entry = self.trip_of(container_id), CATALOGUE[kind]
        if kind is AlertType.SEAL_CUT:
            self._cut.add(container_id)
        behind = (self.now_ms - occurred_at_ms) / (30 * HOUR_MS)
        where = self._position(container_id, occurred_at_ms, self._progress[container_id] - behind)
        alert_id = alert_id_of(trip.trip_id, kind.value.lower(), occurred_at_ms)
        event = AlertEvent(
            event_id=event_id_of(alert_id, AlertAction.RAISED, occurred_at_ms),
            alert_id=alert_id,
            type=kind,
            action=AlertAction.RAISED,
            severity=entry.severity,
            container_id=container_id,
            trip_id=trip.trip_id,
            device_id=where.device_id,
            occurred_at_ms=occurred_at_ms,
            received_at_ms=received,
            sentence=SENTENCES.get(kind, entry.title + ".").format(seal=trip.seal_numbers[0]),
            rule=kind.value.lower(),
            rule_version=1,
            longitude_deg=where.longitude_deg,
            latitude_deg=where.latitude_deg,
            details={"progress_km": 412.5, "offset_m": 37.0},
            evidence=(
                Evidence(
                    reading_id=f"{occurred_at_ms:016x}",
                    device_id=where.device_id,
                    occurred_at_ms=occurred_at_ms,
                    received_at_ms=received,
                    longitude_deg=where.longitude_deg,
                    latitude_deg=where.latitude_deg,
                    fix_kind=1,
                    seal_events=SealEvent.CUT,
                    seal_state=SealState.CUT,
                ),
            ),
        )
        if bare:
            event = msgspec.structs.replace(
                event, device_id="", longitude_deg=None, latitude_deg=None, details={}, evidence=()
            )
        incident = opened(event)
        self._deliveries.append(delivery_of(incident))
        self._keep(incident)
        return incident

    def _keep(self, incident: Incident) -> None:
        self._incidents[incident.incident_id] = incident
        self._tell(IncidentChanged(incident))

    def _tell(self, change: Change) -> None:
        for feed in self._feeds:
            feed.put_nowait(change)

    def _decide(
        self, incident: Incident, action: IncidentAction, actor: str, reason: str, at_ms: int
    ) -> Incident:
        changed = decided(incident, action, actor, reason, at_ms)
        self._keep(changed)
        return changed

    def move(self, share: float = 0.3) -> list[Reading]:
        """One round of reports from a share of the fleet, told to the feeds."""
        self.now_ms = self._clock()
        readings = []
        for container_id in self._random.sample(self._talking, round(len(self._talking) * share)):
            self._progress[container_id] = (self._progress[container_id] + 0.0002) % 1.0
            found = self._position(container_id, self.now_ms, self._progress[container_id])
            self._latest[container_id] = found
            readings.append(
                Reading(
                    device_id=found.device_id,
                    family="jt701",
                    reading_id=self._random.getrandbits(64),
                    occurred_at_ms=found.occurred_at_ms,
                    received_at_ms=found.received_at_ms,
                    container_id=container_id,
                    fix_kind=found.fix_kind,
                    latitude_deg=found.latitude_deg,
                    longitude_deg=found.longitude_deg,
                    speed_kmh=found.speed_kmh,
                    course_deg=found.course_deg,
                    seal_state=found.seal_state,
                    battery_pct=found.battery_pct,
                )
            )
        self._tell(ReadingsSeen(encode_readings(readings), len(readings)))
        return readings

    def wake(self, container_id: str) -> None:
        """A container that was late or silent reports again with everyone else."""
        self._talking.append(container_id)
        self.move(1.0)

    def _check(self) -> None:
        if self.failing:
            raise UnavailableError(self.failing)

    async def latest(self) -> list[Position]:
        self._check()
        return list(self._latest.values())

    async def incidents(self) -> list[Incident]:
        self._check()
        return list(self._incidents.values())

    async def trips(self) -> list[Trip]:
        self._check()
        return list(self._trips.values())

    async def track(self, query: TrackQuery) -> list[Position]:
        self._check()
        if query.container_id not in self._latest:
            return []
        return [
            self._position(query.container_id, at_ms, progress)
            for at_ms, progress in self._moments(query.container_id)
            if query.since_ms <= at_ms < query.until_ms
        ][-query.limit :]

    def _moments(self, container_id: str) -> list[tuple[int, float]]:
        """Every ten minutes since departure, with a dead zone of three hours."""
        trip, newest = self.trip_of(container_id), self._latest[container_id].occurred_at_ms
        assert trip.departs_at_ms is not None
        span = max(newest - trip.departs_at_ms, 1)
        dead = (trip.departs_at_ms + span // 2, trip.departs_at_ms + span // 2 + 3 * HOUR_MS)
        return [
            (at, self._progress[container_id] * (at - trip.departs_at_ms) / span)
            for at in range(trip.departs_at_ms, newest, 10 * MINUTE_MS)
            if not dead[0] <= at < dead[1]
        ]

    async def sensors(self, query: SensorQuery) -> list[Sample]:
        self._check()
        if query.container_id not in self._latest or query.quantity not in BASES:
            return []
        base, swing = BASES[query.quantity]
        return [
            Sample(
                at, round(base + swing * math.sin(at / (5 * HOUR_MS)), 2), self._device(query.container_id)
            )
            for at, _ in self._moments(query.container_id)
            if query.since_ms <= at < query.until_ms
        ][-query.limit :]

    async def seals(self, query: SealQuery) -> list[SealRecord]:
        self._check()
        if query.container_id not in self._latest:
            return []
        cuts = [
            one.occurred_at_ms
            for incident in self._incidents.values()
            if incident.container_id == query.container_id
            for one in incident.alerts
            if one.type in (AlertType.SEAL_CUT, AlertType.SEAL_OPENED, AlertType.SEAL_TAMPER)
        ]
        moments = sorted([at for at, _ in self._moments(query.container_id)] + cuts)
        return [
            SealRecord(
                device_id=self._device(query.container_id),
                occurred_at_ms=at,
                received_at_ms=at + (4 * HOUR_MS if at in cuts else 900),
                seal_state=SealState.CUT if any(at >= cut for cut in cuts) else SealState.SEALED,
                seal_events=SealEvent.CUT if at in cuts else SealEvent.CLOSED if number == 0 else 0,
                seal_number=self.trip_of(query.container_id).seal_numbers[0],
                latitude_deg=self._latest[query.container_id].latitude_deg,
                longitude_deg=self._latest[query.container_id].longitude_deg,
            )
            for number, at in enumerate(moments)
            if query.since_ms <= at < query.until_ms
        ]

    async def custody(self, container_id: str) -> list[AlertEvent]:
        self._check()
        trip = self.trip_of(container_id)
        assert trip.departs_at_ms is not None
        kinds = (AlertType.PAIRED, AlertType.SEAL_ARMED, AlertType.TRIP_STARTED)
        return [
            AlertEvent(
                event_id=f"c{index}",
                alert_id=f"c{index}",
                type=kind,
                action=AlertAction.LOGGED,
                severity=Severity.INFO,
                container_id=container_id,
                trip_id=trip.trip_id,
                device_id=trip.device_ids[0],
                occurred_at_ms=trip.departs_at_ms - (20 - 10 * index) * MINUTE_MS,
                received_at_ms=trip.departs_at_ms - (20 - 10 * index) * MINUTE_MS,
                sentence=f"{CATALOGUE[kind].title} at {trip.origin.name if trip.origin else '?'}.",
                rule="custody",
                rule_version=1,
            )
            for index, kind in enumerate(kinds)
        ]

    async def deliveries(self) -> list[Delivery]:
        self._check()
        return self._deliveries

    async def risks(self, query: RiskQuery) -> RiskAnswer:
        self._check()
        return work_list(query, self._trips, self._incidents.values(), self._latest, self._clock())

    async def act(self, command: IncidentCommand) -> CommandReply:
        self._check()
        incident = self._incidents.get(command.incident_id)
        if incident is None:
            return CommandReply(refused="unknown_incident", detail=command.incident_id)
        if command.action is IncidentAction.ACKNOWLEDGE and incident.state is not IncidentState.OPEN:
            return CommandReply(refused="wrong_state", detail=f"it is {incident.state.value}")
        return CommandReply(
            incident=self._decide(incident, command.action, command.actor, command.reason, self._clock())
        )

    def break_feed(self, reason: str) -> None:
        """Every feed ends with an error, and nothing answers until ``failing`` is emptied."""
        self.failing = reason
        self._tell(ReadingsSeen(encode_readings([]), 0))

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change]]:
        self._check()
        feed: asyncio.Queue[Change] = asyncio.Queue()
        self._feeds.add(feed)

        async def follow() -> AsyncIterator[Change]:
            while True:
                change = await feed.get()
                self._check()
                yield change

        try:
            yield follow()
        finally:
            self._feeds.discard(feed)
