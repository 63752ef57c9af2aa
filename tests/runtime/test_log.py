"""The log client on a real server: order, gaps, restarts, compare-and-set."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from pydantic import SecretStr

from sealtrail.contract import subjects
from sealtrail.contract.errors import SettingsError, UnavailableError
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime import snapshots, streams
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.log import Log
from sealtrail.runtime.reader import DurableReader, LogMessage, LogReader
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.trips import TripRecorder


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    """A started server."""
    server = EmbeddedNats(tmp_path, NatsSettings())
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def log(server: EmbeddedNats) -> AsyncIterator[Log]:
    """A connected log with everything declared."""
    endpoint = server.endpoint
    assert endpoint is not None
    settings = NatsSettings(url=endpoint.url, user=endpoint.user, password=SecretStr(endpoint.password))
    log = await Log.connect(settings, "test")
    await log.declare()
    yield log
    await log.close()


async def _read(reader: LogReader | DurableReader, count: int) -> list[bytes]:
    got: list[bytes] = []
    async with asyncio.timeout(20):
        while len(got) < count:
            got += [message.data for message in await reader.take(wait_s=1)]
    return got


async def test_declaring_again_changes_nothing(log: Log) -> None:
    """Every service declares everything at its start."""
    await log.append(subjects.readings_subject(0), b"x")
    await log.declare()
    assert await log.last_sequence(subjects.LOG_STREAM) == 1


async def test_a_partition_keeps_readings_and_trips_in_order(log: Log) -> None:
    """Both kinds of one partition come in the order in which they were stored; others don't."""
    sent = []
    for number in range(50):
        subject = (subjects.readings_subject, subjects.trips_subject)[number % 2](1)
        sent.append(b"%d" % number)
        await log.append(subject, sent[-1])
        await log.append(subjects.readings_subject(2), b"other")
    reader = log.reader(subjects.LOG_STREAM, subjects.partition_filter(1), 1)
    assert await _read(reader, 50) == sent
    await reader.close()


async def test_reader_survives_a_killed_server(log: Log, server: EmbeddedNats, tmp_path: Path) -> None:
    """After kill -9 and restart the reader goes on behind its last message: none missing, none twice."""
    reader = log.reader(subjects.LOG_STREAM, subjects.partition_filter(0), 1)
    await log.append(subjects.readings_subject(0), b"1")
    assert await _read(reader, 1) == [b"1"]
    assert server.endpoint is not None
    os.kill(server.endpoint.pid, signal.SIGKILL)
    heir = EmbeddedNats(tmp_path, NatsSettings())
    heir.start()
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    await log.append(subjects.readings_subject(0), b"2", message_id="two")
                except UnavailableError:
                    continue
                break
        assert await _read(reader, 1) == [b"2"]
        await log.append(subjects.readings_subject(0), b"3")
        assert await _read(reader, 1) == [b"3"]
        await reader.close()
    finally:
        heir.stop()


async def test_reader_from_now_on_sees_only_what_comes(log: Log) -> None:
    """A live view doesn't read the past."""
    await log.append(subjects.readings_subject(0), b"past")
    reader = log.reader(subjects.LOG_STREAM, subjects.partition_filter(0), None)
    assert await reader.take(wait_s=0.05) == []
    await log.append(subjects.readings_subject(0), b"now")
    assert await _read(reader, 1) == [b"now"]
    await reader.close()


async def test_unacknowledged_comes_again(log: Log) -> None:
    """A durable's unacknowledged messages count as lag until they are acknowledged."""
    for number in range(3):
        await log.append(subjects.readings_subject(0), b"%d" % number)
    durable = log.durable(subjects.LOG_STREAM, streams.INGEST_READINGS)
    messages: list[LogMessage] = []
    async with asyncio.timeout(10):
        while len(messages) < 3:
            messages += await durable.take()
    assert await log.lag(subjects.LOG_STREAM, streams.INGEST_READINGS) == 3
    await durable.ack(messages)
    async with asyncio.timeout(10):
        while await log.lag(subjects.LOG_STREAM, streams.INGEST_READINGS):
            await asyncio.sleep(0.01)
    await durable.close()


async def test_bucket_compares_and_sets(log: Log) -> None:
    """The slower of two writers is told so."""
    bucket = await log.bucket(subjects.TRIPS_BUCKET)
    first = await bucket.put("k", b"a", 0)
    assert first is not None
    assert await bucket.put("k", b"b", 0) is None
    assert await bucket.put("k", b"b", first) is not None
    assert await bucket.put("k", b"c", first) is None
    assert [(entry.key, entry.value) for entry in await bucket.items()] == [("k", b"b")]


async def test_bucket_watch_gives_all_then_changes(log: Log) -> None:
    """A watcher sees what exists, a marker, then every change and deletion."""
    bucket = await log.bucket(subjects.TRIPS_BUCKET)
    await bucket.put("a", b"1")
    watch = bucket.watch()
    seen = [await anext(watch), await anext(watch)]
    assert seen[0] is not None
    assert [entry.value for entry in seen[0]] == [b"1"]
    assert seen[1] is None
    await bucket.delete("a")
    change = await anext(watch)
    assert change is not None
    assert [(entry.key, entry.value) for entry in change] == [("a", None)]
    await watch.aclose()  # type: ignore[attr-defined] # it is a generator


