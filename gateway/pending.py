"""`Pending`: what was received and waits for the pipeline, bounded. Lives in the event loop; no lock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from gateway.inbox import cut
from gateway.session import Delivery


class Pending:
    """Counts messages from receipt until they are settled, so that what is in hand is part of the bound.

    ``on_room`` is called when there is room again after there was none.
    """

    def __init__(self, max_messages: int, max_bytes: int, on_room: Callable[[], None]) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._on_room = on_room
        self._waiting: list[Delivery] = []
        self._waiting_bytes = 0
        self._in_hand = 0
        self._wanted = 0  # how many messages wake the taker; 0: nobody waits
        self._wake = asyncio.Event()
        self._ended = False
        self._was_full = False

    @property
    def full(self) -> bool:
        """Whether nothing more may be put in; what is put in all the same waits in its turn."""
        return (
            len(self._waiting) + self._in_hand >= self._max_messages
            or self._waiting_bytes >= self._max_bytes
            or self._ended
        )

    def put(self, burst: Sequence[Delivery]) -> None:
        """Adds what was received with one read; the caller asks `full` before it reads again."""
        self._waiting += burst
        self._waiting_bytes += sum([len(payload) for _, payload, _ in burst])
        self._was_full = self.full
        self._look()

    def forget_unacknowledged(self) -> None:
        """Drops waiting messages that the broker delivers again because their connection ended."""
        self._waiting = [delivery for delivery in self._waiting if not delivery[2]]
        self._waiting_bytes = sum(len(payload) for _, payload, _ in self._waiting)
        self._tell_room()

    async def take(self, most: int, linger_s: float) -> list[Delivery]:
        """See `MqttSession.take`."""
        taken: list[Delivery] = []
        while not taken and not self._ended:  # what waited may have been forgotten meanwhile
            while not self._has(1):
                await self._wake.wait()
            if linger_s > 0 and not self._has(most):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(linger_s):
                        await self._wake.wait()
            self._wanted = 0
            taken = self._take(most)
        return taken

    def _take(self, most: int) -> list[Delivery]:
        if self._ended:
            return []
        taken, size = cut(self._waiting, min(most, self._available()))
        self._waiting_bytes -= size
        self._in_hand += len(taken)
        self._tell_room()
        return taken

    def _available(self) -> int:
        """How many of the waiting may be taken: never more in hand than the bound."""
        return max(0, min(len(self._waiting), self._max_messages - self._in_hand))

    def _has(self, wanted: int) -> bool:
        """Whether so many can be taken, or no more will come, or it is over; else the taker will be woken."""
        if self._is_enough(wanted):
            return True
        self._wanted = wanted
        self._wake.clear()
        return False

    def _is_enough(self, wanted: int) -> bool:
        available = self._available()
        return self._ended or available >= wanted or (available > 0 and self.full)

    def _look(self) -> None:
        if self._wanted and self._is_enough(self._wanted):
            self._wanted = 0
            self._wake.set()

    def settle(self, count: int) -> None:
        """So many messages that were taken are in hand no longer."""
        self._in_hand -= count
        self._look()
        self._tell_room()

    def _tell_room(self) -> None:
        if self._was_full and not self.full:
            self._was_full = False
            self._on_room()

    def end(self) -> None:
        """Nothing more is received or taken."""
        self._ended = True
        self._waiting.clear()
        self._waiting_bytes = 0
        self._wake.set()
