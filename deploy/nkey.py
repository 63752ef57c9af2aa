#!/usr/bin/env python3
"""Prints a new key of a NATS account: its seed and its public half. Needs nothing but Python.

The public key is Ed25519's (RFC 8032, 5.1.5), computed by the RFC's own
arithmetic; how keys are written is in ``sealtrail/runtime/nkeys.py``. Slow, and
its timing tells of the secret: for making a key once, on one's own machine.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import sys

_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P
_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_SEED_OF_ACCOUNT = bytes((0x90, 0x00))
_ACCOUNT = b"\x00"

_Point = tuple[int, int, int, int]  # extended homogeneous coordinates X, Y, Z, T of the RFC


def _base() -> _Point:
    square = (_BASE_Y * _BASE_Y - 1) * pow(_D * _BASE_Y * _BASE_Y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if x & 1:
        x = _P - x
    return x, _BASE_Y, 1, x * _BASE_Y % _P


def _add(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def public_key(seed: bytes) -> bytes:
    """The 32 bytes of the public key of a seed of 32 bytes."""
    number = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    number = number & (2**254 - 8) | 2**254
    result, power = (0, 1, 1, 0), _base()
    while number:
        if number & 1:
            result = _add(result, power)
        power = _add(power, power)
        number >>= 1
    inverse = pow(result[2], _P - 2, _P)
    x, y = result[0] * inverse % _P, result[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _written(data: bytes) -> str:
    check = binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data + check).rstrip(b"=").decode()


def account_key() -> tuple[str, str]:
    """(seed, public key) of a new account key, as NATS writes them: ``SA…`` and ``A…``."""
    seed = secrets.token_bytes(32)
    return _written(_SEED_OF_ACCOUNT + seed), _written(_ACCOUNT + public_key(seed))


if __name__ == "__main__":
    sys.stdout.write("\n".join(account_key()) + "\n")
