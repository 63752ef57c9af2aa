"""The control room as a service.

::

    log, buckets, requests ──▶ NatsBackend ──▶ Feed ──▶ Board ──▶ Hub ──▶ viewers
                                    ▲                     │
                                    └──── decisions ◀── HTTP API ◀── page
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from dashboards.controlroom.nats_backend import NatsBackend
from dashboards.controlroom.room import Room
from dashboards.controlroom.server import create_app
from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.service import Service

LOGGER = structlog.get_logger(__name__)

GRACE_S = 3


class Server(uvicorn.Server):
    """Uvicorn that leaves signals to the service's own life-cycle."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises `SettingsError` when the address can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SettingsError(f"controlroom.port {port} on {host} can't be used: {error}") from error


async def serve(app: FastAPI, listening: socket.socket, stop: asyncio.Event) -> None:
    """Serve until ``stop``; open live streams are ended, requests under way are finished.

    Ends with the error when the live feed fails: a page that looks live and
    isn't is worse than none.
    """
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S
    )
    server = Server(config)
    room: Room = app.state.room

    async def stopping() -> None:
        ends = [asyncio.create_task(event.wait()) for event in (stop, room.feed.ended)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        room.hub.close()
        server.should_exit = True

    watching = asyncio.create_task(stopping())
    try:
        await server.serve(sockets=[listening])
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        listening.close()
    if room.feed.failure is not None:
        raise room.feed.failure


async def main(service: Service) -> None:
    """Shows the page until the service is told to stop."""
    settings = service.settings.controlroom
    listening = listen(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    log = await service.connect_log()
    try:
        app = create_app(NatsBackend(log, max_custody_events=settings.max_custody_events), settings)
        room: Room = app.state.room

        def on_link(error: str) -> None:
            if error:
                service.health.waiting("feed", error)
            else:
                service.health.ready("feed")

        on_link("not connected yet")
        room.feed.on_link = on_link
        LOGGER.info("controlroom_listening", url=f"http://{host}:{port}/")
        await serve(app, listening, service.stop)
    finally:
        await log.close()
