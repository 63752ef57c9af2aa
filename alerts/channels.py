"""What every channel does: one attempt to hand one notification to one subscriber."""

from __future__ import annotations

import enum
from typing import NamedTuple, Protocol

from sealtrail.contract.public.subscriber import Subscriber


class Verdict(enum.Enum):
    """What an attempt means for the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"  # the receiver or the way to it is down: try again soon, ever more slowly
    RETRY_SLOWLY = "retry_slowly"  # somebody must mend a setting first: try again at the slowest pace
    GIVE_UP = "give_up"  # the receiver wants no more of it


class Outcome(NamedTuple):
    """Result of one attempt. ``name`` is stable (ledger, metrics); ``detail`` is for people."""

    verdict: Verdict
    name: str
    detail: str = ""
    retry_after_s: float | None = None  # the receiver asked for it


DELIVERED = Outcome(Verdict.DELIVERED, "delivered")


class Notification(NamedTuple):
    """What is handed over. ``delivery_id`` is the idempotency key; ``body`` is CloudEvents JSON."""

    delivery_id: str
    container_id: str
    body: bytes


class Channel(Protocol):
    """A way to subscribers. Never raises for what a receiver or a network does."""

    async def open(self) -> None:
        """Makes ready; doesn't wait for any peer."""
        ...

    async def attempt(self, subscriber: Subscriber, notification: Notification) -> Outcome:
        """One attempt, ended within the channel's time limit."""
        ...

    async def close(self) -> None: ...
