"""Frames of family ``jt808``: stuffing, checksum, header. The datasheet is `gateway.decoders.jt808`.

On the wire a frame stands between two equal marks, and inside it the mark and
the escape are stuffed::

    mark 7E   7E -> 7D 02   7D -> 7D 01
    mark E7   E7 -> E6 02   E6 -> E6 01   (a dialect of some trackers)

Recorded frames are often given unstuffed. Which form a frame has is decided by
what makes it sound: checksum and length of the body, unstuffed first.
"""

from __future__ import annotations

import functools
import operator
import struct
from typing import NamedTuple

from sealtrail.contract.errors import DecodeError

ESCAPES = {0x7E: 0x7D, 0xE7: 0xE6}  # mark -> escape

BODY_LENGTH = 0x03FF
SUB_PACKET = 1 << 13
VERSIONED = 1 << 14  # 2019 edition
WANTS_ANSWER = 1 << 15  # only in the dialect's 5501 and 5502

SHORT_COUNT_IDS = frozenset({0x5501, 0x5502})  # one byte of count, no sub-packets
CLASSIC_ID_BYTES, VERSIONED_ID_BYTES = 6, 10
LEAST_FRAME = 1 + 2 + 2 + CLASSIC_ID_BYTES + 1 + 1 + 1

MAX_FRAME_BYTES = 4096  # a body of 1023 bytes, all of them stuffed, and room
MAX_PARTS = 64
MAX_MESSAGE_BYTES = MAX_PARTS * 1200


class Frame(NamedTuple):
    """One frame, or all sub-packets of one message joined."""

    message_id: int
    identity: bytes  # as in the header: BCD, 6 or 10 bytes
    serial: int
    body: bytes
    version: int | None = None  # protocol version of a 2019 header; None: 2011 or 2013
    total: int = 1  # sub-packets of the message
    number: int = 1  # of this one, from 1
    wants_answer: bool = False
    mark: int = 0x7E

    @property
    def device_id(self) -> str:
        """Name of the device: the digits of the header.

        An identity with other than decimal digits is an IMEI in binary, without its check digit.
        """
        digits = self.identity.hex()
        if digits.isdecimal():
            return digits
        number = str(int(digits, 16))
        return number + luhn_digit(number)


def luhn_digit(digits: str) -> str:
    """Check digit (ISO/IEC 7812) that completes decimal digits."""
    doubled = [int(digit) * (1 + (at % 2 == 0)) for at, digit in enumerate(reversed(digits))]
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def checksum(content: bytes) -> int:
    """XOR of all bytes."""
    return functools.reduce(operator.xor, content, 0)


def stuffed(content: bytes, mark: int) -> bytes:
    """Content as it stands between two marks."""
    escape = ESCAPES[mark]
    return content.replace(bytes([escape]), bytes([escape, 1])).replace(bytes([mark]), bytes([escape, 2]))


def unstuffed(content: bytes, mark: int) -> bytes | None:
    """What was stuffed; None where an escape has no meaning."""
    escape = ESCAPES[mark]
    if escape not in content:
        return content
    head, *pieces = content.split(bytes([escape]))
    whole = bytearray(head)
    for piece in pieces:
        if piece[:1] not in (b"\x01", b"\x02"):
            return None
        whole.append(escape if piece[0] == 1 else mark)
        whole += piece[1:]
    return bytes(whole)


def build(message_id: int, body: bytes, answered: Frame, serial: int) -> bytes:
    """A frame to the device whose frame is ``answered``, with its header's form."""
    versioned = answered.version is not None
    head = struct.pack(">HH", message_id, len(body) | (VERSIONED if versioned else 0))
    if answered.version is not None:
        head += bytes([answered.version])
    counted = serial.to_bytes(2, "big") if answered.message_id not in SHORT_COUNT_IDS else b"\x01"
    content = head + answered.identity + counted + body
    mark = bytes([answered.mark])
    return mark + stuffed(content + bytes([checksum(content)]), answered.mark) + mark


