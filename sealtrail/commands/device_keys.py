"""Signing keys of devices: made, added with an overlap, cleared of those that have ended."""

from __future__ import annotations

import base64
import binascii
import secrets

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealtrail.contract.device import InvalidDeviceError, SignatureAlgorithm, SigningKey

KEY_BYTES = 32


def make_key(
    algorithm: SignatureAlgorithm, public_key: str | None, now_ms: int, made: dict[str, str]
) -> SigningKey:
    """A new key that holds from now on; what the device must be told is added to ``made``.

    Raises `InvalidDeviceError` ``bad_key`` for a public key that is none.
    """
    key_id = f"k{secrets.token_hex(4)}"
    made["key_id"] = key_id
    if algorithm is SignatureAlgorithm.HMAC_SHA256:
        if public_key:
            raise InvalidDeviceError("bad_key", "a public key is for ed25519; hmac-sha256 has none")
        key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        made["key"] = key
    elif public_key:
        key = _public(public_key)
    else:
        private = Ed25519PrivateKey.generate()
        made["private_key"] = base64.b64encode(private.private_bytes_raw()).decode()
        key = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    return SigningKey(key_id=key_id, algorithm=algorithm, key=key, valid_from_ms=now_ms)


def _public(text: str) -> str:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidDeviceError("bad_key", f"the public key is no base64: {error}") from error
    if len(key) != KEY_BYTES:
        raise InvalidDeviceError("bad_key", f"a public key of ed25519 has {KEY_BYTES} bytes, not {len(key)}")
    return text


def without_expired(keys: tuple[SigningKey, ...], now_ms: int) -> tuple[SigningKey, ...]:
    """The keys that hold now or will."""
    return tuple(key for key in keys if key.valid_until_ms is None or key.valid_until_ms > now_ms)


def add_key(keys: tuple[SigningKey, ...], key: SigningKey, until_ms: int) -> tuple[SigningKey, ...]:
    """A further key; the others hold until ``until_ms`` at the latest, not at all where that is its start."""
    ended = (
        msgspec.structs.replace(
            one, valid_until_ms=until_ms if one.valid_until_ms is None else min(one.valid_until_ms, until_ms)
        )
        for one in keys
    )
    return (*(one for one in ended if until_ms > key.valid_from_ms), key)
