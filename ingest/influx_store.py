"""The record in InfluxDB 2.7."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ingest import flux, names
from ingest.answers import checked_quantity, newest_positions, oldest_first
from ingest.influx_client import InfluxClient, LinesRefusedError
from ingest.line_protocol import alert_line, day_line, reading_lines
from ingest.soundness import sift, sift_alerts, sift_days
from ingest.store import Refused, WriteReport
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.clock import Clock, wall_clock_ms
from sealtrail.contract.completeness import DaysQuery, DeviceDay
from sealtrail.contract.queries import (
    CountQuery,
    Counts,
    LatestQuery,
    Position,
    Sample,
    SealQuery,
    SealRecord,
    SensorQuery,
    TrackQuery,
)
from sealtrail.contract.reading import Reading
from sealtrail.runtime.settings.ingest import IngestSettings

T = TypeVar("T")
R = TypeVar("R")

ALERT_WRITERS = 1
"""Alert events never wait for readings."""

READERS = 2
"""Threads for questions, so that a long one delays neither writing nor a short one."""


def _reason_of(message: str) -> str:
    if "retention policy" in message:
        return "out_of_retention"
    if "field type conflict" in message:
        return "type_conflict"
    return "refused_by_server"


class InfluxStore:
    """A `Store`. Calls run in threads: some that write, a few that answer.

    A batch is checked, encoded and written in one thread, so that one is
    prepared while the server is at work on another.
    """

    def __init__(self, settings: IngestSettings, clock: Clock = wall_clock_ms) -> None:
        self._settings = settings
        self._clock = clock
        self._client = InfluxClient(settings)
        self._retention_s = 0
        self._writers = ThreadPoolExecutor(settings.writes_in_flight + ALERT_WRITERS, "influx-write")
        self._readers = ThreadPoolExecutor(READERS, "influx-read")

    async def open(self) -> None:
        self._retention_s = await self._in(self._writers, self._client.make_bucket)

    async def close(self) -> None:
        await asyncio.to_thread(self._writers.shutdown)
        await asyncio.to_thread(self._readers.shutdown, cancel_futures=True)
        self._client.close()

    @staticmethod
    async def _in(threads: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(threads, call)

    def _put(self, readings: Sequence[Reading]) -> list[Refused[Reading]]:
        refused = _write(self._client, readings, reading_lines(readings))
        if refused:  # one of them may have been the newest, which alone carries a snapshot
            without = {id(one.item) for one in refused}
            kept = [one for one in readings if id(one) not in without]
            refused += _write(self._client, kept, reading_lines(kept))
        return refused

    def _sift_and_put(self, readings: Sequence[Reading]) -> WriteReport[Reading]:
        sound, refused = sift(readings)
        if self._retention_s:
            oldest_ms = self._clock() - self._retention_s * 1000
            late = [Refused(one, "out_of_retention") for one in sound if one.occurred_at_ms < oldest_ms]
            if late:
                refused += late
                sound = [one for one in sound if one.occurred_at_ms >= oldest_ms]
        refused += self._put(sound)
        return WriteReport(len(readings) - len(refused), refused)

    async def write(self, readings: Sequence[Reading]) -> WriteReport[Reading]:
        return await self._in(self._writers, lambda: self._sift_and_put(readings))

    async def write_alerts(self, events: Sequence[AlertEvent]) -> WriteReport[AlertEvent]:
        client = self._client
        sound, refused = sift_alerts(events)
        lines = [alert_line(event) for event in sound]
        refused += await self._in(self._writers, lambda: _write(client, sound, lines))
        return WriteReport(len(events) - len(refused), refused)

    async def write_days(self, days: Sequence[DeviceDay]) -> WriteReport[DeviceDay]:
        client = self._client
        sound, refused = sift_days(days)
        if self._retention_s:
            oldest_ms = self._clock() - self._retention_s * 1000
            refused += [Refused(day, "out_of_retention") for day in sound if day.day_ms < oldest_ms]
            sound = [day for day in sound if day.day_ms >= oldest_ms]
        lines = [day_line(day) for day in sound]
        refused += await self._in(self._writers, lambda: _write(client, sound, lines))
        return WriteReport(len(days) - len(refused), refused)

    async def _ask(
        self, program: str, convert: Callable[[Mapping[str, str]], R], **parameters: str | int
    ) -> list[R]:
        client = self._client
        named = {f"_{name}": value for name, value in parameters.items()}
        named["_bucket"] = self._settings.influxdb_bucket
        return await self._in(self._readers, lambda: [convert(row) for row in client.query(program, named)])

    async def _ask_of_container(
        self,
        program: str,
        convert: Callable[[Mapping[str, str]], R],
        query: TrackQuery | SensorQuery | SealQuery,
        **parameters: str,
    ) -> list[R]:
        if query.since_ms >= query.until_ms:
            return []  # which Flux calls an error
        return await self._ask(
            program,
            convert,
            container=query.container_id,
            since_ns=query.since_ms * names.OFFSETS_IN_A_MS,
            until_ns=query.until_ms * names.OFFSETS_IN_A_MS,
            limit=query.limit,
            **parameters,
        )

    async def latest(self, query: LatestQuery) -> list[Position]:
        client = self._client
        named = {"_bucket": self._settings.influxdb_bucket}
        positions = await self._in(self._readers, lambda: flux.latest_of(client.query(flux.LATEST, named)))
        return newest_positions(positions, query.limit)

    async def track(self, query: TrackQuery) -> list[Position]:
        return oldest_first(await self._ask_of_container(flux.TRACK, flux.position_of, query))

    async def sensors(self, query: SensorQuery) -> list[Sample]:
        rows = await self._ask_of_container(
            flux.SENSORS, flux.sample_of, query, quantity=checked_quantity(query.quantity)
        )
        return oldest_first(rows)

    async def seals(self, query: SealQuery) -> list[SealRecord]:
        return oldest_first(await self._ask_of_container(flux.SEALS, flux.seal_record_of, query))

    async def days(self, query: DaysQuery) -> list[DeviceDay]:
        if query.since_ms >= query.until_ms:
            return []
        parameters: dict[str, str | int] = {
            "since_ns": query.since_ms * names.OFFSETS_IN_A_MS,
            "until_ns": query.until_ms * names.OFFSETS_IN_A_MS,
            "limit": query.limit,
        }
        program = flux.DAYS
        if query.device_id is not None:
            program, parameters["device"] = flux.DAYS_OF_DEVICE, query.device_id
        days = await self._ask(program, flux.day_of, **parameters)
        days.reverse()
        return days

    async def counts(self, query: CountQuery) -> Counts:  # noqa: ARG002 - has no parameters yet
        containers = await self._ask(
            flux.COUNT_BY_CONTAINER, lambda row: (row[names.CONTAINER], int(row["_value"]))
        )
        total = await self._ask(flux.COUNT, lambda row: int(row["_value"]))
        return Counts(readings=sum(total), by_container=dict(containers))


def _write(client: InfluxClient, items: Sequence[T], lines: Sequence[str]) -> list[Refused[T]]:
    """Writes one line for each item; returns those that the server refuses, found by halving.

    The server says how many points it dropped, never which. Writing the halves
    again changes nothing that is already there.
    """
    if not lines:
        return []
    try:
        client.write(lines)
    except LinesRefusedError as error:
        if len(lines) == 1 or error.dropped == len(lines):
            reason = _reason_of(str(error))
            return [Refused(item, reason, str(error)) for item in items]
        middle = len(lines) // 2
        return [
            *_write(client, items[:middle], lines[:middle]),
            *_write(client, items[middle:], lines[middle:]),
        ]
    return []
