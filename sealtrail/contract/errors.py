"""Every refusal by name.

::

    SealTrailError
    ├── RefusedError            input from outside was refused; `.reason` is its stable name
    │   ├── DecodeError         a device frame
    │   ├── WireError           a batch on the log
    │   │   ├── UnknownVersionError
    │   │   └── MalformedBatchError
    │   ├── InvalidTripError    a trip or a trip event
    │   └── InvalidModelError   a learned model
    ├── SettingsError           a settings file or variable; the message says which key and why
    └── UnavailableError        a part that is needed (broker, log, store) doesn't answer
"""

from __future__ import annotations


class SealTrailError(Exception):
    """Root of all errors that SealTrail raises on purpose; the message is for people."""


class RefusedError(SealTrailError):
    """Input from outside was refused.

    ``reason`` is a short stable snake_case name (metrics label, quarantine
    field); the message says what was found where.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class DecodeError(RefusedError):
    """A device frame that is not what its family's datasheet says."""


class WireError(RefusedError):
    """Bytes on the log that are not a batch of ours."""


class UnknownVersionError(WireError):
    """A batch of a version that this program doesn't know; upgrade the reader first."""


class MalformedBatchError(WireError):
    """A batch whose header or body is damaged."""


class InvalidTripError(RefusedError):
    """A trip file or trip event whose content contradicts itself."""


class InvalidModelError(RefusedError):
    """A learned model, or what one is to be made from or found by."""


class SettingsError(SealTrailError):
    """A setting is unknown, missing or out of range."""


class UnavailableError(SealTrailError):
    """A part that is needed doesn't answer; trying again later may help."""
