"""The ledger: every notification to every subscriber, with every attempt, in the log's key-value store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import structlog

from alerts.incidents import Notice
from sealtrail.contract import subjects
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.incident import Delivery, DeliveryAttempt, DeliveryState
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.bucket import Bucket
from sealtrail.runtime.log import Log

LOGGER = structlog.get_logger(__name__)

KEPT_FIRST_ATTEMPTS = 5
MAX_ATTEMPTS = 50
WRITES_AT_ONCE = 64
LIST_WITHIN_S = 2.0  # of the first try; a listing under concurrent writes may never end


class LedgerEntry(Delivery, frozen=True, kw_only=True):
    """A delivery with the very bytes that are sent, so that it can be proved later what was told."""

    notice: Notice = Notice.RAISED
    body: str = ""
    attempts_left_out: int = 0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LedgerEntry).decode


def _readable(delivery_id: str, data: bytes | None) -> LedgerEntry | None:
    try:
        return _decode(data or b"")
    except msgspec.DecodeError as error:
        LOGGER.error("ledger_entry_unreadable", delivery=delivery_id, error=str(error))  # noqa: TRY400 - expected
        return None


def with_attempt(
    entry: LedgerEntry, attempt: DeliveryAttempt, state: DeliveryState, next_attempt_at_ms: int | None
) -> LedgerEntry:
    """The entry with one more attempt; the first five and the newest are kept, the rest counted."""
    attempts = (*entry.attempts, attempt)
    left_out = entry.attempts_left_out
    if len(attempts) > MAX_ATTEMPTS:
        attempts = attempts[:KEPT_FIRST_ATTEMPTS] + attempts[KEPT_FIRST_ATTEMPTS + 1 :]
        left_out += 1
    return msgspec.structs.replace(
        entry,
        attempts=attempts,
        attempts_left_out=left_out,
        state=state,
        next_attempt_at_ms=next_attempt_at_ms,
        delivered_at_ms=attempt.at_ms + attempt.took_ms if state is DeliveryState.DELIVERED else None,
    )


class Ledger:
    """The bucket of deliveries, and who has been told of which incident."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._told: dict[str, set[str]] = {}
        self._slots = asyncio.Semaphore(WRITES_AT_ONCE)

    @classmethod
    async def open(cls, log: Log) -> tuple[Ledger, list[LedgerEntry]]:
        """The ledger, and the entries that are still queued, oldest first."""
        ledger = cls(await log.bucket(subjects.DELIVERIES_BUCKET))
        queued = []
        for entry in await ledger._all():
            if entry.state is not DeliveryState.FAILED:
                ledger.note(entry)
            if entry.state is DeliveryState.QUEUED:
                queued.append(entry)
        return ledger, queued

    async def _all(self) -> list[LedgerEntry]:
        entries = []
        for item in await self._bucket.items():
            entry = _readable(item.key, item.value)
            if entry is not None:
                entries.append(entry)
        entries.sort(key=lambda one: (one.queued_at_ms, one.delivery_id))
        return entries

    async def queued_of(self, subscriber_id: str) -> list[LedgerEntry]:
        """Queued entries of one subscriber, oldest first. Waits for the log."""
        found: list[LedgerEntry] = []
        for tries, wait_s in enumerate(backoff_s(cap_s=5.0)):
            try:
                async with asyncio.timeout(LIST_WITHIN_S * 2 ** min(tries, 6)):
                    found = await self._all()
            except (UnavailableError, TimeoutError) as error:
                LOGGER.warning("ledger_unavailable", error=str(error) or type(error).__name__)
                await asyncio.sleep(wait_s)
            else:
                break
        return [
            entry
            for entry in found
            if entry.subscriber_id == subscriber_id and entry.state is DeliveryState.QUEUED
        ]

    def told(self, incident_id: str) -> set[str]:
        """Subscribers who were, or are about to be, told of an incident."""
        return self._told.get(incident_id, set())

    def note(self, entry: LedgerEntry) -> None:
        """Remembers who is being told, before the entry is written."""
        self._told.setdefault(entry.incident_id, set()).add(entry.subscriber_id)

    async def queue(self, entries: Sequence[LedgerEntry]) -> None:
        """Writes entries where they are absent; all are on disk afterwards. Waits for the log."""
        await asyncio.gather(*(self._create(entry) for entry in entries))

    async def _create(self, entry: LedgerEntry) -> None:
        async with self._slots:
            for wait_s in backoff_s(cap_s=5.0):
                try:
                    await self._bucket.put(entry.delivery_id, _encode(entry), 0)
                except UnavailableError as error:
                    LOGGER.warning("ledger_unavailable", error=str(error))
                    await asyncio.sleep(wait_s)
                else:
                    return

    async def get(self, delivery_id: str) -> tuple[LedgerEntry, int] | None:
        """An entry and its revision; None where it has expired or can't be read. Waits for the log."""
        for wait_s in backoff_s(cap_s=5.0):
            try:
                found = await self._bucket.get(delivery_id)
            except UnavailableError as error:
                LOGGER.warning("ledger_unavailable", error=str(error))
                await asyncio.sleep(wait_s)
                continue
            entry = None if found is None else _readable(delivery_id, found.value)
            return None if entry is None or found is None else (entry, found.revision)
        return None  # pragma: no cover - backoff is endless

    async def record(self, entry: LedgerEntry, revision: int) -> None:
        """Writes an attempt. Waits for the log: an attempt that isn't recorded would be made again."""
        for wait_s in backoff_s(cap_s=5.0):
            try:
                if await self._bucket.put(entry.delivery_id, _encode(entry), revision) is None:
                    LOGGER.debug("ledger_entry_written_before", delivery=entry.delivery_id)
            except UnavailableError as error:
                LOGGER.warning("ledger_unavailable", error=str(error))
                await asyncio.sleep(wait_s)
            else:
                return
