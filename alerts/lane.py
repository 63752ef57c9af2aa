"""One subscriber's queue: in order per container, several containers at once, never in another's way.

Every subscriber has a lane of its own, so a slow or dead one holds up nobody
else. Within a lane the deliveries of one container form a chain; each waits for
the one before it. A delivery that keeps failing while the subscriber accepts
others steps out of its chain, so that one bad message doesn't stop the rest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import NamedTuple

import structlog

from alerts import metrics
from alerts.channels import Channel, Notification, Outcome, Verdict
from alerts.ledger import Ledger, LedgerEntry, with_attempt
from alerts.retry import RetryPolicy
from sealtrail.contract.clock import Clock
from sealtrail.contract.incident import ChannelKind, DeliveryAttempt, DeliveryState
from sealtrail.contract.public.subscriber import Subscriber
from sealtrail.runtime.background import Background

LOGGER = structlog.get_logger(__name__)

ALONE_AFTER = 3  # failures while the subscriber accepted others
LOST_AFTER = 3  # failures in a row, before it is logged
CLOSE_GRACE_S = 4.0


class Waiting(NamedTuple):
    """A queued delivery, as little of it as the queue needs."""

    delivery_id: str
    container_id: str


class LaneLimits(NamedTuple):
    """Bounds of a lane: attempts at once, deliveries in memory."""

    at_once: int
    in_memory: int


class Lane:
    """Delivers one subscriber's queue until `close`."""

    def __init__(
        self,
        subscriber_id: str,
        find: Callable[[str], Subscriber | None],
        channels: dict[ChannelKind, Channel],
        ledger: Ledger,
        policy: RetryPolicy,
        limits: LaneLimits,
        clock: Clock,
        background: Background,
    ) -> None:
        self._subscriber_id = subscriber_id
        self._find = find
        self._channels = channels
        self._ledger = ledger
        self._policy = policy
        self._limits = limits
        self._clock = clock
        self._background = background
        self._slots = asyncio.Semaphore(limits.at_once)
        self._chains: dict[str, deque[Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._known: set[str] = set()
        self._spilled = False
        self._paused_until_ms = 0
        self._last_success_ms = 0
        self._failures = 0
        self._attempting: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def waiting(self) -> int:
        """Deliveries in memory."""
        return len(self._known)

    def add(self, entries: Iterable[LedgerEntry]) -> None:
        """Queues entries that are in the ledger; what doesn't fit stays there until there is room."""
        for entry in entries:
            if entry.delivery_id in self._known:
                continue
            if self._spilled or len(self._known) >= self._limits.in_memory:
                self._spilled = True
                continue
            self._known.add(entry.delivery_id)
            chain = self._chains.setdefault(entry.container_id, deque())
            chain.append(Waiting(entry.delivery_id, entry.container_id))
            if len(chain) == 1:
                self._start(self._run_chain(entry.container_id))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        """Runs a part of the lane; a fault in it would leave a container's notifications untold."""
        task = self._background.start(work, f"lane {self._subscriber_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_chain(self, container_id: str) -> None:
        chain = self._chains[container_id]
        while chain and not self._closing:
            first = chain[0]
            if await self._deliver(first, in_chain=True):
                self._known.discard(first.delivery_id)
            else:
                self._start(self._deliver_alone(first))
            chain.popleft()
        del self._chains[container_id]
        await self._refill()

    async def _deliver_alone(self, waiting: Waiting) -> None:
        await self._deliver(waiting, in_chain=False)
        self._known.discard(waiting.delivery_id)
        await self._refill()

    async def _refill(self) -> None:
        """Fetches what was left in the ledger once the memory is half empty."""
        if not self._spilled or len(self._known) > self._limits.in_memory // 2:
            return
        self._spilled = False
        self.add(await self._ledger.queued_of(self._subscriber_id))

    async def _deliver(self, waiting: Waiting, *, in_chain: bool) -> bool:
        """Tries until the delivery has ended (True), or leaves its chain (False)."""
        failed_at_ms = 0
        failed_while_up = 0
        while True:
            found = await self._ledger.get(waiting.delivery_id)
            if found is None or found[0].state is not DeliveryState.QUEUED:
                return True
            entry, revision = found
            await self._wait_until(entry.next_attempt_at_ms or 0)
            async with self._slots:
                await self._wait_until(self._paused_until_ms)
                if self._closing:  # a cancellation that came together with an answer of the log is lost
                    return True
                entry = await self._attempt_whole(entry, revision)
            if entry.state is not DeliveryState.QUEUED or self._closing:
                return True
            if failed_at_ms and self._last_success_ms > failed_at_ms:
                failed_while_up += 1
            failed_at_ms = self._clock()
            if in_chain and failed_while_up >= ALONE_AFTER:
                return False

    async def _wait_until(self, at_ms: int) -> None:
        while (left_ms := at_ms - self._clock()) > 0:  # noqa: ASYNC110 - waits for a time, not for an event
            await asyncio.sleep(left_ms / 1000)

    async def _attempt_whole(self, entry: LedgerEntry, revision: int) -> LedgerEntry:
        """One attempt, known to `close`, which lets it come to its end."""
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("deliveries run in tasks")
        self._attempting.add(task)
        try:
            return await self._attempt(entry, revision)
        finally:
            self._attempting.discard(task)

    async def _attempt(self, entry: LedgerEntry, revision: int) -> LedgerEntry:
        """One attempt, recorded; returns the entry as it is then."""
        begun_ms = self._clock()
        outcome = await self._send(entry)
        ended_ms = self._clock()
        state, next_attempt_at_ms = self._policy.after(entry, outcome, ended_ms)
        attempt = DeliveryAttempt(
            at_ms=begun_ms, outcome=outcome.name, detail=outcome.detail, took_ms=max(0, ended_ms - begun_ms)
        )
        after = with_attempt(entry, attempt, state, next_attempt_at_ms)
        await self._ledger.record(after, revision)
        self._note(after, outcome, ended_ms)
        return after

    async def _send(self, entry: LedgerEntry) -> Outcome:
        subscriber = self._find(entry.subscriber_id)
        if subscriber is None:
            return Outcome(Verdict.GIVE_UP, "subscriber_removed")
        if entry.channel not in subscriber.channel_kinds:
            return Outcome(Verdict.GIVE_UP, "channel_removed")
        notification = Notification(entry.delivery_id, entry.container_id, entry.body.encode())
        try:
            return await self._channels[entry.channel].attempt(subscriber, notification)
        except Exception as error:  # a fault in a channel must not lose the notification
            LOGGER.exception("channel_failed", channel=entry.channel.value)
            return Outcome(Verdict.RETRY, "channel_failed", type(error).__name__)

    def _note(self, entry: LedgerEntry, outcome: Outcome, now_ms: int) -> None:
        """Counts the outcome, and logs when the subscriber is lost and when it is back."""
        metrics.ATTEMPTS.labels(entry.channel.value, outcome.name).inc()
        if entry.state is not DeliveryState.QUEUED:
            metrics.DELIVERIES.labels(entry.channel.value, entry.state.value).inc()
        if outcome.verdict is Verdict.DELIVERED:
            self._last_success_ms = now_ms
            metrics.LATENCY.labels(entry.channel.value).observe(max(0, now_ms - entry.queued_at_ms) / 1000)
        if entry.state is DeliveryState.FAILED:
            LOGGER.error(
                "delivery_failed",
                subscriber=self._subscriber_id,
                delivery=entry.delivery_id,
                outcome=outcome.name,
                detail=outcome.detail,
            )
        if outcome.retry_after_s is not None and outcome.verdict is Verdict.RETRY:
            self._paused_until_ms = max(self._paused_until_ms, now_ms + int(outcome.retry_after_s * 1000))
        down = outcome.verdict in (Verdict.RETRY, Verdict.RETRY_SLOWLY)
        self._failures, before = (self._failures + 1, self._failures) if down else (0, self._failures)
        if self._failures == LOST_AFTER:
            LOGGER.warning(
                "subscriber_lost",
                subscriber=self._subscriber_id,
                outcome=outcome.name,
                detail=outcome.detail,
            )
        elif not down and before >= LOST_AFTER:
            LOGGER.info("subscriber_back", subscriber=self._subscriber_id)

    async def close(self) -> None:
        """Stops after the attempts under way; what wasn't delivered stays queued in the ledger."""
        self._closing = True
        for task in self._tasks - self._attempting:
            task.cancel()
        if self._attempting:
            await asyncio.wait(self._attempting, timeout=CLOSE_GRACE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
