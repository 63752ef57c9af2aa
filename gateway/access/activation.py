"""`Activation`: a device that speaks for the first time becomes active in the registry."""

from __future__ import annotations

import asyncio

import msgspec
import structlog

from sealtrail.contract.device import Device, DeviceState, InvalidDeviceError
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log

LOGGER = structlog.get_logger(__name__)

MOST_WAITING = 100_000


class Activation:
    """`ask` never waits; `write` works through what was asked for, beside everything else."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)

    def ask(self, device_id: str) -> None:
        """Let this device become active; where too many wait it stays provisioned until it speaks again."""
        if not self._waiting.full():
            self._waiting.put_nowait(device_id)

    async def write(self, log: Log) -> None:
        """Writes to the registry until cancelled."""
        registry = DeviceRegistry(log)
        while True:
            device_id = await self._waiting.get()
            for wait_s in backoff_s(cap_s=5.0):
                try:
                    await registry.change(device_id, _active, "gateway")
                    break
                except InvalidDeviceError:
                    break  # somebody has retired it meanwhile
                except UnavailableError as error:
                    LOGGER.debug("activation_waits", error=str(error))
                await asyncio.sleep(wait_s)


def _active(device: Device) -> Device:
    """Active where it was only provisioned; whatever else has happened meanwhile stands."""
    if device.state is not DeviceState.PROVISIONED:
        return device
    return msgspec.structs.replace(device, state=DeviceState.ACTIVE)
