"""Frames of JT/T 808 as a terminal makes them."""

from __future__ import annotations

import struct

from gateway.decoders._jt808_frame import checksum, stuffed
from gateway.decoders.jt808 import DECODER
from sealtrail.contract.clock import parse_iso
from sealtrail.contract.reading import Reading

TIME = bytes.fromhex("261123140000")  # 2026-11-23T06:00:00Z in GMT+8
IDENTITY = bytes.fromhex("013812345678")
LOCATED = 1 << 1
RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")


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


def decoded(frame: bytes) -> list[Reading]:
    """Readings of a frame whose device nobody vouches for."""
    return DECODER.decode(frame, None, RECEIVED_AT_MS)


def reported(body: bytes, *, version: int | None = None) -> Reading:
    """The reading of a location report."""
    identity = IDENTITY if version is None else bytes(4) + IDENTITY
    (reading,) = decoded(framed(0x0200, body, version=version, identity=identity))
    return reading


def lock_frame(
    *, status: int = 0x20, alarms: int = 0, product: int = 3, items: bytes = b"", message_id: int = 0x5501
) -> bytes:
    """A lock report."""
    body = bytes.fromhex("220720024542" "06133574" "0753595137") + bytes.fromhex("00000801") + struct.pack(
        ">IBIHBHH", 12, 80, 7, 8, product, status, alarms
    ) + items  # fmt: skip
    content = struct.pack(">HH", message_id, len(body)) + IDENTITY + b"\x05" + body
    return b"\x7e" + stuffed(content + bytes([checksum(content)]), 0x7E) + b"\x7e"
