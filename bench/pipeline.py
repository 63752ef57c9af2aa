"""The whole way: throughput until all can be queried, and latency from a cut seal to its webhook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from bench.errors import BenchError
from bench.load import Load
from bench.procfs import Meter
from bench.publisher import Done, Work
from bench.publishing import PublisherProcess, publishing
from bench.result import Latency, Way, costs, quantile
from bench.sealtrail_system import SealTrail
from bench.system import System

WINDOW = 10_000
LOOK_S = 0.25
CONFIRM_S = 0.2
DRAIN_DEADLINE_S = 180.0
NOTICE_DEADLINE_S = 60.0
FEWEST = 5_000

Say = Callable[[str], None]


class Amount(NamedTuple):
    """How much to send: ``warm_up`` messages, then so many as take about ``seconds``.

    ``messages`` fixes the number instead.
    """

    warm_up: int
    seconds: float
    messages: int | None = None


class _Times(NamedTuple):
    stored_s: float
    judged_s: float | None


class Run:
    """Messages on their way through one system; message numbers go on from call to call."""

    def __init__(self, system: System, publisher: PublisherProcess, say: Say) -> None:
        self._system = system
        self._publisher = publisher
        self._say = say
        self._sent = 0  # distinct messages, those of containers to be cut included
        self._next = 0

    async def _prepare(
        self, count: int, *, rate: float | None = None, cuts: int = 0, sealed: int = 0
    ) -> None:
        work = Work(first=self._next, count=count, rate=rate, cuts=cuts, seal_cuts=bool(sealed))
        await self._publisher.prepare(work)
        self._next += count
        self._sent += count + cuts + sealed

    async def _through(self, begun_s: float, before: tuple[int, int | None]) -> _Times:
        """Waits until everything sent can be queried and is judged; seconds since ``begun_s``."""
        wanted = self._sent
        stored_before, judged_before = before
        stored_s: float | None = None
        judged_s: float | None = None
        deadline = time.monotonic() + DRAIN_DEADLINE_S
        while time.monotonic() < deadline:
            now_s = time.monotonic() - begun_s
            progress = await asyncio.to_thread(self._system.progress)
            if judged_s is None and (progress.judged is None or progress.judged >= (judged_before or 0)):
                judged_s = now_s
            if stored_s is None and progress.stored >= stored_before:
                now_s = time.monotonic() - begun_s
                if await self._system.queryable() >= wanted:
                    stored_s = now_s
                else:
                    await asyncio.sleep(CONFIRM_S)
                    continue
            if stored_s is not None and judged_s is not None:
                return _Times(stored_s, None if progress.judged is None else judged_s)
            await asyncio.sleep(LOOK_S)
        found = await self._system.queryable()
        raise BenchError(f"{self._system.name}: {wanted} sent, {found} can be queried, {progress}")

    def _targets(self, more: int) -> tuple[int, int | None]:
        progress = self._system.progress()
        return progress.stored + more, None if progress.judged is None else progress.judged + more

    async def warm_up(self, count: int, sealed: int) -> float:
        """Sends ``count`` messages and the first reports of containers to be cut; the rate seen."""
        targets = self._targets(count + sealed)
        await self._prepare(count, sealed=sealed)
        begun_s = time.monotonic()
        await self._publisher.go()
        times = await self._through(begun_s, targets)
        return count / max(times.stored_s, times.judged_s or 0.0)

    async def measure(self, count: int) -> Way:
        """Sends ``count`` messages as fast as the broker takes them."""
        await self._prepare(count)
        targets = self._targets(count)
        meter = Meter({"publisher": self._publisher.pid, **self._system.pids})
        meter.start()
        begun_s = time.monotonic()
        going = asyncio.create_task(self._publisher.go())
        try:
            times = await self._through(begun_s, targets)
        finally:
            done = await going
        usages, others = meter.read(), meter.others_share()
        self._say(f"  {count:,} messages in {times.stored_s:.1f} s")
        return Way(
            name=self._system.name,
            messages=count,
            seconds=round(times.stored_s, 2),
            published_per_s=round(count / (done.ended_at_s - done.begun_at_s)),
            queryable_per_s=round(count / times.stored_s),
            judged_per_s=None if times.judged_s is None else round(count / times.judged_s),
            false_alerts=self._system.false_alerts(),
            others_cpu_share=round(others, 3),
            costs=costs(usages, count),
        )

    async def latency(self, system: SealTrail, rate_per_s: float, seconds: float) -> Latency:
        """Sends a steady flow with cuts spread in it; waits for the webhook of each."""
        cuts = system.load.cuts
        await self._prepare(round(rate_per_s * seconds), rate=rate_per_s, cuts=cuts)
        done: Done = await self._publisher.go()
        deadline = time.monotonic() + NOTICE_DEADLINE_S
        while len(received := await asyncio.to_thread(system.cut_received_at_ms)) < cuts:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(LOOK_S)
        sent_at_ms = {
            system.load.container_id(system.load.containers + number): at_s * 1000
            for number, at_s in enumerate(done.cut_sent_at_s)
        }
        delays = sorted(at_ms - sent_at_ms[container] for container, at_ms in received.items())
        self._say(f"  {len(delays)} of {cuts} cuts notified")
        return Latency(
            name=system.name,
            rate_per_s=round(rate_per_s),
            cuts=cuts,
            received=len(delays),
            p50_ms=round(quantile(delays, 0.5), 1) if delays else None,
            p99_ms=round(quantile(delays, 0.99), 1) if delays else None,
            worst_ms=round(delays[-1], 1) if delays else None,
        )


async def measure_system(
    system: SealTrail, amount: Amount, latency_s: float, say: Say
) -> tuple[Way, Latency]:
    """Throughput, then latency at half of it, in one running system."""
    load = system.load
    async with publishing(system.broker, load, WINDOW) as publisher:
        run = Run(system, publisher, say)
        rate = await run.warm_up(amount.warm_up, load.cuts)
        way = await run.measure(count_for(rate, amount, load.most_messages - amount.warm_up))
        half = min(way.queryable_per_s, way.judged_per_s or way.queryable_per_s) / 2
        return way, await run.latency(system, half, latency_s)


async def measure_peer(system: System, load: Load, warm_up: int, count: int, say: Say) -> Way:
    """Throughput of a system that doesn't judge, with a number of messages given."""
    async with publishing(system.broker, load, WINDOW) as publisher:
        run = Run(system, publisher, say)
        await run.warm_up(warm_up, 0)
        return await run.measure(count)


def count_for(rate: float, amount: Amount, most: int) -> int:
    """Messages that take about the wished time at ``rate``, leaving room for the latency run."""
    return amount.messages or max(FEWEST, min(round(rate * amount.seconds), most // 2))
