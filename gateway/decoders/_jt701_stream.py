"""Family ``jt701`` over TCP: framing and the acknowledgements that a lock waits for.

Binary ``$`` frames and text ``(...)`` frames come in one stream. The length field
of a ``$`` frame stands at byte 8 in a long frame, at byte 7 in a short one; ten
more bytes belong to either. A long frame is told by a zero byte 8 (fewer than
256 bytes follow) or a byte 7 that would make a short frame of over 4,000 bytes.

``(P69,0,<index>)`` acknowledges a lock event ``P45`` and a long frame in which the
status of a record has bit 5 (answer wanted), each by its own index; ``(S39)`` the reports
``U01``, ``U02`` and ``U03``, ``(S20)`` the alarm ``U06``. A question for the time is
answered at once, with ``yyyymmddhhmmss`` of UTC in the place of its last word.
"""

from __future__ import annotations

import datetime as dt

from gateway.decoders._jt701_binary import (
    BIT_ACK,
    LONG_HEAD,
    LONG_RECORD,
    STATUS_LOW_BYTE,
    VERSION_WITHOUT_TAIL,
)
from gateway.decoders._jt701_text import TIME_QUESTION
from gateway.framings import Delimited, Measured, Mixed
from gateway.wire import Heard, Wire

MOST_BYTES = 8_192
"""More than any lock or tracker holds for one frame."""
LENGTH_KNOWN = 10  # bytes after which the length can be told
AROUND_RECORDS = 10  # head and index byte
LONG_TYPE = 0x10  # device type nibble of a lock; in a short frame, over 4,000 bytes of records
INDEX_FIELD = 16  # of P45
TEXT_ANSWERS = {b"U01": b"(S39)", b"U02": b"(S39)", b"U03": b"(S39)", b"U06": b"(S20)"}
TIME_ASKED = TIME_QUESTION.encode() + b")"
ID_LENGTHS = range(1, 21)


def _measure(kept: bytearray, at: int) -> int:
    if len(kept) - at < LENGTH_KNOWN:
        return 0
    is_long = kept[at + 8] == 0 or kept[at + 7] >= LONG_TYPE
    field = at + 8 if is_long else at + 7
    return AROUND_RECORDS + (kept[field] << 8 | kept[field + 1])


def framing() -> Mixed:
    """Frames of both forms; line ends between them mean nothing."""
    return Mixed(
        Measured(_measure, MOST_BYTES, starts=(b"$",), filler=b"\r\n"), Delimited(b"(", b")", MOST_BYTES)
    )


def _wants_answer(frame: bytes) -> bool:
    """Whether bit 5 of a status is set in a long frame."""
    if frame[8] and frame[7] < LONG_TYPE:
        return False
    records = len(frame) - LONG_HEAD - 1
    first = LONG_HEAD + STATUS_LOW_BYTE
    if records < 2 * LONG_RECORD or frame[6] != VERSION_WITHOUT_TAIL:
        return records >= LONG_RECORD and bool(frame[first] >> BIT_ACK & 1)
    statuses = frame[first : len(frame) - 1 : LONG_RECORD][: records // LONG_RECORD]
    return any(status >> BIT_ACK & 1 for status in statuses)


def _answer(index: bytes) -> bytes:
    return b"(P69,0," + index + b")"


def answer_of(frame: bytes) -> bytes:
    """The acknowledgement that the sender of a frame waits for; empty where it waits for none."""
    if frame.startswith(b"("):
        fields = frame.strip(b"()").split(b",")
        if len(fields) > 1 and fields[1] in TEXT_ANSWERS:
            return TEXT_ANSWERS[fields[1]]
        wanted = len(fields) > INDEX_FIELD and fields[1] == b"P45" and fields[INDEX_FIELD].isdigit()
        return _answer(fields[INDEX_FIELD]) if wanted else b""
    if not frame.startswith(b"$") or len(frame) <= LENGTH_KNOWN:
        return b""
    return _answer(b"%d" % frame[-1]) if _wants_answer(frame) else b""


class Jt701Dialogue:
    """Every frame names its device; some wait for an answer."""

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """See `gateway.wire.Dialogue`."""
        if frame.startswith(b"("):
            return self._text(frame, received_at_ms)
        if not frame.startswith(b"$") or len(frame) <= LENGTH_KNOWN:
            return Heard(message=frame)
        device_id = frame[1:6].hex()
        return Heard(
            identity=device_id if device_id.isdecimal() else None,
            message=frame,
            answer=answer_of(frame),
        )

    @staticmethod
    def _text(frame: bytes, received_at_ms: int) -> Heard:
        identity = frame.strip(b"()").partition(b",")[0]
        named = identity.isdigit() and len(identity) in ID_LENGTHS
        if named and frame.endswith(TIME_ASKED):
            now = dt.datetime.fromtimestamp(received_at_ms / 1000, dt.UTC).strftime("%Y%m%d%H%M%S")
            return Heard(
                identity=identity.decode(), answer=frame.removesuffix(b"TIME)") + now.encode() + b")"
            )
        return Heard(identity=identity.decode() if named else None, message=frame, answer=answer_of(frame))


STREAM = Wire(framing=framing, dialogue=Jt701Dialogue, default_port=5014)
