"""`Device`: what is known about a device before it speaks, and what it proves itself with.

Times are UTC milliseconds. Secrets of devices are kept as salted hashes or,
where both sides must have them (HMAC), as they are; a Device is never printed
with them.
"""

from __future__ import annotations

import enum
import re

import msgspec

from sealtrail.contract.errors import RefusedError


class DeviceState(enum.StrEnum):
    PROVISIONED = "provisioned"  # known, hasn't spoken yet
    ACTIVE = "active"
    SUSPENDED = "suspended"  # may not speak until someone says so
    RETIRED = "retired"  # for good; its identity isn't given again


class SignatureAlgorithm(enum.StrEnum):
    HMAC_SHA256 = "hmac-sha256"
    ED25519 = "ed25519"


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with which a device signs its payloads; several may hold at one time (rotation)."""

    key_id: str
    algorithm: SignatureAlgorithm
    key: str  # base64: the shared secret, or the public key
    valid_from_ms: int
    valid_until_ms: int | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device as the registry knows it; the registry keeps its history."""

    device_id: str
    family: str
    state: DeviceState = DeviceState.PROVISIONED
    password_hash: str = ""  # empty: doesn't log in with a password
    certificate_sha256: str = ""  # hex fingerprint of its client certificate; empty: none
    signing_keys: tuple[SigningKey, ...] = ()
    signature_required: bool = False
    reporting_interval_s: float | None = None
    capabilities: tuple[str, ...] = ()  # "seal", "gnss", "temperature", …
    messages_per_s: float | None = None  # rate limit, where it isn't the setting's
    clock_ahead_s: int | None = None  # of its clock before UTC, where it isn't what its protocol says
    note: str = ""
    changed_at_ms: int = 0
    changed_by: str = ""


FARTHEST_CLOCK_S = 14 * 3_600
"""No zone is farther from UTC."""
CLOCK_OFFSET = re.compile(r"([+-])(\d{1,2}):(\d{2})")


class Suspicion(enum.StrEnum):
    """Why an identity is suspect."""

    UNKNOWN_DEVICE = "unknown_device"
    SUSPENDED_DEVICE = "suspended_device"
    SECOND_SESSION = "second_session"
    REPLAYED_SEQUENCE = "replayed_sequence"
    BAD_SIGNATURE = "bad_signature"


MAX_DEVICE_ID = 64
DEVICE_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
"""ASCII letters, digits, ``-`` and ``_``, with single dots between: plain in MQTT topics,
log subjects, bucket keys and file names alike."""

RESERVED = frozenset({"access", "device", "gateway", "sealtrail"})
"""User names of our own at the brokers; no device is called so."""

FAMILY = re.compile(r"[a-z0-9]{1,32}")
"""Names of families are one plain word; ``alerts`` is none, its topics are the subscribers'."""

MAY_BECOME: dict[DeviceState, frozenset[DeviceState]] = {
    DeviceState.PROVISIONED: frozenset({DeviceState.ACTIVE, DeviceState.SUSPENDED, DeviceState.RETIRED}),
    DeviceState.ACTIVE: frozenset({DeviceState.SUSPENDED, DeviceState.RETIRED}),
    DeviceState.SUSPENDED: frozenset({DeviceState.ACTIVE, DeviceState.PROVISIONED, DeviceState.RETIRED}),
    DeviceState.RETIRED: frozenset(),
}

SPEAKING = frozenset({DeviceState.PROVISIONED, DeviceState.ACTIVE})
"""States in which what a device says is believed."""


class InvalidDeviceError(RefusedError):
    """A device, or a change to one, that contradicts the rules of the registry."""


def check_device_id(device_id: str) -> str:
    """The identity itself; raises `InvalidDeviceError` named ``bad_device_id``."""
    if len(device_id) > MAX_DEVICE_ID or DEVICE_ID.fullmatch(device_id) is None:
        raise InvalidDeviceError(
            "bad_device_id",
            f"{device_id[:MAX_DEVICE_ID]!r}: an identity has 1 to {MAX_DEVICE_ID} letters, digits, - and _, "
            "with single dots between",
        )
    return device_id


def check_device(device: Device) -> Device:
    """The device itself; raises `InvalidDeviceError` naming what is wrong with it."""
    if check_device_id(device.device_id) in RESERVED:
        raise InvalidDeviceError("reserved_name", f"{device.device_id} is a user of the system itself")
    if FAMILY.fullmatch(device.family) is None or device.family == "alerts":
        raise InvalidDeviceError("bad_family", f"{device.family[:MAX_DEVICE_ID]!r} is no family of devices")
    certificate = device.certificate_sha256
    if certificate and re.fullmatch(r"[0-9a-f]{64}", certificate) is None:
        raise InvalidDeviceError("bad_certificate", "a fingerprint is the SHA-256, 64 hexadecimal digits")
    for name, number in (
        ("reporting_interval_s", device.reporting_interval_s),
        ("messages_per_s", device.messages_per_s),
    ):
        if number is not None and not 0 < number < float("inf"):
            raise InvalidDeviceError("bad_number", f"{name} is {number}; it must be above 0")
    if device.clock_ahead_s is not None and abs(device.clock_ahead_s) > FARTHEST_CLOCK_S:
        raise InvalidDeviceError("bad_clock_offset", f"{device.clock_ahead_s} s is no zone's offset from UTC")
    if device.signature_required and not device.signing_keys:
        raise InvalidDeviceError("no_signing_key", "signatures are required, but there is no key for them")
    key_ids = [key.key_id for key in device.signing_keys]
    if len(set(key_ids)) != len(key_ids):
        raise InvalidDeviceError("key_id_twice", f"key ids {', '.join(key_ids)}")
    return device


def clock_offset_s(text: str) -> int:
    """Seconds of an offset from UTC: ``+08:00``, ``-03:30``, ``0``.

    Raises `InvalidDeviceError` named ``bad_clock_offset``.
    """
    if text in {"0", "Z", "UTC"}:
        return 0
    found = CLOCK_OFFSET.fullmatch(text)
    if found is None or int(found[3]) >= 60:  # noqa: PLR2004  minutes
        raise InvalidDeviceError("bad_clock_offset", f"{text[:20]!r}: write +08:00, -03:30 or 0")
    seconds = int(found[2]) * 3_600 + int(found[3]) * 60
    if seconds > FARTHEST_CLOCK_S:
        raise InvalidDeviceError("bad_clock_offset", f"{text[:20]!r} is farther from UTC than any zone")
    return -seconds if found[1] == "-" else seconds


def clock_offset_text(seconds: int) -> str:
    """The inverse of `clock_offset_s`."""
    hours, rest = divmod(abs(seconds), 3_600)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}:{rest // 60:02d}"


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody who isn't a device signs in at the MQTT broker: a subscriber."""

    subscriber_id: str
    password_hash: str
    changed_at_ms: int = 0


def subscriber_login(subscriber_id: str) -> str:
    """User name of a subscriber at the broker; never the one of a device, which has no ``@``."""
    return f"{subscriber_id}@alerts"
