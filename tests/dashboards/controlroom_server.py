"""The control room's application on a real socket, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dashboards.controlroom.app import listen, serve
from dashboards.controlroom.backend import Backend
from dashboards.controlroom.room import Room
from dashboards.controlroom.server import create_app
from sealtrail.contract.clock import Clock, wall_clock_ms
from sealtrail.runtime.settings.controlroom import ControlRoomSettings

DEADLINE_S = 20.0


@dataclass(frozen=True)
class Running:
    """A served control room."""

    url: str
    room: Room


async def until(condition: object, deadline_s: float = DEADLINE_S) -> None:
    """Wait until a callable says yes; fails by name at the deadline."""
    assert callable(condition)
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    backend: Backend, settings: ControlRoomSettings | None = None, clock: Clock = wall_clock_ms
) -> AsyncIterator[Running]:
    """Serve a backend on a free port until the end of the block."""
    app = create_app(backend, settings or ControlRoomSettings(port=0), clock)
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(app, listening, stop))
    room: Room = app.state.room
    try:
        await until(lambda: room.feed.connected or serving.done())
        yield Running(url=f"http://127.0.0.1:{port}", room=room)
    finally:
        stop.set()
        async with asyncio.timeout(DEADLINE_S):
            await serving
