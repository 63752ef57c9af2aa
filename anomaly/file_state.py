"""A container's file as bytes: what is kept of it while nothing happens to it, and in snapshots.

MessagePack, compressed by a dictionary of the texts that every file has. Trips
are without their corridors, which many of them share and which `Plans` holds.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from anomaly.container_file import ContainerFile
from anomaly.custody import Custody
from anomaly.ledger import Entry, Fixed
from anomaly.plan_parts import NONE
from anomaly.plans import PLAN, Plans
from anomaly.reports import Sighting
from anomaly.rows import copied
from anomaly.rules.rule import Signal, Spot, Track
from sealtrail.contract.alert import AlertEvent, AlertType, Evidence
from sealtrail.contract.trip import Authorisation, Place, Trip, TripEvent, TripEventKind

LEVEL, WINDOW_BITS, MEMORY_LEVEL = 6, -13, 4
"""Small tables: most files have less than a thousand bytes, and larger ones would take most of the time."""


class TrackState(msgspec.Struct, array_like=True):
    lane: int
    rule: str
    device_id: str
    base: int
    signals: list[Signal]
    given_up: tuple[int, int]


class FileState(msgspec.Struct, array_like=True):
    key: str
    paired: bool
    lanes: list[int]
    events: list[TripEvent] | None  # trips without their corridors, where those have a number
    ways: list[int]  # that number of each event; NONE: none
    plans: bytes  # rows of `PLAN`, of each segment that follows from the events
    tracks: list[TrackState]
    ledger: dict[str, Entry]
    fixed: Fixed
    started: list[str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(FileState).decode


def common_texts() -> bytes:
    """Texts that most files have, the commonest last, as zlib wants them."""
    moment = Sighting(0, "", 0, 0, None, None, 0.0, 2, 0, 1, 1)
    spot = Spot(0.0, 0.0, 10.0, 0)
    leave = Authorisation(authorisation_id="", granted_by="", valid_from_ms=0, valid_until_ms=0)
    place = Place(name="", latitude_deg=0.0, longitude_deg=0.0, radius_m=0.0)
    trip = Trip(trip_id="", container_id="", device_ids=(), departs_at_ms=0)
    event = TripEvent(event_id="", kind=TripEventKind.PLANNED, occurred_at_ms=0, recorded_at_ms=0, trip=trip)
    fields: list[type[msgspec.Struct]] = [AlertEvent, Evidence, Entry]
    texts = [
        *(kind.value for kind in AlertType),
        *(kind.value for kind in TripEventKind),
        *(kind.value.lower() for kind in AlertType),  # names of rules
        *(name for each in fields for name in each.__struct_fields__),
    ]
    numbers = ("way", "start_m", "end_m", "at_m", "plan", "along_m", "km")
    parts: list[Any] = [texts, leave, place, numbers, Signal(0, moment, place=spot, after=spot, first=moment)]
    return b"".join(_encode(each) for each in (*parts, event, Signal(1, moment), Signal(1, moment)))


class FileCodec:
    """Files to bytes and back, for the plans that they refer to by numbers."""

    def __init__(self, plans: Plans, events_kept: int) -> None:
        self.plans = plans
        self.events_kept = events_kept
        self.texts = common_texts()
        """What restored files were packed with stays: a later program may have other words."""

    def pack(self, file: ContainerFile) -> bytes:
        """All of a file."""
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL, zdict=self.texts)
        return deflate.compress(_encode(_state(file))) + deflate.flush()

    def unpack(self, packed: bytes) -> ContainerFile:
        """The file; raises `zlib.error` or `msgspec.DecodeError` for what isn't one."""
        inflate = zlib.decompressobj(WINDOW_BITS, zdict=self.texts)
        state = _decode(inflate.decompress(packed))
        file = ContainerFile(state.key, state.paired, state.lanes, ledger=state.ledger, fixed=state.fixed)
        file.started = set(state.started)
        for track in state.tracks:
            file.tracks[track.lane, track.rule] = Track(
                track.lane, track.device_id, track.signals, track.base, track.given_up
            )
        if state.events is not None:
            file.custody = Custody(self.events_kept, _with_ways(self.plans, state.events, state.ways))
            rows = np.frombuffer(state.plans, PLAN)
            file.custody.plans = [copied(rows[i : i + 1]) for i in range(len(rows))]
        return file


def _state(file: ContainerFile) -> FileState:
    """A file as it is now; shares what it holds with the file."""
    custody = file.custody
    events, ways = _without_ways(custody) if custody is not None else (None, [])
    return FileState(
        key=file.key,
        paired=file.paired,
        lanes=file.lanes,
        events=events,
        ways=ways,
        plans=b"".join(each.tobytes() for each in custody.plans) if custody is not None else b"",
        tracks=[
            TrackState(lane, rule, track.device_id, track.base, track.signals, track.given_up)
            for (lane, rule), track in file.tracks.items()
        ],
        ledger=file.ledger,
        fixed=file.fixed,
        started=sorted(file.started),
    )


def _without_ways(custody: Custody) -> tuple[list[TripEvent], list[int]]:
    """Events, their trips without the corridors that have numbers; and those."""
    numbers = {
        id(segment.trip): int(plan["corridor"][0])
        for segment, plan in zip(custody.segments, custody.plans, strict=True)
    }
    ways = [NONE if event.trip is None else numbers.get(id(event.trip), NONE) for event in custody.events]
    events = [
        event
        if event.trip is None or way == NONE
        else replace(event, trip=replace(event.trip, corridor=None, alternatives=()))
        for event, way in zip(custody.events, ways, strict=True)
    ]
    return events, ways


def _with_ways(plans: Plans, events: list[TripEvent], ways: list[int]) -> list[TripEvent]:
    """The events as they were."""
    return [
        event if event.trip is None or way == NONE else replace(event, trip=plans.on_way(event.trip, way))
        for event, way in zip(events, ways, strict=True)
    ]
