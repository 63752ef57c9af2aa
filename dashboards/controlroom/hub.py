"""`Hub`: every live message encoded once, handed to every viewer, never piling up."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

EXPECTED_S = 60.0
"""So long after a state was fetched or a stream has ended its viewer may still come for what it missed."""


class FullError(Exception):
    """As many viewers are connected as are allowed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event, ready to be written."""

    number: int
    payload: bytes


class Viewer:
    """One open stream: a bounded queue that is cut off rather than grown."""

    def __init__(self, limit: int) -> None:
        self._frames: deque[bytes] = deque()
        self._limit = limit
        self._wake = asyncio.Event()
        self.closed = False

    def offer(self, payload: bytes) -> bool:
        """Queue a message; False when the viewer was too far behind and is now cut off."""
        if len(self._frames) >= self._limit:
            self.close()
            return False
        self._frames.append(payload)
        self._wake.set()
        return True

    def close(self) -> None:
        """Let go of what is queued; the stream ends."""
        self.closed = True
        self._frames.clear()
        self._wake.set()

    async def next(self) -> bytes | None:
        """Everything that is queued, as one piece; None once closed."""
        while not self._frames:
            if self.closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        payload = b"".join(self._frames)
        self._frames.clear()
        return payload


class Hub:
    """Numbers messages, keeps the last ones for reconnects, fans out.

    An event id is ``<run>-<number>``; ``run`` differs after every start and
    after `restart`, so that a viewer of another run is told to start afresh.
    """

    def __init__(
        self,
        *,
        queue_frames: int,
        replay_frames: int,
        max_viewers: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``monotonic`` gives seconds that only grow."""
        self._monotonic = monotonic
        self._queue_frames = queue_frames
        self._max_viewers = max_viewers
        self._kept: deque[Frame] = deque(maxlen=replay_frames)
        self._viewers: set[Viewer] = set()
        self._number = 0
        self._run = secrets.token_hex(4)
        self._expected_until_s = monotonic()
        self.dropped = 0

    @property
    def cursor(self) -> str:
        """Id of the newest message, for somebody who will follow from there."""
        self._expected_until_s = self._monotonic() + EXPECTED_S
        return self._id

    @property
    def _id(self) -> str:
        return f"{self._run}-{self._number}"

    @property
    def watched(self) -> bool:
        """Whether there is a viewer, or one may come soon for what it missed."""
        return bool(self._viewers) or self._monotonic() < self._expected_until_s

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    def publish(self, event: str, data: bytes) -> None:
        """Send one message to all. ``data`` is one line of JSON."""
        self._number += 1
        payload = b"id: %b\nevent: %b\ndata: %b\n\n" % (self._id.encode(), event.encode(), data)
        self._kept.append(Frame(self._number, payload))
        self._offer_all(payload)

    def skip(self) -> None:
        """A message that nobody hears isn't made; whoever comes with an older id starts afresh."""
        self._number += 1
        self._kept.clear()

    def restart(self) -> None:
        """The messages so far don't lead to the present state: all viewers start afresh."""
        self._run = secrets.token_hex(4)
        self._number = 0
        self._kept.clear()
        self._offer_all(self._resync())

    def close(self) -> None:
        """End every stream, for a clean shutdown."""
        for viewer in self._viewers:
            viewer.close()
        self._max_viewers = 0

    async def follow(self, after: str | None, heartbeat_s: float) -> AsyncIterator[bytes]:
        """Bytes of one viewer's stream, from the message after ``after`` on.

        Raises `FullError` before the first bytes when too many are connected.
        """
        viewer = self._join(after)
        try:
            while True:
                try:
                    async with asyncio.timeout(heartbeat_s):
                        payload = await viewer.next()
                except TimeoutError:
                    payload = b": still here\n\n"
                if payload is None:
                    return
                yield payload
        finally:
            self._viewers.discard(viewer)
            self._expected_until_s = self._monotonic() + EXPECTED_S

    def _join(self, after: str | None) -> Viewer:
        if len(self._viewers) >= self._max_viewers:
            raise FullError
        viewer = Viewer(self._queue_frames)
        viewer.offer(b"retry: 2000\n\n")
        missed = self._since(after)
        viewer.offer(self._resync() if missed is None else b"".join(frame.payload for frame in missed))
        self._viewers.add(viewer)
        return viewer

    def _since(self, after: str | None) -> list[Frame] | None:
        """Messages after an id; None where they are not all kept."""
        run, _, number = (after or "").partition("-")
        if run != self._run or not number.isdecimal():
            return None
        seen = int(number)
        if seen > self._number:
            return None
        if seen < self._number and (not self._kept or self._kept[0].number > seen + 1):
            return None
        return [frame for frame in self._kept if frame.number > seen]

    def _resync(self) -> bytes:
        return b"id: %b\nevent: resync\ndata: {}\n\n" % self._id.encode()

    def _offer_all(self, payload: bytes) -> None:
        for viewer in [viewer for viewer in self._viewers if not viewer.offer(payload)]:
            self._viewers.discard(viewer)
            self.dropped += 1
