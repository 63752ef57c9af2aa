"""`Backend`: all that the control room needs from the rest of SealTrail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.incident import CommandReply, Delivery, Incident, IncidentCommand
from sealtrail.contract.queries import Position, Sample, SealQuery, SealRecord, SensorQuery, TrackQuery
from sealtrail.contract.risk import RiskAnswer, RiskQuery
from sealtrail.contract.trip import Trip


@dataclass(frozen=True, slots=True)
class ReadingsSeen:
    """A batch of so many readings as the log holds it; may repeat and may be out of order."""

    batch: bytes
    readings: int


@dataclass(frozen=True, slots=True)
class IncidentChanged:
    incident: Incident


@dataclass(frozen=True, slots=True)
class TripChanged:
    trip: Trip


@dataclass(frozen=True, slots=True)
class TripRemoved:
    trip_id: str


Change = ReadingsSeen | IncidentChanged | TripChanged | TripRemoved


class Backend(Protocol):
    """Reads the record, the incidents and the trips; passes on what people decide.

    Every method raises `UnavailableError` when the part behind it doesn't
    answer and `RefusedError` when that part refuses the question.
    """

    async def latest(self) -> list[Position]:
        """Newest known position of every container."""
        ...

    async def incidents(self) -> list[Incident]:
        """All incidents that are kept, in any order."""
        ...

    async def trips(self) -> list[Trip]:
        """All trips that are kept, in any order."""
        ...

    async def track(self, query: TrackQuery) -> list[Position]: ...

    async def sensors(self, query: SensorQuery) -> list[Sample]: ...

    async def seals(self, query: SealQuery) -> list[SealRecord]: ...

    async def custody(self, container_id: str) -> list[AlertEvent]:
        """Custody events of one container, oldest first."""
        ...

    async def deliveries(self) -> list[Delivery]:
        """The ledger of notifications, in any order."""
        ...

    async def risks(self, query: RiskQuery) -> RiskAnswer:
        """Which trips to inspect first, as the alerts service says; ``unknown_trip`` where one isn't."""
        ...

    async def act(self, command: IncidentCommand) -> CommandReply:
        """Hand a person's decision to the alerts service; its answer, refusal included."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """What happens from now on; the subscription stands once the context is entered.

        So nothing is lost between it and the questions that are asked inside.
        Raises `UnavailableError` when the feed breaks; entering again starts
        afresh.
        """
        ...
