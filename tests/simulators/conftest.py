"""Shared by the tests of the world."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt

from simulators.profile import HOUR_MS, Profile
from tests.parts.mosquitto import mosquitto

__all__ = ["mosquitto"]

NOW_MS = 1_790_000_000_000


def profile(**changes: Any) -> Profile:
    """A fleet of 40 with six hours of past and a minute of live part."""
    values: dict[str, Any] = {
        "seed": 7,
        "containers": 40,
        "start_ms": NOW_MS - 6 * HOUR_MS,
        "live_ms": NOW_MS,
        "end_ms": NOW_MS + 60_000,
    }
    return Profile(**(values | changes))


class Ear:
    """A subscriber that hears every device topic, in the broker's order."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._more = asyncio.Event()

    async def until(self, count: int, within_s: float = 20.0) -> None:
        """Waits for ``count`` messages; fails with how many there were."""
        async with asyncio.timeout(within_s):
            while len(self.heard) < count:
                self._more.clear()
                await self._more.wait()

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            self.heard.append((message.topic.value, message.payload))
            self._more.set()


@contextlib.asynccontextmanager
async def listening(port: int) -> AsyncIterator[Ear]:
    """An `Ear` at the broker on ``port``."""
    ear = Ear()
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("sealtrail/+/+/up", qos=1)
        task = asyncio.create_task(ear.listen(client))
        try:
            yield ear
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
