"""A judge's whole memory as bytes: version, digest, then MessagePack with raw NumPy columns inside."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import numpy as np

from anomaly.containers import Containers
from anomaly.lanes import TAIL, Lanes
from anomaly.logs import LogsKept
from anomaly.memory import Memory
from anomaly.neighbourhood import Note
from anomaly.past import Block, Past
from anomaly.plans import PLAN, PlansKept
from anomaly.reports import REPORT
from anomaly.rows import put, take
from anomaly.rules.catalogue import JUDGED
from anomaly.seal_log import STRETCH
from anomaly.sensors import SensorsKept
from anomaly.sphere import Bools, Ints
from anomaly.step import STATE, WATCH
from anomaly.streams.jumps import JUMPS
from anomaly.thinning import ENTRY
from sealtrail.contract.errors import MalformedBatchError, UnknownVersionError

MAGIC = b"SJ"
VERSION = 10
DIGEST_BYTES = 16
HEADER_BYTES = 3 + DIGEST_BYTES


class PastState(msgspec.Struct, array_like=True):
    lane: int
    keep: int
    quiet: int
    sizes: list[int]  # reports of each block
    blocks: list[tuple[bytes, bytes]]  # trains: the state, the reports


class JudgeState(msgspec.Struct):
    rules: str
    history: int
    plans: PlansKept
    file_keys: list[str]
    files: list[bytes]  # packed (file_state.py)
    file_texts: bytes
    plan_from: bytes  # of each container, as `Containers` holds it
    plan_until: bytes
    plan: bytes
    wants_place: bytes
    container: bytes  # row of each lane's
    devices: list[str]  # of each lane
    count: bytes
    middle: bytes
    packed: bytes
    live: bytes
    mid: list[bytes]
    base: list[bytes]
    early: list[bytes]
    tail: bytes  # the valid entries of all lanes, one after the other
    watch: bytes
    wake_at: bytes
    pasts: list[PastState]
    logs: LogsKept
    cards: dict[int, dict[int, str]]
    departures: list[tuple[int, str, str]]
    seal_numbers: dict[int, str]
    notes: list[Note]
    now_ms: int
    clocks: tuple[int, int, int]  # swept_ms, ticked_ms, tick_gap_ms
    outages: list[tuple[int, int]]
    refused: dict[str, int]
    sensors: SensorsKept


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(JudgeState)


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest()


def rules_name() -> str:
    """Changes with the rules' versions and their columns of state."""
    columns = [each.descr for each in (STATE, WATCH, ENTRY, STRETCH, JUMPS)]
    text = f"{[(rule.name, rule.version) for rule in JUDGED]}{columns}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def pack(memory: Memory) -> bytes:
    """Snapshot of a memory."""
    return seal(freeze(memory))


def seal(frozen: bytes) -> bytes:
    """The snapshot of what `freeze` returned."""
    return MAGIC + bytes((VERSION,)) + _digest(frozen) + frozen


