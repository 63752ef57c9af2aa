"""Text frames ``(…)`` of the padlock dialect of family ``jt808``: ``(<identity>,…,…,<word>,…)``."""

from __future__ import annotations

import re

from gateway.decoders._jt808_location import FAMILY
from gateway.decoders._values import settled_identity, stamped, unstamped
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading

MAX_TEXT_BYTES = 1024

SENTENCE = re.compile(r"\((?P<id>[0-9]{1,20}),(?P<rest>[ -'*-~]{1,1000})\)", re.ASCII)
TIME_QUESTION = "BASE,2,TIME"


def sentence(frame: bytes) -> tuple[str, str]:
    """(identity, the rest) of a text frame. Raises `DecodeError`."""
    if len(frame) > MAX_TEXT_BYTES:
        raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_TEXT_BYTES}")
    try:
        found = SENTENCE.fullmatch(frame.decode("ascii").strip())
    except UnicodeDecodeError as error:
        raise DecodeError("not_text", str(error)) from error
    if found is None:
        raise DecodeError("bad_field", "a text frame is (<identity>,…)")
    return found["id"], found["rest"]


def is_time_question(rest: str) -> bool:
    """Whether a text frame asks for the time."""
    return rest.endswith(TIME_QUESTION)


def decode_text(frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
    """What a lock answers to a command, in its own words; a question for the time reports nothing."""
    identity, rest = sentence(frame)
    device = settled_identity(identity, device_id)
    if is_time_question(rest):
        return []
    reading = unstamped(FAMILY)
    reading.extra = {"result": f"({identity},{rest})"}
    return [stamped(reading, device, None, received_at_ms, frame)]
