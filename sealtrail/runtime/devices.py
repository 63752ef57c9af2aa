"""The registry of devices: who may speak, and how each proves itself; its history is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from sealtrail.contract.clock import Clock, wall_clock_ms
from sealtrail.contract.device import (
    MAY_BECOME,
    Device,
    DeviceState,
    InvalidDeviceError,
    Login,
    check_device,
    check_device_id,
)
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.subjects import DEVICES_BUCKET, LOGINS_BUCKET
from sealtrail.runtime.bucket import Bucket
from sealtrail.runtime.log import Log

_decoder = msgspec.json.Decoder(Device)
_logins = msgspec.json.Decoder(Login)
_ATTEMPTS = 20


class Known(NamedTuple):
    """A device as it stands, at a revision of the registry."""

    device: Device
    revision: int


def decode_device(value: bytes) -> Device:
    """A device from the bucket; raises `InvalidDeviceError` named ``bad_record``."""
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidDeviceError("bad_record", str(error)) from error


def decode_login(value: bytes) -> Login:
    """A subscriber's login from the bucket; raises `InvalidDeviceError` named ``bad_record``."""
    try:
        return _logins.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidDeviceError("bad_record", str(error)) from error


class DeviceRegistry:
    """Writes devices by compare-and-set: of two that change one at once, both changes stand."""

    def __init__(self, log: Log, clock: Clock = wall_clock_ms) -> None:
        self._log = log
        self._clock = clock

    async def _bucket(self) -> Bucket:
        return await self._log.bucket(DEVICES_BUCKET)

    async def add(self, device: Device, actor: str) -> Device:
        """Enters a new device.

        Raises `InvalidDeviceError`, ``device_exists`` where the identity was
        ever given, also to a device that is retired.
        """
        check_device(device)
        entered = msgspec.structs.replace(device, changed_at_ms=self._clock(), changed_by=actor)
        bucket = await self._bucket()
        if await bucket.put(device.device_id, msgspec.json.encode(entered), 0) is None:
            known = await self.get(device.device_id)
            state = known.device.state.value if known is not None else "known"
            raise InvalidDeviceError(
                "device_exists", f"{device.device_id} is {state}; an identity is given once"
            )
        return entered

    async def get(self, device_id: str) -> Known | None:
        """The device as it stands, or None. Raises `InvalidDeviceError` for what can't be an identity."""
        entry = await (await self._bucket()).get(check_device_id(device_id))
        if entry is None or entry.value is None:
            return None
        return Known(decode_device(entry.value), entry.revision)

    async def all(self) -> list[Device]:
        """Every device, by identity."""
        entries = await (await self._bucket()).items()
        found = [decode_device(entry.value) for entry in entries if entry.value is not None]
        return sorted(found, key=lambda device: device.device_id)

    async def history(self, device_id: str) -> list[Device]:
        """The device as it was after each change that is kept (64), oldest first."""
        entries = await (await self._bucket()).history(check_device_id(device_id))
        return [decode_device(entry.value) for entry in entries if entry.value is not None]

    async def change(self, device_id: str, edit: Callable[[Device], Device], actor: str) -> Device:
        """Replaces the device by what ``edit`` makes of it; nothing is written where that is the same.

        Raises `InvalidDeviceError`: ``unknown_device``, ``device_retired``, or
        what is wrong with the outcome.
        """
        bucket = await self._bucket()
        for _ in range(_ATTEMPTS):
            known = await self.get(device_id)
            if known is None:
                raise InvalidDeviceError("unknown_device", f"there is no device {device_id}")
            if known.device.state is DeviceState.RETIRED:
                raise InvalidDeviceError("device_retired", f"{device_id} is retired for good")
            changed = check_device(edit(known.device))
            if changed == known.device:
                return changed
            changed = msgspec.structs.replace(changed, changed_at_ms=self._clock(), changed_by=actor)
            if await bucket.put(device_id, msgspec.json.encode(changed), known.revision) is not None:
                return changed
        raise UnavailableError(f"device {device_id} is being changed by others all the time; try again")

    async def set_state(self, device_id: str, state: DeviceState, actor: str, note: str = "") -> Device:
        """Takes the device to a state; raises `InvalidDeviceError` ``bad_transition`` where no way leads."""

        def edit(device: Device) -> Device:
            if device.state is state:
                return device
            if state not in MAY_BECOME[device.state]:
                raise InvalidDeviceError(
                    "bad_transition", f"{device_id} is {device.state.value}; it can't become {state.value}"
                )
            return msgspec.structs.replace(device, state=state, note=note or device.note)

        return await self.change(device_id, edit, actor)


class LoginBook:
    """Logins of subscribers at the MQTT broker."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def put(self, login: Login) -> None:
        """Enters or replaces a login."""
        bucket = await self._log.bucket(LOGINS_BUCKET)
        await bucket.put(login.subscriber_id, msgspec.json.encode(login))

    async def remove(self, subscriber_id: str) -> None:
        """Ends a login; nothing where there is none."""
        bucket = await self._log.bucket(LOGINS_BUCKET)
        if await bucket.get(subscriber_id) is not None:
            await bucket.delete(subscriber_id)

    async def all(self) -> list[Login]:
        """Every login, by subscriber."""
        entries = await (await self._log.bucket(LOGINS_BUCKET)).items()
        found = [decode_login(entry.value) for entry in entries if entry.value is not None]
        return sorted(found, key=lambda login: login.subscriber_id)
