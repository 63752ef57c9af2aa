"""The judgement as a service: every partition is judged by exactly one live worker.

Any number of these processes may run: each partition is held by a lease, and a
partition whose holder dies is taken over when the lease has run out, on the same
machine at once. Two that judge the same partition for a moment (the lease of one
was lost while it judged) say the same alert events, known by their ids; only the
holder leaves snapshots.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from anomaly.worker import PartitionWorker
from sealtrail.contract import subjects
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.lease import Lease, process_identity
from sealtrail.runtime.log import Log
from sealtrail.runtime.service import Service

LOGGER = structlog.get_logger(__name__)


async def _hold_partition(service: Service, log: Log, partition: int) -> None:
    bucket = await log.bucket(subjects.LEASES_BUCKET)
    part = f"partition {partition}"
    waits = backoff_s(cap_s=5.0)
    while not service.stop.is_set():
        lease = Lease(bucket, f"anomaly.{partition}", process_identity())
        worker = PartitionWorker(log, partition, service.settings.anomaly, wall_clock_ms)
        try:
            if await lease.acquire(service.stop):
                service.health.waiting(part, "loading its snapshot")
                await worker.resume()
                service.health.ready(part)
                waits = backoff_s(cap_s=5.0)
                await worker.run(service.stop, lambda held=lease: held.held)  # type: ignore[misc] # bound now
        except UnavailableError as error:
            LOGGER.warning("partition_interrupted", partition=partition, error=str(error))
            service.health.waiting(part, str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(service.stop.wait(), next(waits))
        finally:
            await lease.release()


async def main(service: Service) -> None:
    """Connects, then judges every partition that no other process holds."""
    log = await service.connect_log()
    try:
        async with asyncio.TaskGroup() as partitions:
            for partition in range(service.settings.partitions):
                partitions.create_task(_hold_partition(service, log, partition))
    finally:
        await log.close()
