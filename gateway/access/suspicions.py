"""`Suspicions`: what makes an identity suspect goes to the log, once for each suspicion and hour."""

from __future__ import annotations

import asyncio
import collections
import hashlib
from collections.abc import Mapping

import structlog
from prometheus_client import Counter

from sealtrail.contract.codec import encode_trip_events
from sealtrail.contract.device import Suspicion
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.subjects import partition_of, trips_subject
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.log import Log

LOGGER = structlog.get_logger(__name__)

_TOLD = Counter("sealtrail_access_suspicions", "Suspect identities that were told.", ("suspicion",))

Evidence = Mapping[str, str | int | float | bool]

MOST_WAITING = 1_000
MOST_REMEMBERED = 100_000
MOST_STRANGERS = 60
"""Unknown devices that are told of in one period: invented names must not fill the judgement."""
MAX_EVIDENCE = 200


class Suspicions:
    """`tell` never waits; ``told`` counts by suspicion, ``left_out`` counts what was too much."""

    def __init__(self, partitions: int, every_s: float, actor: str = "gateway") -> None:
        self._partitions = partitions
        self._every_ms = max(1, round(every_s * 1000))
        self._actor = actor
        self._told: set[tuple[str, Suspicion]] = set()
        self._strangers = 0
        self._period = -1
        self._waiting: asyncio.Queue[TripEvent] = asyncio.Queue(MOST_WAITING)
        self.told: collections.Counter[Suspicion] = collections.Counter()
        self.left_out: collections.Counter[Suspicion] = collections.Counter()

    def tell(
        self, device_id: str, container_id: str | None, suspicion: Suspicion, evidence: Evidence, now_ms: int
    ) -> bool:
        """Whether this is news, and will be on the log.

        The event is filed under the container, else under the device itself,
        which is the key of its readings. Several gateways that notice the same
        make the same event.
        """
        period = now_ms // self._every_ms
        if period != self._period:
            self._period, self._strangers = period, 0
            self._told.clear()
        if (device_id, suspicion) in self._told:
            return False
        is_stranger = suspicion is Suspicion.UNKNOWN_DEVICE
        full = len(self._told) >= MOST_REMEMBERED or self._waiting.full()
        if full or (is_stranger and self._strangers >= MOST_STRANGERS):
            self.left_out[suspicion] += 1
            return False
        self._told.add((device_id, suspicion))
        self._strangers += is_stranger
        self.told[suspicion] += 1
        _TOLD.labels(suspicion.value).inc()
        self._waiting.put_nowait(
            self._event(device_id, container_id or device_id, suspicion, evidence, period, now_ms)
        )
        return True

    def _event(
        self,
        device_id: str,
        key: str,
        suspicion: Suspicion,
        evidence: Evidence,
        period: int,
        now_ms: int,
    ) -> TripEvent:
        about = f"{device_id}\0{suspicion.value}\0{period}"
        return TripEvent(
            event_id=f"identity-{hashlib.blake2b(about.encode(), digest_size=12).hexdigest()}",
            kind=TripEventKind.IDENTITY_SUSPECT,
            occurred_at_ms=now_ms,
            recorded_at_ms=now_ms,
            container_id=key,
            actor=self._actor,
            device_id=device_id,
            suspicion=suspicion.value,
            evidence={
                name: value[:MAX_EVIDENCE] if isinstance(value, str) else value
                for name, value in evidence.items()
            },
        )

    async def write(self, log: Log) -> None:
        """Appends what is told to the log until cancelled; waits while the log is away."""
        while True:
            event = await self._waiting.get()
            subject = trips_subject(partition_of(event.container_id, self._partitions))
            for wait_s in backoff_s(cap_s=5.0):
                try:
                    await log.append(subject, encode_trip_events([event]), message_id=event.event_id)
                    break
                except UnavailableError as error:
                    LOGGER.debug("suspicion_waits", error=str(error))
                await asyncio.sleep(wait_s)
            LOGGER.warning(
                "identity_suspect",
                device_id=event.device_id,
                suspicion=event.suspicion,
                **{f"seen_{name}": value for name, value in event.evidence.items()},
            )
