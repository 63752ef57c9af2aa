"""The server's side of a conversation in family ``jt808``, and its framing."""

from __future__ import annotations

import datetime as dt
import struct
from typing import NamedTuple

from gateway.decoders._jt808_frame import (
    MAX_FRAME_BYTES,
    MAX_PARTS,
    SHORT_COUNT_IDS,
    Frame,
    build,
    parse,
)
from gateway.decoders._jt808_text import MAX_TEXT_BYTES, is_time_question, sentence
from gateway.framings import NO_FRAME, UNKNOWN_YET, Delimited, Measured, Mixed
from gateway.wire import Framing, Heard
from sealtrail.contract.errors import DecodeError

REGISTER, AUTHENTICATE = 0x0100, 0x0102
GENERAL_ANSWER, TIME_QUESTION, TIME_SYNC = 0x0001, 0x0004, 0x0109
MEDIA = 0x0801
ANSWERS = frozenset({0x0104, 0x0108, 0x0302, 0x0303, 0x0608, 0x0802, 0x0805, 0x0A00, 0x1003, 0x1205, 0x1206})
"""What a terminal answers to questions and commands that aren't ours: settings, keys, lists of pictures."""
SILENT = ANSWERS | {GENERAL_ANSWER, 0x0002, 0x0003, 0x0506, TIME_QUESTION, TIME_SYNC, REGISTER, AUTHENTICATE}
KNOWN = frozenset({
    0x0107, 0x0200, 0x0201, 0x0210, 0x0301, 0x0500, 0x0701, 0x0702, 0x0704, 0x0800, 0x0801, 0x0900, 0x1007,
    0x1300, 0x2070, 0x6006,
})  # fmt: skip

MARK, OTHER_MARK = b"\x7e", b"\xe7"
TEXT_BYTES = bytes(byte for byte in range(0x20, 0x7E) if byte not in b"()")

DONE, FAILED, UNSUPPORTED = 0, 1, 3
NO_SUCH_TERMINAL = 4
SUB_PACKET_WAIT_MS = 60_000
"""Sub-packets of a message that are further apart than this belong to no message any more."""


class _Key(NamedTuple):
    """The message to which a sub-packet belongs: sub-packets count on from its first."""

    message_id: int
    identity: bytes
    total: int
    first_serial: int


class _Parts:
    """Sub-packets of one message that have come so far."""

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.frames: dict[int, tuple[bytes, Frame]] = {}
        self.last_ms = 0

    def missing(self) -> list[int]:
        return [number for number in range(1, self.key.total + 1) if number not in self.frames]

    def raw(self) -> bytes:
        return b"".join(self.frames[number][0] for number in sorted(self.frames))


