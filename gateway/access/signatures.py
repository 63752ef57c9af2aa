"""Signatures over payloads: what a device's key proves, whatever broker the payload came through.

A signed payload is the payload's bytes, a line feed, and one last line::

    {"sequence":7,"occurred_at":"2026-11-23T06:30:00Z"}
    .<key id>.<signature, base64url without padding>

Signed is every byte before that line feed, as sent: nothing is parsed, sorted or
written again before it is checked. The signature is HMAC-SHA256 (32 bytes) or
Ed25519 (64 bytes), as the registry says for that key. A JSON text never ends in
a line that begins with a full stop, so that signed and unsigned payloads can't
be taken for each other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sealtrail.contract.device import SignatureAlgorithm, SigningKey
from sealtrail.contract.errors import DecodeError

LONGEST_TRAILER = 256


class SignedPayload(NamedTuple):
    """A payload taken apart; nothing of it is believed yet."""

    payload: bytes
    key_id: str
    signature: bytes


def split(message: bytes) -> SignedPayload | None:
    """Payload, key and signature; None where the message has no signature.

    Raises `DecodeError` ``bad_signature`` for a trailer that can't be read.
    """
    if message.endswith((b"}", b"]")):  # no signature's last byte: nearly all messages end here
        return None
    cut = message.rfind(b"\n.", max(0, len(message) - LONGEST_TRAILER))
    if cut < 0:
        return None
    parts = message[cut + 2 :].rstrip(b"\r\n").split(b".")
    try:
        key_id, text = parts
        signature = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return SignedPayload(message[:cut], key_id.decode("ascii"), signature)
    except (ValueError, binascii.Error, UnicodeDecodeError) as error:
        raise DecodeError("bad_signature", "the last line is no .<key id>.<signature>") from error


def _material(key: SigningKey) -> bytes:
    return base64.b64decode(key.key, validate=True)


def check(found: SignedPayload, keys: tuple[SigningKey, ...], now_ms: int) -> bytes:
    """The payload, if one of the keys that hold now has signed it.

    Raises `DecodeError` ``bad_signature`` saying which key failed how.
    """
    for key in keys:
        if key.key_id != found.key_id:
            continue
        if now_ms < key.valid_from_ms or (key.valid_until_ms is not None and now_ms >= key.valid_until_ms):
            raise DecodeError("bad_signature", f"key {found.key_id!r} doesn't hold at this time")
        if _verifies(key, found):
            return found.payload
        raise DecodeError("bad_signature", f"the payload isn't what key {found.key_id!r} has signed")
    raise DecodeError("bad_signature", f"the device has no key {found.key_id[:64]!r}")


def _verifies(key: SigningKey, found: SignedPayload) -> bool:
    try:
        if key.algorithm is SignatureAlgorithm.HMAC_SHA256:
            digest = hmac.digest(_material(key), found.payload, hashlib.sha256)
            return hmac.compare_digest(digest, found.signature)
        Ed25519PublicKey.from_public_bytes(_material(key)).verify(found.signature, found.payload)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def sign(payload: bytes, key_id: str, algorithm: SignatureAlgorithm, key: bytes) -> bytes:
    """The signed message, as a device makes it; ``key`` is the shared secret or the private key."""
    if algorithm is SignatureAlgorithm.HMAC_SHA256:
        signature = hmac.digest(key, payload, hashlib.sha256)
    else:
        signature = Ed25519PrivateKey.from_private_bytes(key).sign(payload)
    trailer = base64.urlsafe_b64encode(signature).rstrip(b"=")
    return payload + b"\n." + key_id.encode() + b"." + trailer
