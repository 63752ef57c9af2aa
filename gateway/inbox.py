"""`Inbox`: bounded hand-over of bursts from a network thread to the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence

from gateway.session import Delivery

TAKE_BYTES = 16 * 1024 * 1024
"""A batch that is taken holds at most this much payload (or one message)."""
MOST_UNSENT_BYTES = 1 << 20
"""Messages for devices are dropped beyond it: a broker that doesn't read gets no queue."""


def cut(waiting: list[Delivery], most: int) -> tuple[list[Delivery], int]:
    """Removes the next messages, at most ``most`` and a batch's bytes (or one); they and their size."""
    taken = waiting[:most]
    size = sum([len(payload) for _, payload, _ in taken])
    while size > TAKE_BYTES and len(taken) > 1:
        del taken[len(taken) // 2 :]
        size = sum([len(payload) for _, payload, _ in taken])
    del waiting[: len(taken)]
    return taken, size


class Inbox:
    """One lock and one wake-up for each burst or batch, none for a message.

    Counts messages from their receipt until they are settled, so that what the
    event loop holds in hand is part of the bound. ``on_news`` is called in the
    event loop when there are tokens to send or room again after there was none.
    """

    def __init__(self, max_messages: int, max_bytes: int, on_news: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._on_news = on_news
        self._lock = threading.Lock()
        self._waiting: list[Delivery] = []
        self._waiting_bytes = 0
        self._in_hand = 0
        self._settled: list[int] = []
        self._packets = bytearray()  # to send beside the acknowledgements
        self._wanted = 0  # how many waiting messages wake the taker; 0: nobody waits
        self._wake = asyncio.Event()
        self._ended = False

    def _room(self) -> int:
        if self._ended or self._waiting_bytes >= self._max_bytes:
            return 0
        return max(0, self._max_messages - len(self._waiting) - self._in_hand)

    def room(self) -> int:
        """How many messages may be received now; 0 means that the socket must not be read."""
        with self._lock:
            return self._room()

    def put(self, burst: Sequence[Delivery]) -> None:
        """Adds what was received; called by the network thread."""
        size = sum(len(payload) for _, payload, _ in burst)
        with self._lock:
            self._waiting.extend(burst)
            self._waiting_bytes += size
            wake = self._wanted > 0 and (len(self._waiting) >= self._wanted or self._room() == 0)
            if wake:
                self._wanted = 0
        if wake:
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._wake.set)

    def forget_unacknowledged(self) -> None:
        """Drops waiting messages that the broker delivers again because their connection ended."""
        with self._lock:
            self._waiting = [delivery for delivery in self._waiting if not delivery[2]]
            self._waiting_bytes = sum(len(payload) for _, payload, _ in self._waiting)
            self._packets.clear()

    async def take(self, most: int, linger_s: float) -> list[Delivery]:
        """See `MqttSession.take`."""
        taken: list[Delivery] = []
        while not taken and not self._ended:  # what waited may have been forgotten meanwhile
            while not self._has(1):
                await self._wake.wait()
            if linger_s > 0 and not self._has(most):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), linger_s)
            taken = self._take(most)
        return taken

    def _take(self, most: int) -> list[Delivery]:
        with self._lock:
            self._wanted = 0
            if self._ended:
                return []
            was_full = self._room() == 0
            taken, size = cut(self._waiting, most)
            self._waiting_bytes -= size
            self._in_hand += len(taken)
            has_room = was_full and self._room() > 0
        if has_room:
            self._on_news()
        return taken

    def _has(self, wanted: int) -> bool:
        """Whether that many wait, no more can come, or it is over; else the taker will be woken."""
        with self._lock:
            if self._ended or len(self._waiting) >= wanted or (self._waiting and self._room() == 0):
                return True
            self._wanted = wanted
            self._wake.clear()
            return False

    def settle(self, tokens: Sequence[int]) -> None:
        """Gives back the tokens of messages that were taken, each one once, zeros included."""
        with self._lock:
            self._settled.extend(tokens)
            self._in_hand -= len(tokens)
        self._on_news()

    def settled(self) -> list[int]:
        """Tokens given back since the last call; called by the network thread."""
        with self._lock:
            tokens, self._settled = self._settled, []
        return tokens

    def send(self, packets: bytes) -> None:
        """Packets for the network thread to send; dropped where too many wait already."""
        with self._lock:
            if len(self._packets) > MOST_UNSENT_BYTES:
                return
            self._packets += packets
        self._on_news()

    def to_send(self) -> bytes:
        """Packets to send since the last call; called by the network thread."""
        with self._lock:
            packets = bytes(self._packets)
            self._packets.clear()
        return packets

    def end(self) -> None:
        """Nothing more is received or taken."""
        with self._lock:
            self._ended = True
            self._waiting.clear()
            self._waiting_bytes = 0
        self._wake.set()
