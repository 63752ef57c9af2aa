"""`Feed`: keeps the board current from the backend and tells the viewers."""

from __future__ import annotations

import asyncio
import random
import time

import structlog

from dashboards.controlroom.backend import Backend, Change, IncidentChanged, TripChanged, TripRemoved
from dashboards.controlroom.board import Board
from dashboards.controlroom.hub import Hub
from dashboards.controlroom.schemas.incidents import IncidentSummary
from dashboards.controlroom.schemas.live import Stats, TripGone
from dashboards.controlroom.schemas.positions import PositionColumns
from dashboards.controlroom.schemas.trips import TripSummary
from sealtrail.contract.clock import Clock
from sealtrail.contract.errors import RefusedError, UnavailableError
from sealtrail.runtime.settings.controlroom import ControlRoomSettings

FIRST_RETRY_S = 0.25
LONGEST_RETRY_S = 10.0

log = structlog.get_logger("controlroom.feed")


class Feed:
    """Runs until cancelled. When the backend breaks, it tries again with growing pauses."""

    def __init__(
        self, backend: Backend, board: Board, hub: Hub, settings: ControlRoomSettings, clock: Clock
    ) -> None:
        self._backend = backend
        self._board = board
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._error = "not connected yet"
        self._reports_per_s = 0.0

    @property
    def connected(self) -> bool:
        """Whether the board is current."""
        return not self._error

    def stats(self) -> Stats:
        return Stats(
            server_time_ms=self._clock(),
            reports_per_s=round(self._reports_per_s, 1),
            containers=len(self._board.fleet),
            viewers=self._hub.viewers,
            feed_connected=self.connected,
            feed_error=self._error,
        )

    async def run(self) -> None:
        """Follow the backend, send positions in batches and figures now and then."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._flush())
            tasks.create_task(self._report())

    async def _follow(self) -> None:
        pause_s = FIRST_RETRY_S
        while True:
            try:
                await self._follow_once()
                reason = "the feed ended"
            except (UnavailableError, RefusedError) as error:
                reason = str(error)
            if self.connected:
                pause_s = FIRST_RETRY_S
            self._set_error(reason)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            pause_s = min(pause_s * 2, LONGEST_RETRY_S)

    async def _follow_once(self) -> None:
        async with self._backend.changes() as changes:
            latest, incidents, trips = await asyncio.gather(
                self._backend.latest(), self._backend.incidents(), self._backend.trips()
            )
            self._board.fleet.absorb_latest(latest)
            self._board.fleet.take_changed()
            self._board.replace(incidents, trips)
            self._set_error("")
            self._hub.restart()
            async for change in changes:
                if self._board.apply(change):
                    self.announce(change)

    def announce(self, change: Change) -> None:
        """Tell the viewers of a change that is on the board."""
        match change:
            case IncidentChanged(incident):
                self._hub.publish("incident", _json(IncidentSummary.of(incident)))
            case TripChanged(trip):
                self._hub.publish("trip", _json(TripSummary.of(trip)))
            case TripRemoved(trip_id):
                self._hub.publish("trip_removed", _json(TripGone(trip_id=trip_id)))
            case _:
                pass

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(self._settings.flush_interval_ms / 1000)
            changed = self._board.fleet.take_changed()
            if changed:
                self._hub.publish("positions", _json(PositionColumns.of(changed)))

    async def _report(self) -> None:
        seen, at = self._board.readings_seen, time.monotonic()
        while True:
            await asyncio.sleep(self._settings.stats_interval_ms / 1000)
            now = time.monotonic()
            self._reports_per_s = (self._board.readings_seen - seen) / (now - at)
            seen, at = self._board.readings_seen, now
            self._hub.publish("stats", _json(self.stats()))

    def _set_error(self, reason: str) -> None:
        if bool(reason) != bool(self._error):
            if reason:
                log.warning("feed_lost", reason=reason)
            else:
                log.info("feed_connected", containers=len(self._board.fleet))
        self._error = reason


def _json(model: IncidentSummary | TripSummary | PositionColumns | Stats | TripGone) -> bytes:
    return model.model_dump_json().encode()
