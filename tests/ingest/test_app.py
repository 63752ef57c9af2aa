"""The service on a real log, with a store of each kind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest import app
from ingest.memory_store import MemoryStore
from sealtrail.contract import codec, subjects
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.queries import CountQuery, Counts, LatestQuery, Position
from sealtrail.contract.reading import Reading
from sealtrail.runtime import streams
from sealtrail.runtime.health import Health
from sealtrail.runtime.log import Log
from sealtrail.runtime.service import Service
from sealtrail.runtime.settings.ingest import IngestSettings
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.tree import Settings
from tests.ingest.conftest import influx_settings
from tests.ingest.fleet import alert, fleet, report
from tests.parts.influxd import running_influxd

PARTITIONS = 3
DEADLINE_S = 30.0


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a condition; a test fails when it doesn't come true in time."""
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(nats: NatsSettings, folder: Path, ingest: IngestSettings) -> AsyncIterator[Service]:
    """The service at work; stopped at the end, which must not take long."""
    settings = Settings(state_dir=folder, nats=nats, ingest=ingest)
    service = Service("ingest", settings, Health(), asyncio.Event())
    work = asyncio.create_task(app.main(service))
    try:
        yield service
    finally:
        service.stop.set()
        await asyncio.wait_for(work, 10)


async def publish(log: Log, readings: Sequence[Reading], size: int = 50) -> None:
    """Appends readings in batches as the gateway does."""
    by_partition: dict[int, list[Reading]] = {}
    for reading in readings:
        by_partition.setdefault(subjects.partition_of(reading.key, PARTITIONS), []).append(reading)
    for partition, own in by_partition.items():
        for begin in range(0, len(own), size):
            batch = codec.encode_readings(own[begin : begin + size])
            await log.append(subjects.readings_subject(partition), batch)


async def ask(log: Log, query: str, question: Any) -> bytes:
    """The body of an answer; fails on a refusal."""
    headers, body = await log.request(f"{subjects.RECORD_REQUEST}.{query}", msgspec.msgpack.encode(question))
    assert "Sealtrail-Refused" not in headers, body
    return body


async def stored(log: Log) -> int:
    """Distinct readings in the record, or -1 while nobody answers."""
    try:
        headers, body = await log.request(
            f"{subjects.RECORD_REQUEST}.counts", msgspec.msgpack.encode(CountQuery())
        )
    except UnavailableError:
        return -1
    return -1 if headers else msgspec.msgpack.decode(body, type=Counts).readings


async def nothing_left(log: Log) -> bool:
    """Whether everything on the log has been acknowledged."""
    lags = [await log.lag(stream, durable) for stream, durable in app.SOURCES.values()]
    return sum(lags) == 0


async def quarantined(log: Log, number: int) -> list[QuarantinedMessage]:
    """The first messages of the quarantine stream."""
    reader = log.reader(subjects.QUARANTINE_STREAM, subjects.QUARANTINE_SUBJECTS, 1)
    found: list[QuarantinedMessage] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(found) < number:
            for message in await reader.take():
                found += codec.decode_quarantined(message.data)
    await reader.close()
    return found


