"""`Door`: what all conversations at one port share."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.listeners.access import Access
from gateway.listeners.intake import Intake
from gateway.metrics import DoorMetrics
from gateway.wire import Wire
from sealtrail.contract.clock import Clock
from sealtrail.runtime.settings.gateway import DoorSettings

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class House:
    """What all doors share."""

    bounds: DoorSettings
    access: Access
    metrics: DoorMetrics
    clock: Clock  # UTC milliseconds
    monotonic: Callable[[], float] = time.monotonic  # seconds


class Door:
    """One port: a family over one transport (``tcp``, ``tls``, ``udp``)."""

    def __init__(self, name: str, family: str, wire: Wire, intake: Intake, house: House) -> None:
        self.name = name
        self.family = family
        self.wire = wire
        self.intake = intake
        self.bounds = house.bounds
        self.access = house.access
        self.clock = house.clock
        self.monotonic = house.monotonic
        self.counts = house.metrics.of(name, family)
        self._metrics = house.metrics

    def refused(self, reason: str) -> None:
        """Counts a connection or a datagram that was turned away or cut."""
        self._metrics.refused(self.name, self.family, reason)


def next_connection_id() -> int:
    """Unique in this process."""
    return next(_numbers)
