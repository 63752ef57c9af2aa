"""`RegistryView`: the registry of devices in memory, kept current by a watch on its bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from gateway.access.standing import Standing
from sealtrail.contract.device import Device, InvalidDeviceError
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.subjects import DEVICES_BUCKET
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.devices import decode_device
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.access import AccessSettings

LOGGER = structlog.get_logger(__name__)

ABSENT_FOR_MS = 5_000
MOST_LOOK_UPS = 64
MOST_ABSENT = 10_000

OnChange = Callable[[Device | None, Device | None], None]
"""Hears (as it was, as it is) of every device; None: not there."""


class RegistryView:
    """``standings`` by device. ``loaded`` once it has been complete; the last known state serves on."""

    def __init__(self, settings: AccessSettings, on_change: OnChange | None = None) -> None:
        self.standings: dict[str, Standing] = {}
        self.loaded = asyncio.Event()
        self._settings = settings
        self._on_change = on_change
        self._absent: dict[str, int] = {}  # looked for and not found, until when that is believed

    async def follow(self, log: Log) -> None:
        """Keeps the view current until cancelled."""
        waits = backoff_s(cap_s=5.0)
        while True:
            try:
                await self._watch(log)
            except UnavailableError as error:
                LOGGER.warning("registry_unavailable", error=str(error))
            await asyncio.sleep(next(waits))

    async def _watch(self, log: Log) -> None:
        bucket = await log.bucket(DEVICES_BUCKET)
        found: set[str] | None = set()
        async for entries in bucket.watch():
            if entries is None:
                for gone in self.standings.keys() - (found or set()):
                    self._remove(gone)
                found = None
                self.loaded.set()
                continue
            for entry in entries:
                if found is not None and entry.value is not None:
                    found.add(entry.key)
                self.take(entry.key, entry.value)

    def take(self, device_id: str, value: bytes | None) -> None:
        """A device's record as the bucket has it; one that can't be read leaves what was known."""
        if value is None:
            self._remove(device_id)
            return
        try:
            device = decode_device(value)
        except InvalidDeviceError as error:
            LOGGER.error("registry_record_unreadable", device_id=device_id, detail=error.detail)  # noqa: TRY400 - an expected failure has no trace
            return
        if device.device_id != device_id:
            LOGGER.error("registry_record_misfiled", device_id=device_id, names=device.device_id)
            return
        self._absent.pop(device_id, None)
        standing = self.standings.get(device_id)
        before = standing.device if standing is not None else None
        rate, burst = self._settings.messages_per_s, self._settings.burst_messages
        if standing is None:
            self.standings[device_id] = Standing(device, rate, burst)
        else:
            standing.change(device, rate, burst)
        if self._on_change is not None and before != device:
            self._on_change(before, device)

    def _remove(self, device_id: str) -> None:
        standing = self.standings.pop(device_id, None)
        if standing is not None and self._on_change is not None:
            self._on_change(standing.device, None)

    async def look_up(self, log: Log, device_ids: Iterable[str], now_ms: int) -> None:
        """Asks the bucket itself for devices that the watch hasn't shown yet.

        A device may speak milliseconds after it was added. At most
        `MOST_LOOK_UPS` at a time; what isn't there isn't asked for again for 5 s.
        """
        wanted = [one for one in device_ids if self._absent.get(one, 0) <= now_ms][:MOST_LOOK_UPS]
        if not wanted or not log.connected:
            return
        try:
            bucket = await log.bucket(DEVICES_BUCKET)
            entries = await asyncio.gather(*(bucket.get(device_id) for device_id in wanted))
        except UnavailableError as error:
            LOGGER.debug("registry_look_up_failed", error=str(error))
            return
        if len(self._absent) + len(wanted) > MOST_ABSENT:
            self._absent.clear()
        for device_id, entry in zip(wanted, entries, strict=True):
            if entry is None:
                self._absent[device_id] = now_ms + ABSENT_FOR_MS
            elif device_id not in self.standings:
                self.take(device_id, entry.value)
