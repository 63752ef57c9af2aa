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

from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.codec import decode_alert_events
from sealtrail.contract.errors import UnavailableError, WireError
from sealtrail.contract.subjects import ALERT_STREAM, ALERT_SUBJECTS
from sealtrail.runtime import streams
from sealtrail.runtime.log import Log
from sealtrail.runtime.reader import LogMessage

LOGGER = structlog.get_logger(__name__)

POSITION = "alerts.position"
SAVE_EVERY_S = 1.0
MOST = 64


def events_of(message: LogMessage) -> list[AlertEvent]:
    """Alert events of a message; one that can't be read is logged with its sequence and skipped."""
    try:
        return decode_alert_events(message.data)
    except WireError as error:
        LOGGER.error("alert_batch_unreadable", sequence=message.sequence, error=str(error))  # noqa: TRY400 - expected
        return []


class AlertFeed:
    """Messages of the alert stream; `done` moves the saved position."""

    def __init__(self, log: Log, position: int) -> None:
        self._log = log
        self._reader = log.reader(ALERT_STREAM, ALERT_SUBJECTS, position + 1)
        self._position = position
        self._saved = position
        self._saved_at_s = 0.0
        self._moved = asyncio.Condition()
        self._follower = asyncio.create_task(self._follow(), name="alert feed follower")

    @classmethod
    async def open(cls, log: Log) -> AlertFeed:
        """The feed behind the saved position; from the beginning where there is none."""
        saved = await log.load_snapshot(POSITION)
        position = int(saved) if saved is not None and saved.isdigit() else 0
        if position > await log.last_sequence(ALERT_STREAM):
            position = 0  # another stream than the one the position was saved for
        return cls(log, position)

    async def take(self) -> list[LogMessage]:
        """Next messages in order; an empty list after a second without any."""
        messages = await self._reader.take(MOST, 1.0)
        if not messages:
            await self._save(due=True)
        return messages

    async def done(self, messages: list[LogMessage]) -> None:
        """What these cause is on disk."""
        async with self._moved:
            self._position = messages[-1].sequence
            self._moved.notify_all()
        await self._save(due=False)

    async def _save(self, *, due: bool) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._position == self._saved or not (due or now_s - self._saved_at_s >= SAVE_EVERY_S):
            return
        position = self._position
        with contextlib.suppress(UnavailableError):  # the old one only means more repetitions
            await self._log.save_snapshot(POSITION, str(position).encode())
            self._saved, self._saved_at_s = position, now_s

    async def _follow(self) -> None:
        """Acknowledges to the durable consumer what is done."""
        durable = self._log.durable(ALERT_STREAM, streams.ALERTS_EVENTS)
        try:
            while True:
                messages = await durable.take(256, 5.0)
                for message in messages:
                    async with self._moved:
                        while self._position < message.sequence:
                            await self._moved.wait()
                    await durable.ack([message])
        finally:
            await durable.close()

    async def close(self) -> None:
        self._follower.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._follower
        await self._save(due=True)
        await self._reader.close()
