"""Frames of JT/T 808 as a terminal makes them."""

from __future__ import annotations

import struct

from gateway.decoders._jt808_frame import checksum, stuffed

TIME = bytes.fromhex("261123140000")  # 2026-11-23T06:00:00Z in GMT+8
IDENTITY = bytes.fromhex("013812345678")
LOCATED = 1 << 1


def framed(
    message_id: int,
    body: bytes,
    *,
    identity: bytes = IDENTITY,
    serial: int = 7,
    version: int | None = None,
    part: tuple[int, int] | None = None,
    mark: int = 0x7E,
) -> bytes:
    """A frame on the wire; ``part`` is (number, total) of a sub-packet."""
    attributes = len(body) | (0x4000 if version is not None else 0) | (0x2000 if part else 0)
    content = struct.pack(">HH", message_id, attributes)
    content += b"" if version is None else bytes([version])
    content += identity + serial.to_bytes(2, "big")
    content += struct.pack(">HH", part[1], part[0]) if part else b""
    content += body
    return bytes([mark]) + stuffed(content + bytes([checksum(content)]), mark) + bytes([mark])


def location(  # noqa: PLR0913  the fields of the report
    items: bytes = b"",
    *,
    alarm: int = 0,
    status: int = LOCATED,
    latitude: int = 22_543_210,
    longitude: int = 114_057_860,
    altitude: int = 15,
    speed: int = 523,
    course: int = 90,
    time: bytes = TIME,
) -> bytes:
    """The body of a location report."""
    head = struct.pack(">IIIIhHH", alarm, status, latitude, longitude, altitude, speed, course)
    return head + time + items


def item(number: int, value: bytes) -> bytes:
    """An additional item."""
    return bytes([number, len(value)]) + value
