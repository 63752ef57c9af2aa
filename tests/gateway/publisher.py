"""A device side for tests: publishes over MQTT 3.1.1 at full speed and knows what was acknowledged.

Written on bare sockets so that it shares no code with the session under test.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from tests.parts.mqtt_packet import remaining_length, text

_CONNACK, _PUBACK = 0x20, 0x40
_MAX_MID = 65_535


def publish_packet(topic: str, payload: bytes, qos: int, mid: int) -> bytes:
    """A PUBLISH packet as bytes."""
    body = text(topic) + (struct.pack("!H", mid) if qos else b"") + payload
    return bytes((0x30 | qos << 1,)) + remaining_length(len(body)) + body


class Publisher:
    """One connection. ``acknowledged`` holds the indices (order of publishing) that are confirmed."""

    def __init__(
        self, host: str, port: int, client_id: str, user: str = "", password: str = "", timeout_s: float = 20
    ) -> None:
        self._socket = socket.create_connection((host, port), timeout_s)
        flags = 0x02 | (0xC0 if user else 0)
        body = text("MQTT") + bytes((4, flags)) + struct.pack("!H", 60) + text(client_id)
        if user:
            body += text(user) + text(password)
        self._socket.sendall(b"\x10" + remaining_length(len(body)) + body)
        answer = self._socket.recv(4)
        if answer[:1] != bytes((_CONNACK,)) or answer[3]:
            raise ConnectionError(f"CONNACK {answer.hex()}")
        self._unread = b""
        self._index_of_mid: dict[int, int] = {}
        self._sent = 0
        self.acknowledged: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def publish(self, messages: Iterable[tuple[str, bytes]], window: int = 1_000) -> None:
        """Publishes with QoS 1, returns when all are acknowledged; raises ``OSError`` if the broker goes."""
        packets: list[bytes] = []
        for topic, payload in messages:
            mid = self._sent % _MAX_MID + 1
            self._index_of_mid[mid] = self._sent
            self._sent += 1
            packets.append(publish_packet(topic, payload, 1, mid))
            if len(packets) >= min(window, 200):
                self._socket.sendall(b"".join(packets))
                packets.clear()
                self._wait(at_most=window - 200 if window > 200 else 0)
        self._socket.sendall(b"".join(packets))
        self._wait(at_most=0)

    def publish_unconfirmed(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publishes with QoS 0."""
        self._socket.sendall(b"".join(publish_packet(topic, payload, 0, 0) for topic, payload in messages))

    def _wait(self, at_most: int) -> None:
        """Reads acknowledgements until not more than ``at_most`` are missing."""
        while len(self._index_of_mid) > max(0, at_most):
            data = self._socket.recv(65_536)
            if not data:
                raise ConnectionError("the broker closed the connection")
            data = self._unread + data
            whole = len(data) // 4 * 4
            for kind, mid in struct.iter_unpack("!HH", data[:whole]):
                if kind >> 8 != _PUBACK:
                    raise ConnectionError(f"packet {kind:#x} where PUBACK was expected")
                self.acknowledged.add(self._index_of_mid.pop(mid))
            self._unread = data[whole:]
