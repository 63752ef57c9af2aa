"""Staying with a store through its outages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from ingest.metrics import STORE_UP
from ingest.store import Store
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.health import Health

LOGGER = structlog.get_logger(__name__)

LONGEST_WAIT_S = 10.0

R = TypeVar("R")


class KeptOpen:
    """A store that is opened when it can be, and opened again after a failure.

    Being lost and being back are each logged once; the service is ready while
    the store answers.
    """

    def __init__(self, store: Store, health: Health, stop: asyncio.Event) -> None:
        self._store = store
        self._health = health
        self._stop = stop
        self._open = False
        self._opening = asyncio.Lock()
        self._lost = False
        health.waiting("store", "not opened yet")

    @property
    def answers(self) -> bool:
        """Whether the store is open, as far as is known."""
        return self._open

    async def until_done(self, work: Callable[[], Awaitable[R]]) -> R | None:
        """Does ``work``, again and again while the store doesn't answer; None once ``stop`` is set.

        Several may be at work; one of them opens a store that was lost.
        """
        for wait_s in backoff_s(cap_s=LONGEST_WAIT_S):
            try:
                await self._ensure_open()
                result = await work()
            except UnavailableError as error:
                self._fails(error)
            else:
                return result
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), wait_s)
            if self._stop.is_set():
                break
        return None

    async def _ensure_open(self) -> None:
        async with self._opening:
            if not self._open:
                await self._store.open()
                self._answers()

    async def opened(self) -> bool:
        """Waits until the store is open; False once ``stop`` is set."""

        async def done() -> bool:
            return True

        return bool(await self.until_done(done))

    def _answers(self) -> None:
        self._open = True
        STORE_UP.set(1)
        self._health.ready("store")
        LOGGER.info("store_restored" if self._lost else "store_opened")
        self._lost = False

    def _fails(self, error: UnavailableError) -> None:
        self._open = False
        STORE_UP.set(0)
        self._health.waiting("store", str(error))
        if not self._lost:
            LOGGER.warning("store_lost", error=str(error))
        self._lost = True