def parse(frame: bytes) -> Frame:
    """The frame between its marks, stuffed or not. Raises `DecodeError`."""
    if not frame:
        raise DecodeError("empty_frame")
    mark = frame[0]
    if mark not in ESCAPES:
        raise DecodeError("unknown_header", f"a frame begins with 7e, e7 or '(', not {frame[:1].hex()}")
    if len(frame) < LEAST_FRAME + 1:
        raise DecodeError("bad_length", f"{len(frame)} bytes are no frame")
    if len(frame) > MAX_FRAME_BYTES:
        raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_FRAME_BYTES}")
    if frame[-1] != mark:
        raise DecodeError("bad_ending", f"a frame that begins with {mark:02x} ends with it")
    content = frame[1:-1]
    plain = unstuffed(content, mark)
    forms = [content] if plain is None or plain == content else [plain, content]
    failure = DecodeError("bad_checksum", "XOR over header and body")
    for form in forms:
        if checksum(form):
            continue
        try:
            return _headed(form, mark)
        except DecodeError as error:
            failure = error
    raise failure


def _headed(content: bytes, mark: int) -> Frame:
    """Header and body of unstuffed content whose checksum is sound."""
    message_id, attributes = struct.unpack_from(">HH", content)
    short = message_id in SHORT_COUNT_IDS
    versioned = bool(attributes & VERSIONED) and not short
    split = bool(attributes & SUB_PACKET) and not short
    id_at = 5 if versioned else 4
    count_at = id_at + (VERSIONED_ID_BYTES if versioned else CLASSIC_ID_BYTES)
    parts_at = count_at + (1 if short else 2)
    body_at = parts_at + (4 if split else 0)
    there = len(content) - 1 - body_at
    if there != attributes & BODY_LENGTH:
        raise DecodeError(
            "bad_length", f"a body of {there} bytes, the header says {attributes & BODY_LENGTH}"
        )
    total, number = struct.unpack_from(">HH", content, parts_at) if split else (1, 1)
    if not 1 <= number <= total:
        raise DecodeError("bad_field", f"sub-packet {number} of {total}")
    return Frame(
        message_id=message_id,
        identity=content[id_at:count_at],
        serial=int.from_bytes(content[count_at:parts_at], "big"),
        body=content[body_at:-1],
        version=content[4] if versioned else None,
        total=total,
        number=number,
        wants_answer=short and bool(attributes & WANTS_ANSWER),
        mark=mark,
    )


def parse_message(raw: bytes) -> Frame:
    """The message of one frame, or of its sub-packets' frames in a row. Raises `DecodeError`."""
    if len(raw) > MAX_MESSAGE_BYTES:
        raise DecodeError("too_large", f"{len(raw)} bytes, at most {MAX_MESSAGE_BYTES}")
    try:
        first = parse(raw)
    except DecodeError:
        parts = _split(raw)
        if len(parts) == 1:
            raise
        return _joined([parse(part) for part in parts])
    return first if first.total == 1 else _joined([first])


def _split(raw: bytes) -> list[bytes]:
    """Frames that stand one after the other; the whole where there is one."""
    mark = raw[:1]
    if not mark or mark[0] not in ESCAPES or raw[-1:] != mark:
        return [raw]
    inner = raw[1:-1].split(mark + mark)
    return [mark + part + mark for part in inner] if len(inner) <= MAX_PARTS else [raw]


def _joined(parts: list[Frame]) -> Frame:
    first = parts[0]
    if len(parts) > 1 and any(
        (part.message_id, part.identity, part.total) != (first.message_id, first.identity, len(parts))
        for part in parts
    ):
        raise DecodeError("mixed_frames", "several frames that aren't the sub-packets of one message")
    ordered = sorted(parts, key=lambda part: part.number)
    if [part.number for part in ordered] != list(range(1, first.total + 1)):
        numbers = ", ".join(str(part.number) for part in ordered)
        raise DecodeError("missing_sub_packets", f"only {numbers} of {first.total}")
    return ordered[0]._replace(body=b"".join(part.body for part in ordered), total=1, number=1)
