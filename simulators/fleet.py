"""`run_fleet`: a world, sent to a broker at its own times."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, NamedTuple

from sealtrail.contract.clock import Clock
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime.settings.simulator import PublisherSettings
from simulators.publisher import Publisher
from simulators.truth import Outgoing, OutgoingKind, ScriptedEvent
from simulators.world import World

TripSink = Callable[[TripEvent], Awaitable[None]]

SETTLE_S = 0.25
_GRACE_S = 5.0
_TRIP_BATCH = 500


class SentEvent(NamedTuple):
    """A scripted event and when the broker had its evidence; None: not sent by the end of the run."""

    event: ScriptedEvent
    sent_at_ms: int | None


class FleetReport(NamedTuple):
    """``published`` counts PUBACKs, of reports, duplicates and corrupt payloads together."""

    published: int
    duplicates_sent: int
    corrupt_sent: int
    resent: int  # sent again after a broken connection: the broker may have had them twice
    unacknowledged: int  # taken from the world at the end of the run, but without a PUBACK
    trip_events: int
    scripted: tuple[SentEvent, ...]


class Progress(NamedTuple):
    """State of a run, for people."""

    published: int
    behind_ms: int  # how far in the past the newest message is


class Fleet:
    """One run of a world against a broker.

    Whatever is due goes out as fast as the broker takes it, or with ``pace``
    above 0 at that many times real time until the present is reached; the rest
    at its own time. Event times never run ahead of ``clock``. A trip event is
    handed to ``trip_sink``, and awaited, before anything that is sent after it;
    after newly planned trips ``settle_s`` pass, so that whoever watches the
    pairings has heard of them before the first report comes in.
    """

    def __init__(
        self,
        world: World,
        settings: PublisherSettings,
        trip_sink: TripSink,
        clock: Clock,
        pace: float = 0.0,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._world = world
        self._settings = settings
        self._trip_sink = trip_sink
        self._clock = clock
        self._pace = pace
        self._settle_s = settle_s
        self._counts: Counter[OutgoingKind] = Counter()
        self._sent: dict[int, int] = {}
        self._trip_events = 0
        self._at_ms = world.profile.start_ms

    @property
    def progress(self) -> Progress:
        return Progress(self._counts.total(), max(0, self._clock() - self._at_ms))

    async def run(self, stop: asyncio.Event) -> FleetReport:
        """Until the world ends or ``stop`` is set; what is on the wire then is still waited for.

        Raises `UnavailableError` where the broker can't be reached at the start.
        """
        async with Publisher(self._settings, self._published, stop) as publisher:
            async for item in self._when_due(stop):
                if not isinstance(item, Outgoing):
                    await self._hand_over(item, stop)
                elif not publisher.offer(item):
                    await unless_stopped(publisher.send(item), stop)
            if not stop.is_set():
                await unless_stopped(publisher.flush(), stop)
            unacknowledged = await publisher.close(_GRACE_S)
            return self._report(publisher.resent, unacknowledged)

    async def _hand_over(self, events: list[TripEvent], stop: asyncio.Event) -> None:
        await asyncio.gather(*(self._trip_sink(event) for event in events))
        self._trip_events += len(events)
        if any(event.kind is TripEventKind.PLANNED for event in events):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._settle_s)

    async def _when_due(self, stop: asyncio.Event) -> AsyncIterator[Outgoing | list[TripEvent]]:
        began_ms = self._clock()
        for item in _grouped(self._world.stream()):
            at_ms = item.send_at_ms if isinstance(item, Outgoing) else item[0].recorded_at_ms
            if not await wait_until(self._due_at(at_ms, began_ms), self._clock, stop):
                return
            self._at_ms = at_ms
            yield item

    def _due_at(self, at_ms: int, began_ms: int) -> int:
        """Wall-clock time at which something of world time ``at_ms`` is to be sent."""
        if self._pace <= 0 or self._pace == 1:
            return at_ms
        start_ms = self._world.profile.start_ms
        return max(at_ms, began_ms + round((at_ms - start_ms) / self._pace))

    def _published(self, outgoing: Outgoing) -> None:
        self._counts[outgoing.kind] += 1
        if outgoing.event_no is not None:
            self._sent[outgoing.event_no] = self._clock()

    def _report(self, resent: int, unacknowledged: int) -> FleetReport:
        return FleetReport(
            published=self._counts.total(),
            duplicates_sent=self._counts[OutgoingKind.DUPLICATE],
            corrupt_sent=self._counts[OutgoingKind.CORRUPT],
            resent=resent,
            unacknowledged=unacknowledged,
            trip_events=self._trip_events,
            scripted=tuple(
                SentEvent(event, self._sent.get(event.event_no)) for event in self._world.scripted
            ),
        )


async def wait_until(at_ms: int, clock: Clock, stop: asyncio.Event) -> bool:
    """Waits until ``clock`` shows ``at_ms``; False as soon as ``stop`` is set."""
    while (wait_ms := at_ms - clock()) > 0 and not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_ms / 1000)
    return not stop.is_set()


async def unless_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Waits for ``work``, and gives it up when ``stop`` is set first."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


def _grouped(stream: Iterator[Outgoing | TripEvent]) -> Iterator[Outgoing | list[TripEvent]]:
    """Trip events in a row, of different containers, go together."""
    group: list[TripEvent] = []
    for item in stream:
        if group and not _joins(item, group):
            yield group
            group = []
        if isinstance(item, TripEvent):
            group.append(item)
        else:
            yield item
    if group:
        yield group


def _joins(item: Outgoing | TripEvent, group: list[TripEvent]) -> bool:
    return (
        isinstance(item, TripEvent)
        and len(group) < _TRIP_BATCH
        and item.recorded_at_ms == group[0].recorded_at_ms
        and all(event.container_id != item.container_id for event in group)
    )


async def run_fleet(
    world: World,
    settings: PublisherSettings,
    trip_sink: TripSink,
    clock: Clock,
    stop: asyncio.Event,
) -> FleetReport:
    """Runs ``world`` to its end or until ``stop``; see `Fleet`."""
    return await Fleet(world, settings, trip_sink, clock).run(stop)
