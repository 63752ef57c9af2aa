"""`Store`: what keeps the record and answers questions about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.completeness import DaysQuery, DeviceDay
from sealtrail.contract.queries import (
    CountQuery,
    Counts,
    LatestQuery,
    Position,
    Sample,
    SealQuery,
    SealRecord,
    SensorQuery,
    TrackQuery,
)
from sealtrail.contract.reading import Reading

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused(Generic[T]):
    """One item that the record can't take; ``reason`` is a stable snake_case name."""

    item: T
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WriteReport(Generic[T]):
    """What became of a batch: the number written (copies included) and the refused ones."""

    written: int
    refused: list[Refused[T]] = field(default_factory=list)


class Store(Protocol):
    """The record. Every method raises `UnavailableError` when the database doesn't answer.

    * After ``write`` has returned, what it counted as written survives a crash
      of this process and of the database.
    * Writing a batch again, whole or in part, changes nothing. After an
      `UnavailableError` any part of the batch may have been written: write it again.
    * A reading stands at the time it happened, however late it comes. The
      order of batches doesn't matter.
    * Readings of one container in the same millisecond are all kept; their
      order among each other is not defined, but is the same in every answer.
    """

    async def open(self) -> None:
        """Connects and creates what is missing; may be called again after a failure."""
        ...

    async def close(self) -> None:
        """Ends the connection; open writes are finished first."""
        ...

    async def write(self, readings: Sequence[Reading]) -> WriteReport[Reading]:
        """Keeps readings."""
        ...

    async def write_alerts(self, events: Sequence[AlertEvent]) -> WriteReport[AlertEvent]:
        """Keeps alert events, for dashboards; the truth about alerts is the alert log."""
        ...

    async def write_days(self, days: Sequence[DeviceDay]) -> WriteReport[DeviceDay]:
        """Keeps daily records of devices; a later one of a device and day takes the place of an earlier."""
        ...

    async def latest(self, query: LatestQuery) -> list[Position]:
        """Last known state of every container, sorted by container.

        Fix kind, coordinates, accuracy, speed and course are those of the
        newest report that has a place; all else is that of the newest report.
        """
        ...

    async def track(self, query: TrackQuery) -> list[Position]:
        """Reports that have a place, oldest first, the newest ``limit`` of them."""
        ...

    async def sensors(self, query: SensorQuery) -> list[Sample]:
        """Values of one quantity, oldest first, the newest ``limit`` of them."""
        ...

    async def seals(self, query: SealQuery) -> list[SealRecord]:
        """Reports with a seal state, an event, a seal number, a card or a door, oldest first."""
        ...

    async def days(self, query: DaysQuery) -> list[DeviceDay]:
        """Daily records, by day and device, the newest ``limit`` of them."""
        ...

    async def counts(self, query: CountQuery) -> Counts:
        """Distinct readings in all and by container."""
        ...
