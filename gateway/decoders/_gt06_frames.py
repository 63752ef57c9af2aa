"""Frames, answers and conversation of family ``gt06``; the datasheet is `gateway.decoders.gt06`."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from gateway.decoders._crc16 import crc16_x25
from gateway.framings import Measured
from gateway.wire import Heard
from sealtrail.contract.errors import DecodeError

NO_FRAME = -1
SHORT_START, LONG_START = b"\x78\x78", b"\x79\x79"
END = b"\r\n"
LEAST_LENGTH = 5  # type, serial, checksum
LONGEST_FRAME = 4096
TAIL = 6  # serial, checksum, end

LOGIN, STATUS, TIME_REQUEST = 0x01, 0x13, 0x8A
HEARTBEATS = frozenset({STATUS, 0x23})
MODULES = 0x70  # answered in the short form, whatever its own
ALARMS = frozenset({0x16, 0x19, 0x25, 0x26, 0x27, 0x32, 0x33, 0x95, 0xA3, 0xA4, 0xA5})
IDENTITY_BYTES = 8
MAX_ZONE_MINUTES = 14 * 60

COUNTED = frozenset({0x17, 0x69})  # kinds of the dialect without checksum
BARE_LOGIN_LENGTH, BARE_LOGIN_BYTES, BARE_HEARTBEAT = 0x0D, 15, b"\x78\x78\x01\x08\r\n"
BARE_LOGIN_ANSWER = b"\x78\x78\x01\x01\r\n"
COUNTED_HEAD = 10  # start, count, type, time
ACCESS_POINT, NETWORK, CELL = 7, 3, 5


class Frame(NamedTuple):
    """One sound frame, opened."""

    kind: int
    body: bytes  # without type and serial
    serial: int | None  # None: the dialect without checksum
    extended: bool  # 7979


def counted_length(raw: bytes | bytearray, at: int) -> int:
    """Bytes of the frame of the dialect without checksum at ``at``; 0: not told yet, -1: it is none.

    Which of its two forms it is (the count beside the start, or a length) shows
    only at the end mark, so both may have to be looked at.
    """
    there = len(raw) - at
    cells_at = at + COUNTED_HEAD + ACCESS_POINT * raw[at + 2]
    if there < 4 or len(raw) <= cells_at:  # noqa: PLR2004  up to the type
        return 0
    end = cells_at + 1 + NETWORK + CELL * raw[cells_at]
    if len(raw) < end + 2:
        return 0
    return end + 2 - at if raw[end : end + 2] == END else NO_FRAME


def identity_of(raw: bytes) -> str:
    """IMEI in 8 bytes BCD, the leading zero taken away. Raises `DecodeError`."""
    digits = raw.hex()
    if not digits.isdecimal() or len(digits) != 2 * IDENTITY_BYTES:
        raise DecodeError("bad_identity", f"{digits} is no decimal number")
    return digits[1:] if digits[0] == "0" else digits


def zone_minutes(body: bytes) -> int:
    """Minutes east of Greenwich that a login says its times are in; 0 where it says nothing credible."""
    if len(body) < IDENTITY_BYTES + 4:
        return 0
    word = int.from_bytes(body[IDENTITY_BYTES + 2 : IDENTITY_BYTES + 4])
    hours, minutes = divmod(word >> 4, 100)
    offset = hours * 60 + minutes
    if offset > MAX_ZONE_MINUTES or minutes >= 60:  # noqa: PLR2004  minutes
        return 0
    return -offset if word & 0x08 else offset


def opened(raw: bytes) -> Frame:
    """One frame, its length, end and checksum verified. Raises `DecodeError`."""
    extended = raw[:2] == LONG_START
    if not extended and raw[:2] != SHORT_START:
        raise DecodeError("unknown_header", f"a frame begins with 7878 or 7979, not {raw[:2].hex()}")
    bare = None if extended else _bare(raw)
    if bare is not None:
        return bare
    size = 2 if extended else 1
    if len(raw) < 2 + size + LEAST_LENGTH:
        raise DecodeError("bad_length", f"{len(raw)} bytes are no frame")
    length = int.from_bytes(raw[2 : 2 + size])
    end = 2 + size + length
    if length < LEAST_LENGTH or not end <= len(raw) <= end + 2 or raw[end:] != END[: len(raw) - end]:
        raise DecodeError("bad_length", f"{length} bytes announced in a frame of {len(raw)}")
    found, right = int.from_bytes(raw[end - 2 : end]), crc16_x25(raw[2 : end - 2])
    if found != right:
        raise DecodeError("bad_crc", f"the frame says {found:04x}, its bytes {right:04x}")
    at = 2 + size
    return Frame(raw[at], raw[at + 1 : end - 4], int.from_bytes(raw[end - 4 : end - 2]), extended)


def _bare(raw: bytes) -> Frame | None:
    """A frame of the dialect without checksum; None where it is none."""
    if raw == BARE_HEARTBEAT:
        return Frame(raw[3], b"", None, extended=False)
    if len(raw) == BARE_LOGIN_BYTES and raw[3] == LOGIN and raw.endswith(END):
        return Frame(LOGIN, raw[4:12], None, extended=False)
    if len(raw) > COUNTED_HEAD and raw[3] in COUNTED and counted_length(raw, 0) == len(raw):
        return Frame(raw[3], raw[2:3] + raw[4:-2], None, extended=False)
    return None


def measure(raw: bytearray | bytes, at: int) -> int:
    """Bytes of the frame that begins at ``at``; 0 while that can't be told, -1 if none does."""
    there = len(raw) - at
    size = 1 if raw[at] == SHORT_START[0] else 2
    if there < 3 + size:
        return 0
    whole = 4 + size + int.from_bytes(raw[at + 2 : at + 2 + size])
    if size == 1:
        bare = _bare_length(raw, at)
        if bare >= 0:
            return bare
    if whole < 4 + size + LEAST_LENGTH or whole > LONGEST_FRAME:
        return NO_FRAME
    if there < whole:
        return 0
    return whole if raw[at + whole - 2 : at + whole] == END else NO_FRAME


