"""How batches are formed, written beside each other and acknowledged, on a real log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from ingest import recorder
from ingest.kept_open import KeptOpen
from ingest.memory_store import MemoryStore
from ingest.recorder import Kind, Recorder
from ingest.store import WriteReport
from sealtrail.contract import codec, subjects
from sealtrail.contract.reading import Reading
from sealtrail.runtime import streams
from sealtrail.runtime.health import Health
from sealtrail.runtime.log import Log
from sealtrail.runtime.reader import DurableReader, LogMessage
from sealtrail.runtime.settings.ingest import IngestSettings
from tests.ingest.fleet import fleet

DEADLINE_S = 20.0
MESSAGE = 10  # readings in a log message


class GatedStore(MemoryStore):
    """Keeps every write waiting until it is let go, and remembers the size of each."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[int] = []
        self.gates: list[asyncio.Event] = []
        self.gated = True

    async def write(self, readings: Sequence[Reading]) -> WriteReport[Reading]:
        self.begun.append(len(readings))
        gate = asyncio.Event()
        self.gates.append(gate)
        if self.gated:
            await gate.wait()
        return await super().write(readings)

    def let_go(self) -> None:
        """From now on nothing waits."""
        self.gated = False
        for gate in self.gates:
            gate.set()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a condition; a test fails when it doesn't come true in time."""
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():
            await asyncio.sleep(0.01)


async def publish(log: Log, readings: Sequence[Reading]) -> None:
    """Appends readings in log messages of `MESSAGE`."""
    for begin in range(0, len(readings), MESSAGE):
        batch = codec.encode_readings(readings[begin : begin + MESSAGE])
        await log.append(subjects.readings_subject(0), batch)


async def lag(log: Log) -> int:
    """Log messages that aren't acknowledged."""
    return await log.lag(subjects.LOG_STREAM, streams.INGEST_READINGS)


@contextlib.asynccontextmanager
async def recording(
    log: Log, store: GatedStore, reader: DurableReader | None = None, **settings: int
) -> AsyncIterator[None]:
    """A recorder of readings at work; stopped at the end."""
    stop = asyncio.Event()
    kind = Kind("readings", codec.decode_readings, codec.encode_readings, store.write)
    chosen = IngestSettings.model_validate(settings)
    source = reader or log.durable(subjects.LOG_STREAM, streams.INGEST_READINGS)
    work = asyncio.create_task(Recorder(kind, source, log, KeptOpen(store, Health(), stop), chosen).run(stop))
    try:
        yield
    finally:
        stop.set()
        store.let_go()
        await asyncio.wait_for(work, 10)


async def test_full_batches_are_written_beside_each_other(open_log: Log) -> None:
    """As many full batches as allowed are with the store at once; each is acknowledged when it has it."""
    readings = fleet(160 * MESSAGE, containers=8)
    await publish(open_log, readings)
    store = GatedStore()
    async with recording(open_log, store, batch_readings=16 * MESSAGE, writes_in_flight=3):

        async def three() -> bool:
            return len(store.begun) == 3

        await until(three)
        assert await lag(open_log) == 160
        store.gates[1].set()  # the one in the middle is done first

        async def fourth() -> bool:
            return len(store.begun) == 4 and await lag(open_log) == 144

        await until(fourth)
        assert len(store.readings) == 16 * MESSAGE
        store.let_go()

        async def all_done() -> bool:
            return await lag(open_log) == 0

        await until(all_done)
    assert sum(store.begun) == len(store.readings) == len(readings)


async def test_a_batch_that_is_not_full_waits_for_the_one_before(open_log: Log) -> None:
    """While a write is under way what comes is collected, because small writes cost the store most."""
    readings = fleet(13 * MESSAGE, containers=8)
    await publish(open_log, readings[:MESSAGE])
    store = GatedStore()
    async with recording(open_log, store, batch_wait_ms=0):

        async def first() -> bool:
            return store.begun == [MESSAGE]

        await until(first)
        for begin in range(MESSAGE, len(readings), MESSAGE):
            await publish(open_log, readings[begin : begin + MESSAGE])
        assert store.begun == [MESSAGE]
        store.let_go()

        async def all_done() -> bool:
            return await lag(open_log) == 0

        await until(all_done)
    assert sum(store.begun) == len(readings)
    assert len(store.begun) <= 4


async def test_one_huge_message_does_not_make_later_batches_small(open_log: Log) -> None:
    """After a message larger than a batch, small ones still fill batches, and none is larger than allowed."""
    most = 16 * MESSAGE
    readings = fleet(20 * most, containers=8)
    await open_log.append(subjects.readings_subject(0), codec.encode_readings(readings[: 2 * most]))
    await publish(open_log, readings[2 * most :])
    store = GatedStore()
    store.let_go()
    async with recording(open_log, store, batch_readings=most):

        async def all_done() -> bool:
            return await lag(open_log) == 0

        await until(all_done)
    assert sum(store.begun) == len(store.readings) == len(readings)
    assert max(store.begun) <= most
    assert len(store.begun) <= 30


async def test_what_is_held_is_not_delivered_again(open_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow store gets everything once: the log is asked for more time for all that is held or has come."""
    monkeypatch.setattr(streams, "RECORD_ACK_WAIT_S", 1.0)
    monkeypatch.setattr(recorder, "HOLD_EVERY_S", 0.2)
    await open_log.declare()
    reader = open_log.durable(subjects.LOG_STREAM, streams.INGEST_READINGS)
    asked = 0
    working = reader.working

    async def counted(messages: list[LogMessage]) -> None:
        nonlocal asked
        asked += 1
        await working(messages)

    monkeypatch.setattr(reader, "working", counted)
    readings = fleet(100 * MESSAGE, containers=8)
    await publish(open_log, readings)
    store = GatedStore()
    async with recording(open_log, store, reader, batch_readings=16 * MESSAGE, writes_in_flight=1):

        async def long_enough() -> bool:
            return asked >= 2 * 12  # two batches are held, for more than twice the log's patience

        await until(long_enough)
        store.let_go()

        async def all_done() -> bool:
            return await lag(open_log) == 0

        await until(all_done)
    assert sum(store.begun) == len(readings)


async def test_what_a_killed_one_had_in_hand_is_recorded(
    open_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that were taken and never acknowledged come again once the log's patience is over."""
    monkeypatch.setattr(streams, "RECORD_ACK_WAIT_S", 0.5)
    await open_log.declare()
    readings = fleet(20 * MESSAGE, containers=8)
    await publish(open_log, readings)
    killed = open_log.durable(subjects.LOG_STREAM, streams.INGEST_READINGS)
    assert await killed.take(8)
    await killed.close()
    store = GatedStore()
    store.let_go()
    async with recording(open_log, store):

        async def all_done() -> bool:
            return await lag(open_log) == 0

        await until(all_done)
    assert len(store.readings) == len(readings)
