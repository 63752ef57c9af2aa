"""NATS's keys and tokens: Ed25519 in base32 (nkeys) and JSON Web Tokens signed with them.

A key is written as base32 (RFC 4648, no padding) of its prefix, 32 bytes and a
CRC-16/XMODEM of both, low byte first. The prefix of a public key is one byte; a
seed has two, its own and the kind of key folded into it::

    public key   prefix   32 bytes of the public key   CRC
                 A 0x00 account, N 0x68 server, U 0xA0 user
    seed         0x90 | kind >> 5, kind << 3 & 0xFF    32 bytes of the seed   CRC

Source: nats-io/nkeys, ``nkeys.go`` and ``crc16.go``; nats-io/jwt v2 for the tokens.

The only file that knows ``cryptography`` for logins.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sealtrail.contract.errors import RefusedError, SettingsError

ACCOUNT = 0
SERVER = 13 << 3
_SEED = 18 << 3
_KEY_BYTES = 32
_ALGORITHM = {"typ": "JWT", "alg": "ed25519-nkey"}


class TokenError(RefusedError):
    """A token that isn't what NATS's servers send."""


def _written(data: bytes) -> str:
    check = binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data + check).rstrip(b"=").decode()


def _read(text: str) -> bytes:
    """What is written, without its check sum; raises ``ValueError``."""
    data = base64.b32decode(text + "=" * (-len(text) % 8))
    if binascii.crc_hqx(data[:-2], 0).to_bytes(2, "little") != data[-2:]:
        raise ValueError("its check sum is wrong")
    return data[:-2]


class AccountKey:
    """An account's key, with which logins are signed."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.public = _written(bytes((ACCOUNT,)) + self._private.public_key().public_bytes_raw())

    @classmethod
    def make(cls) -> AccountKey:
        """A new key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_seed(cls, text: str) -> AccountKey:
        """The key of a seed ``SA…``; raises `SettingsError` for anything else."""
        try:
            data = _read(text.strip())
        except (binascii.Error, ValueError) as error:
            raise SettingsError(f"access.issuer_seed is no seed of an account: {error}") from error
        if data[:2] != bytes((_SEED | ACCOUNT >> 5, (ACCOUNT & 31) << 3)) or len(data) != _KEY_BYTES + 2:
            raise SettingsError("access.issuer_seed is no seed of an account: it begins with SA")
        return cls(data[2:])

    @property
    def seed(self) -> str:
        """The seed as it is written in settings."""
        return _written(bytes((_SEED | ACCOUNT >> 5, (ACCOUNT & 31) << 3)) + self._seed)

    def token(self, claims: Mapping[str, Any]) -> str:
        """A signed token; its identifier (``jti``) is made of its claims."""
        body = json.dumps(claims, separators=(",", ":")).encode()
        digest = base64.b32encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        signed = (
            _HEAD + b"." + _encoded(json.dumps({**claims, "jti": digest}, separators=(",", ":")).encode())
        )
        return (signed + b"." + _encoded(self._private.sign(signed))).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(data: bytes) -> bytes:
    return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))


_HEAD = _encoded(json.dumps(_ALGORITHM, separators=(",", ":")).encode())


def read_server_token(token: bytes) -> dict[str, Any]:
    """Claims of a token that a NATS server has signed.

    Raises `TokenError`: ``bad_token`` for anything else than a token,
    ``bad_signature`` where the issuer named in it isn't who signed it.
    """
    try:
        signed, _, signature = token.rpartition(b".")
        claims = json.loads(_decoded(signed.split(b".")[1]))
        issuer = _read(claims["iss"])
        if issuer[0] != SERVER:
            raise TokenError("bad_token", "its issuer is no server")
        Ed25519PublicKey.from_public_bytes(issuer[1:]).verify(_decoded(signature), signed)
    except InvalidSignature as error:
        raise TokenError("bad_signature", "the token isn't signed by its issuer") from error
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise TokenError("bad_token", str(error) or type(error).__name__) from error
    if not isinstance(claims, dict):
        raise TokenError("bad_token", "its claims are no object")
    return claims
