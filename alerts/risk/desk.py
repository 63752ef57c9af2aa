"""`RiskDesk`: answers which trips to inspect first, from what the log, the record and the ledger know."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec
import structlog
from nats.errors import Error as NatsError

from alerts.risk.index import Index, Lanes, Surroundings
from alerts.risk.score import rank, risk_of
from sealtrail.contract import subjects
from sealtrail.contract.clock import Clock
from sealtrail.contract.codec import decode_alert_events
from sealtrail.contract.completeness import DeviceCompleteness, DevicesAnswer, DevicesQuery
from sealtrail.contract.errors import RefusedError, UnavailableError, WireError
from sealtrail.contract.incident import Incident
from sealtrail.contract.queries import LatestQuery, Position, QueryRefusal
from sealtrail.contract.risk import RiskAnswer, RiskQuery, TripRisk
from sealtrail.contract.trip import Trip
from sealtrail.runtime.bucket import Entry, stream_of
from sealtrail.runtime.log import Answer, Log
from sealtrail.runtime.settings.risk import RiskSettings

LOGGER = structlog.get_logger(__name__)

MOST_TRIPS = 1_000  # in one answer
SMALLEST_PAGE = 1_000
ASK_WITHIN_S = 5.0
AT_ONCE = 200  # trips scored before others have their turn
KEPT_TIMES = 4
REFUSED = "Sealtrail-Refused"

T = TypeVar("T")

_decode = msgspec.msgpack.Decoder(RiskQuery).decode
_encode = msgspec.msgpack.Encoder().encode
_trip = msgspec.json.Decoder(Trip).decode
_incident = msgspec.json.Decoder(Incident).decode


class _Ranking(NamedTuple):
    """The list as it was made, by the loop's clock."""

    limit: int
    answer: RiskAnswer
    began_at_s: float
    made_at_s: float


