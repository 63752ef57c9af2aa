"""MQTT 3.1.1 of a publisher on a bare socket: packets made beforehand, acknowledgements counted in bulk."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np

from tests.parts.mqtt_packet import remaining_length, text

_CONNACK = 0x20
_CONNECT_CLEAN = 0x02
_WITH_USER_AND_PASSWORD = 0xC0
_PUBLISH_QOS1 = 0x32
_PUBACK = 0x4002
_MIDS = 65_535
_SILENT_S = 60.0
_KEEP_ALIVE_S = 0  # the broker must not count on packets while the bench prepares the next ones


class Chunk(NamedTuple):
    """Packets that are sent with one call, and their packet identifiers."""

    packets: bytes
    mids: np.ndarray[tuple[int], np.dtype[np.uint16]]


class Encoder:
    """Makes QoS 1 PUBLISH packets with identifiers 1 to 65,535 in turn."""

    def __init__(self) -> None:
        self._next = 0

    def chunk(self, messages: Sequence[tuple[str, bytes]]) -> Chunk:
        """Packets of all messages in one piece."""
        packets = bytearray()
        mids = []
        for topic, payload in messages:
            mid = self._next % _MIDS + 1
            self._next += 1
            mids.append(mid)
            name = topic.encode()
            packets += bytes((_PUBLISH_QOS1,)) + remaining_length(4 + len(name) + len(payload))
            packets += struct.pack("!H", len(name)) + name + struct.pack("!H", mid) + payload
        return Chunk(bytes(packets), np.array(mids, np.uint16))


class Connection:
    """One connection that publishes chunks within a window; ``acknowledged`` counts PUBACKs."""

    def __init__(self, host: str, port: int, client_id: str, user: str = "", password: str = "") -> None:
        self._socket = socket.create_connection((host, port), _SILENT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flags = _CONNECT_CLEAN | (_WITH_USER_AND_PASSWORD if user else 0)
        body = text("MQTT") + struct.pack("!BBH", 4, flags, _KEEP_ALIVE_S) + text(client_id)
        if user:
            body += text(user) + text(password)
        self._socket.sendall(b"\x10" + remaining_length(len(body)) + body)
        answer = self._socket.recv(4)
        if answer[:1] != bytes((_CONNACK,)) or answer[3:] != b"\0":
            raise ConnectionError(f"the broker refused the publisher: {answer.hex()}")
        self._unread = b""
        self._open = np.zeros(_MIDS + 1, np.bool_)
        self.sent = 0
        self.acknowledged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    @property
    def in_flight(self) -> int:
        return self.sent - self.acknowledged

    def send(self, chunk: Chunk, window: int) -> None:
        """Sends a chunk once no more than ``window`` messages would be unacknowledged with it.

        Raises ``ConnectionError`` when the broker goes, acknowledges what was
        not sent, or is silent for a minute.
        """
        while self.in_flight and (
            self.in_flight + len(chunk.mids) > window or bool(self._open[chunk.mids].any())
        ):
            self._read()
        self._open[chunk.mids] = True
        self.sent += len(chunk.mids)
        self._write(chunk.packets)

    def _write(self, packets: bytes) -> None:
        """Sends all, reading acknowledgements whenever the socket takes no more.

        So a broker that stops reading until it has been read can't lock us up.
        """
        rest = memoryview(packets)
        while rest:
            readable, writable, _ = select.select([self._socket], [self._socket], [], _SILENT_S)
            if not readable and not writable:
                raise ConnectionError(f"the broker took nothing for {_SILENT_S:.0f} s")
            if writable:
                rest = rest[self._socket.send(rest, socket.MSG_DONTWAIT) :]
            elif readable:
                self._read()

    def _read(self) -> None:
        try:
            data = self._socket.recv(262_144)
        except TimeoutError:
            raise ConnectionError(f"the broker acknowledged nothing for {_SILENT_S:.0f} s") from None
        if not data:
            raise ConnectionError("the broker closed the connection")
        data = self._unread + data
        whole = len(data) // 4 * 4
        self._unread = data[whole:]
        answers = np.frombuffer(data[:whole], ">u4")
        mids = answers & 0xFFFF
        if (answers >> 16 != _PUBACK).any():
            raise ConnectionError("the broker sent something else than PUBACK")
        if not self._open[mids].all() or len(np.unique(mids)) != len(mids):
            raise ConnectionError("the broker acknowledged a message twice or one that wasn't sent")
        self._open[mids] = False
        self.acknowledged += len(mids)

    def settle(self) -> None:
        """Returns once everything sent is acknowledged."""
        while self.in_flight:
            self._read()

    def read_for(self, seconds: float) -> None:
        """Takes acknowledgements for so long; the pause of a paced publisher."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                self._read()


def publish(
    connection: Connection, chunks: Iterable[Chunk], window: int, rate: float | None = None
) -> list[float]:
    """Publishes chunks, ``rate`` messages a second or as fast as the broker takes them.

    Returns when each chunk was handed to the socket, in seconds since the epoch,
    after the last one has been acknowledged.
    """
    begun = time.monotonic()
    done = 0
    sent_at_s = []
    for chunk in chunks:
        if rate is not None and (early_s := begun + done / rate - time.monotonic()) > 0:
            connection.read_for(early_s)
        sent_at_s.append(time.time())
        connection.send(chunk, window)
        done += len(chunk.mids)
    connection.settle()
    return sent_at_s
