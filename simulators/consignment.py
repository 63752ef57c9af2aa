"""One container on its trip: plan, devices, authorisations and what happens to it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from sealtrail.contract.reading import SealEvent, SealState
from sealtrail.contract.trip import Authorisation, Place, Trip, TripEvent, TripEventKind
from simulators import json_device
from simulators.device import Device, DeviceSpec, UploadOrder
from simulators.geodesy import Pose
from simulators.lanes import ROAD_NAMES, SEA_NAMES, Lane, lane
from simulators.motion import Motion, Stop
from simulators.profile import HOUR_MS, Profile
from simulators.route import Route, detour_route, ordinary_route
from simulators.script import PLANS, Casting, Kind
from simulators.seal_history import SealChange, SealHistory
from simulators.sensors import Sensors
from simulators.truth import Outgoing, ScriptedEvent

MINUTE_MS = 60_000
CUSTOMS = "customs officer"

_OPENED = frozenset({
    Kind.OPENED_AUTHORISED, Kind.OPENED_WRONG_CARD, Kind.OPENED_WRONG_PLACE, Kind.OPENED_WRONG_TIME,
    Kind.OPENED_LIVE,
})  # fmt: skip
_DETOURS = frozenset({Kind.DETOUR, Kind.DETOUR_RETURN})
_DEAD_ZONE_CUTS = frozenset({Kind.CUT_DEAD_ZONE, Kind.CUT_DEAD_ZONE_LIVE})
_CUTS = frozenset({Kind.CUT, Kind.CUT_LIVE, Kind.CUT_NO_FIX, *_DEAD_ZONE_CUTS})
_TAMPERED = frozenset({Kind.TAMPERED, Kind.TAMPERED_LIVE})
_SAID_BY_JSON = frozenset({Kind.DOOR_LIVE, Kind.JAMMED_LIVE})
"""A JT701 has no door contact and doesn't tell jamming from a lost fix."""

_STOP_MS = 55 * MINUTE_MS
_STOP_SHOWS_MS = 32 * MINUTE_MS
"""A stop is allowed to last half an hour."""

_AFTER_ARRIVAL_MS = 30 * MINUTE_MS


class Identity(NamedTuple):
    """Numbers that must be unique in the world, given by it."""

    container_id: str
    seal_id: str
    seal_family: str
    seal_number: str
    tracker_id: str | None
    card_id: str
    other_card_id: str


def fitting(identity: Identity, kind: Kind) -> Identity:
    """The same container with a seal that can say what is to happen."""
    if kind not in _SAID_BY_JSON or identity.seal_family == json_device.FAMILY:
        return identity
    serial = identity.seal_number.removeprefix("SLT")
    return identity._replace(seal_id=f"seal-{serial}", seal_family=json_device.FAMILY)


class _Timing(NamedTuple):
    event_ms: int
    stops: tuple[Stop, ...]
    dead_zones: tuple[Stop, ...]


