"""The state of everything, and the stream that keeps it current."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.types import Receive, Scope, Send

from dashboards.controlroom.hub import FullError
from dashboards.controlroom.problems import ProblemError
from dashboards.controlroom.room import InRoom
from dashboards.controlroom.schemas.live import State
from dashboards.controlroom.schemas.positions import PositionColumns

router = APIRouter(tags=["live"])


@router.get("/api/state", response_model=State)
async def state(room: InRoom) -> Response:
    """Everything as it is now. Follow ``/api/events?after=<cursor>`` from here."""
    await room.feed.catch_up()
    incidents, trips = room.board.summaries()
    found = State.model_construct(
        cursor=room.hub.cursor,
        server_time_ms=room.clock(),
        late_after_s=room.settings.late_after_s,
        silent_after_s=room.settings.silent_after_s,
        stats=room.feed.stats(),
        containers=PositionColumns.of(room.board.fleet.spots()),
        incidents=incidents,
        trips=trips,
    )
    return Response(
        found.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"}
    )


@router.get(
    "/api/events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}},
)
async def events(
    room: InRoom,
    after: Annotated[str | None, Query(max_length=64, description="Cursor of the state.")] = None,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> Response:
    """Live messages: ``positions``, ``incident``, ``trip``, ``trip_removed``, ``stats``, ``resync``.

    ``resync`` says that what was missed isn't kept: fetch the state again. A
    comment arrives at least every heartbeat. A viewer that falls too far
    behind is disconnected.
    """
    stream = room.hub.follow(last_event_id or after, room.settings.heartbeat_s)
    try:
        first = await anext(stream)
    except FullError:
        raise ProblemError(
            "too_many_viewers", "Too many live views", f"{room.settings.max_viewers} are open"
        ) from None
    return EventStream(first, stream, room.settings.send_timeout_s)


class EventStream(Response):
    """Writes a viewer's stream; gives up on one that takes nothing for ``send_timeout_s``."""

    media_type = "text/event-stream"

    def __init__(self, first: bytes, rest: AsyncIterator[bytes], send_timeout_s: float) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._first = first
        self._rest = rest
        self._send_timeout_s = send_timeout_s

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        writer = asyncio.create_task(self._write(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((writer, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writer, gone):
                task.cancel()
            await asyncio.gather(writer, gone, return_exceptions=True)
            await self._rest.aclose()  # type: ignore[attr-defined]  # an async generator

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._send(send, self._first)
        async for payload in self._rest:
            try:
                await self._send(send, payload)
            except TimeoutError:
                break
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(self._send_timeout_s):
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
