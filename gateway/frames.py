"""Bulk reading of MQTT 3.1.1 packets: a whole read of the socket becomes messages in one pass."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from gateway.session import Delivery
from sealtrail.contract.errors import RefusedError

LONG_PACKET_BYTES = 1 << 20
"""Of a longer packet only the beginning is ever in memory."""

UNREADABLE_TOPIC = "(topic is not UTF-8)"
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"

REFUSED_QOS = 0x80

_PUBLISH, _SUBACK, _PINGRESP = 0x30, 0x90, 0xD0
_TYPE_AND_QOS_2 = 0xF4  # DUP, RETAIN and QoS 1 may be set or not
_QOS_BITS = 0x06
_QOS_1 = 0x02
_PUBACK = 0x4002_0000
_CONTINUES, _DIGIT = 0x80, 0x7F
_MAX_HEADER = 5
_TYPE_SHIFT = 4
_TYPE_OF_PUBLISH = 3
_NOT_FOR_US = {0: "reserved", 1: "CONNECT", 2: "CONNACK", 8: "SUBSCRIBE", 12: "PINGREQ", 14: "DISCONNECT"}


class BadPacketError(RefusedError, ValueError):
    """Bytes that a broker doesn't send to a subscriber with QoS 0 and 1.

    ``reason`` is one of ``qos_2``, ``qos_3``, ``unexpected_packet``,
    ``bad_length``, ``packet_identifier_0``, ``bad_flags``.
    """


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
        self._partial = data[self._walk(data, found) :]
        return found

    def _walk(self, data: bytes, found: list[Delivery]) -> int:  # noqa: C901, PLR0912 - as the docstring says
        """Adds what is whole in ``data`` to ``found``; where the first incomplete packet begins.

        Everything that happens for every message happens here, in one loop
        without a call: this is a third of what receiving a message costs.
        """
        keep, base, unacknowledged, add = self._keep_bytes, self._base, self._unacknowledged, found.append
        at, size = 0, len(data)
        while size - at > 1:
            first, length = data[at], data[at + 1]
            body = at + 2
            if length & _CONTINUES:
                if size > body and not data[body] & _CONTINUES:  # two bytes, as most reports have
                    length = length & _DIGIT | data[body] << 7
                    body += 1
                elif (header := _long_header(data, at)) is None:
                    break
                else:
                    body, length = header
            end = body + length
            if first & _TYPE_AND_QOS_2 != _PUBLISH or length < 2:  # noqa: PLR2004 - the topic's length
                self._check(first, length)
                if end > size:
                    break
                self._other(first, data[body:end])
                at = end
                continue
            if end > size:
                end = self._incomplete(data, at, end)
                if not end:
                    break
            start = body + 2
            topic_end = start + (data[body] << 8 | data[body + 1]) if start <= end else end + 1
            qos_1 = first & _QOS_1
            payload_start = topic_end + qos_1  # the packet identifier has two bytes, and QoS 1 is bit 1
            if payload_start > end:
                raise BadPacketError("bad_length", f"PUBLISH of {length} bytes with a longer topic")
            try:
                topic = str(data[start:topic_end], "utf-8")
            except UnicodeDecodeError:
                topic = UNREADABLE_TOPIC
            at = end
            if end - payload_start > keep:
                end = payload_start + keep
            if not qos_1:
                add((topic, data[payload_start:end], 0))
                continue
            mid = data[topic_end] << 8 | data[topic_end + 1]
            if mid in unacknowledged:
                continue
            if not mid:
                raise BadPacketError("packet_identifier_0", f"PUBLISH on {topic[:64]!r}")
            unacknowledged.add(mid)
            add((topic, data[payload_start:end], base | mid))
        return at

    def _incomplete(self, data: bytes, at: int, end: int) -> int:
        """Where to stop reading a message that isn't all there; 0: wait for more."""
        if end - at <= LONG_PACKET_BYTES or len(data) - at < LONG_PACKET_BYTES:
            self._needed = min(end - at, LONG_PACKET_BYTES)
            return 0
        self._skip = end - len(data)
        return len(data)

    @staticmethod
    def _check(first: int, length: int) -> None:
        """Refuses what is no SUBACK or PINGRESP, before its bytes are waited for."""
        kind = first >> _TYPE_SHIFT
        if kind == _TYPE_OF_PUBLISH:
            if not first & (_QOS_BITS & ~_QOS_1):
                raise BadPacketError("bad_length", f"PUBLISH of {length} bytes")
            reason = "qos_3" if first & _QOS_1 else "qos_2"
            raise BadPacketError(reason, "PUBLISH above the QoS 1 that was subscribed to")
        if first not in (_SUBACK, _PINGRESP):
            if kind in (_SUBACK >> _TYPE_SHIFT, _PINGRESP >> _TYPE_SHIFT):
                raise BadPacketError("bad_flags", f"packet {first:#04x}")
            raise BadPacketError("unexpected_packet", f"type {kind} ({_NOT_FOR_US.get(kind, 'no answer')})")
        if length != 0 if first == _PINGRESP else not 2 <= length <= LONG_PACKET_BYTES:  # noqa: PLR2004
            raise BadPacketError("bad_length", f"packet {first:#04x} of {length} bytes")

    def _other(self, first: int, body: bytes) -> None:
        if first == _SUBACK:
            self.subscription_answers = body[2:]
            self.subscription_accepted = (
                bool(self.subscription_answers) and self.subscription_answers[0] < REFUSED_QOS
            )

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


def _long_header(data: bytes, at: int) -> tuple[int, int] | None:
    """(where the body begins, its length) of the packet at ``at``; None while that isn't all there."""
    length = shift = 0
    for position in range(at + 1, min(at + _MAX_HEADER, len(data))):
        digit = data[position]
        length |= (digit & _DIGIT) << shift
        if not digit & _CONTINUES:
            return position + 1, length
        shift += 7
    if len(data) - at >= _MAX_HEADER:
        raise BadPacketError("bad_length", "a length of more than four bytes")
    return None
