"""`Feed`: keeps the board current from the backend and tells the viewers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

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
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.settings.controlroom import ControlRoomSettings

LONGEST_RETRY_S = 10.0
RECORD_WAIT_S = 2.0

log = structlog.get_logger("controlroom.feed")


class Feed:
    """Runs until cancelled. When the backend breaks, it tries again with growing pauses.

    The record is asked for positions but not waited for: while it is down,
    alerts and live positions go on. ``on_link`` is told why the feed is cut
    off, and an empty text when it is not.
    """

    def __init__(
        self, backend: Backend, board: Board, hub: Hub, settings: ControlRoomSettings, clock: Clock
    ) -> None:
        self._backend = backend
        self._board = board
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._error = "not connected yet"
        self.ended = asyncio.Event()
        self.failure: ExceptionGroup[Exception] | None = None  # a bug: nothing else ends the feed
        self.on_link: Callable[[str], None] = lambda _error: None
        self._reports_per_s = 0.0
        self._record: asyncio.Task[None] | None = None

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
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow())
                tasks.create_task(self._flush())
                tasks.create_task(self._report())
        except ExceptionGroup as error:
            self.failure = error
            self._set_error("a fault in the control room; its log tells more")
            log.exception("feed_failed")
        finally:
            await self._stop_asking()
            self.ended.set()

    async def _follow(self) -> None:
        pauses = backoff_s(cap_s=LONGEST_RETRY_S)
        while True:
            try:
                await self._follow_once()
                reason = "the feed ended"
            except (UnavailableError, RefusedError) as error:
                reason = str(error)
            if self.connected:
                pauses = backoff_s(cap_s=LONGEST_RETRY_S)
            self._set_error(reason)
            await asyncio.sleep(next(pauses))

    async def _follow_once(self) -> None:
        async with self._backend.changes() as changes:
            record = self._ask_record()
            try:
                incidents, trips = await asyncio.gather(self._backend.incidents(), self._backend.trips())
                await asyncio.wait({record}, timeout=RECORD_WAIT_S)
                self._board.fleet.take_changed()
                self._board.replace(incidents, trips)
                self._set_error("")
                self._hub.restart()
                async for change in changes:
                    if self._board.apply(change):
                        self.announce(change)
            finally:
                await self._stop_asking()

    def _ask_record(self) -> asyncio.Task[None]:
        """Positions from the record; one question at a time."""
        if self._record is not None:
            self._record.cancel()
        self._record = asyncio.create_task(self._take_latest())
        return self._record

    async def _stop_asking(self) -> None:
        if self._record is not None:
            self._record.cancel()
            await asyncio.gather(self._record, return_exceptions=True)

    async def catch_up(self) -> None:
        """Read the reports that nobody has wanted to see so far, and ask the record for those let go."""
        if self._board.unread.overrun:
            self._board.unread.overrun = False
            await asyncio.wait({self._ask_record()}, timeout=RECORD_WAIT_S)
        await self._board.read_reports()

    async def _take_latest(self) -> None:
        """Positions from the record, as soon as it answers."""
        told = False
        for pause_s in backoff_s(cap_s=LONGEST_RETRY_S):
            try:
                self._board.fleet.absorb_latest(await self._backend.latest())
            except (UnavailableError, RefusedError) as error:
                if not told:
                    log.warning("record_unavailable", reason=str(error))
                    told = True
                await asyncio.sleep(pause_s)
            else:
                return

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
            if self._hub.watched:
                await self.catch_up()
                changed = self._board.fleet.take_changed()
                if changed:
                    self._hub.publish("positions", _json(PositionColumns.of(changed)))
            elif self._board.unread:
                self._hub.skip()

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
        self.on_link(reason)


def _json(model: IncidentSummary | TripSummary | PositionColumns | Stats | TripGone) -> bytes:
    return model.model_dump_json().encode()