class Jt808Dialogue:
    """One connection. Bounded: the sub-packets of one message at a time are kept."""

    def __init__(self) -> None:
        self._serial = 0
        self._parts: _Parts | None = None

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """See `gateway.wire.Dialogue`."""
        if frame[:1] == b"(":
            return _heard_text(frame, received_at_ms)
        found = parse(frame)
        if found.total > 1:
            return self._part(frame, found, received_at_ms)
        heard = self._whole(frame, found, received_at_ms)
        if heard.message is None and self._parts and self._expired(received_at_ms):
            heard = heard._replace(message=self._abandoned())
        return heard

    # ------------------------------------------------------------------------- whole messages

    def _whole(self, frame: bytes, found: Frame, received_at_ms: int) -> Heard:
        if found.message_id == REGISTER:
            unknown = _serial(found) + bytes([NO_SUCH_TERMINAL])
            return Heard(
                found.device_id,
                refusal=self._instead(self._build(0x8100, unknown, found)),
                answer=self._build(0x8100, _serial(found) + bytes([DONE]) + found.device_id.encode(), found),
            )
        refusal = self._refusal(found)
        if found.message_id == AUTHENTICATE:
            secret = authentication_code(found)
            return Heard(found.device_id, secret, None, self._answer(found, DONE), refusal)
        if found.message_id in SILENT:
            return Heard(found.device_id, answer=self._told(found, received_at_ms), refusal=refusal)
        known = found.message_id in KNOWN or found.message_id in SHORT_COUNT_IDS
        answer = self._answer(found, DONE if known else UNSUPPORTED)
        return Heard(found.device_id, message=frame, answer=answer, refusal=refusal)

    def _told(self, found: Frame, received_at_ms: int) -> bytes:
        """The answer to a message that carries nothing to keep."""
        now = dt.datetime.fromtimestamp(received_at_ms / 1000, dt.UTC)
        if found.message_id == TIME_QUESTION:
            return self._build(0x8004, bytes.fromhex(now.strftime("%y%m%d%H%M%S")), found)
        if found.message_id == TIME_SYNC:
            fields = struct.pack(">HBBBBB", now.year, now.month, now.day, now.hour, now.minute, now.second)
            return self._build(0x8109, fields, found)
        return b"" if found.message_id == GENERAL_ANSWER else self._answer(found, DONE)

    def _answer(self, found: Frame, result: int) -> bytes:
        """The general answer 8001; the dialect's 4401 where 5501 or 5502 asks for one."""
        if found.message_id not in SHORT_COUNT_IDS:
            body = _serial(found) + struct.pack(">HB", found.message_id, result)
            answer = self._build(0x8001, body, found)
            if found.message_id == MEDIA and result == DONE and found.number == 1:
                answer += self._build(0x8800, found.body[:4], found)  # none of its packets is missing
            return answer
        if not found.wants_answer:
            return b""
        return self._build(0x4401, struct.pack(">HB", found.message_id, result), found)

    def _refusal(self, found: Frame) -> bytes:
        return self._instead(self._answer(found, FAILED))

    def _instead(self, refusal: bytes) -> bytes:
        """What is sent in place of the answer that is built next, and so has its serial."""
        if refusal:
            self._serial = (self._serial - 1) & 0xFFFF
        return refusal

    def _build(self, message_id: int, body: bytes, found: Frame) -> bytes:
        answer = build(message_id, body, found, self._serial)
        self._serial = (self._serial + 1) & 0xFFFF
        return answer

    # ---------------------------------------------------------------------------- sub-packets

    def _part(self, frame: bytes, found: Frame, received_at_ms: int) -> Heard:
        if found.total > MAX_PARTS:
            raise DecodeError("too_many_sub_packets", f"{found.total}, at most {MAX_PARTS}")
        key = _Key(found.message_id, found.identity, found.total, (found.serial - found.number + 1) & 0xFFFF)
        left: bytes | None = None
        if self._parts is not None and (self._parts.key != key or self._expired(received_at_ms)):
            left = self._abandoned()
        parts = self._parts = self._parts or _Parts(key)
        again = found.number in parts.frames
        parts.frames[found.number] = (frame, found)
        parts.last_ms = received_at_ms
        missing = parts.missing()
        if not missing:
            return self._complete(parts, found)
        refusal, answer = self._refusal(found), b""
        if again or found.number == found.total:
            answer = self._asked_again(parts, found, missing)
        return Heard(found.device_id, message=left, answer=answer, refusal=refusal)

    def _complete(self, parts: _Parts, found: Frame) -> Heard:
        """The message, with an answer to each of its sub-packets."""
        self._parts = None
        known = found.message_id in KNOWN
        refusal = self._refusal(found)
        answers = b"".join(
            self._answer(part, DONE if known else UNSUPPORTED)
            for _, part in (parts.frames[number] for number in sorted(parts.frames))
        )
        return Heard(found.device_id, message=parts.raw(), answer=answers, refusal=refusal)

    def _asked_again(self, parts: _Parts, found: Frame, missing: list[int]) -> bytes:
        """8003: serial of the first sub-packet, how many are missing, their numbers."""
        body = struct.pack(">HB", parts.key.first_serial, len(missing))
        return self._build(0x8003, body + b"".join(number.to_bytes(2, "big") for number in missing), found)

    def _expired(self, received_at_ms: int) -> bool:
        return self._parts is not None and received_at_ms - self._parts.last_ms > SUB_PACKET_WAIT_MS

    def _abandoned(self) -> bytes | None:
        """The bytes of a message that will never be complete: the decoder refuses them by name."""
        raw = None if self._parts is None else self._parts.raw()
        self._parts = None
        return raw


def authentication_code(found: Frame) -> bytes:
    """What 0102 proves itself with; empty where it is no more than the code that 8100 gives everybody."""
    body = found.body
    if found.version is not None and body and len(body) > body[0]:
        body = body[1 : 1 + body[0]]
    code = body.rstrip(b"\0")
    return b"" if code == found.device_id.encode() else code


def _serial(found: Frame) -> bytes:
    return found.serial.to_bytes(2, "big")


def _heard_text(frame: bytes, received_at_ms: int) -> Heard:
    identity, rest = sentence(frame)
    if not is_time_question(rest):
        return Heard(identity, message=frame)
    now = dt.datetime.fromtimestamp(received_at_ms / 1000, dt.UTC).strftime("%Y%m%d%H%M%S")
    return Heard(identity, answer=f"({identity},{rest.removesuffix('TIME')}{now})".encode())


def _text_length(kept: bytearray, at: int) -> int:
    """Length of a text frame; a bracket with anything but text behind it is noise."""
    end = kept.find(b")", at)
    inner = kept[at + 1 : len(kept) if end < 0 else end]
    if inner.translate(None, TEXT_BYTES):
        return NO_FRAME
    return UNKNOWN_YET if end < 0 else end + 1 - at


def _other_length(kept: bytearray, at: int) -> int:
    """Length of a frame between E7; without a known message behind it the mark is noise."""
    if len(kept) < at + 3:
        return UNKNOWN_YET
    message_id = int.from_bytes(kept[at + 1 : at + 3], "big")
    if message_id not in KNOWN and message_id not in SILENT:
        return NO_FRAME
    end = kept.find(OTHER_MARK, at + 1)
    return UNKNOWN_YET if end < 0 else end + 1 - at


def framing() -> Framing:
    """Frames between equal marks, and the text frames of the padlock dialect."""
    return Mixed(
        Delimited(MARK, MARK, MAX_FRAME_BYTES),
        Measured(_other_length, MAX_FRAME_BYTES, starts=(OTHER_MARK,)),
        Measured(_text_length, MAX_TEXT_BYTES, starts=(b"(",)),
    )
