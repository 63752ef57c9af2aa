"""Messages of family ``jt808`` other than location reports; datasheet: `gateway.decoders.jt808`."""

from __future__ import annotations

import struct

from gateway.decoders._jt808_draft import Draft, number, signed_magnitude, text_of
from gateway.decoders._jt808_location import (
    BASE,
    STANDING,
    Header,
    finished,
    location,
    new_draft,
    set_standing,
    small_batch,
)
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading, SealEvent

CARD_STATES = {1: "inserted", 2: "removed"}
CARD_RESULTS = {0: "read", 1: "key_refused", 2: "locked", 3: "removed_too_early", 4: "checksum"}
ACCELERATION_SAMPLE = 12
UTF_16, ASCII = "utf-16-be", "ascii"


MEDIA_HEAD = 8
MEDIA_KINDS = {0: "picture", 1: "sound", 2: "video"}
MEDIA_REASONS: dict[int, tuple[str, SealEvent]] = {
    0: ("command", SealEvent.NONE),
    1: ("interval", SealEvent.NONE),
    2: ("robbery", SealEvent.SOS),
    3: ("accident", SealEvent.SHOCK),
    4: ("door_open", SealEvent.DOOR_OPENED),
    5: ("door_close", SealEvent.DOOR_CLOSED),
}


def media_event(body: bytes, header: Header) -> list[Reading]:
    """0800: number (4), kind, coding, reason, channel of a picture that was taken; no time."""
    if len(body) < MEDIA_HEAD:
        raise DecodeError("bad_length", f"{len(body)} bytes are no event of a camera")
    draft = new_draft(header)
    reason, event = MEDIA_REASONS.get(body[6], (str(body[6]), SealEvent.NONE))
    draft.add_event(event)
    draft.extra |= {
        "media": MEDIA_KINDS.get(body[4], str(body[4])),
        "media_number": number(body[:4]),
        "media_reason": reason,
    }
    return [finished(draft, header, None, body)]


def event_report(body: bytes, header: Header) -> list[Reading]:
    """0301: number of an event that the platform has defined."""
    if not body:
        raise DecodeError("bad_length", "no event")
    draft = new_draft(header)
    draft.extra["event_number"] = body[0]
    return [finished(draft, header, None, body)]


def media(body: bytes, header: Header) -> list[Reading]:
    """0801: number (4), kind, coding, reason, channel, location report without items (28), then the picture.

    Of the picture only the length is kept: it comes by its own message and is no report.
    """
    if len(body) < MEDIA_HEAD + BASE.size:
        raise DecodeError("bad_length", f"{len(body)} bytes hold no picture's head")
    end = MEDIA_HEAD + BASE.size
    reading = location(body[MEDIA_HEAD:end], header, content=body[:end])
    reason, event = MEDIA_REASONS.get(body[6], (str(body[6]), SealEvent.NONE))
    reading.seal_events |= event.value
    reading.extra = {
        **(reading.extra or {}),
        "media": MEDIA_KINDS.get(body[4], str(body[4])),
        "media_number": number(body[:4]),
        "media_reason": reason,
        "media_bytes": len(body) - end,
    }
    return [reading]


def attributes(body: bytes, header: Header) -> list[Reading]:
    """0107: type (2), maker (5), model (20; 2019: 30), identity (7; 30), ICCID (10), versions, features."""
    model, identity = (30, 30) if header.edition_2019 else (20, 7)
    versions_at = 7 + model + identity + 10
    if len(body) < versions_at:
        raise DecodeError("bad_length", f"{len(body)} bytes are no terminal attributes")
    draft = new_draft(header)
    draft.extra |= {
        "terminal_type": number(body[:2]),
        "maker": text_of(body[2:7]),
        "model": text_of(body[7 : 7 + model]),
        "terminal_id": text_of(body[7 + model : 7 + model + identity]),
        "iccid": body[versions_at - 10 : versions_at].hex().rstrip("f"),
    }
    at = versions_at
    for name in ("hardware", "firmware"):
        if at < len(body):
            found = text_of(body[at + 1 : at + 1 + body[at]])
            if found:
                draft.extra[name] = found
            at += 1 + body[at]
    if at + 2 == len(body):
        draft.extra |= {"gnss_features": body[at], "network_features": body[at + 1]}
    return [finished(draft, header, None, body)]


