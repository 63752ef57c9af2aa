"""`Keeper`: keeps the ledger while it holds its lease: resume, count, answer, save.

::

    log, quarantine, tallies ──▶ Ledger ──▶ answers, metrics, daily records
                                   └──────▶ snapshot (books and positions in one)

A keeper that dies is followed by another, which counts again from the newest
snapshot and arrives at the same books.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from ingest.kept_open import KeptOpen
from ingest.ledger import metrics
from ingest.ledger.answers import answer
from ingest.ledger.ledger import Ledger, Message
from ingest.queries import Answer
from ingest.store import Store
from sealtrail.contract import codec, subjects
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.errors import RefusedError, UnavailableError, WireError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.lease import Lease, process_identity
from sealtrail.runtime.log import Log
from sealtrail.runtime.reader import LogMessage
from sealtrail.runtime.service import Service

LOGGER = structlog.get_logger(__name__)

LEASE_KEY = SNAPSHOT = "ingest.ledger"
STREAMS = {
    subjects.LOG_STREAM: subjects.READINGS_SUBJECTS,
    subjects.QUARANTINE_STREAM: subjects.QUARANTINE_SUBJECTS,
    subjects.TALLY_STREAM: subjects.TALLIES_SUBJECT,
}
AT_ONCE = 64
WAIT_S = 0.5
SHOW_EVERY_S = 5.0
DAYS_AT_ONCE = 5_000
OF_THE_RECORD = subjects.quarantine_subject("record")


class Keeper:
    """Keeps the ledger for as long as the service runs, whenever no other process does."""

    def __init__(self, service: Service, log: Log, store: Store, kept: KeptOpen) -> None:
        self._service = service
        self._stop = service.stop
        self._settings = service.settings.ingest.completeness
        self._log = log
        self._store = store
        self._kept = kept
        self._ledger = Ledger(self._settings)
        self._pending: dict[str, int] = {}
        self._held: Callable[[], bool] = lambda: False

    async def keep(self) -> None:
        """Works until the service stops; begins again after the log was away."""
        waits = backoff_s(cap_s=5.0)
        while not self._stop.is_set():
            try:
                await self._life()
                waits = backoff_s(cap_s=5.0)
            except UnavailableError as error:
                LOGGER.warning("ledger_interrupted", error=str(error))
                await self._pause(next(waits))
            except Exception:  # whatever it is, the record goes on
                metrics.FAILURES.inc()
                LOGGER.exception("ledger_failed")
                await self._pause(next(waits))

    async def _life(self) -> None:
        """From taking the lease to giving it back."""
        lease = Lease(await self._log.bucket(subjects.LEASES_BUCKET), LEASE_KEY, process_identity())
        try:
            if not await lease.acquire(self._stop):
                return
            await self._resume()
            self._held = lambda: lease.held
            metrics.HELD.set(1)
            end_answering = await self._log.answer(
                f"{subjects.DEVICES_REQUEST}.*", self._on_question, group="ingest-ledger"
            )
            try:
                await self._work()
            finally:
                await end_answering()
            if lease.held:
                await self._write_days()
            if lease.held:
                await self._log.save_snapshot(SNAPSHOT, self._ledger.save())
        finally:
            metrics.HELD.set(0)
            await lease.release()

    async def _resume(self) -> None:
        """The books of the newest snapshot, or empty ones at the beginning of the streams."""
        self._ledger = Ledger(self._settings)
        self._pending = dict.fromkeys(STREAMS, 1)
        data = await self._log.load_snapshot(SNAPSHOT)
        if data is not None:
            try:
                self._ledger = Ledger.restore(self._settings, data)
            except RefusedError as error:
                LOGGER.warning("snapshot_refused", error=str(error))
        for stream in STREAMS:
            first, wanted = await self._log.first_sequence(stream), self._ledger.next_sequence(stream)
            if first > wanted > 1:
                metrics.AGED_OUT.labels(stream).inc()
                LOGGER.error("log_aged_out", stream=stream, wanted=wanted, oldest=first)
        LOGGER.info("ledger_resumed", devices=len(self._ledger.accounts))

    def _may_go_on(self) -> bool:
        return self._held() and not self._stop.is_set()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for stream, subject in STREAMS.items():
                tasks.create_task(self._follow(stream, subject))
            tasks.create_task(self._every(SHOW_EVERY_S, self._show))
            tasks.create_task(self._every(self._settings.snapshot_every_s, self._save))
            tasks.create_task(self._every(self._settings.daily_record_every_s, self._write_days))

    async def _follow(self, stream: str, subject: str) -> None:
        """Counts one stream, message by message."""
        reader = self._log.reader(stream, subject, self._ledger.next_sequence(stream))
        try:
            while self._may_go_on():
                taken = await reader.take(AT_ONCE, WAIT_S)
                if not taken and self._log.connected:
                    self._pending[stream] = 0
                for message in taken:
                    if not self._may_go_on():
                        break
                    self._count(stream, message)
                    self._pending[stream] = message.pending
                    await asyncio.sleep(0)  # the record and the lease have their turns too
        finally:
            await asyncio.shield(reader.close())

    def _count(self, stream: str, message: LogMessage) -> None:
        """Applies one message to the books; what is no batch was told by the record, and holds no report."""
        ledger, data = self._ledger, message.data
        message_id = message.message_id
        try:
            if not ledger.begins(Message(stream, message.sequence, message_id)):
                metrics.REPEATED.inc()
            elif stream == subjects.LOG_STREAM:
                retried = message_id.startswith(subjects.RETRIED)
                ledger.take_readings(codec.decode_arrivals(data), retried=retried)
            elif stream == subjects.TALLY_STREAM:
                ledger.take_tallies(codec.decode_tallies(data))
            elif message.subject != OF_THE_RECORD:
                ledger.take_quarantined(codec.decode_quarantined(data))
        except WireError as error:
            metrics.MALFORMED.labels(error.reason).inc()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Does something again and again; ends within `WAIT_S` once it may not go on."""
        loop = asyncio.get_running_loop()
        due_s = loop.time() + seconds
        while self._may_go_on():
            await self._pause(min(WAIT_S, max(0.0, due_s - loop.time())))
            if loop.time() >= due_s and self._may_go_on():
                await work()
                due_s = loop.time() + seconds

    async def _save(self) -> None:
        try:
            await self._log.save_snapshot(SNAPSHOT, self._ledger.save())
        except UnavailableError as error:
            LOGGER.warning("ledger_not_saved", error=str(error))

    async def _write_days(self) -> None:
        """Puts daily records into the store; while it is away they wait, and the counting goes on.

        The books that they are taken from are saved before: a successor begins no
        earlier, so that no record is of a day that it would count otherwise.
        """
        if not self._kept.answers:
            return
        days = self._ledger.due_days()
        written = 0
        try:
            if days:
                await self._log.save_snapshot(SNAPSHOT, self._ledger.save())
            while written < len(days) and self._held():
                portion = days[written : written + DAYS_AT_ONCE]
                report = await self._store.write_days(portion)
                metrics.DAYS.inc(report.written)
                for refused in report.refused:
                    metrics.DAYS_REFUSED.labels(refused.reason).inc()
                written += len(portion)
        except UnavailableError as error:
            LOGGER.debug("days_not_written", error=str(error))
        finally:
            self._ledger.settle_days(days, written)

    async def _show(self) -> None:
        metrics.show(self._ledger.totals(wall_clock_ms()), self._ledger.came_in.received)
        for stream, pending in self._pending.items():
            metrics.BEHIND.labels(stream).set(pending)

    async def _on_question(self, query: str, body: bytes) -> Answer:
        return answer(self._ledger, query, body, sum(self._pending.values()), wall_clock_ms())

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
