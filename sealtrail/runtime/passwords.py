"""Passwords of devices and subscribers: made, hashed, checked.

Hashes are written as Mosquitto writes them, ``$7$<iterations>$<salt>$<hash>``
(PBKDF2 with HMAC-SHA512, salt and hash in base64), so that one hash serves
NATS's logins and Mosquitto's password file.

A password that is made here has 192 random bits, which nobody can try out
however fast the hash: few iterations keep logins cheap. One that a person chose
gets many.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

MADE_ITERATIONS = 101
CHOSEN_ITERATIONS = 60_000
MOST_ITERATIONS = 2_000_000
_SALT_BYTES = 12
_HASH_BYTES = 64
_SCHEME = "7"
_PARTS = 5


def make_password() -> str:
    """A new password: 32 letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(24)


def hash_password(password: str, iterations: int) -> str:
    """Its salted hash."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH_BYTES)
    return f"${_SCHEME}${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def is_hash(text: str) -> bool:
    """Whether a text is a hash that `is_password` understands."""
    return _parts(text) is not None


def is_password(password: str, hashed: str) -> bool:
    """Whether ``password`` is the one; False for a hash that can't be read."""
    parts = _parts(hashed)
    if parts is None:
        return False
    iterations, salt, digest = parts
    found = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, len(digest))
    return hmac.compare_digest(found, digest)


def is_costly(hashed: str) -> bool:
    """Whether checking takes long enough to be done beside the event loop."""
    parts = _parts(hashed)
    return parts is not None and parts[0] > 10 * MADE_ITERATIONS


def _parts(hashed: str) -> tuple[int, bytes, bytes] | None:
    fields = hashed.split("$")
    if len(fields) != _PARTS or fields[0] or fields[1] != _SCHEME or not fields[2].isdecimal():
        return None
    try:
        iterations = int(fields[2])
        salt, digest = (base64.b64decode(field, validate=True) for field in fields[3:])
    except (binascii.Error, ValueError):
        return None
    if not 0 < iterations <= MOST_ITERATIONS or not salt or len(digest) != _HASH_BYTES:
        return None
    return iterations, salt, digest
