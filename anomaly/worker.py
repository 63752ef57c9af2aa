"""One partition of the judgement: resume, read in order, judge, say, snapshot.

A snapshot is the judge's state together with the log position behind it. A
worker that dies resumes from the newest snapshot and judges the rest again;
since judging is a function of the log alone it arrives at the same state and
says the same alert events, which their receivers know by id.

Snapshots are saved beside the judgement, which goes on while the log stores them;
each partition has its own time for it within the interval.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import msgspec
import structlog
from prometheus_client import Counter, Gauge, Histogram

from anomaly.judge import Judge
from anomaly.salvage import Batch, judge_all, judge_apart
from anomaly.snapshot import freeze, seal
from sealtrail.contract import subjects
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.clock import Clock
from sealtrail.contract.codec import (
    Kind,
    decode_model_events,
    decode_readings,
    decode_trip_events,
    encode_alert_events,
    encode_trip_events,
    kind_of,
)
from sealtrail.contract.errors import RefusedError, UnavailableError
from sealtrail.contract.model import ModelEvent
from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.log import Log
from sealtrail.runtime.reader import LogMessage
from sealtrail.runtime.settings.anomaly import AnomalySettings

LOGGER = structlog.get_logger(__name__)

SNAPSHOT_VERSION = 1
GOLDEN = 0.618034  # multiples of it are spread evenly, however many there are

JUDGED = Counter("sealtrail_judged_readings_total", "Readings judged", ["partition"])
ALERTS = Counter("sealtrail_alert_events_total", "Alert events said", ["type", "action"])
REFUSED = Counter("sealtrail_judgement_refused_batches_total", "Batches that can't be read", ["reason"])
SECONDS = Histogram("sealtrail_judgement_seconds", "Time for one batch of the log")
AGED_OUT = Counter(
    "sealtrail_judgement_aged_out_total",
    "Times that the log no longer went back to the position",
    ["partition"],
)
SET_ASIDE = Counter(
    "sealtrail_judgement_set_aside_total", "Readings and trip events that can't be judged", ["partition"]
)
POSITION = Gauge("sealtrail_judgement_position", "Log sequence judged up to", ["partition"])


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A partition's state before log sequence ``next_sequence``."""

    version: int
    next_sequence: int
    judge: bytes


def _restored(settings: AnomalySettings, data: bytes) -> tuple[Judge, int]:
    """Judge and next log sequence of a snapshot; raises `RefusedError` or msgspec's for any other bytes."""
    snapshot = msgspec.msgpack.decode(data, type=Snapshot)
    if snapshot.version != SNAPSHOT_VERSION:
        raise RefusedError("unknown_snapshot_version", str(snapshot.version))
    return Judge.restore(settings, snapshot.judge), snapshot.next_sequence


