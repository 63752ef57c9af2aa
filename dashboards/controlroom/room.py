"""`Room`: the parts that the routes work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from dashboards.controlroom.backend import Backend
from dashboards.controlroom.board import Board
from dashboards.controlroom.feed import Feed
from dashboards.controlroom.hub import Hub
from sealtrail.contract.clock import Clock
from sealtrail.runtime.settings.controlroom import ControlRoomSettings


@dataclass(frozen=True)
class Room:
    """One control room: settings, its backend, and the live view of it."""

    settings: ControlRoomSettings
    backend: Backend
    clock: Clock
    board: Board
    hub: Hub
    feed: Feed

    @classmethod
    def open(cls, backend: Backend, settings: ControlRoomSettings, clock: Clock) -> Room:
        board = Board(
            max_containers=settings.max_containers,
            closed_incidents=settings.closed_incidents,
            unread_bytes=settings.unread_bytes,
        )
        hub = Hub(
            queue_frames=settings.viewer_queue_frames,
            replay_frames=settings.replay_frames,
            max_viewers=settings.max_viewers,
        )
        feed = Feed(backend, board, hub, settings, clock)
        return cls(settings=settings, backend=backend, clock=clock, board=board, hub=hub, feed=feed)


def _room(request: Request) -> Room:
    room: Room = request.app.state.room
    return room


InRoom = Annotated[Room, Depends(_room)]