class Consignment:
    """Built once from the profile, its casting and its own seeded randomness; then only read."""

    def __init__(
        self, profile: Profile, identity: Identity, casting: Casting, event_no: int, rng: random.Random
    ) -> None:
        self.profile = profile
        self.identity = fitting(identity, casting.kind)
        self.kind = casting.kind
        self._rng = rng
        self._event_no = event_no if casting.kind is not Kind.PLAIN else None
        self._timing = self._draw_timing(casting)
        self._lane = self._draw_lane()
        spare_m = self._lane.line.length_m - self._lane.cruise_kmh * 1000 * (profile.past_hours + 3)
        self._begin_m = rng.uniform(0.0, max(0.0, spare_m))
        own_rng = random.Random(rng.random())  # drawn from on demand, so it shares with nobody
        self._motion = Motion(
            own_rng, profile.start_ms, self._lane.cruise_kmh, self._timing.stops, at_sea=self._lane.at_sea
        )
        self._route = self._draw_route()
        self.trip = self._trip()
        self._ends_ms = self._arrival()
        self._authorisation = self._authorise()
        self.scripted = self._scripted()

    # Where it is

    def pose_at(self, at_ms: int) -> tuple[Pose, float, float]:
        gone_m, speed_kmh = self._motion.at(at_ms)
        arrived = gone_m >= self._route.line.length_m
        return self._route.line.at(gone_m), 0.0 if arrived else speed_kmh, gone_m

    def outside_at(self, at_ms: int) -> bool:
        detour = self._route.detour
        if detour is None:
            return False
        gone_m = self._motion.at(at_ms)[0]
        return gone_m > detour.leaves_m and (detour.returns_m is None or gone_m < detour.returns_m)

    # What it sends

    def messages(self) -> list[Iterator[Outgoing]]:
        """One stream for each device, each in order of sending."""
        return [device.messages() for device in self._devices()]

    @property
    def plan(self) -> Trip:
        """The trip with its authorisations."""
        if self._authorisation is None:
            return self.trip
        return msgspec.structs.replace(self.trip, authorisations=(self._authorisation,))

    def trip_events(self) -> list[TripEvent]:
        """In order of ``recorded_at_ms``, which is when they are to be handed over."""
        start_ms = self.profile.start_ms
        events = [self._trip_event(TripEventKind.PLANNED, self.trip.departs_at_ms or start_ms, start_ms)]
        if self._authorisation is not None:
            granted_ms = max(start_ms, self._timing.event_ms - HOUR_MS)
            events.append(self._trip_event(TripEventKind.AUTHORISED, granted_ms, granted_ms))
        if self._ends_ms is not None:
            ended_ms = self._ends_ms + MINUTE_MS
            events.append(self._trip_event(TripEventKind.ENDED, ended_ms, ended_ms))
        return events

    def _trip_event(self, kind: TripEventKind, occurred_at_ms: int, recorded_at_ms: int) -> TripEvent:
        return TripEvent(
            event_id=f"{self.trip.trip_id}-{kind.value}",
            kind=kind,
            occurred_at_ms=occurred_at_ms,
            recorded_at_ms=recorded_at_ms,
            container_id=self.identity.container_id,
            trip_id=self.trip.trip_id,
            actor="planner" if kind is TripEventKind.PLANNED else CUSTOMS,
            trip=self.trip if kind is TripEventKind.PLANNED else None,
            authorisation=self._authorisation if kind is TripEventKind.AUTHORISED else None,
        )

    # How it is drawn

    def _draw_timing(self, casting: Casting) -> _Timing:
        """When the event happens and when the container stands or has no network for it."""
        profile, rng = self.profile, self._rng
        past = profile.past_ms
        at_ms = casting.at_ms
        if self.kind in _DEAD_ZONE_CUTS:
            happened_ms = profile.start_ms + int(past * rng.uniform(0.2, 0.4))
            ends_ms = at_ms or profile.start_ms + int(past * rng.uniform(0.75, 0.9))
            zone = Stop(happened_ms - int(past * rng.uniform(0.02, 0.06)), ends_ms)
            return _Timing(_whole_second(happened_ms), (), (zone,))
        event_ms = _whole_second(at_ms or profile.start_ms + int(past * rng.uniform(0.28, 0.7)))
        if self.kind in _DETOURS:
            event_ms = profile.start_ms + int(past * rng.uniform(0.1, 0.2))
        if self.kind is Kind.STOPPED:
            event_ms = _whole_second(profile.start_ms + int(past * rng.uniform(0.28, 0.5)))
        zones = (self._ordinary_dead_zone(),) if rng.random() < 0.35 else ()  # noqa: PLR2004 - part of the fleet
        stops: tuple[Stop, ...] = ()
        if self.kind is Kind.OPENED_AUTHORISED:
            stops = (Stop(event_ms - 10 * MINUTE_MS, event_ms + 35 * MINUTE_MS),)
        elif self.kind in _OPENED:
            stops = (Stop(event_ms - 8 * MINUTE_MS, event_ms + 14 * MINUTE_MS),)
        elif self.kind is Kind.STOPPED:
            stops = (Stop(event_ms, event_ms + _STOP_MS),)
        return _Timing(event_ms, stops, zones)

    def _ordinary_dead_zone(self) -> Stop:
        """Early or late in the past, clear of every past event's own moment."""
        past, rng = self.profile.past_ms, self._rng
        length_ms = int(min(35 * MINUTE_MS, past * 0.1) * rng.uniform(0.5, 1.0))
        part = rng.choice((0.05, 0.85)) + rng.uniform(0.0, 0.04)
        start_ms = self.profile.start_ms + int(past * part)
        return Stop(start_ms, start_ms + length_ms)

    def _draw_lane(self) -> Lane:
        needed_h = self.profile.past_hours + 2
        roads = [
            found
            for found in map(lane, ROAD_NAMES)
            if found.line.length_m > found.cruise_kmh * 1e3 * needed_h
        ]
        ships = [lane(name) for name in SEA_NAMES]
        ashore = self.kind in _OPENED | _DETOURS | {Kind.STOPPED} or self._rng.random() < 0.45  # noqa: PLR2004 - half and half
        return self._rng.choice(roads if ashore and roads else ships)

    def _draw_route(self) -> Route:
        if self.kind not in _DETOURS:
            return ordinary_route(self._lane, self._begin_m, self._rng)
        gone_m = self._motion.at(self._timing.event_ms)[0]
        back = self.kind is Kind.DETOUR_RETURN
        while True:
            try:
                return detour_route(self._lane, self._begin_m, gone_m, self._rng, back=back)
            except ValueError:
                if self._begin_m <= 0.0:
                    raise
                self._begin_m = max(0.0, self._begin_m - 20_000.0)

    def _trip(self) -> Trip:
        profile, line = self.profile, self._lane.line
        under_way_ms = int(self._begin_m / 1000 / self._lane.cruise_kmh * HOUR_MS)
        departs_ms = profile.start_ms - under_way_ms // MINUTE_MS * MINUTE_MS
        whole_ms = int(line.length_m / 1000 / self._lane.cruise_kmh * HOUR_MS)
        day = dt.datetime.fromtimestamp(profile.start_ms / 1000, dt.UTC).strftime("%Y%m%dT%H%M%S")
        ends = ((self._lane.origin, line.points[0]), (self._lane.destination, line.points[-1]))
        origin, destination = (
            Place(name=name, latitude_deg=p.latitude_deg, longitude_deg=p.longitude_deg, radius_m=10_000.0)
            for name, p in ends
        )
        devices = (self.identity.seal_id, self.identity.tracker_id)
        return Trip(
            trip_id=f"{self.identity.container_id}-{day}",
            container_id=self.identity.container_id,
            device_ids=tuple(device for device in devices if device is not None),
            corridor=self._lane.corridor,
            seal_numbers=(self.identity.seal_number,),
            departs_at_ms=departs_ms,
            arrives_at_ms=departs_ms + int(whole_ms * 1.3),
            origin=origin,
            destination=destination,
            allowed_places=(self._stop_place(),) if self.kind is Kind.OPENED_AUTHORISED else (),
        )

    def _stop_place(self) -> Place:
        pose = self.pose_at(self._timing.event_ms)[0]
        return Place(
            name="inspection yard",
            latitude_deg=round(pose.latitude_deg, 5),
            longitude_deg=round(pose.longitude_deg, 5),
            radius_m=5_000.0,
        )

    def _arrival(self) -> int | None:
        """When the devices are taken off, some time after arriving at the destination."""
        if self.kind is Kind.DETOUR:
            return None
        return self._motion.time_at(self._route.line.length_m) + _AFTER_ARRIVAL_MS

    def _authorise(self) -> Authorisation | None:
        """The one that covers the opening, or one that nearly does."""
        event_ms = self._timing.event_ms
        valid = (event_ms - 30 * MINUTE_MS, event_ms + 60 * MINUTE_MS)
        place: Place | None = None
        if self.kind is Kind.OPENED_WRONG_PLACE:
            place = self.trip.destination
        elif self.kind in _OPENED:
            place = self._stop_place()
        if self.kind is Kind.OPENED_WRONG_TIME:
            valid = (event_ms + 12 * HOUR_MS, event_ms + 15 * HOUR_MS)
        if self.kind not in _OPENED or self.kind is Kind.OPENED_LIVE:
            return None
        return Authorisation(
            authorisation_id=f"{self.trip.trip_id}-A1",
            granted_by=CUSTOMS,
            valid_from_ms=valid[0],
            valid_until_ms=valid[1],
            card_ids=(self.identity.card_id,),
            place=place,
            reason="inspection",
        )

    def _seal_history(self) -> SealHistory:
        at_ms, number, kind = self._timing.event_ms, self._event_no, self.kind
        if kind in _CUTS:
            has_fix = kind is not Kind.CUT_NO_FIX
            change = SealChange(at_ms, SealState.CUT, SealEvent.CUT, has_fix=has_fix, event_no=number)
            return SealHistory([change])
        if kind in _TAMPERED:
            return SealHistory([SealChange(at_ms, SealState.SEALED, SealEvent.TAMPERED, event_no=number)])
        if kind in _SAID_BY_JSON:
            said = SealEvent.DOOR_OPENED if kind is Kind.DOOR_LIVE else SealEvent.JAMMING
            return SealHistory([SealChange(at_ms, SealState.SEALED, said, event_no=number)])
        if kind not in _OPENED:
            return SealHistory([])
        card = self.identity.other_card_id if kind is Kind.OPENED_WRONG_CARD else self.identity.card_id
        opened = SealChange(
            at_ms,
            SealState.OPEN,
            SealEvent.OPENED,
            card_id=None if kind is Kind.OPENED_LIVE else card,
            event_no=number,
        )
        resealed = SealChange(at_ms + 11 * MINUTE_MS, SealState.SEALED, SealEvent.CLOSED)
        stays_open = kind in {Kind.OPENED_WRONG_PLACE, Kind.OPENED_LIVE}
        return SealHistory([opened] if stays_open else [opened, resealed])

    def _scripted(self) -> ScriptedEvent | None:
        if self._event_no is None:
            return None
        plan = PLANS[self.kind]
        occurred_at_ms = self._timing.event_ms
        if self._route.detour is not None:
            occurred_at_ms = self._motion.time_at(self._route.detour.leaves_m)
        return ScriptedEvent(
            event_no=self._event_no,
            kind=self.kind.value,
            container_id=self.identity.container_id,
            trip_id=self.trip.trip_id,
            device_id=self.identity.seal_id,
            alert_type=plan.alert.value if plan.alert else None,
            occurred_at_ms=occurred_at_ms,
            description=plan.description,
            also=tuple(kind.value for kind in plan.also),
        )

    def _devices(self) -> list[Device]:
        """Built afresh, so that every stream starts from the same draws."""
        devices = [self._device(self.identity.seal_id, self.identity.seal_family, is_seal=True)]
        if self.identity.tracker_id is not None:
            devices.append(self._device(self.identity.tracker_id, json_device.FAMILY, is_seal=False))
        return devices

    def _device(self, device_id: str, family: str, *, is_seal: bool) -> Device:
        rng = random.Random(f"{self.profile.seed}/{device_id}")
        minutes = rng.uniform(8, 14) if self._lane.at_sea else rng.uniform(2.5, 4.5)
        quick = self._event_no is not None or rng.random() < 0.3  # noqa: PLR2004 - part of the fleet
        seconds = rng.uniform(5, 10) if quick else rng.uniform(20, 60)
        is_calm = self.kind is Kind.PLAIN and is_seal
        jumps, stands = (self.kind is kind and is_seal for kind in (Kind.JUMP, Kind.STOPPED))
        spec = DeviceSpec(
            device_id=device_id,
            family=family,
            container_id=self.identity.container_id,
            seal=self._seal_history() if is_seal else None,
            seal_number=self.identity.seal_number,
            past_interval_ms=int(minutes * MINUTE_MS),
            live_interval_ms=int(seconds * 1000),
            dead_zones=self._timing.dead_zones,
            upload_order=rng.choice(list(UploadOrder)),
            clockless_reports=2 if is_calm and rng.random() < 0.3 else 0,  # noqa: PLR2004 - part of the fleet
            jump_at_ms=self._timing.event_ms if jumps else None,
            deviation_event_no=self._event_no if self.kind in _DETOURS and is_seal else None,
            marked_event_no=self._event_no if jumps or stands else None,
            marked_from_ms=self._timing.event_ms + _STOP_SHOWS_MS if stands else None,
            jammed_from_ms=self._timing.event_ms if self.kind is Kind.JAMMED_LIVE and is_seal else None,
            has_door_contact=self.kind is Kind.DOOR_LIVE and is_seal,
            ends_ms=self._ends_ms,
        )
        sensors = Sensors(rng, self.profile.start_ms)
        return Device(spec, self.profile, self, sensors, rng)


def _whole_second(at_ms: int) -> int:
    """A lock's clock counts seconds."""
    return at_ms // 1000 * 1000
