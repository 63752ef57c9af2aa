"""The judgement as a service: every partition is judged by exactly one live worker.

Any number of these processes may run: each partition is held by a lease, and a
partition whose holder dies is taken over when the lease has run out, on the same
machine at once. Two that judge the same partition for a moment (the lease of one
was lost while it judged) say the same alert events, known by their ids; only the
holder leaves snapshots.

A partition that fails, whatever the fault, fails alone: it is named in health
and metrics, and begun again from its snapshot after a while. A batch that keeps
failing is then judged container by container (salvage.py).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

import structlog
from prometheus_client import Counter as Metric
from prometheus_client import Gauge

from anomaly.worker import PartitionWorker
from sealtrail.contract import subjects
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.lease import Lease, process_identity
from sealtrail.runtime.log import Log
from sealtrail.runtime.service import Service

LOGGER = structlog.get_logger(__name__)

FAILURES = Metric(
    "sealtrail_judgement_failures_total", "Faults that stopped a partition", ["partition", "reason"]
)
FAILED_AT = Gauge(
    "sealtrail_judgement_failed_at", "Log sequence at which a partition stands still; 0: none", ["partition"]
)


class PartitionHolder:
    """Holds one partition while the service runs, and begins again after whatever stops its worker."""

    def __init__(self, service: Service, log: Log, partition: int) -> None:
        self._service = service
        self._log = log
        self._partition = partition
        self._part = f"partition {partition}"
        self._tries: Counter[int] = Counter()  # by log sequence
        self._waits: Iterator[float] = backoff_s(cap_s=5.0)

    async def hold(self) -> None:
        """Judges until the service stops; raises nothing but cancellation."""
        while not self._service.stop.is_set():
            try:
                await self._judge()
            except UnavailableError as error:
                LOGGER.warning("partition_interrupted", partition=self._partition, error=str(error))
                self._service.health.waiting(self._part, str(error))
                await self._pause(next(self._waits))

    async def _judge(self) -> None:
        """One worker's life, from the lease to its end."""
        bucket = await self._log.bucket(subjects.LEASES_BUCKET)
        settings, stop, health = self._service.settings.anomaly, self._service.stop, self._service.health
        lease = Lease(bucket, f"anomaly.{self._partition}", process_identity())
        worker = PartitionWorker(self._log, self._partition, settings, wall_clock_ms, self._progress)
        try:
            if await lease.acquire(stop):
                if not self._tries:
                    health.waiting(self._part, "loading its snapshot")
                await worker.resume()
                worker.apart = self._too_often()
                if not self._tries:
                    self._sound()
                await worker.run(stop, lambda: lease.held)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it stops this partition only
            self._failed(worker, error)
        finally:
            await lease.release()
        if self._tries and not stop.is_set():
            await self._pause(next(self._waits))

    def _too_often(self) -> frozenset[int]:
        """Log sequences of messages that have failed as often as they may."""
        most = self._service.settings.anomaly.failed_batch_tries
        return frozenset(sequence for sequence, tries in self._tries.items() if tries >= most)

    def _failed(self, worker: PartitionWorker, error: Exception) -> None:
        at, reason = worker.failed_at or worker.position, type(error).__name__
        self._tries[at] += 1
        FAILURES.labels(self._partition, reason).inc()
        FAILED_AT.labels(self._partition).set(at)
        self._service.health.waiting(self._part, f"stands still before log sequence {at}: {reason}: {error}")
        LOGGER.error(
            "partition_failed", partition=self._partition, sequence=at, reason=reason, exc_info=error
        )

    def _progress(self, position: int) -> None:
        """A worker has come past a position: what failed before it is overcome."""
        if self._tries and position > max(self._tries):
            self._tries.clear()
            self._sound()

    def _sound(self) -> None:
        self._waits = backoff_s(cap_s=5.0)
        FAILED_AT.labels(self._partition).set(0)
        self._service.health.ready(self._part)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._service.stop.wait(), seconds)


async def main(service: Service) -> None:
    """Connects, then judges every partition that no other process holds."""
    log = await service.connect_log()
    try:
        async with asyncio.TaskGroup() as partitions:
            for partition in range(service.settings.partitions):
                partitions.create_task(PartitionHolder(service, log, partition).hold())
    finally:
        await log.close()
