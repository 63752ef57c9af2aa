"""A partition's worker on a real log: who holds it, what it leaves behind, what it says."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from anomaly.worker import PartitionWorker, Snapshot
from sealtrail.contract import subjects
from sealtrail.contract.alert import AlertEvent, AlertType
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.codec import decode_alert_events, encode_readings, encode_trip_events
from sealtrail.contract.model import ModelState
from sealtrail.contract.reading import Reading, SealEvent
from sealtrail.contract.trip import TripEventKind
from sealtrail.runtime.known_models import KnownModels
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.anomaly import AnomalySettings
from sealtrail.runtime.settings.nats import NatsSettings
from tests.anomaly.models.made import card, model
from tests.anomaly.world import START_MS, drive, planned, reading, trip, trip_event
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["nats_server", "nats_settings", "open_log"]

DEADLINE_S = 30


async def _append(log: Log, *batches: list[Reading]) -> int:
    sequence = 0
    for batch in batches:
        sequence = await log.append(subjects.readings_subject(0), encode_readings(batch))
    return sequence


async def _plan(log: Log) -> None:
    await log.append(subjects.trips_subject(0), encode_trip_events([planned()]))


def _worker(log: Log, **settings: object) -> PartitionWorker:
    return PartitionWorker(log, 0, AnomalySettings(**settings), wall_clock_ms)  # type: ignore[arg-type]


async def _judged(log: Log, **settings: object) -> None:
    """One worker's life: resumes, judges all there is, leaves its snapshot."""
    stop = asyncio.Event()
    worker = _worker(log, **settings)
    await worker.resume()
    last = await log.last_sequence(subjects.LOG_STREAM)
    running = asyncio.create_task(worker.run(stop, lambda: True))
    await _until(lambda: worker.position > last)
    stop.set()
    await running


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def _position(log: Log) -> int:
    data = await log.load_snapshot("anomaly.0")
    return 0 if data is None else msgspec.msgpack.decode(data, type=Snapshot).next_sequence


async def _said(log: Log) -> list[AlertEvent]:
    last = await log.last_sequence(subjects.ALERT_STREAM)
    reader = log.reader(subjects.ALERT_STREAM, subjects.ALERT_SUBJECTS, 1)
    found: list[AlertEvent] = []
    position = 0
    async with asyncio.timeout(DEADLINE_S):
        while position < last:
            for message in await reader.take():
                position = message.sequence
                found += decode_alert_events(message.data)
    await reader.close()
    return found


async def test_a_worker_that_lost_its_lease_leaves_the_newer_snapshot(open_log: Log) -> None:
    """What a paused worker still has in memory doesn't replace what its successor has saved."""
    await _plan(open_log)
    await _append(open_log, drive(range(10)))
    stale, held = _worker(open_log), [True]
    await stale.resume()
    running = asyncio.create_task(stale.run(asyncio.Event(), lambda: held[0]))
    await _until(lambda: stale.position == 3)
    newer = Snapshot(version=1, next_sequence=99, judge=b"a successor's")
    await open_log.save_snapshot("anomaly.0", msgspec.msgpack.encode(newer))
    held[0] = False
    await running
    assert await _position(open_log) == 99


async def test_two_workers_at_once_say_nothing_twice(open_log: Log) -> None:
    """Two that judge one partition at the same time are heard as one."""
    await _plan(open_log)
    await _append(open_log, *[[one] for one in drive(range(10))])
    await _append(open_log, [reading(10, events=SealEvent.CUT)])
    await asyncio.gather(_judged(open_log), _judged(open_log))
    said = await _said(open_log)
    assert [event.type for event in said].count(AlertType.SEAL_CUT) == 1
    assert len({event.event_id for event in said}) == len(said)


