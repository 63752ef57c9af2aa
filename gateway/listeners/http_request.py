"""What a request by HTTP says about who speaks. Pure functions."""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import ipaddress
from collections.abc import Mapping, Sequence

from pydantic import SecretStr

from gateway.decoders import decoder_for, told_beside
from gateway.listeners.wires import wires
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import RefusedError, SettingsError


def credentials(authorization: str) -> tuple[str | None, bytes]:
    """(user, secret) of an Authorization header; the user is None where none is named."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return None, value.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, ValueError):
            user, colon, password = base64.b64decode(value.strip(), validate=True).partition(b":")
            if colon:
                return user.decode("utf-8", "replace"), password
    return None, b""


def named_device(decoder: Decoder, body: bytes, now_ms: int) -> str:
    """The one device that a message names; empty: none, or not one. What is wrong then, the pipeline says."""
    wire = wires().get(decoder.family)
    try:
        if wire is not None:
            return wire.dialogue().hear(body, now_ms).identity or ""
        names = {reading.device_id for reading in decoder.decode(body, None, now_ms)}
    except RefusedError:
        return ""
    return names.pop() if len(names) == 1 else ""


def told_device(decoder: Decoder, headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    """(device, user) that a request names beside its message; empty where its family has no such way.

    A decoder module says in ``REQUEST_NAMES`` by which header, or which parameter of the
    query, each part of an identity is told; the first part is the user.
    """
    names: tuple[tuple[str, str], ...] = told_beside(decoder, "REQUEST_NAMES", ())
    parts = [headers.get(header, "") or query.get(parameter, "") for header, parameter in names]
    return ("-".join(parts), parts[0]) if parts and all(parts) else ("", "")


def family_tokens(tokens: Mapping[str, SecretStr]) -> dict[str, bytes]:
    """What a webhook must say, by family. Raises `SettingsError` for one that can't be."""
    found: dict[str, bytes] = {}
    for name, token in tokens.items():
        try:
            family = decoder_for(name).family
        except RefusedError as error:
            raise SettingsError(f"gateway.http.tokens.{name}: {error}") from error
        found[family] = token.get_secret_value().encode()
        if not found[family]:
            raise SettingsError(f"gateway.http.tokens.{name}: is empty")
    return found


class Addresses:
    """Addresses and networks of a setting."""

    def __init__(self, key: str, texts: Sequence[str]) -> None:
        """Raises `SettingsError`, which names the setting ``key``, for what is neither."""
        try:
            self._networks = [ipaddress.ip_network(text) for text in texts]
        except ValueError as error:
            raise SettingsError(f"{key}: {error}") from error
        self.has = functools.lru_cache(maxsize=1_024)(self._has) if texts else lambda _: False

    def _has(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(found in network for network in self._networks)
