"""The record in an SQLite file: the embedded default."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ingest import sqlite_schema as schema
from ingest.answers import checked_quantity, newest_positions, oldest_first
from ingest.soundness import sift, sift_alerts, sift_days
from ingest.sqlite_rows import alert_row, day_of, day_row, newest_rows, reading_rows
from ingest.store import WriteReport
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.completeness import DaysQuery, DeviceDay
from sealtrail.contract.errors import UnavailableError
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

R = TypeVar("R")

BUSY_S = 10.0
WAL_LOOK_S = 0.02
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 8_192
"""The log is folded into the file every 32 MiB: a page that many batches touch is copied once."""


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise UnavailableError(f"SQLite, {path}: {error}") from error


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    _write_ahead(connection)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switches to the write-ahead log; this alone doesn't wait by itself for another process that does."""
    deadline_s = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(WAL_LOOK_S)
        else:
            return


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")  # two programs may open a new file at once
    try:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > schema.VERSION:
            raise sqlite3.DatabaseError(f"version {version}, this program knows {schema.VERSION}")
        for migration in schema.MIGRATIONS[version:]:
            for statement in migration.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise


class SqliteStore:
    """A `Store`. One thread writes and one answers, each with a connection of its own."""

    def __init__(self, path: Path, synchronous: str = "FULL") -> None:
        self._path = path
        self._synchronous = synchronous
        self._connections: list[sqlite3.Connection] = []
        self._writer = ThreadPoolExecutor(1, "sqlite-write")
        self._reader = ThreadPoolExecutor(1, "sqlite-read")

    async def open(self) -> None:
        await self._run(self._writer, self._open)

    def _open(self) -> None:
        if self._connections:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.touch(mode=0o600)  # where cargo is, is nobody else's business
        except OSError as error:
            raise UnavailableError(f"SQLite, {self._path}: {error}") from error
        writing = _connect(self._path, self._synchronous)
        try:
            _migrate(writing)
            self._connections = [writing, _connect(self._path, self._synchronous)]
        except sqlite3.Error:
            writing.close()
            raise

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.to_thread(self._reader.shutdown)
        for connection in reversed(self._connections):
            connection.close()
        self._connections = []

    async def _run(self, thread: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        def translated() -> R:
            with _translated(self._path):
                return call()

        return await asyncio.get_running_loop().run_in_executor(thread, translated)

    def _opened(self) -> list[sqlite3.Connection]:
        if not self._connections:
            raise UnavailableError(f"SQLite, {self._path}: not opened yet")
        return self._connections

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits, or takes everything back."""
        connection = self._opened()[0]
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    async def write(self, readings: Sequence[Reading]) -> WriteReport[Reading]:
        def call() -> WriteReport[Reading]:
            sound, refused = sift(readings)
            reports, places = newest_rows(sound)
            with self._transaction() as connection:
                connection.executemany(schema.INSERT_READING, reading_rows(sound))
                connection.executemany(schema.UPSERT_REPORT, reports)
                connection.executemany(schema.UPDATE_PLACE, places)
            return WriteReport(len(sound), refused)

        return await self._run(self._writer, call)

    async def write_alerts(self, events: Sequence[AlertEvent]) -> WriteReport[AlertEvent]:
        def call() -> WriteReport[AlertEvent]:
            sound, refused = sift_alerts(events)
            with self._transaction() as connection:
                connection.executemany(schema.INSERT_ALERT, [alert_row(event) for event in sound])
            return WriteReport(len(sound), refused)

        return await self._run(self._writer, call)

    async def write_days(self, days: Sequence[DeviceDay]) -> WriteReport[DeviceDay]:
        def call() -> WriteReport[DeviceDay]:
            sound, refused = sift_days(days)
            with self._transaction() as connection:
                connection.executemany(schema.INSERT_DAY, [day_row(day) for day in sound])
            return WriteReport(len(days) - len(refused), refused)

        return await self._run(self._writer, call)

    async def _ask(self, statement: str, parameters: Sequence[Any], convert: Callable[..., R]) -> list[R]:
        def call() -> list[R]:
            cursor = self._opened()[1].execute(statement, parameters)
            columns = [column[0] for column in cursor.description]
            return [convert(**dict(zip(columns, row, strict=True))) for row in cursor]

        return await self._run(self._reader, call)

    async def latest(self, query: LatestQuery) -> list[Position]:
        return newest_positions(await self._ask(schema.LATEST, (query.limit,), Position), query.limit)

    async def track(self, query: TrackQuery) -> list[Position]:
        return oldest_first(await self._ask(schema.TRACK, _parameters(query), Position))

    async def sensors(self, query: SensorQuery) -> list[Sample]:
        quantity = checked_quantity(query.quantity)

        def sample(*, occurred_at_ms: int, device_id: str, **value: float) -> Sample:
            return Sample(occurred_at_ms, value[quantity], device_id)

        return oldest_first(await self._ask(schema.sensors(quantity), _parameters(query), sample))

    async def seals(self, query: SealQuery) -> list[SealRecord]:
        def record(*, door_open: int | None, **rest: Any) -> SealRecord:
            return SealRecord(door_open=None if door_open is None else bool(door_open), **rest)

        return oldest_first(await self._ask(schema.SEALS, _parameters(query), record))

    async def days(self, query: DaysQuery) -> list[DeviceDay]:
        parameters = (query.since_ms, query.until_ms, query.device_id, query.limit)
        days = await self._ask(schema.DAYS, parameters, day_of)
        days.reverse()
        return days

    async def counts(self, query: CountQuery) -> Counts:  # noqa: ARG002 - has no parameters yet
        def call() -> Counts:
            connection = self._opened()[1]
            containers = dict(connection.execute(schema.COUNT_BY_CONTAINER).fetchall())
            return Counts(readings=connection.execute(schema.COUNT).fetchone()[0], by_container=containers)

        return await self._run(self._reader, call)


def _parameters(query: TrackQuery | SensorQuery | SealQuery) -> tuple[str, int, int, int]:
    return (query.container_id, query.since_ms, query.until_ms, query.limit)