@pytest.mark.parametrize("kind", ["sqlite", "influxdb"])
async def test_the_log_ends_up_in_the_record(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """Readings and alert events of all partitions are recorded, copies once, and then acknowledged."""
    ingest = IngestSettings()
    if kind == "influxdb":
        ingest = influx_settings(request.getfixturevalue("influxd"))
    readings = fleet(2_000, containers=40)
    await publish(open_log, readings[:1_000])
    async with running(nats_settings, tmp_path, ingest) as service:
        await publish(open_log, readings[500:])
        await open_log.append(subjects.alerts_subject(0), codec.encode_alert_events([alert(1), alert(2)]))

        async def complete() -> bool:
            return await stored(open_log) == 2_000 and await nothing_left(open_log)

        await until(complete)
        assert service.health.unready() == {}
        body = await ask(open_log, "latest", LatestQuery())
        assert len(msgspec.msgpack.decode(body, type=list[Position])) == 40
    assert service.health.unready() == {}


async def test_what_cannot_be_recorded_is_set_aside(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path
) -> None:
    """Malformed batches and refused readings go to quarantine with their reasons and stop nothing."""
    good = fleet(60, containers=3)
    unsound = report(5, container_id="bad\nname")
    await open_log.append(subjects.readings_subject(0), b"garbage")
    await open_log.append(subjects.readings_subject(1), b"ST\x63\x01\x90")
    await publish(open_log, [*good[:30], unsound, *good[30:]])
    await open_log.append(subjects.alerts_subject(0), codec.encode_readings([]))
    async with running(nats_settings, tmp_path, IngestSettings()):

        async def complete() -> bool:
            return await stored(open_log) == 60 and await nothing_left(open_log)

        await until(complete)
        found = await quarantined(open_log, 4)
    reasons = {message.reason: message for message in found}
    assert set(reasons) == {"no_batch_header", "unknown_version", "unprintable_tag", "wrong_kind"}
    assert reasons["no_batch_header"].payload == b"garbage"
    assert reasons["no_batch_header"].topic == "sealtrail.log.0.readings"
    assert codec.decode_readings(reasons["unprintable_tag"].payload) == [unsound]
    assert len(found) == 4


async def test_an_outage_of_influxdb_loses_nothing(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path
) -> None:
    """While InfluxDB is away the service says so and keeps trying; the record is complete afterwards."""
    with running_influxd() as server:
        readings = fleet(900, containers=9)
        async with running(nats_settings, tmp_path, influx_settings(server)) as service:
            await publish(open_log, readings[:300])

            async def first_third() -> bool:
                return await stored(open_log) == 300

            await until(first_third)
            server.stop(kill=True)
            await publish(open_log, readings[300:600])

            async def unready() -> bool:
                return "store" in service.health.unready()

            await until(unready)
            headers, _ = await open_log.request(
                f"{subjects.RECORD_REQUEST}.latest", msgspec.msgpack.encode(LatestQuery())
            )
            assert headers["Sealtrail-Refused"] == "store_unavailable"
            await publish(open_log, readings[600:])
            await asyncio.to_thread(server.start)

            async def complete() -> bool:
                return await stored(open_log) == 900 and await nothing_left(open_log)

            await until(complete)
            assert service.health.unready() == {}


async def test_a_stop_while_the_store_is_away_acknowledges_nothing(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path
) -> None:
    """A service that is stopped before its store comes leaves everything on the log for the next one."""
    readings = fleet(100, containers=2)
    await publish(open_log, readings)
    away = IngestSettings(store="influxdb", influxdb_url="http://127.0.0.1:9")
    async with running(nats_settings, tmp_path, away) as service:

        async def waiting() -> bool:
            return "Connection refused" in service.health.unready().get("store", "")

        await until(waiting)
    assert await open_log.lag(subjects.LOG_STREAM, streams.INGEST_READINGS) > 0
    async with running(nats_settings, tmp_path, IngestSettings()):

        async def complete() -> bool:
            return await stored(open_log) == 100

        await until(complete)


async def test_a_record_lost_in_the_middle_of_work_is_taken_up_again(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that finds the store away is written when it is back, and only then acknowledged."""
    store = MemoryStore()
    monkeypatch.setattr(app, "make_store", lambda _: store)
    readings = fleet(200, containers=4)
    async with running(nats_settings, tmp_path, IngestSettings()) as service:

        async def ready() -> bool:
            return service.health.unready() == {}

        await until(ready)
        store.available = False
        await publish(open_log, readings)

        async def unready() -> bool:
            return not await ready()

        await until(unready)
        assert not await nothing_left(open_log)
        store.available = True

        async def complete() -> bool:
            return len(store.readings) == 200 and await nothing_left(open_log)

        await until(complete)
        assert await ready()
