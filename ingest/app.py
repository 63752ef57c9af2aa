"""The record as a service.

::

    log ──▶ readings ──▶ write ──▶ acknowledge
        ──▶ alerts   ──▶ write ──▶ acknowledge
        ──▶ questions ─▶ answer
        ──▶ what came in from each device ─▶ ledger (one process keeps it)
"""

from __future__ import annotations

import asyncio
import contextlib

from ingest import metrics
from ingest.influx_store import InfluxStore
from ingest.kept_open import KeptOpen
from ingest.ledger.keeper import Keeper
from ingest.queries import Answer, answer
from ingest.recorder import Kind, Recorder
from ingest.sqlite_store import SqliteStore
from ingest.store import Store
from sealtrail.contract import codec, subjects
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime import streams
from sealtrail.runtime.log import Log
from sealtrail.runtime.service import Service
from sealtrail.runtime.settings.tree import Settings

LAG_EVERY_S = 5.0
SOURCES = {
    "readings": (subjects.LOG_STREAM, streams.INGEST_READINGS),
    "alerts": (subjects.ALERT_STREAM, streams.INGEST_ALERTS),
}


def make_store(settings: Settings) -> Store:
    """The store that the settings name."""
    ingest = settings.ingest
    if ingest.store == "influxdb":
        return InfluxStore(ingest)
    return SqliteStore(ingest.sqlite_path or settings.state_dir / "record.sqlite3", ingest.sqlite_synchronous)


async def main(service: Service) -> None:
    """Records until the service is told to stop."""
    settings = service.settings.ingest
    store = make_store(service.settings)
    log = await service.connect_log()
    kept = KeptOpen(store, service.health, service.stop)
    readings = Kind("readings", codec.decode_readings, codec.encode_readings, store.write)
    alerts = Kind("alerts", codec.decode_alert_events, codec.encode_alert_events, store.write_alerts)

    async def on_question(query: str, body: bytes) -> Answer:
        return await answer(store, query, body, settings.answer_bytes)

    try:
        await log.answer(f"{subjects.RECORD_REQUEST}.*", on_question, group="ingest")
        if await kept.opened():
            async with asyncio.TaskGroup() as tasks:
                for recorder in (
                    Recorder(readings, log.durable(*SOURCES["readings"]), log, kept, settings),
                    Recorder(alerts, log.durable(*SOURCES["alerts"]), log, kept, settings),
                ):
                    tasks.create_task(recorder.run(service.stop))
                tasks.create_task(Keeper(service, log, store, kept).keep())
                tasks.create_task(_watch_lag(log, service.stop))
    finally:
        await log.close()
        await store.close()


async def _watch_lag(log: Log, stop: asyncio.Event) -> None:
    """Shows how far the record is behind the log."""
    while not stop.is_set():
        for kind, (stream, durable) in SOURCES.items():
            with contextlib.suppress(UnavailableError):  # the next number will tell
                metrics.LAG.labels(kind).set(await log.lag(stream, durable))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LAG_EVERY_S)