async def test_bucket_lists_while_others_write(log: Log) -> None:
    """A listing ends although writers never stop, and holds every key that was there before."""
    bucket = await log.bucket(subjects.TRIPS_BUCKET)
    await asyncio.gather(*(bucket.put(f"k{number}", b"0") for number in range(50)))
    done = asyncio.Event()

    async def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            await asyncio.gather(*(bucket.put(f"k{(number + step) % 60}", b"1") for step in range(20)))

    writing = asyncio.create_task(write())
    try:
        for _ in range(20):
            async with asyncio.timeout(10):
                keys = {entry.key for entry in await bucket.items()}
            assert {f"k{number}" for number in range(50)} <= keys
    finally:
        done.set()
        await writing


async def test_snapshots_replace_each_other(log: Log) -> None:
    """The newest snapshot is read back whole, also one larger than a message may be."""
    assert await log.load_snapshot("anomaly.0") is None
    await log.save_snapshot("anomaly.0", b"old")
    data = os.urandom(9_000_000)
    await log.save_snapshot("anomaly.0", data)
    assert await log.load_snapshot("anomaly.0") == data


async def test_requests_are_answered_or_named(log: Log) -> None:
    """A request without a service behind it says so at once."""

    async def echo(query: str, body: bytes) -> tuple[dict[str, str], bytes]:
        return {"Query": query}, body

    with pytest.raises(UnavailableError, match="nobody answers"):
        await log.request(f"{subjects.RECORD_REQUEST}.latest", b"x")
    await log.answer(f"{subjects.RECORD_REQUEST}.*", echo, group="test")
    headers, body = await log.request(f"{subjects.RECORD_REQUEST}.latest", b"x")
    assert (headers["Query"], body) == ("latest", b"x")


async def test_another_number_of_partitions_is_refused(log: Log) -> None:
    """A filled log is read and written with the number of partitions that it was divided into."""
    await log.declare(8)
    await log.declare(4)  # nothing is in it yet
    await log.append(subjects.readings_subject(0), b"x")
    await log.declare()
    await log.declare(4)
    with pytest.raises(SettingsError, match="set partitions = 4"):
        await log.declare(8)
    with pytest.raises(SettingsError, match="set partitions = 4"):
        await TripRecorder(log, 8).record(
            TripEvent(
                event_id="e",
                kind=TripEventKind.ENDED,
                occurred_at_ms=1,
                recorded_at_ms=1,
                container_id="MSKU9070323",
                trip_id="T",
            )
        )


async def test_a_reader_keeps_its_time_without_a_server(log: Log, server: EmbeddedNats) -> None:
    """Whoever reads hears back within its waiting time, so that it can stop while the log is away."""
    readers: list[LogReader | DurableReader] = [
        log.reader(subjects.LOG_STREAM, subjects.partition_filter(0), 1),
        log.durable(subjects.LOG_STREAM, streams.INGEST_READINGS),
    ]
    for reader in readers:
        await reader.take(wait_s=0.1)
    server.stop()
    async with asyncio.timeout(20):
        while log.connected:
            await asyncio.sleep(0.01)
        for reader in readers:
            begun = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - begun < 8:  # long enough to find the consumer lost
                before = asyncio.get_running_loop().time()
                assert await reader.take(wait_s=0.2) == []
                assert asyncio.get_running_loop().time() - before < 2
            await reader.close()


async def test_a_snapshot_whose_parts_are_gone_is_an_error(
    log: Log, server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a snapshot ends in any case: a worker that waits for ever holds its partition for ever."""
    data = os.urandom(1_000_000)
    await log.save_snapshot("whole", data)
    await log.save_snapshot("gone", data)
    assert await log.load_snapshot("whole") == data
    assert await log.load_snapshot("none") is None
    assert server.endpoint is not None
    nc = await nats.connect(server.endpoint.url, user=server.endpoint.user, password=server.endpoint.password)
    js = nc.jetstream()
    info = await (await js.object_store(subjects.SNAPSHOTS_BUCKET)).get_info("gone")
    stream = f"OBJ_{subjects.SNAPSHOTS_BUCKET}"
    await js.purge_stream(stream, subject=f"$O.{subjects.SNAPSHOTS_BUCKET}.C.{info.nuid}")
    await nc.close()
    monkeypatch.setattr(snapshots, "QUIET_S", 0.3)
    with pytest.raises(UnavailableError, match="gone"):
        await asyncio.wait_for(log.load_snapshot("gone"), 10)


async def test_no_server_is_named() -> None:
    """A wrong address is one line that says which."""
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9"):
        await Log.connect(NatsSettings(url="nats://127.0.0.1:9"), "test")
