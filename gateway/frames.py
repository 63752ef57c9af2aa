"""Bulk reading of MQTT 3.1.1 packets: a whole read of the socket becomes messages in one pass."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from gateway.session import Delivery

LONG_PACKET_BYTES = 1 << 20
"""Of a longer packet only the beginning is ever in memory."""

UNREADABLE_TOPIC = "(topic is not UTF-8)"
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"

REFUSED_QOS = 0x80

_PUBLISH, _SUBACK, _PINGRESP = 0x3, 0x9, 0xD
_QOS_BITS = 0x06
_QOS_1 = 0x02
_PUBACK = 0x4002_0000
_CONTINUES, _DIGIT = 0x80, 0x7F
_MAX_HEADER = 5


class BadPacketError(ValueError):
    """Bytes that a broker doesn't send to a subscriber with QoS 0 and 1."""


class Frames:
    """The receiving side of one connection, after the broker has accepted it.

    A token is the connection's generation and the packet identifier. A message
    that the broker repeats while its first copy is unacknowledged is dropped.
    """

    def __init__(self, generation: int, keep_bytes: int) -> None:
        """Longer payloads are cut to ``keep_bytes``."""
        self._generation = generation
        self._base = generation << 16
        self._keep_bytes = keep_bytes
        self._partial = b""
        self._needed = 0  # bytes that must be there before `_partial` is worth another look
        self._skip = 0  # bytes of a long packet that are still to come and not kept
        self._unacknowledged: set[int] = set()
        self.subscription_accepted: bool | None = None  # of the first filter; None until SUBACK is read
        self.subscription_answers = b""  # one byte for each filter

    def feed(self, data: bytes) -> list[Delivery]:
        """Messages that are complete with ``data``; raises `BadPacketError`."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if self._partial:
            data = self._partial + data
            if len(data) < self._needed:
                self._partial = data
                return []
        self._needed = 0
        found: list[Delivery] = []
        at = 0
        while (header := _header(data, at)) is not None:
            body, length = header
            end = body + length
            if end > len(data):
                if length <= LONG_PACKET_BYTES or len(data) - at < LONG_PACKET_BYTES:
                    self._needed = min(end - at, LONG_PACKET_BYTES)
                    break
                self._skip = end - len(data)
                end = len(data)
            if data[at] >> 4 == _PUBLISH:
                delivery = self._publish(data, at, body, end)
                if delivery is not None:
                    found.append(delivery)
            elif data[at] >> 4 == _SUBACK:
                self.subscription_answers = data[body + 2 : end]
                self.subscription_accepted = (
                    bool(self.subscription_answers) and self.subscription_answers[0] < REFUSED_QOS
                )
            elif data[at] >> 4 != _PINGRESP:
                raise BadPacketError(f"packet type {data[at] >> 4}")
            at = end
        self._partial = data[at:]
        return found

    def _publish(self, data: bytes, at: int, body: int, end: int) -> Delivery | None:
        start = body + 2
        flags = data[at] & _QOS_BITS
        if start > end or flags & ~_QOS_1:
            raise BadPacketError(f"PUBLISH with flags {data[at] & 0xF:#x} and {end - body} bytes")
        topic_end = start + (data[body] << 8 | data[body + 1])
        payload_start = topic_end + flags  # the packet identifier has two bytes, and QoS 1 is bit 1
        if payload_start > end:
            raise BadPacketError(f"PUBLISH of {end - body} bytes with a longer topic")
        mid = data[topic_end] << 8 | data[topic_end + 1] if flags else 0
        try:
            topic = str(data[start:topic_end], "utf-8")
        except UnicodeDecodeError:
            topic = UNREADABLE_TOPIC
        return self.accept(topic, data[payload_start : min(end, payload_start + self._keep_bytes)], mid)

    def accept(self, topic: str, payload: bytes, mid: int) -> Delivery | None:
        """One message as it is handed over; None for a repetition of what is unacknowledged."""
        if not mid:
            return topic, payload[: self._keep_bytes], 0
        if mid in self._unacknowledged:
            return None
        self._unacknowledged.add(mid)
        return topic, payload[: self._keep_bytes], self._base | mid

    def acknowledgements(self, tokens: Sequence[int]) -> bytes:
        """PUBACK packets for those tokens that are this connection's."""
        mids = [token & 0xFFFF for token in tokens if token >> 16 == self._generation]
        self._unacknowledged.difference_update(mids)
        return struct.pack(f"!{len(mids)}I", *[_PUBACK | mid for mid in mids])


def _header(data: bytes, at: int) -> tuple[int, int] | None:
    """(where the body begins, its length) of the packet at ``at``; None while that isn't all there."""
    length = shift = 0
    for position in range(at + 1, min(at + _MAX_HEADER, len(data))):
        digit = data[position]
        length |= (digit & _DIGIT) << shift
        if not digit & _CONTINUES:
            return position + 1, length
        shift += 7
    if len(data) - at >= _MAX_HEADER:
        raise BadPacketError("a length of more than four bytes")
    return None
