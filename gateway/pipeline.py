"""From the sources to the log: the path of every message, in order."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import Sequence

import structlog

from gateway.batch import Batch, BatchDecoder
from gateway.chunks import rounds
from gateway.listeners.sources import Sources
from gateway.metrics import Metrics
from gateway.pairings import Pairings
from gateway.recent import Recent
from gateway.session import Delivery, MqttSession
from sealtrail.contract.clock import Clock
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.gateway import GatewaySettings

LOGGER = structlog.get_logger(__name__)

FINISH_S = 5.0
"""How long the batch in hand may still take once the gateway is told to stop."""
RETRY_CAP_S = 5.0


class Pipeline:
    """Two batches are in hand at most: one is stored while the next is collected and decoded.

    They are appended one after the other, so that the order within a partition
    is the order of arrival. Nothing is acknowledged or answered before all of its batch is
    confirmed; while the log refuses, the batch is kept and tried again, and the
    session stops reading when its bounds are reached.
    """

    def __init__(
        self,
        session: MqttSession | Sources,
        decoder: BatchDecoder,
        pairings: Pairings,
        log: Log,
        metrics: Metrics,
        settings: GatewaySettings,
        clock: Clock,
        stop: asyncio.Event,
    ) -> None:
        self._session = session
        self._decoder = decoder
        self._pairings = pairings
        self._log = log
        self._metrics = metrics
        self._settings = settings
        self._clock = clock
        self._stop = stop
        self._recent = Recent(settings.remembered_readings)
        self._log_refuses = False
        self._instance = secrets.token_hex(6)
        self._numbers = itertools.count()

    async def run(self) -> None:
        """Works until the session ceases, then finishes what is in hand."""
        most, linger_s = self._settings.batch_messages, self._settings.linger_ms / 1000
        storing: asyncio.Task[None] | None = None
        try:
            while deliveries := await self._session.take(most, linger_s):
                self._metrics.received(len(deliveries))
                await self._acquaint(deliveries)
                batch = self._decoder.decode(
                    deliveries, self._clock(), self._pairings.containers, self._recent
                )
                if storing is not None:
                    await storing
                self._recent.hold(batch.reading_ids)
                tokens = [token for _, _, token in deliveries]
                storing = asyncio.create_task(self._store(batch, tokens))
                storing.add_done_callback(self._stored)
            if storing is not None:
                await asyncio.wait_for(storing, FINISH_S)
        except (TimeoutError, UnavailableError) as error:
            LOGGER.warning("batch_left_to_the_broker", detail=str(error) or "the log didn't answer in time")
        finally:
            if storing is not None:
                storing.cancel()

    async def _acquaint(self, deliveries: Sequence[Delivery]) -> None:
        """Asks the registry itself for devices that it hasn't shown us yet."""
        admission = self._decoder.admission
        if admission is not None and (strangers := self._decoder.strangers(deliveries)):
            await admission.view.look_up(self._log, strangers, self._clock())

    def _stored(self, storing: asyncio.Task[None]) -> None:
        """A batch that can't be stored ends the work now, not when the next message happens to come."""
        if not storing.cancelled() and storing.exception() is not None:
            self._session.cease()

    async def _store(self, batch: Batch, tokens: Sequence[int]) -> None:
        begun_s = time.perf_counter()
        for messages in rounds(batch):
            await self._append(messages)
        self._recent.confirm()
        if batch.answers:
            self._session.reply(batch.answers)
        if isinstance(self._session, Sources):
            self._session.ack(tokens, batch.refusals)
        else:
            self._session.ack(tokens)
        self._metrics.stored(batch, time.perf_counter() - begun_s)

    async def _append(self, messages: list[tuple[str, bytes]]) -> None:
        """Appends each to its subject and returns when the log has confirmed all of them.

        An append that failed may have been stored all the same; its repetition
        has the same message id, by which it is known.
        """
        waits = backoff_s(cap_s=RETRY_CAP_S)
        left = {f"{self._instance}.{next(self._numbers)}": message for message in messages}
        while left:
            failures: list[UnavailableError] = []
            if self._log.connected:
                results = await self._log.append_all(list(left.values()), list(left))
                failures = [result for result in results if isinstance(result, UnavailableError)]
                left = {
                    message_id: message
                    for (message_id, message), result in zip(left.items(), results, strict=True)
                    if isinstance(result, UnavailableError)
                }
            self._note(failures, waiting=len(left))
            if left:
                await self._pause(next(waits))

    async def _pause(self, wait_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), wait_s)
        if self._stop.is_set():
            raise UnavailableError("the log takes nothing; what is in hand is left to the broker")

    def _note(self, failures: Sequence[UnavailableError], *, waiting: int) -> None:
        """Logs that the log refuses or takes again, once each."""
        if failures:
            self._metrics.append_failed(len(failures))
        if bool(waiting) is self._log_refuses:
            return
        self._log_refuses = bool(waiting)
        if waiting:
            why = str(failures[0]) if failures else "not connected"
            LOGGER.warning("log_refuses", detail=why)
        else:
            LOGGER.info("log_takes_again")
