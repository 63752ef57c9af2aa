"""`create_app`: the control room's HTTP application over a backend."""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.controlroom import page, problems
from dashboards.controlroom.backend import Backend
from dashboards.controlroom.room import Room
from dashboards.controlroom.routes import incidents, live, record, risk, trips
from sealtrail.contract.clock import Clock, wall_clock_ms
from sealtrail.runtime.settings.controlroom import ControlRoomSettings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SameOrigin:
    """ASGI middleware: another site's page can't decide on incidents in a viewer's name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != headers.get("host"):
                problem = problems.Problem(
                    name="foreign_origin", title="Only the control room's own page may do this", status=403
                )
                await problems.response(problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _version() -> str:
    try:
        return importlib.metadata.version("sealtrail")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that isn't installed
        return "0"


def create_app(
    backend: Backend, settings: ControlRoomSettings | None = None, clock: Clock = wall_clock_ms
) -> FastAPI:
    """Application whose live feed runs from its start to its end.

    ``app.state.room`` is the `Room`; call ``room.hub.close()`` before stopping
    the server, so that open streams end at once.
    """
    room = Room.open(backend, settings or ControlRoomSettings(), clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        feed = asyncio.create_task(room.feed.run(), name="controlroom-feed")
        try:
            yield
        finally:
            room.hub.close()
            feed.cancel()
            await asyncio.gather(feed, return_exceptions=True)

    app = FastAPI(
        title="SealTrail control room",
        version=_version(),
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from another host
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.room = room
    problems.install(app)
    for part in (live, record, incidents, trips, risk):
        app.include_router(part.router)
    page.install(app)
    app.add_middleware(SameOrigin)
    app.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=1)
    app.add_middleware(page.SecurityHeaders)
    return app
