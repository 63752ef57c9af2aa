"""`Sources`: the MQTT session and the gateway's own doors as one source, fairly."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from gateway.inbox import TAKE_BYTES
from gateway.listeners.intake import MAX_INTAKES, Intake
from gateway.session import Delivery, MqttSession


class Sources:
    """Takes from all that have something, each its share; a flood at one never starves another.

    Order within a source is kept. Tokens below zero are the intakes', all
    others the session's. Without intakes it is the session and nothing between.
    """

    def __init__(
        self, session: MqttSession, intakes: Sequence[Intake], batch_messages: int, linger_s: float
    ) -> None:
        """``batch_messages`` and ``linger_s``: with which the session is read."""
        self._session = session
        self._intakes = {intake.number: intake for intake in intakes}
        self._batch_messages = batch_messages
        self._linger_s = linger_s
        self._first = 0  # who is asked first, in turn
        self._news = asyncio.Event()
        self._held: list[Delivery] = []  # taken from the session, not yet handed on
        self._held_empty = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._ceased = False
        for intake in intakes:
            intake.on_news = self._news.set

    async def open(self) -> None:
        """See `MqttSession.open`."""
        await self._session.open()
        if self._intakes:
            self._pump = asyncio.create_task(self._read_session())
            self._pump.add_done_callback(lambda _: self._news.set())

    async def _read_session(self) -> None:
        while taken := await self._session.take(self._batch_messages, self._linger_s):
            self._held = taken
            self._held_empty.clear()
            self._news.set()
            await self._held_empty.wait()

    async def take(self, most: int, linger_s: float) -> list[Delivery]:
        """See `MqttSession.take`; once ceased, what the doors still hold, then nothing."""
        if not self._intakes:
            return await self._session.take(most, linger_s)
        while not self._waiting():
            if self._ceased:
                return []
            if self._pump is not None and self._pump.done():
                self._pump.result()
            self._news.clear()
            await self._news.wait()
        if not self._held and not self._ceased and self._waiting() < most:
            await self._linger(linger_s)
        return self._share_out(most)

    async def _linger(self, linger_s: float) -> None:
        """A little longer for more from the doors; the session has lingered by itself."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), linger_s)

    def _waiting(self) -> int:
        return len(self._held) + sum(intake.waiting for intake in self._intakes.values())

    def _share_out(self, most: int) -> list[Delivery]:
        taken: list[Delivery] = []
        numbers = [number for number, intake in self._intakes.items() if intake.waiting]
        if self._held:
            numbers.append(-1)
        self._first += 1
        turn = self._first % len(numbers)
        numbers = numbers[turn:] + numbers[:turn]
        most_bytes = TAKE_BYTES // len(numbers)
        while numbers and len(taken) < most:
            quota = max(1, (most - len(taken)) // len(numbers))
            for number in list(numbers):
                wanted = min(quota, most - len(taken))
                got = self._take(number, wanted, most_bytes)
                taken += got
                if len(got) < wanted or wanted == 0:
                    numbers.remove(number)
        return taken

    def _take(self, number: int, most: int, most_bytes: int) -> list[Delivery]:
        if number >= 0:
            return self._intakes[number].take(most, most_bytes)
        taken = self._held[:most]
        del self._held[:most]
        if not self._held:
            self._held_empty.set()
        return taken

    def ack(self, tokens: Sequence[int], refusals: Mapping[int, str] | None = None) -> None:
        """Takes back tokens, each once; ``refusals``: reasons of the doors' messages in quarantine."""
        if not self._intakes:
            self._session.ack(tokens)
            return
        sessions: list[int] = []
        doors: dict[int, list[int]] = {}
        for token in tokens:
            if token >= 0:
                sessions.append(token)
            else:
                doors.setdefault(-token % MAX_INTAKES, []).append(token)
        if sessions:
            self._session.ack(sessions)
        for number, theirs in doors.items():
            self._intakes[number].settle(theirs, refusals or {})

    def reply(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See `MqttSession.reply`."""
        self._session.reply(messages)

    def cease(self) -> None:
        """The session receives nothing more; what the doors hold can still be taken."""
        self._ceased = True
        self._session.cease()
        self._news.set()

    async def close(self) -> None:
        """See `MqttSession.close`."""
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
        await self._session.close()