class PartitionWorker:
    """Judges one partition while it holds the partition's lease.

    ``failed_at`` is the log sequence of the message at which the judgement raised
    what it never should; the state is then spoilt and the worker of no more use.
    Of the messages ``apart`` each container is judged apart, and what fails is
    set aside. ``on_progress`` is told the position after each message.
    """

    def __init__(
        self,
        log: Log,
        partition: int,
        settings: AnomalySettings,
        clock: Clock,
        on_progress: Callable[[int], None] = lambda _position: None,
    ) -> None:
        self._log = log
        self._partition = partition
        self._settings = settings
        self._clock = clock
        self._judge = Judge(settings)
        self._next = 1
        self._snapshot_at = 0
        self._snapshot_ms = 0
        self._on_progress = on_progress
        self._ticked: int | None = None
        self._saving: asyncio.Task[None] | None = None
        self._held: Callable[[], bool] = lambda: False
        self.failed_at = 0
        self.apart: frozenset[int] = frozenset()

    @property
    def position(self) -> int:
        """Log sequence of the next message to judge."""
        return self._next

    @property
    def _snapshot_name(self) -> str:
        return f"anomaly.{self._partition}"

    async def resume(self) -> None:
        """State and position of the newest snapshot, or an empty state at the log's beginning.

        A snapshot that this program can't read is named and left aside: the
        log is judged from its beginning, which costs time and loses nothing.
        """
        data = await self._log.load_snapshot(self._snapshot_name)
        self._judge, self._next = Judge(self._settings), 1
        if data is not None:
            try:
                self._judge, self._next = _restored(self._settings, data)
            except (msgspec.DecodeError, RefusedError) as error:
                LOGGER.warning("snapshot_refused", partition=self._partition, error=str(error))
        ahead_ms = self._partition * GOLDEN % 1 * self._settings.snapshot_interval_s * 1000
        self._snapshot_at, self._snapshot_ms = self._next, self._clock() - round(ahead_ms)
        LOGGER.info("partition_resumed", partition=self._partition, next_sequence=self._next)
        first = await self._log.first_sequence(subjects.LOG_STREAM)
        if first > self._next:
            AGED_OUT.labels(self._partition).inc()
            LOGGER.error("log_aged_out", partition=self._partition, wanted=self._next, oldest=first)

    async def run(self, stop: asyncio.Event, held: Callable[[], bool]) -> None:
        """Judges from where `resume` left it until ``stop``, or until the lease isn't ``held``.

        Leaves a snapshot behind when it stops; never once the lease is lost,
        because a successor may have left a newer one.
        """

        def may_go_on() -> bool:
            return held() and not stop.is_set()

        self._held = held

        reader = self._log.reader(subjects.LOG_STREAM, subjects.partition_filter(self._partition), self._next)
        try:
            while may_go_on():
                await self._tick()
                for message in await reader.take(most=64, wait_s=0.5):
                    if not may_go_on():
                        break
                    await self._judge_one(message, may_go_on)
                    await asyncio.sleep(0)  # the lease is renewed in this loop too, however long the backlog
                if held() and self._snapshot_is_due():
                    await self._snapshot_at_rest()
            if held():
                await self._saved()
                await self._snapshot_at_rest()
        finally:
            try:
                await self._saved()
            finally:
                await asyncio.shield(reader.close())

    async def _tick(self) -> None:
        """Write down on the log that time has passed; two holders for a moment write the same tick once."""
        interval_ms = round(self._settings.tick_interval_s * 1000)
        number = self._clock() // interval_ms
        if self._ticked is None:
            self._ticked = number
        if number == self._ticked:
            return
        tick = TripEvent(
            event_id=f"tick/{self._partition}/{number}",
            kind=TripEventKind.TICK,
            occurred_at_ms=number * interval_ms,
            recorded_at_ms=number * interval_ms,
        )
        try:
            await self._log.append(
                subjects.trips_subject(self._partition),
                encode_trip_events([tick]),
                message_id=tick.event_id,
            )
        except UnavailableError as error:
            LOGGER.warning("tick_not_stored", partition=self._partition, error=str(error))
        else:
            self._ticked = number

    async def _judge_one(self, message: LogMessage, may_go_on: Callable[[], bool]) -> None:
        with SECONDS.time():
            try:
                found = self._read(message)
                apart = message.sequence in self.apart
                events = await self._apply_apart(message, found) if apart else self._apply(message, found)
            except RefusedError as error:
                REFUSED.labels(error.reason).inc()
                LOGGER.error("batch_refused", sequence=message.sequence, error=str(error))  # noqa: TRY400 - named
                events = []
        if events:
            await self._say(message.sequence, events, may_go_on)
        self._next = message.sequence + 1
        POSITION.labels(self._partition).set(message.sequence)
        self._on_progress(self._next)

    def _read(self, message: LogMessage) -> list[TripEvent] | list[Reading] | list[ModelEvent]:
        kind = kind_of(message.data)
        if kind is Kind.TRIP_EVENTS:
            return decode_trip_events(message.data)
        if kind is Kind.MODEL_EVENTS:
            return decode_model_events(message.data)
        readings = decode_readings(message.data)
        JUDGED.labels(self._partition).inc(len(readings))
        return readings

    async def _apply_apart(self, message: LogMessage, found: Batch) -> list[AlertEvent]:
        """Judge what can be judged of a batch that has failed; beside this loop, which renews the lease."""
        self._judge, events, failures = await asyncio.to_thread(
            judge_apart, self._settings, self._judge, found
        )
        self._snapshot_ms = 0  # a snapshot is due: nobody need come to this message again
        for failure in failures:
            SET_ASIDE.labels(self._partition).inc(failure.number)
            LOGGER.error(
                "set_aside", partition=self._partition, sequence=message.sequence, **failure._asdict()
            )
        return events

    def _apply(self, message: LogMessage, found: Batch) -> list[AlertEvent]:
        try:
            return judge_all(self._judge, found)
        except RefusedError:
            raise
        except Exception:
            self.failed_at = message.sequence
            raise

    async def _say(self, sequence: int, events: list[AlertEvent], may_go_on: Callable[[], bool]) -> None:
        """Stores the alert events of one log message; tries until the log has them.

        Raises `UnavailableError` when it has to end before that; the state is
        then ahead of the position and must not be kept. The identity says what
        is in the batch: a judgement with other rules or settings, which comes
        to this message again, may have something else to say.
        """
        batch = encode_alert_events(events)
        digest = hashlib.blake2b(batch, digest_size=8).hexdigest()
        for wait_s in backoff_s(cap_s=5.0):
            try:
                await self._log.append(
                    subjects.alerts_subject(self._partition),
                    batch,
                    message_id=f"{self._partition}.{sequence}.{digest}",
                )
            except UnavailableError as error:
                if not may_go_on():
                    raise
                LOGGER.warning("alerts_not_stored_yet", error=str(error))
                await asyncio.sleep(wait_s)
            else:
                break
        for event in events:
            ALERTS.labels(event.type.value, event.action.value).inc()

    def _snapshot_is_due(self) -> bool:
        return self._clock() - self._snapshot_ms >= self._settings.snapshot_interval_s * 1000

    async def _snapshot_at_rest(self) -> None:
        """A snapshot, also where nothing was judged but the log's end has moved far from the position.

        So a partition to which nothing comes doesn't seem to have lost what others' messages aged out.
        """
        if self._next == self._snapshot_at:
            self._snapshot_ms = self._clock()
            try:
                await self._catch_up()
            except UnavailableError as error:
                LOGGER.warning("position_not_renewed", partition=self._partition, error=str(error))
        await self._snapshot()

    async def _catch_up(self) -> None:
        """Move the position behind all that isn't this partition's, if it lies in the log's older half."""
        newest = await self._log.last_sequence(subjects.LOG_STREAM)
        oldest = await self._log.first_sequence(subjects.LOG_STREAM)
        if self._next - oldest > newest - self._next:
            return
        own = await self._log.last_sequence_of(
            subjects.LOG_STREAM, subjects.partition_filter(self._partition)
        )
        if own < self._next <= newest:
            self._next = newest + 1

    async def _snapshot(self) -> None:
        """Begin to save the state as it is now, unless an earlier one is still being saved."""
        if self._next == self._snapshot_at or (self._saving is not None and not self._saving.done()):
            return
        await self._saved()
        self._snapshot_ms = self._clock()  # a failure too waits for the next interval
        self._saving = asyncio.create_task(self._save(self._next, freeze(self._judge)))

    async def _saved(self) -> None:
        """Wait for the snapshot that is being saved; raises what it failed of."""
        saving, self._saving = self._saving, None
        if saving is not None:
            await saving

    async def _save(self, position: int, frozen: bytes) -> None:
        def packed() -> bytes:
            snapshot = Snapshot(version=SNAPSHOT_VERSION, next_sequence=position, judge=seal(frozen))
            return msgspec.msgpack.encode(snapshot)

        data = await asyncio.to_thread(packed)
        if not self._held():
            return
        try:
            await self._log.save_snapshot(self._snapshot_name, data)
        except UnavailableError as error:
            LOGGER.warning("snapshot_failed", partition=self._partition, error=str(error))
            return
        self._snapshot_at = position
