"""All lanes: hands each delivery to its subscriber's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from alerts import metrics
from alerts.channels import Channel
from alerts.lane import Lane, LaneLimits
from alerts.ledger import Ledger, LedgerEntry
from alerts.retry import RetryPolicy
from sealtrail.contract.clock import Clock
from sealtrail.contract.incident import ChannelKind
from sealtrail.contract.public.subscriber import Subscriber
from sealtrail.runtime.background import Background
from sealtrail.runtime.settings.alerts import AlertSettings


class Dispatcher:
    """Delivers what is in the ledger, by the channels, until `close`."""

    def __init__(
        self,
        settings: AlertSettings,
        find: Callable[[str], Subscriber | None],
        channels: dict[ChannelKind, Channel],
        ledger: Ledger,
        clock: Clock,
        background: Background,
    ) -> None:
        self._background = background
        self._find = find
        self._channels = channels
        self._ledger = ledger
        self._policy = RetryPolicy(settings)
        self._limits = LaneLimits(settings.webhook.at_once, settings.queue_per_subscriber)
        self._clock = clock
        self._lanes: dict[str, Lane] = {}

    async def open(self) -> None:
        for channel in self._channels.values():
            await channel.open()

    def add(self, entries: Iterable[LedgerEntry]) -> None:
        """Queues entries that are in the ledger; one that is queued already is left alone."""
        for entry in entries:
            lane = self._lanes.get(entry.subscriber_id)
            if lane is None:
                lane = Lane(
                    entry.subscriber_id,
                    self._find,
                    self._channels,
                    self._ledger,
                    self._policy,
                    self._limits,
                    self._clock,
                    self._background,
                )
                self._lanes[entry.subscriber_id] = lane
            lane.add((entry,))
        metrics.QUEUED.set_function(self._waiting)

    def _waiting(self) -> float:
        return sum(lane.waiting for lane in list(self._lanes.values()))

    async def close(self) -> None:
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))
        for channel in self._channels.values():
            await channel.close()
