"""Frames, answers and conversation of family ``teltonika``; the datasheet is `gateway.decoders.teltonika`."""

from __future__ import annotations

from typing import NamedTuple

from gateway.decoders._crc16 import crc16_ibm
from gateway.decoders._teltonika_records import AVL_CODECS
from gateway.framings import Measured
from gateway.wire import Heard, StreamError
from sealtrail.contract.errors import DecodeError

PING = b"\xff"
PREAMBLE = b"\0\0\0\0"
ACCEPTED, REFUSED = b"\x01", b"\x00"
CHANNEL_MARK = 0x01
CHANNEL_HEAD = 8  # length, packet id, mark, AVL packet id, length of the identity
LONGEST_FRAME = 16_384
LONGEST_IDENTITY, SHORTEST_IDENTITY = 20, 5
OVERHEAD = 12  # preamble, length, checksum
LEAST_DATA = 3  # codec, count, count


class Packet(NamedTuple):
    """One sound frame, opened; ``data`` is from the codec to the second count."""

    device_id: str | None
    data: bytes
    answer: bytes


def measure(kept: bytearray, at: int) -> int:
    """Bytes of the frame that begins at ``at``, 0 while that can't be told. Raises `StreamError`."""
    there = len(kept) - at
    if kept[at] == PING[0]:
        return 1
    if there < 4 and not any(kept[at : at + 2]):  # noqa: PLR2004  the preamble
        return 0
    head = int.from_bytes(kept[at : at + 2])
    if there >= 4 and not head:  # noqa: PLR2004  the preamble
        if kept[at : at + 4] != PREAMBLE:
            raise StreamError("bad_preamble", kept[at : at + 4].hex())
        if there < 8:  # noqa: PLR2004  and length
            return 0
        length = int.from_bytes(kept[at + 4 : at + 8])
        if length < LEAST_DATA:
            raise StreamError("bad_length", f"{length} bytes of data, at least {LEAST_DATA}")
        return length + OVERHEAD
    if there < 5:  # noqa: PLR2004  up to the channel's mark
        return 0
    if kept[at + 4] != CHANNEL_MARK and not SHORTEST_IDENTITY <= head <= LONGEST_IDENTITY:
        raise StreamError("bad_login", f"an identity of {head} bytes")
    return head + 2


def framing() -> Measured:
    """Framing of one connection, or of one datagram."""
    return Measured(measure, LONGEST_FRAME)


def login_of(frame: bytes) -> str | None:
    """Identity in a login frame; None where the frame is another one."""
    length = int.from_bytes(frame[:2])
    if len(frame) != length + 2 or not SHORTEST_IDENTITY <= length <= LONGEST_IDENTITY:
        return None
    return frame[2:].decode("ascii") if frame[2:].isdigit() else None


def opened(frame: bytes) -> Packet:
    """A frame with data, its lengths, counts and checksum verified. Raises `DecodeError`."""
    if frame[:4] == PREAMBLE:
        return _from_stream(frame)
    if len(frame) > CHANNEL_HEAD and frame[4] == CHANNEL_MARK:
        return _from_channel(frame)
    raise DecodeError("unknown_header", f"neither login, ping, preamble nor channel: {frame[:8].hex()}")


def _from_stream(frame: bytes) -> Packet:
    length = int.from_bytes(frame[4:8])
    if len(frame) != length + OVERHEAD or length < LEAST_DATA:
        raise DecodeError("bad_length", f"{length} bytes of data in a frame of {len(frame)}")
    data = frame[8:-4]
    found, right = int.from_bytes(frame[-4:]), crc16_ibm(data)
    if found != right:
        raise DecodeError("bad_crc", f"the frame says {found:08x}, its bytes {right:08x}")
    _check_counts(data)
    answer = data[1].to_bytes(4) if data[0] in AVL_CODECS else b""
    return Packet(None, data, answer)


def _from_channel(frame: bytes) -> Packet:
    data_at = CHANNEL_HEAD + int.from_bytes(frame[6:8])
    if int.from_bytes(frame[:2]) + 2 != len(frame) or len(frame) < data_at + LEAST_DATA:
        raise DecodeError("bad_length", f"{int.from_bytes(frame[:2])} bytes after the length of {len(frame)}")
    identity = frame[CHANNEL_HEAD:data_at]
    if not identity.isdigit() or not SHORTEST_IDENTITY <= len(identity) <= LONGEST_IDENTITY:
        raise DecodeError("bad_identity", f"{identity[:LONGEST_IDENTITY]!r} is no decimal number")
    data = frame[data_at:]
    _check_counts(data)
    answer = b"\x00\x05" + frame[2:4] + b"\x01" + frame[5:6] + data[1:2]
    return Packet(identity.decode("ascii"), data, answer)


def _check_counts(data: bytes) -> None:
    if data[1] != data[-1]:
        raise DecodeError("bad_count", f"{data[1]} records before them, {data[-1]} after")


class Talk:
    """The server's side: login, then frames; the count of records is the acknowledgement.

    A frame with a wrong length, count or checksum, or before the login, isn't
    answered: the device sends it again. A sound frame whose records can't be read is answered, since
    it stands in the quarantine and would be the same again.
    """

    def __init__(self) -> None:
        self._identity: str | None = None

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """See `gateway.wire.Dialogue`."""
        del received_at_ms
        if frame == PING:
            return Heard()
        login = login_of(frame)
        if login is not None:
            if self._identity not in {None, login}:
                raise DecodeError("identity_mismatch", f"{self._identity!r} logs in as {login!r}")
            self._identity = login
            return Heard(identity=login, answer=ACCEPTED, refusal=REFUSED)
        packet = opened(frame)
        if packet.device_id is None and self._identity is None:
            raise DecodeError("no_login", "data before the login that names the device")
        if packet.device_id is not None and self._identity not in {None, packet.device_id}:
            raise DecodeError("identity_mismatch", f"{self._identity!r} speaks as {packet.device_id!r}")
        return Heard(identity=packet.device_id, message=frame, answer=packet.answer)