def battery(body: bytes, header: Header) -> list[Reading]:
    """0210: percent and time (7 bytes), or a batch of location reports."""
    if len(body) != 7:  # noqa: PLR2004  the form
        return small_batch(body, header)
    draft = new_draft(header)
    draft.put("battery_pct", float(body[0]))
    return [finished(draft, header, header.time(body[1:]), body)]


def query_answer(body: bytes, header: Header) -> list[Reading]:
    """0201 and 0500: serial of what is answered, then a location report."""
    if len(body) < 2 + BASE.size:
        raise DecodeError("bad_length", f"{len(body)} bytes are no answer with a location")
    reading = location(body[2:], header)
    reading.extra = {**(reading.extra or {}), "answered_serial": number(body[:2])}
    return [reading]


def driver_card(body: bytes, header: Header) -> list[Reading]:
    """0702: state, time, result, name (its length first), certificate (20), issuer (the same), expiry (4)."""
    if len(body) < 7:  # noqa: PLR2004  state and time
        raise DecodeError("bad_length", f"{len(body)} bytes are no driver's card")
    draft = new_draft(header)
    draft.extra["card_state"] = CARD_STATES.get(body[0], str(body[0]))
    if len(body) > 8:  # noqa: PLR2004  result and length
        draft.extra["card_result"] = CARD_RESULTS.get(body[7], str(body[7]))
        at = 9 + body[8]
        name = text_of(body[9:at], "gbk")
        if name:
            draft.extra["driver_name"] = name
        draft.reading.card_id = text_of(body[at : at + 20])[:64] or None
        at += 20
        if at < len(body):
            issuer = text_of(body[at + 1 : at + 1 + body[at]], "gbk")
            if issuer:
                draft.extra["card_issuer"] = issuer
            at += 1 + body[at]
            expiry = body[at : at + 4].hex()
            if expiry.strip("0"):
                draft.extra["card_expiry"] = expiry
    return [finished(draft, header, header.time(body[1:7]), body)]


def text_report(body: bytes, header: Header) -> list[Reading]:
    """6006: encoding (0 ASCII, else UTF-16), text."""
    if not body:
        raise DecodeError("bad_length", "no text")
    return [_result(header, text_of(body[1:], UTF_16 if body[0] else ASCII), body)]


def command_result(body: bytes, header: Header) -> list[Reading]:
    """0701: length (4), text."""
    if len(body) < 4:  # noqa: PLR2004  the length
        raise DecodeError("bad_length", "no length")
    return [_result(header, text_of(body[4 : 4 + number(body[:4])]), body)]


def wide_result(body: bytes, header: Header) -> list[Reading]:
    """1300: serial of what is answered (2), text in UTF-16."""
    if len(body) < 2:  # noqa: PLR2004  the serial
        raise DecodeError("bad_length", "no serial")
    return [_result(header, text_of(body[2:], UTF_16), body)]


def _result(header: Header, text: str, body: bytes) -> Reading:
    draft = new_draft(header)
    draft.extra["result"] = text
    return finished(draft, header, None, body)


def accelerations(body: bytes, header: Header) -> list[Reading]:
    """2070: time and three axes (sign and magnitude, unit not published) for each sample."""
    if not body or len(body) % ACCELERATION_SAMPLE:
        raise DecodeError("bad_length", f"{len(body)} bytes are no samples of {ACCELERATION_SAMPLE}")
    samples = [body[at : at + ACCELERATION_SAMPLE] for at in range(0, len(body), ACCELERATION_SAMPLE)]
    draft = new_draft(header)
    axes = [tuple(signed_magnitude(word) for word in struct.unpack(">HHH", sample[6:])) for sample in samples]
    draft.extra |= {
        "samples": len(samples),
        "acceleration": " ".join(f"{x},{y},{z}" for x, y, z in axes),
    }
    return [finished(draft, header, header.time(samples[-1][:6]), body)]


def standing(draft: Draft, raw: bytes) -> None:
    """Status word and coordinates at the end of a pass-through report, where they are."""
    if len(raw) >= STANDING.size:
        set_standing(draft, *STANDING.unpack_from(raw))
