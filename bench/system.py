"""What a measurement of the whole way needs of the system that it measures."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from bench.publisher import Broker


class Progress(NamedTuple):
    """How far a system says it is, in messages since it was started."""

    stored: int
    judged: int | None  # None: nothing judges in this system


class System(Protocol):
    """A running system: messages go into ``broker`` and can be queried at the end."""

    name: str
    broker: Broker
    pids: dict[str, int]

    def progress(self) -> Progress:
        """Cheap to ask, from the system's own counters; copies may be counted."""
        ...

    async def queryable(self) -> int:
        """Distinct messages that a query finds in the store now. Not cheap."""
        ...

    def false_alerts(self) -> int | None:
        """Notifications that the load gave no reason for; None where nothing judges."""
        ...
