"""Which container each device is paired with, kept current by a watch on the bucket."""

from __future__ import annotations

import asyncio

import structlog

from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.subjects import PAIRINGS_BUCKET
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.log import Log

LOGGER = structlog.get_logger(__name__)


class Pairings:
    """``containers`` maps device_id to container_id. ``loaded`` is set once it has been complete."""

    def __init__(self) -> None:
        self.containers: dict[str, str] = {}
        self.loaded = asyncio.Event()

    async def follow(self, log: Log) -> None:
        """Keeps ``containers`` current until cancelled; the last known state serves while the log is away."""
        for wait_s in backoff_s(cap_s=5.0):
            try:
                await self._watch(log)
            except UnavailableError as error:
                LOGGER.warning("pairings_unavailable", error=str(error))
            await asyncio.sleep(wait_s)

    async def _watch(self, log: Log) -> None:
        bucket = await log.bucket(PAIRINGS_BUCKET)
        initial: dict[str, str] = {}
        async for entries in bucket.watch():
            if entries is None:
                self.containers = initial
                self.loaded.set()
                continue
            for entry in entries:
                container_id = (entry.value or b"").decode("utf-8", "replace")
                if container_id:
                    initial[entry.key] = container_id
                else:
                    initial.pop(entry.key, None)
