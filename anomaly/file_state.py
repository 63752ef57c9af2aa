"""What snapshots hold of one container's file.

Trips are without their corridors, which many of them share and which the
snapshot's plans hold.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from anomaly.containers import ContainerFile
from anomaly.custody import Custody
from anomaly.ledger import Entry, Fixed
from anomaly.memory import Memory
from anomaly.plans import NONE, Plans
from anomaly.rules.rule import Signal, Track
from sealtrail.contract.trip import TripEvent


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
    tracks: list[TrackState]
    ledger: dict[str, Entry]
    fixed: Fixed
    started: list[str]
    wants_place: bool


def file_state(file: ContainerFile) -> FileState:
    """A file as it is now; shares what it holds with the file."""
    events, ways = _without_ways(file.custody) if file.custody is not None else (None, [])
    return FileState(
        key=file.key,
        paired=file.paired,
        lanes=file.lanes,
        events=events,
        ways=ways,
        tracks=[
            TrackState(lane, rule, track.device_id, track.base, track.signals, track.given_up)
            for (lane, rule), track in file.tracks.items()
        ],
        ledger=file.ledger,
        fixed=file.fixed,
        started=sorted(file.started),
        wants_place=file.wants_place,
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


def restore_file(memory: Memory, state: FileState) -> None:
    """Put a container's file back; plans and lanes must be there already."""
    row = memory.containers.row_of(state.key)
    file = memory.containers.files[row]
    file.paired, file.lanes, file.ledger = state.paired, state.lanes, state.ledger
    file.fixed, file.started, file.wants_place = state.fixed, set(state.started), state.wants_place
    memory.lanes.container[file.lanes] = row
    for track in state.tracks:
        file.tracks[track.lane, track.rule] = Track(
            track.lane, track.device_id, track.signals, track.base, track.given_up
        )
    if state.events is not None:
        events = _with_ways(memory.plans, state.events, state.ways)
        file.custody = Custody(memory.settings.custody_events_kept, events)
        memory.containers.replan(row, lambda _reason: None)