def _bare_length(raw: bytearray | bytes, at: int) -> int:
    """Bytes of a frame without checksum; 0: not told yet, -1: it has one."""
    if raw[at + 2 : at + 4] == BARE_HEARTBEAT[2:4]:
        return _ending(raw, at, len(BARE_HEARTBEAT))
    kind, count = raw[at + 3], raw[at + 2]
    if kind == LOGIN and count == BARE_LOGIN_LENGTH:
        return _ending(raw, at, BARE_LOGIN_BYTES)
    if kind not in COUNTED:
        return NO_FRAME
    if count < LEAST_LENGTH or _ending(raw, at, count + 5) == NO_FRAME:
        return counted_length(raw, at)
    if _ending(raw, at, count + 5):
        return NO_FRAME  # it fits its length: an ordinary frame
    return 0


def _ending(raw: bytearray | bytes, at: int, length: int) -> int:
    """``length`` if a frame of that many bytes ends there, 0 while that can't be told, else -1."""
    end = at + length
    if len(raw) < end:
        return 0
    return length if raw[end - 2 : end] == END else NO_FRAME


def framing() -> Measured:
    """Framing of one connection."""
    return Measured(measure, LONGEST_FRAME, starts=(SHORT_START, LONG_START), filler=b"\r\n")


def answer(kind: int, serial: int, body: bytes = b"", *, extended: bool = False) -> bytes:
    """A frame of the server's: type, body, the device's serial, checksum."""
    length = (LEAST_LENGTH + len(body)).to_bytes(2 if extended else 1)
    checked = length + bytes([kind]) + body + serial.to_bytes(2)
    start = LONG_START if extended else SHORT_START
    return start + checked + crc16_x25(checked).to_bytes(2) + END


class Talk:
    """The server's side: login, then frames; heartbeats, alarms and questions for the time are answered.

    A login may say that the device's clock shows local time; then it goes with
    every message, so that a message can be read by itself.
    """

    def __init__(self) -> None:
        self._identity: str | None = None
        self._login = b""

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """See `gateway.wire.Dialogue`."""
        found = opened(frame)
        if found.kind == LOGIN:
            return self._hear_login(found, frame)
        if self._identity is None and found.kind != TIME_REQUEST:
            raise DecodeError("no_login", f"type {found.kind:02x} before the login that names the device")
        if found.serial is None:
            if frame == BARE_HEARTBEAT:
                return Heard()
            return Heard(message=frame, answer=SHORT_START + b"\0" + frame[3:10] + END)
        if found.kind == TIME_REQUEST:
            now = dt.datetime.fromtimestamp(received_at_ms / 1000, dt.UTC)
            clock = bytes((now.year % 100, now.month, now.day, now.hour, now.minute, now.second))
            return Heard(answer=answer(found.kind, found.serial, clock, extended=found.extended))
        reply = b""
        if found.kind in HEARTBEATS or found.kind in ALARMS:
            reply = answer(found.kind, found.serial, extended=found.extended)
        elif found.kind == MODULES:
            reply = answer(MODULES, found.serial)
        return Heard(message=self._login + frame, answer=reply)

    def _hear_login(self, found: Frame, frame: bytes) -> Heard:
        identity = identity_of(found.body[:IDENTITY_BYTES])
        if self._identity not in {None, identity}:
            raise DecodeError("identity_mismatch", f"{self._identity!r} logs in as {identity!r}")
        self._identity = identity
        if found.serial is None:
            return Heard(identity=identity, answer=BARE_LOGIN_ANSWER)
        self._login = frame if zone_minutes(found.body) else b""
        return Heard(identity=identity, answer=answer(LOGIN, found.serial, extended=found.extended))
