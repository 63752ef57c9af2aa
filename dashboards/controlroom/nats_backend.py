"""`NatsBackend`: the control room's backend over the log, its buckets and its request subjects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
import structlog
from nats.errors import Error as NatsError

from dashboards.controlroom.backend import Change, IncidentChanged, ReadingsSeen, TripChanged, TripRemoved
from dashboards.controlroom.custody_log import CustodyLog
from sealtrail.contract import subjects
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.codec import decode_alert_events, readings_in
from sealtrail.contract.errors import RefusedError, UnavailableError, WireError
from sealtrail.contract.incident import CommandReply, Delivery, Incident, IncidentCommand
from sealtrail.contract.queries import (
    LatestQuery,
    Position,
    QueryRefusal,
    Sample,
    SealQuery,
    SealRecord,
    SensorQuery,
    TrackQuery,
)
from sealtrail.contract.risk import RiskAnswer, RiskQuery
from sealtrail.contract.trip import Trip
from sealtrail.runtime.bucket import Entry
from sealtrail.runtime.log import Log
from sealtrail.runtime.reader import LogReader

LOGGER = structlog.get_logger(__name__)

REFUSED_HEADER = "Sealtrail-Refused"
RECORD_TIMEOUT_S = 20.0
COMMAND_TIMEOUT_S = 10.0
RISK_TIMEOUT_S = 25.0  # the first answer after a start reads the history
QUEUED_CHANGES = 256  # full means that the pumps wait
LOOK_S = 1.0
CUSTODY_MESSAGES = 200_000  # of the alert stream, read at the start
SMALLEST_LATEST = 1_000

T = TypeVar("T")


Put = Callable[["Change | Exception"], Awaitable[None]]

_encode = msgspec.msgpack.Encoder().encode


class NatsBackend:
    """Implements `Backend` over an open `Log`, which stays the caller's to close."""

    def __init__(self, log: Log, *, max_custody_events: int) -> None:
        self._log = log
        self._custody = CustodyLog(max_custody_events)

    async def latest(self) -> list[Position]:
        """All containers, or the newest ones that fit into one answer."""
        limit = LatestQuery().limit
        while True:
            try:
                return await self._ask("latest", LatestQuery(limit=limit), list[Position])
            except RefusedError as error:
                if error.reason != "answer_too_large" or limit <= SMALLEST_LATEST:
                    raise
                limit //= 2

    async def track(self, query: TrackQuery) -> list[Position]:
        return await self._ask("track", query, list[Position])

    async def sensors(self, query: SensorQuery) -> list[Sample]:
        return await self._ask("sensors", query, list[Sample])

    async def seals(self, query: SealQuery) -> list[SealRecord]:
        return await self._ask("seals", query, list[SealRecord])

    async def incidents(self) -> list[Incident]:
        return await self._all(subjects.INCIDENTS_BUCKET, Incident)

    async def trips(self) -> list[Trip]:
        return await self._all(subjects.TRIPS_BUCKET, Trip)

    async def deliveries(self) -> list[Delivery]:
        return await self._all(subjects.DELIVERIES_BUCKET, Delivery)

    async def custody(self, container_id: str) -> list[AlertEvent]:
        return self._custody.of(container_id)

    async def act(self, command: IncidentCommand) -> CommandReply:
        _, body = await self._log.request(subjects.INCIDENT_COMMAND, _encode(command), COMMAND_TIMEOUT_S)
        return _decoded(body, CommandReply, "the alerts service")

    async def risks(self, query: RiskQuery) -> RiskAnswer:
        headers, body = await self._log.request(subjects.RISK_REQUEST, _encode(query), RISK_TIMEOUT_S)
        if REFUSED_HEADER not in headers:
            return _decoded(body, RiskAnswer, "the alerts service")
        refusal = _decoded(body, QueryRefusal, "the alerts service")
        if refusal.reason == "log_unavailable":
            raise UnavailableError(f"the alerts service: {refusal.detail}")
        raise RefusedError(refusal.reason, refusal.detail)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change]]:
        """Readings from now on, and every incident and trip: first as they are, then as they change."""
        queue: asyncio.Queue[Change | Exception] = asyncio.Queue(QUEUED_CHANGES)
        readings = self._log.reader(subjects.LOG_STREAM, "sealtrail.log.*.readings", None)
        alerts = self._log.reader(subjects.ALERT_STREAM, subjects.ALERT_SUBJECTS, await self._custody_start())
        try:
            await readings.open()
            await alerts.open()
        except (NatsError, TimeoutError, OSError) as error:
            raise UnavailableError(f"the log can't be followed: {error or type(error).__name__}") from error
        pumps = [
            asyncio.create_task(_guarded(pump, queue.put))
            for pump in (
                lambda put: self._pump_readings(readings, put),
                lambda _put: self._pump_custody(alerts),
                lambda put: self._pump_bucket(subjects.INCIDENTS_BUCKET, _incident_change, put),
                lambda put: self._pump_bucket(subjects.TRIPS_BUCKET, _trip_change, put),
                lambda _put: self._watch_connection(),
            )
        ]
        try:
            yield _drain(queue)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            await asyncio.gather(readings.close(), alerts.close(), return_exceptions=True)

    async def _ask(self, query: str, question: msgspec.Struct, kind: type[T]) -> T:
        headers, body = await self._log.request(
            f"{subjects.RECORD_REQUEST}.{query}", _encode(question), RECORD_TIMEOUT_S
        )
        if REFUSED_HEADER not in headers:
            return _decoded(body, kind, "the record")
        refusal = _decoded(body, QueryRefusal, "the record")
        if refusal.reason == "store_unavailable":
            raise UnavailableError(f"the record: {refusal.detail}")
        raise RefusedError(refusal.reason, refusal.detail)

    async def _all(self, name: str, kind: type[T]) -> list[T]:
        bucket = await self._log.bucket(name)
        decoder = msgspec.json.Decoder(kind)
        found = []
        for entry in await bucket.items():
            try:
                found.append(decoder.decode(entry.value or b""))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                LOGGER.warning("entry_unreadable", bucket=name, key=entry.key, error=str(error))
        return found

    async def _custody_start(self) -> int:
        return max(1, await self._log.last_sequence(subjects.ALERT_STREAM) - CUSTODY_MESSAGES)

    async def _pump_readings(self, reader: LogReader, put: Put) -> None:
        while True:
            for message in await reader.take(wait_s=LOOK_S):
                try:
                    change = ReadingsSeen(message.data, readings_in(message.data))
                except WireError as error:
                    LOGGER.warning("batch_unreadable", sequence=message.sequence, reason=error.reason)
                else:
                    await put(change)

    async def _pump_custody(self, reader: LogReader) -> None:
        while True:
            for message in await reader.take(wait_s=LOOK_S):
                try:
                    self._custody.absorb(decode_alert_events(message.data))
                except WireError as error:
                    LOGGER.warning("batch_unreadable", sequence=message.sequence, reason=error.reason)
            await asyncio.sleep(0)  # a long history is read at the start: let others in between

    async def _pump_bucket(self, name: str, change_of: Callable[[Entry], Change | None], put: Put) -> None:
        bucket = await self._log.bucket(name)
        async for entries in bucket.watch():
            for entry in entries or ():
                try:
                    change = change_of(entry)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    LOGGER.warning("entry_unreadable", bucket=name, key=entry.key, error=str(error))
                    continue
                if change is not None:
                    await put(change)

    async def _watch_connection(self) -> None:
        """The readers wait out a lost connection; people must be told of it."""
        while True:
            if not self._log.connected:
                raise UnavailableError("the connection to the log is lost")
            await asyncio.sleep(LOOK_S)


def _decoded(body: bytes, kind: type[T], whose: str) -> T:
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnavailableError(f"{whose} gave an answer that can't be read: {error}") from error


def _incident_change(entry: Entry) -> Change | None:
    if entry.value is None:
        return None
    return IncidentChanged(msgspec.json.decode(entry.value, type=Incident))


def _trip_change(entry: Entry) -> Change | None:
    if entry.value is None:
        return TripRemoved(entry.key)
    return TripChanged(msgspec.json.decode(entry.value, type=Trip))


async def _guarded(pump: Callable[[Put], Awaitable[None]], put: Put) -> None:
    """Runs a pump; its failure becomes the last item of the feed."""
    try:
        await pump(put)
    except (UnavailableError, NatsError, TimeoutError, OSError) as error:
        await put(error)


async def _drain(queue: asyncio.Queue[Change | Exception]) -> AsyncIterator[Change]:
    while True:
        item = await queue.get()
        if isinstance(item, UnavailableError):
            raise item
        elif isinstance(item, Exception):
            raise UnavailableError(f"the log: {item or type(item).__name__}") from item
        else:
            yield item
