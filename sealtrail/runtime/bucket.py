"""Key-value buckets: get, compare-and-set, list and watch, with errors by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError, NoKeysError
from nats.js.kv import KeyValue

from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.reader import LogMessage, LogReader

_OPERATION = "KV-Operation"
_MARKER = "Nats-Marker-Reason"


def stream_of(bucket: str) -> str:
    """The stream that a bucket is kept in."""
    return f"KV_{bucket}"


class Entry(NamedTuple):
    """A key's value at a revision; ``value`` None means deleted."""

    key: str
    value: bytes | None
    revision: int


class Bucket:
    """One bucket. Keys are letters, digits, ``-_=.``; values are bytes."""

    def __init__(self, js: JetStreamContext, nc: Client, name: str, store: KeyValue) -> None:
        self._js = js
        self._nc = nc
        self._name = name
        self._store = store

    async def get(self, key: str) -> Entry | None:
        """Newest value, or None where the key doesn't exist."""
        try:
            entry = await self._store.get(key)
        except KeyNotFoundError:
            return None
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"bucket {self._name}: {error}") from error
        return Entry(key, entry.value or b"", entry.revision or 0)

    async def history(self, key: str) -> list[Entry]:
        """Every value that the bucket still has of a key, oldest first; empty where there is none."""
        try:
            entries = await self._store.history(key)
        except (KeyNotFoundError, NoKeysError):
            return []
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"bucket {self._name}: {error}") from error
        return [
            Entry(key, None if entry.operation else entry.value or b"", entry.revision or 0)
            for entry in entries
        ]

    async def put(self, key: str, value: bytes, revision: int | None = None) -> int | None:
        """Writes and gives the new revision.

        With ``revision`` only if the key still has it (0: only if the key
        doesn't exist); None means that somebody else was faster.
        """
        try:
            if revision is None:
                return await self._store.put(key, value)
            if revision == 0:
                return await self._store.create(key, value)
            return await self._store.update(key, value, last=revision)
        except KeyWrongLastSequenceError:
            return None
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"bucket {self._name}: {error}") from error

    async def delete(self, key: str) -> None:
        try:
            await self._store.delete(key)
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"bucket {self._name}: {error}") from error

    def _reader(self) -> LogReader:
        return LogReader(
            self._js,
            self._nc,
            stream_of(self._name),
            f"$KV.{self._name}.>",
            1,
            last_per_subject=True,
        )

    def _entry(self, message: LogMessage) -> Entry:
        headers = message.raw.headers or {}
        deleted = headers.get(_OPERATION) in ("DEL", "PURGE") or _MARKER in headers
        key = message.subject.removeprefix(f"$KV.{self._name}.")
        return Entry(key, None if deleted else message.data, message.sequence)

    async def items(self) -> list[Entry]:
        """Newest values of all keys that exist."""
        entries: list[Entry] = []
        async for batch in self.watch():
            if batch is None:
                break
            entries.extend(batch)
        newest = {entry.key: entry for entry in entries}
        return [entry for entry in newest.values() if entry.value is not None]

    async def since(self, sequence: int, newest: int) -> list[Entry]:
        """Every revision that the bucket still has in (sequence, newest], deletions too, oldest first.

        ``newest`` is the last sequence of the bucket's stream (`stream_of`) or an earlier one.
        Raises `UnavailableError` when the log doesn't go on giving them.
        """
        if newest <= sequence:
            return []
        reader = LogReader(
            self._js, self._nc, stream_of(self._name), f"$KV.{self._name}.>", max(1, sequence + 1)
        )
        found: list[Entry] = []
        try:
            await reader.open()
            left = reader.pending_at_start
            while left > 0:
                messages = await reader.take(most=256, wait_s=5.0)
                if not messages:
                    raise UnavailableError(f"bucket {self._name}: the log doesn't go on")
                found += [self._entry(message) for message in messages if message.sequence <= newest]
                left = 0 if messages[-1].sequence >= newest else messages[-1].pending
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"bucket {self._name}: {error}") from error
        finally:
            await asyncio.shield(reader.close())
        return found

    async def watch(self) -> AsyncIterator[list[Entry] | None]:
        """Batches of entries: first all that exist, then one None, then changes for ever.

        Survives reconnects and server restarts without missing a key's newest value.
        """
        reader = self._reader()
        try:
            try:
                await reader.open()
            except (NatsError, TimeoutError) as error:
                raise UnavailableError(f"bucket {self._name}: {error}") from error
            # Writers may be at work: a key that is overwritten meanwhile comes later than its old value
            # would have. So the first part ends with as many keys as there were, or with none pending.
            missing = reader.pending_at_start
            seen: set[str] = set()
            if missing == 0:
                yield None
            while True:
                messages = await reader.take(most=256, wait_s=5.0)
                entries = [self._entry(message) for message in messages]
                if entries:
                    yield entries
                if missing:
                    seen.update(entry.key for entry in entries)
                    if len(seen) >= missing or any(message.pending == 0 for message in messages):
                        missing = 0
                        seen.clear()
                        yield None
        finally:
            await asyncio.shield(reader.close())
