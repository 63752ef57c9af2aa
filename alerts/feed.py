"""Alert events in their order, from where the last worker stopped.

A durable consumer gives what a killed worker had not acknowledged only after
its acknowledgement time, and behind newer messages: an alert could be retracted
before it is raised, and a breach could wait a minute. So the order comes from a
gapless reader, whose position is saved now and then (events that come again
change nothing), and the durable consumer only follows, to show the lag.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from alerts import metrics
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.codec import decode_alert_events
from sealtrail.contract.errors import UnavailableError, WireError
from sealtrail.contract.subjects import ALERT_STREAM, ALERT_SUBJECTS
from sealtrail.runtime import streams
from sealtrail.runtime.log import Log
from sealtrail.runtime.reader import DurableReader, LogMessage

LOGGER = structlog.get_logger(__name__)

POSITION = "alerts.position"
SAVE_EVERY_S = 1.0
LOAD_WITHIN_S = 10.0
MOST = 64
IDLE_S = 0.5
FOLLOW_WAIT_S = 0.5


def events_of(message: LogMessage) -> list[AlertEvent]:
    """Alert events of a message; one that can't be read is logged with its sequence and skipped."""
    try:
        return decode_alert_events(message.data)
    except WireError as error:
        LOGGER.error("alert_batch_unreadable", sequence=message.sequence, error=str(error))  # noqa: TRY400 - expected
        return []


class AlertFeed:
    """Messages of the alert stream; `done` moves the position."""

    def __init__(self, log: Log, position: int) -> None:
        self._log = log
        self._reader = log.reader(ALERT_STREAM, ALERT_SUBJECTS, position + 1)
        self._position = position
        self._saved = position
        self._saved_at_s = 0.0
        self._followed = 0
        self._follower: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, log: Log) -> AlertFeed:
        """The feed behind the saved position; from the beginning where there is none."""
        saved = None
        with contextlib.suppress(TimeoutError, UnavailableError):  # reading everything again is safe
            async with asyncio.timeout(LOAD_WITHIN_S):
                saved = await log.load_snapshot(POSITION)
        position = int(saved) if saved is not None and saved.isdigit() else 0
        if position > await log.last_sequence(ALERT_STREAM):
            position = 0  # another stream than the one the position was saved for
        metrics.POSITION.set(position)
        return cls(log, position)

    async def take(self) -> list[LogMessage]:
        """Next messages in order; an empty list after a moment without any."""
        messages = await self._reader.take(MOST, IDLE_S)
        if not messages:
            await self._save(due=True)
            self._follow()
        return messages

    async def done(self, messages: list[LogMessage]) -> None:
        """What these cause is on disk."""
        self._position = messages[-1].sequence
        metrics.POSITION.set(self._position)
        await self._save(due=False)

    async def _save(self, *, due: bool) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._position == self._saved or not (due or now_s - self._saved_at_s >= SAVE_EVERY_S):
            return
        position = self._position
        with contextlib.suppress(UnavailableError):  # the old one only means more repetitions
            await self._log.save_snapshot(POSITION, str(position).encode())
            self._saved, self._saved_at_s = position, now_s

    def _follow(self) -> None:
        """Lets the durable consumer follow in the background, when nothing else is to do.

        What it has taken when the process is killed counts as lag until its
        acknowledgement time is over, so it only looks while the stream is quiet.
        """
        running = self._follower is not None and not self._follower.done()
        if self._followed < self._position and not running:
            self._follower = asyncio.create_task(self._follow_to(self._position), name="alert feed follower")

    async def _follow_to(self, goal: int) -> None:
        durable = self._log.durable(ALERT_STREAM, streams.ALERTS_EVENTS)
        reached = 0
        try:
            while reached < goal:
                messages = await durable.take(MOST, FOLLOW_WAIT_S)
                if not messages and await self._lags():
                    return  # with a worker that was killed, or lost on its way here: they come again in time
                if not messages:  # acknowledged before
                    break
                done = [message for message in messages if message.sequence <= self._position]
                await durable.ack(done)
                reached = messages[-1].sequence
                if len(done) < len(messages):
                    await self._ack_later(durable, messages[len(done) :])
            self._followed = max(goal, min(reached, self._position))
        finally:
            await durable.close()

    async def _lags(self) -> bool:
        """Whether the durable consumer still waits for acknowledgements; not known: it does."""
        try:
            return await self._log.lag(ALERT_STREAM, streams.ALERTS_EVENTS) > 0
        except UnavailableError:
            return True

    async def _ack_later(self, durable: DurableReader, messages: list[LogMessage]) -> None:
        """Acknowledges messages that came while following, once they are done."""
        for message in messages:
            while self._position < message.sequence:  # noqa: ASYNC110 - a few milliseconds, seldom
                await asyncio.sleep(0.01)
            await durable.ack([message])

    async def close(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        await self._save(due=True)
        await self._reader.close()
