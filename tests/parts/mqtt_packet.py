"""Two encodings of MQTT 3.1.1 that every publisher on bare sockets needs (sections 1.5.3 and 2.2.3)."""

from __future__ import annotations

import struct


def remaining_length(size: int) -> bytes:
    """The variable-length size that follows a packet's first byte."""
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def text(value: str) -> bytes:
    """A string in UTF-8 behind its length."""
    raw = value.encode()
    return struct.pack("!H", len(raw)) + raw
