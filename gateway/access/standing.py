"""`Standing`: how one device stands with the gateway, ready for a look per message."""

from __future__ import annotations

from gateway.access.sequences import Counting
from gateway.rates import Bucket
from sealtrail.contract.device import SPEAKING, Device, DeviceState

HOUR_MS = 3_600_000

REFUSALS = {
    DeviceState.SUSPENDED: "suspended_device",
    DeviceState.RETIRED: "retired_device",
}
"""Reasons by which what a device says is quarantined; see docs/operating.md."""


class Excess:
    """What one device sent beyond its rate: a bounded part is kept, the rest is counted."""

    __slots__ = ("_kept", "_since_ms", "bytes", "messages")

    def __init__(self) -> None:
        self._kept = 0
        self._since_ms = 0
        self.messages = 0  # not kept, not told yet
        self.bytes = 0

    def keep(self, size: int, most: int, now_ms: int) -> bool:
        """Whether a message of ``size`` bytes may still be kept; it is counted where it mayn't."""
        if now_ms - self._since_ms >= HOUR_MS:
            self._since_ms, self._kept = now_ms, 0
        if self._kept + size <= most:
            self._kept += size
            return True
        self.messages += 1
        self.bytes += size
        return False


class Standing:
    """A device of the registry, its limits and its count. Changed in place when the registry changes."""

    __slots__ = ("activating", "bucket", "counting", "device", "excess", "refusal", "signs")

    def __init__(self, device: Device, rate_per_s: float, burst: float) -> None:
        self.bucket = Bucket(device.messages_per_s or rate_per_s, burst)
        self.excess = Excess()
        self.counting = Counting()
        self._take(device)

    def _take(self, device: Device) -> None:
        self.device = device
        self.refusal = "" if device.state in SPEAKING else REFUSALS[device.state]
        self.signs = bool(device.signing_keys)
        self.activating = False

    def change(self, device: Device, rate_per_s: float, burst: float) -> None:
        """The registry says something new; what the device has used up stays used up."""
        if device.messages_per_s != self.device.messages_per_s:
            self.bucket.change(device.messages_per_s or rate_per_s, burst)
        self._take(device)
