"""What a request by HTTP says about who speaks. Pure functions."""

from __future__ import annotations

import base64
import binascii
import contextlib

from gateway.listeners.wires import wires
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import RefusedError


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
