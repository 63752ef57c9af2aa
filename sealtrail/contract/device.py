"""`Device`: what is known about a device before it speaks, and what it proves itself with.

Times are UTC milliseconds. Secrets of devices are kept as salted hashes or,
where both sides must have them (HMAC), as they are; a Device is never printed
with them.
"""

from __future__ import annotations

import enum

import msgspec


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
    note: str = ""
    changed_at_ms: int = 0
    changed_by: str = ""


class Suspicion(enum.StrEnum):
    """Why an identity is suspect."""

    UNKNOWN_DEVICE = "unknown_device"
    SUSPENDED_DEVICE = "suspended_device"
    SECOND_SESSION = "second_session"
    REPLAYED_SEQUENCE = "replayed_sequence"
    BAD_SIGNATURE = "bad_signature"
