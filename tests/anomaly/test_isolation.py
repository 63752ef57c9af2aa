"""A partition that fails fails alone; a quiet one doesn't seem to have lost anything. On a real log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import nats
import pytest
import structlog
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from anomaly.app import PartitionHolder
from anomaly.judge import Judge
from anomaly.worker import PartitionWorker, Snapshot
from sealtrail.contract import subjects
from sealtrail.contract.alert import AlertEvent, AlertType
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.codec import decode_alert_events, encode_readings
from sealtrail.contract.reading import Reading, SealEvent
from sealtrail.runtime.health import Health
from sealtrail.runtime.log import Log
from sealtrail.runtime.service import Service
from sealtrail.runtime.settings.anomaly import AnomalySettings
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.tree import Settings
from tests.anomaly.world import reading
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["nats_server", "nats_settings", "open_log"]

DEADLINE_S = 30
POISON = "POISON"


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def _cuts(log: Log, *partitions: int) -> set[str]:
    """Devices whose cut was said."""
    last = await log.last_sequence(subjects.ALERT_STREAM)
    reader = log.reader(subjects.ALERT_STREAM, subjects.ALERT_SUBJECTS, 1)
    found: list[AlertEvent] = []
    position = 0
    while position < last:
        for message in await reader.take(wait_s=0.2):
            position = message.sequence
            if int(message.subject.rsplit(".", 1)[1]) in partitions:
                found += decode_alert_events(message.data)
    await reader.close()
    return {event.device_id for event in found if event.type is AlertType.SEAL_CUT}


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture(autouse=True)
def fresh_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that was used before keeps the processors of that time, past `capture_logs`."""
    monkeypatch.setattr("anomaly.worker.LOGGER", structlog.get_logger("anomaly.worker"))


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A judgement with a fault: it dies of one device's reports, as long as the list holds True."""
    sound, fault = Judge.apply_readings, [True]

    def apply(self: Judge, batch: Sequence[Reading]) -> list[AlertEvent]:
        if fault[0] and any(each.device_id == POISON for each in batch):
            self.now_ms = -1  # a state that is half changed
            raise ZeroDivisionError("a fault of the program")
        return sound(self, batch)

    monkeypatch.setattr(Judge, "apply_readings", apply)
    return fault


@asynccontextmanager
async def _held(log: Log, tmp_path: Path, **anomaly: int) -> AsyncIterator[Health]:
    """Two partitions judged in this process."""
    settings = Settings(state_dir=tmp_path, partitions=2, anomaly=AnomalySettings(**anomaly))  # type: ignore[arg-type]
    service = Service("anomaly", settings, Health(), asyncio.Event())
    async with asyncio.TaskGroup() as group:
        for partition in range(2):
            group.create_task(PartitionHolder(service, log, partition).hold())
        try:
            yield service.health
        finally:
            service.stop.set()


def _cut(device: str) -> Reading:
    return reading(0, container=None, device=device, events=SealEvent.CUT)


async def test_a_partition_that_fails_stands_still_alone_and_says_so(
    open_log: Log, tmp_path: Path, faulty: list[bool]
) -> None:
    """The others go on, health names the place and the fault, and with the fault gone nothing is missing."""
    await open_log.append(subjects.readings_subject(0), encode_readings([_cut("BEFORE")]))
    at = await open_log.append(subjects.readings_subject(0), encode_readings([_cut(POISON), _cut("BESIDE")]))
    async with _held(open_log, tmp_path, failed_batch_tries=1_000) as health:
        await _until(lambda: "ZeroDivisionError" in health.unready().get("partition 0", ""))
        assert f"before log sequence {at}" in health.unready()["partition 0"]
        assert _metric("sealtrail_judgement_failed_at", partition="0") == at
        await open_log.append(subjects.readings_subject(1), encode_readings([_cut("ELSEWHERE")]))
        async with asyncio.timeout(DEADLINE_S):
            while await _cuts(open_log, 1) != {"ELSEWHERE"}:
                await asyncio.sleep(0.05)
        assert "partition 1" not in health.unready()
        faulty[0] = False
        await _until(lambda: not health.unready())
        assert _metric("sealtrail_judgement_failed_at", partition="0") == 0
    assert await _cuts(open_log, 0) == {"BEFORE", POISON, "BESIDE"}


async def test_what_keeps_failing_is_set_aside_and_all_else_is_judged(
    open_log: Log, tmp_path: Path, faulty: list[bool]
) -> None:
    """After some tries only the container at fault is left out, is named, and isn't come to again."""
    aside = _metric("sealtrail_judgement_set_aside_total", partition="0")
    batches = [[_cut("BEFORE")], [_cut(POISON), _cut("BESIDE")], [_cut("AFTER")]]
    sequences = [
        await open_log.append(subjects.readings_subject(0), encode_readings(each)) for each in batches
    ]
    assert faulty == [True]
    with capture_logs() as said:
        async with _held(open_log, tmp_path, failed_batch_tries=2) as health:
            await _until(lambda: "partition 0" in health.unready())
            await _until(lambda: not health.unready())
    assert await _cuts(open_log, 0) == {"BEFORE", "BESIDE", "AFTER"}
    [line] = [line for line in said if line["event"] == "set_aside"]
    assert (line["container"], line["sequence"], line["number"]) == (POISON, sequences[1], 1)
    assert _metric("sealtrail_judgement_set_aside_total", partition="0") == aside + 1
    data = await open_log.load_snapshot("anomaly.0")
    assert data is not None
    assert msgspec.msgpack.decode(data, type=Snapshot).next_sequence > sequences[2]


async def test_a_quiet_partition_has_lost_nothing_when_others_messages_age_out(
    open_log: Log, nats_settings: NatsSettings
) -> None:
    """The position of a partition moves with the log, so that only what was its own can be missing."""
    first = await open_log.append(subjects.readings_subject(0), encode_readings([_cut("MINE")]))
    for _ in range(20):
        last = await open_log.append(subjects.readings_subject(1), encode_readings([_cut("OTHER")]))

    def worker() -> PartitionWorker:
        return PartitionWorker(open_log, 0, AnomalySettings(), wall_clock_ms)

    async def lived(made: PartitionWorker) -> None:
        stop = asyncio.Event()
        await made.resume()
        running = asyncio.create_task(made.run(stop, lambda: True))
        await _until(lambda: made.position > first)
        stop.set()
        await running

    await lived(worker())
    quiet = worker()
    await lived(quiet)
    assert quiet.position == last + 1
    await _purge(nats_settings, last)
    with capture_logs() as said:
        again = worker()
        await again.resume()
    assert not [line for line in said if line["event"] == "log_aged_out"]
    await open_log.append(subjects.readings_subject(0), encode_readings([_cut("LATER")]))
    await _purge(nats_settings, last + 2)
    with capture_logs() as said:
        await worker().resume()
    assert [line for line in said if line["event"] == "log_aged_out"]


async def _purge(settings: NatsSettings, before: int) -> None:
    """Drop the log's messages before a sequence, as their age would."""
    password = settings.password.get_secret_value()
    client = await nats.connect(settings.url, user=settings.user, password=password)
    await client.jetstream().purge_stream(subjects.LOG_STREAM, seq=before)
    await client.close()
