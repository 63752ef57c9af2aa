"""The subscribers as they are now, kept current from the bucket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

import structlog

from sealtrail.contract import subjects
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.public.subscriber import InvalidSubscriberError, Subscriber, parse_subscriber
from sealtrail.runtime.background import Background
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.bucket import Bucket, Entry
from sealtrail.runtime.log import Log

LOGGER = structlog.get_logger(__name__)


class Subscribers:
    """All subscribers by id; `open` returns once those that exist are known."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._by_id: dict[str, Subscriber] = {}
        self._known = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, log: Log, background: Background) -> Subscribers:
        subscribers = cls(await log.bucket(subjects.SUBSCRIBERS_BUCKET))
        subscribers._task = background.start(subscribers._follow(), "subscribers")
        await subscribers._known.wait()
        return subscribers

    def all(self) -> Iterable[Subscriber]:
        return tuple(self._by_id.values())

    def get(self, subscriber_id: str) -> Subscriber | None:
        return self._by_id.get(subscriber_id)

    async def _follow(self) -> None:
        for wait_s in backoff_s(cap_s=5.0):
            try:
                async for entries in self._bucket.watch():
                    if entries is None:
                        self._known.set()
                    else:
                        self._take(entries)
            except UnavailableError as error:
                LOGGER.warning("subscribers_unavailable", error=str(error))
            await asyncio.sleep(wait_s)

    def _take(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.value is None:
                self._by_id.pop(entry.key, None)
                continue
            try:
                subscriber = parse_subscriber(entry.value)
            except InvalidSubscriberError as error:  # written by hand; the last good one stays
                LOGGER.error("subscriber_unreadable", subscriber=entry.key, error=str(error))  # noqa: TRY400 - expected
                continue
            self._by_id[entry.key] = subscriber

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