class RiskDesk:
    """Reads on from where it stopped whenever it is asked; nothing runs in between."""

    def __init__(self, log: Log, settings: RiskSettings, clock: Clock) -> None:
        self._log = log
        self._settings = settings
        self._clock = clock
        self._index = Index(settings.kept_trips)
        self._read: dict[str, int] = {}  # bucket or stream -> last sequence that was read
        self._around = Surroundings(None, None)
        self._around_at_s = float("-inf")
        self._ranking: _Ranking | None = None
        self._changed = True  # since the ranking was made
        self._turn = asyncio.Lock()

    async def answer(self, query: RiskQuery) -> RiskAnswer:
        """The trips of the highest scores, or the one that is asked for.

        Raises `RefusedError` named ``unknown_trip`` or ``bad_limit``, and
        `UnavailableError` where the log can't be read.
        """
        if not 1 <= query.limit <= MOST_TRIPS:
            raise RefusedError("bad_limit", f"{query.limit} trips; 1 to {MOST_TRIPS} can be asked for")
        async with self._turn:
            await self._read_on()
            await self._look_around()
            trips, around, now_ms = self._index.trips, self._around, self._clock()
            if query.trip_id is not None:
                trip = trips.get(query.trip_id)
                if trip is None:
                    raise RefusedError("unknown_trip", f"no trip {query.trip_id[:64]!r} is under way")
                lanes = Lanes(self._index, self._settings, now_ms)
                risks = [risk_of(self._index.case(trip, around, lanes), self._settings, now_ms)]
            elif (kept := self._kept(query.limit)) is not None:
                return kept
            else:
                self._changed = False
                began_s = asyncio.get_running_loop().time()
                risks = await self._ranked(query.limit, now_ms)
            answer = RiskAnswer(at_ms=now_ms, trips=len(trips), unknown=around.unknown, risks=tuple(risks))
            if query.trip_id is None:
                self._ranking = _Ranking(query.limit, answer, began_s, asyncio.get_running_loop().time())
            return answer

    def _kept(self, limit: int) -> RiskAnswer | None:
        """The list as made before: while nothing has changed, and else for some times as long as it took.

        So many viewers of a large fleet don't keep the service from its notifications.
        """
        kept = self._ranking
        if kept is None or kept.limit != limit:
            return None
        age_s = asyncio.get_running_loop().time() - kept.made_at_s
        fresh = not self._changed or age_s < KEPT_TIMES * (kept.made_at_s - kept.began_at_s)
        return kept.answer if fresh else None

    async def _ranked(self, limit: int, now_ms: int) -> list[TripRisk]:
        best: list[TripRisk] = []
        lanes = Lanes(self._index, self._settings, now_ms)
        for number, trip in enumerate(list(self._index.trips.values()), 1):
            best.append(risk_of(self._index.case(trip, self._around, lanes), self._settings, now_ms))
            if number % AT_ONCE == 0:
                best = heapq.nsmallest(limit, best, key=rank)
                await asyncio.sleep(0)  # notifications go out meanwhile
        return heapq.nsmallest(limit, best, key=rank)

    async def _read_on(self) -> None:
        read = self._read.get(subjects.ALERT_STREAM, 0)
        if await self._log.last_sequence(subjects.ALERT_STREAM) < read:
            self._index, self._read = Index(self._settings.kept_trips), {}  # an emptied log
        for entry in await self._news(subjects.TRIPS_BUCKET):
            self._take_trip(entry)
        for entry in await self._news(subjects.INCIDENTS_BUCKET):
            self._take_incident(entry)
        await self._read_custody()
        if self._changed:
            self._index.forget_custody_of_others()

    async def _news(self, bucket: str) -> list[Entry]:
        newest = await self._log.last_sequence(stream_of(bucket))
        read = self._read.get(bucket, 0)
        entries = await (await self._log.bucket(bucket)).since(read, newest)
        if entries:
            self._changed = True
        self._read[bucket] = max(read, newest)
        return entries

    def _take_trip(self, entry: Entry) -> None:
        if entry.value is None:
            self._index.end(entry.key)
            return
        try:
            self._index.plan(_trip(entry.value))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            LOGGER.warning("trip_unreadable", trip=entry.key, error=str(error))

    def _take_incident(self, entry: Entry) -> None:
        if entry.value is None:
            return
        try:
            self._index.take(_incident(entry.value))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            LOGGER.warning("incident_unreadable", incident=entry.key, error=str(error))

    async def _read_custody(self) -> None:
        newest = await self._log.last_sequence(subjects.ALERT_STREAM)
        read = self._read.get(subjects.ALERT_STREAM, max(0, newest - self._settings.custody_messages))
        if newest > read:
            reader = self._log.reader(subjects.ALERT_STREAM, subjects.ALERT_SUBJECTS, read + 1)
            try:
                await reader.open()
                left = reader.pending_at_start
                while left > 0 and read < newest:
                    messages = await reader.take(most=256, wait_s=ASK_WITHIN_S)
                    if not messages:
                        raise UnavailableError("the alert stream doesn't go on")
                    for message in messages:
                        self._log_lines(message.data, message.sequence)
                    read, left = messages[-1].sequence, messages[-1].pending
            except (NatsError, TimeoutError) as error:
                raise UnavailableError(f"the alert stream: {error}") from error
            finally:
                await reader.close()
        self._read[subjects.ALERT_STREAM] = max(read, newest)

    def _log_lines(self, batch: bytes, sequence: int) -> None:
        try:
            if self._index.log(decode_alert_events(batch)):
                self._changed = True
        except WireError as error:
            LOGGER.warning("batch_unreadable", sequence=sequence, reason=error.reason)

    async def _look_around(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._around_at_s < self._settings.refresh_s:
            return
        positions, devices = await asyncio.gather(self._positions(), self._devices())
        self._around = Surroundings(positions, devices)
        self._changed = True  # time has passed, too
        self._around_at_s = now_s

    async def _positions(self) -> dict[str, Position] | None:
        limit = LatestQuery().limit
        while True:
            try:
                query = LatestQuery(limit=limit)
                found = await self._ask(f"{subjects.RECORD_REQUEST}.latest", query, list[Position])
            except RefusedError as error:
                if error.reason == "answer_too_large" and limit > SMALLEST_PAGE:
                    limit //= 2
                    continue
                LOGGER.warning("record_refuses", reason=error.reason)
                return None
            except UnavailableError as error:
                LOGGER.debug("record_unavailable", error=str(error))
                return None
            return {position.container_id: position for position in found}

    async def _devices(self) -> dict[str, DeviceCompleteness] | None:
        """Devices that left something out."""
        found: dict[str, DeviceCompleteness] = {}
        query = DevicesQuery(incomplete=True)
        while True:
            try:
                asked = msgspec.structs.replace(query, offset=len(found))
                answer = await self._ask(f"{subjects.DEVICES_REQUEST}.list", asked, DevicesAnswer)
            except (RefusedError, UnavailableError) as error:
                LOGGER.debug("devices_unavailable", error=str(error))
                return None
            before = len(found)
            found |= {device.device_id: device for device in answer.devices}
            if len(found) == before or len(found) >= answer.matching:
                return found

    async def _ask(self, subject: str, question: msgspec.Struct, kind: type[T]) -> T:
        headers, body = await self._log.request(subject, _encode(question), ASK_WITHIN_S)
        try:
            if REFUSED in headers:
                refusal = msgspec.msgpack.decode(body, type=QueryRefusal)
                raise RefusedError(refusal.reason, refusal.detail)
            return msgspec.msgpack.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnavailableError(f"{subject}: an answer that can't be read: {error}") from error


def answer_with(desk: RiskDesk) -> Answer:
    """The handler for `subjects.RISK_REQUEST`: an answer, or a refusal by name."""

    async def answer(_subject: str, body: bytes) -> tuple[Mapping[str, str], bytes]:
        try:
            return {}, _encode(await desk.answer(_decode(body)))
        except RefusedError as error:
            return _refusal(error.reason, error.detail)
        except UnavailableError as error:
            return _refusal("log_unavailable", str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _refusal("bad_request", str(error))

    return answer


def _refusal(reason: str, detail: str) -> tuple[Mapping[str, str], bytes]:
    return {REFUSED: reason}, _encode(QueryRefusal(reason=reason, detail=detail))
