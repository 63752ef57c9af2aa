"""Text frames of family ``teltonika``: codecs 12 … 15; the datasheet is `gateway.decoders.teltonika`."""

from __future__ import annotations

from gateway.decoders._teltonika_records import FAMILY
from gateway.decoders._values import Extra, settled_identity, stamped, unstamped
from gateway.device_time import CLOCK_EPOCH_MS
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading

CODEC_12, CODEC_13, CODEC_14, CODEC_15 = 0x0C, 0x0D, 0x0E, 0x0F
TEXT_CODECS = (CODEC_12, CODEC_13, CODEC_14, CODEC_15)
COMMAND, RESPONSE, PHOTO, NOT_DONE = 0x05, 0x06, 0x0D, 0x11
NAMES = {COMMAND: "command", RESPONSE: "response", NOT_DONE: "not_done"}
HEAD = 7  # codec, count, type, length
IDENTITY_BYTES = 8
MAX_TEXT = 512
GARMIN_LOGIN = "GTSL|"
GARMIN_DRIVER = 4  # field of it
MAX_CARD = 64


def _readable(raw: bytes) -> str:
    text = raw.decode("latin-1").strip("\0\r\n ")
    return text[:MAX_TEXT] if text.isprintable() else raw.hex()[:MAX_TEXT]


def identity_of(raw: bytes) -> str:
    """IMEI of codecs 14 and 15: 16 BCD digits, the first one a zero that fills up."""
    digits = raw.hex()
    if not digits.isdecimal():
        raise DecodeError("bad_identity", f"{digits} is no decimal number")
    return digits[1:] if digits[0] == "0" else digits


def _time(body: bytes) -> tuple[int | None, bytes]:
    """Claimed time of codec 13 and 15, in seconds or (some firmware) milliseconds, and what follows."""
    if len(body) < 4:  # noqa: PLR2004  the time's bytes
        raise DecodeError("bad_length", f"{len(body)} bytes hold no time")
    seconds = int.from_bytes(body[:4])
    if seconds * 1000 >= CLOCK_EPOCH_MS:
        return seconds * 1000, body[4:]
    long_ms = int.from_bytes(body[:8])
    if len(body) >= 8 and CLOCK_EPOCH_MS <= long_ms < 1 << 42:  # noqa: PLR2004  the time's bytes
        return long_ms, body[8:]
    return seconds * 1000 or None, body[4:]


def text_readings(data: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
    """The reading of a command or a response; none of a part of a photograph."""
    codec, kind = data[0], data[2]
    if kind == PHOTO and codec == CODEC_12:
        return []
    if kind not in NAMES and codec != CODEC_15:
        raise DecodeError("unknown_type", f"type {kind:02x} of codec {codec:02x}")
    size = int.from_bytes(data[3:HEAD])
    body = data[HEAD:-1]
    if len(data) < HEAD + 1 or size != len(body):
        raise DecodeError("bad_length", f"{size} bytes announced, {len(body)} are there")
    claimed_ms: int | None = None
    found: str | None = None
    if codec in {CODEC_13, CODEC_15}:
        claimed_ms, body = _time(body)
    if codec in {CODEC_14, CODEC_15}:
        if len(body) < IDENTITY_BYTES:
            raise DecodeError("bad_length", f"{len(body)} bytes hold no identity")
        found, body = identity_of(body[:IDENTITY_BYTES]), body[IDENTITY_BYTES:]
    device = settled_identity(found, device_id)
    reading = unstamped(FAMILY)
    text = _readable(body)
    extra: Extra = {NAMES.get(kind, f"text_{kind}"): text}
    fields = text.split("|")
    if text.startswith(GARMIN_LOGIN) and len(fields) > GARMIN_DRIVER and fields[GARMIN_DRIVER]:
        reading.card_id = fields[GARMIN_DRIVER][:MAX_CARD]
    reading.extra = extra
    return [stamped(reading, device, claimed_ms, received_at_ms, data)]
