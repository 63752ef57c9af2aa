"""The packets of MQTT 3.1.1 that the gateway sends and the one that answers CONNECT, as bytes. No I/O.

Source: MQTT 3.1.1 (OASIS), sections 1.5.3, 2.2.3, 3.1, 3.2, 3.3 and 3.8.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from gateway.frames import BadPacketError
from sealtrail.runtime.settings.gateway import MqttSettings

CONNACK_BYTES = 4

_CONNACK_HEAD = b"\x20\x02"
_PROTOCOL = b"\x00\x04MQTT\x04"
_KEEP_SESSION = 0x00  # clean session would be 0x02
_HAS_USER, _HAS_PASSWORD = 0x80, 0x40
_SUBSCRIBE_ID = 1


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("!H", len(raw)) + raw


def _packet(first: int, body: bytes) -> bytes:
    head = bytearray((first,))
    size = len(body)
    while True:
        size, digit = divmod(size, 128)
        head.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(head) + body


def connect(settings: MqttSettings) -> bytes:
    """CONNECT to a session that the broker keeps; no will."""
    password = settings.password.get_secret_value()
    flags = _KEEP_SESSION
    fields = _text(settings.client_id)
    if settings.username:
        flags |= _HAS_USER | _HAS_PASSWORD
        fields += _text(settings.username) + _text(password)
    return _packet(0x10, _PROTOCOL + struct.pack("!BH", flags, settings.keep_alive_s) + fields)


def subscribe(filters: Sequence[str]) -> bytes:
    """SUBSCRIBE to all filters with QoS 1."""
    return _packet(
        0x82, struct.pack("!H", _SUBSCRIBE_ID) + b"".join(_text(each) + b"\x01" for each in filters)
    )


def publish(topic: str, payload: bytes) -> bytes:
    """PUBLISH with QoS 0."""
    return _packet(0x30, _text(topic) + payload)


def read_connack(data: bytes) -> tuple[bool, int] | None:
    """(whether the broker kept our session, return code: 0 accepted); None while it isn't all there.

    Raises `BadPacketError` where ``data`` begins with anything else.
    """
    if data[:2] != _CONNACK_HEAD[: len(data)]:
        raise BadPacketError("unexpected_packet", f"CONNACK expected, {data[:8].hex()} received")
    if len(data) < CONNACK_BYTES:
        return None
    return bool(data[2] & 1), data[3]