@contextmanager
def _uncollected() -> Iterator[None]:
    """Many objects are made and none is garbage: looking for cycles would take most of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@_uncollected()
def freeze(memory: Memory) -> bytes:
    """A memory as it is now: what must be done before anything is judged."""
    lanes, size = memory.lanes, len(memory.lanes)
    containers, number = memory.containers, len(memory.containers)
    state = JudgeState(
        rules=rules_name(),
        history=lanes.history,
        plans=memory.plans.kept,
        file_keys=containers.keys,
        files=containers.files.kept,
        file_texts=containers.files.codec.texts,
        plan_from=containers.plan_from[:number].tobytes(),
        plan_until=containers.plan_until[:number].tobytes(),
        plan=containers.plan[:number].tobytes(),
        wants_place=containers.wants_place[:number].tobytes(),
        container=lanes.container[:size].tobytes(),
        devices=lanes.devices,
        count=lanes.count[:size].tobytes(),
        middle=lanes.middle[:size].tobytes(),
        packed=lanes.packed[:size].tobytes(),
        live=lanes.live[:size].tobytes(),
        mid=lanes.mid,
        base=lanes.base,
        early=lanes.early,
        tail=take(lanes.tail[:size], _in_tail(lanes, size)).tobytes(),
        watch=lanes.watch[:size].tobytes(),
        wake_at=containers.wake_at[:number].tobytes(),
        pasts=[_past_state(lane, past) for lane, past in lanes.pasts.items()],
        logs=lanes.logs.kept,
        cards=memory.stepper.cards,
        departures=memory.departures,
        seal_numbers=memory.stepper.seal_numbers,
        notes=memory.stepper.neighbourhood.kept,
        now_ms=memory.now_ms,
        clocks=(memory.swept_ms, memory.ticked_ms, memory.tick_gap_ms),
        outages=memory.outages,
        refused=dict(memory.refused),
        sensors=memory.sensors.kept,
    )
    return _encode(state)


def _past_state(lane: int, past: Past) -> PastState:
    return PastState(
        lane,
        past.keep,
        past.quiet,
        [block.size for block in past.blocks],
        [block.trains for block in past.blocks],
    )


def _past(state: PastState) -> Past:
    blocks = [
        Block.packed(before, reports, size, STATE)
        for size, (before, reports) in zip(state.sizes, state.blocks, strict=True)
    ]
    return Past(blocks, state.keep, state.quiet, sum(state.sizes))


@_uncollected()
def unpack(memory: Memory, snapshot: bytes) -> None:
    """Fill a new memory from a snapshot; raises as `Judge.restore` says."""
    if len(snapshot) < HEADER_BYTES or snapshot[:2] != MAGIC:
        raise MalformedBatchError("no_snapshot_header", f"{len(snapshot)} bytes")
    if snapshot[2] != VERSION:
        raise UnknownVersionError(
            "unknown_snapshot_version", f"version {snapshot[2]}, this program knows {VERSION}"
        )
    body = snapshot[HEADER_BYTES:]
    if _digest(body) != snapshot[3:HEADER_BYTES]:
        raise MalformedBatchError("damaged_snapshot", "the digest is another")
    try:
        state = _decoder.decode(body)
        if state.rules != rules_name():
            raise UnknownVersionError("snapshot_of_other_rules", "judge the log again from its beginning")
        _fill(memory, state)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, IndexError, KeyError) as error:
        raise MalformedBatchError("malformed_snapshot", str(error)) from error


def _fill(memory: Memory, state: JudgeState) -> None:
    lanes, size = memory.lanes, len(state.devices)
    if lanes.history != state.history:  # a changed setting holds from the next empty start on
        memory.use_history(state.history)
        lanes = memory.lanes
    lanes.reserve(max(size, len(lanes.container)))
    for name in ("container", "count", "middle", "packed"):
        getattr(lanes, name)[:size] = np.frombuffer(getattr(state, name), np.int32)
    put(lanes.live, slice(size), np.frombuffer(state.live, STATE))
    put(lanes.watch, slice(size), np.frombuffer(state.watch, WATCH))
    put(lanes.tail[:size], _in_tail(lanes, size), np.frombuffer(state.tail, REPORT))
    lanes.mid, lanes.base, lanes.early = state.mid, state.base, state.early
    lanes.pasts = {each.lane: _past(each) for each in state.pasts}
    lanes.name((state.file_keys[row] for row in lanes.container[:size].tolist()), state.devices)
    lanes.logs.restore(state.logs)
    memory.plans.restore(state.plans)
    _fill_containers(memory.containers, state, lanes.container[:size])
    memory.stepper.cards = state.cards
    memory.stepper.seal_numbers = state.seal_numbers
    for note in state.notes:
        memory.stepper.neighbourhood.note(note)
    memory.departures, memory.now_ms = state.departures, state.now_ms
    memory.swept_ms, memory.ticked_ms, memory.tick_gap_ms = state.clocks
    memory.outages = state.outages
    memory.refused.update(state.refused)
    memory.sensors.restore(state.sensors)


def _in_tail(lanes: Lanes, size: int) -> Bools:
    """Which places in the tails of the first lanes hold reports."""
    number = lanes.count[:size] - lanes.packed[:size]
    inside: Bools = np.arange(TAIL) < number[:, None]
    return inside


def _fill_containers(containers: Containers, state: JudgeState, container_of_lane: Ints) -> None:
    size = len(state.file_keys)
    containers.reserve(max(size, len(containers.plan_from)))
    containers.keys = state.file_keys
    containers.index = {key: row for row, key in enumerate(state.file_keys)}
    containers.files.codec.texts = state.file_texts
    containers.files.restore(state.files)
    containers.plan_from[:size] = np.frombuffer(state.plan_from, np.int64)
    containers.plan_until[:size] = np.frombuffer(state.plan_until, np.int64)
    containers.plan[:size] = np.frombuffer(state.plan, PLAN)
    containers.wants_place[:size] = np.frombuffer(state.wants_place, bool)
    containers.wake_at[:size] = np.frombuffer(state.wake_at, np.int64)
    for row in np.flatnonzero(np.bincount(container_of_lane, minlength=size) > 1).tolist():
        containers.several[row] = tuple(np.flatnonzero(container_of_lane == row).tolist())