async def test_an_accepted_model_judges_what_comes_after_it(open_log: Log) -> None:
    """A decision on the log reaches the judgement, and a trip that begins later is judged by the model."""
    made_card, blob = card(model())  # to which 20 °C is far from usual
    known = await KnownModels(open_log).propose(made_card, blob, "planner")
    await KnownModels(open_log).decide(known, ModelState.ACCEPTED, actor="J. Mwangi", reason="", partitions=1)
    at_ms = wall_clock_ms() + 60_000
    plan = trip(departs_at_ms=at_ms)
    event = trip_event(TripEventKind.PLANNED, trip=plan, occurred_at_ms=at_ms, recorded_at_ms=at_ms)
    await open_log.append(subjects.trips_subject(0), encode_trip_events([event]))
    later_min = (at_ms - START_MS) / 60_000
    await _append(open_log, drive(range(20), temperature_c=20.0, humidity_pct=50.0))
    await _append(open_log, [
        reading(later_min + 5 * i, temperature_c=20.0 + i % 2, humidity_pct=50.0 + i % 2) for i in range(20)
    ])  # fmt: skip
    await _judged(open_log)
    [alert] = [each for each in await _said(open_log) if each.type is AlertType.SENSOR_ANOMALY]
    assert alert.details["model_sha256"] == made_card.sha256
    assert alert.occurred_at_ms >= at_ms


async def test_what_other_settings_find_is_said(open_log: Log) -> None:
    """A message judged again under changed settings soon after may cause another alert, which must go out."""
    cut = reading(0, container=None, device="LONE", events=SealEvent.CUT)
    opened = reading(1, container=None, device="LONE-2", events=SealEvent.OPENED)
    await _append(open_log, [cut, opened])
    stop = asyncio.Event()
    first = _worker(open_log, severity_unpaired_opening="off")
    await first.resume()
    running = asyncio.create_task(first.run(stop, lambda: not stop.is_set()))  # dies without a snapshot
    await _until(lambda: first.position == 2)
    stop.set()
    await running
    assert {event.type for event in await _said(open_log)} == {AlertType.SEAL_CUT}
    await _judged(open_log)
    assert {event.type for event in await _said(open_log)} == {AlertType.SEAL_CUT, AlertType.SEAL_OPENED}


async def test_a_backlog_lets_the_lease_be_renewed(open_log: Log) -> None:
    """However much there is to judge, whatever else runs in the process gets its turn in between."""
    await _append(open_log, *[[one] for one in drive(range(200))])
    worker, stop = _worker(open_log), asyncio.Event()
    await worker.resume()
    seen: list[int] = []

    async def beside() -> None:
        while not seen or seen[-1] < 200:
            if worker.position not in seen[-1:]:
                seen.append(worker.position)
            await asyncio.sleep(0)
        stop.set()

    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as both:
        both.create_task(beside())
        both.create_task(worker.run(stop, lambda: True))
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 2


async def _holder(log: Log) -> int:
    """Process that holds partition 0; 0 where none does."""
    entry = await (await log.bucket(subjects.LEASES_BUCKET)).get("anomaly.0")
    return 0 if entry is None or entry.value is None else int(entry.value.split(b"|")[3])


async def _service(state: Path, nats: NatsSettings) -> asyncio.subprocess.Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEALTRAIL_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sealtrail.cli", "anomaly"),
        env={
            **inherited,
            "SEALTRAIL_STATE_DIR": str(state),
            "SEALTRAIL_NATS__URL": nats.url,
            "SEALTRAIL_NATS__USER": nats.user,
            "SEALTRAIL_NATS__PASSWORD": nats.password.get_secret_value(),
        },
    )


async def test_a_killed_service_is_followed_at_once(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path
) -> None:
    """On the same machine the successor of a killed process doesn't wait until the lease has run out."""
    first = await _service(tmp_path, nats_settings)
    second = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while await _holder(open_log) != first.pid:
                await asyncio.sleep(0.05)
        second = await _service(tmp_path / "second", nats_settings)
        async with asyncio.timeout(DEADLINE_S):
            while not (tmp_path / "second" / "run" / "anomaly.json").exists():
                await asyncio.sleep(0.05)
        first.send_signal(signal.SIGKILL)
        async with asyncio.timeout(4):
            while await _holder(open_log) != second.pid:
                await asyncio.sleep(0.05)
    finally:
        for process in (first, second):
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()
