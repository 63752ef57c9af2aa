"""Text frames ``(…)`` of family ``jt701``.

ASCII, fields between commas, no checksum, times UTC. An empty field is missing.

Lock event ``P45`` (the padlock; it wants the answer ``(P69,0,<index>)``)::

    id, P45, ddmmyy, hhmmss, latitude (degrees), N|S, longitude, E|W, A|V,
    speed (km/h), course, event source, unlock verification, card (10 digits,
    zeros: none), password verification, wrong passwords, index [, …]

``OPENED`` where the card or the password was verified, ``BAD_CARD`` where a
card was named and neither was, ``WRONG_PASSWORD`` where wrong ones are counted.
What the numbers of the event source mean isn't public: kept in ``extra``.

Reports ``U01``, ``U02``, ``U03`` and ``U06`` (which has an alarm number after the word)::

    id, word, [alarm,] ddmmyy, hhmmss, T|F (fix), latitude (degrees), N|S,
    longitude, E|W, speed (mph), course, satellites, battery %, status bits,
    cell identity, location area, GSM signal, mileage (km), index [, …]

Alarm numbers and status bits differ between makes: kept in ``extra`` unread.

Report ``W01``::

    id, W01, longitude dddmm.mmmm, E|W, latitude ddmm.mmmm, N|S, A|V, ddmmyy,
    hhmmss, speed (mph), course, supply, GPS signal, GSM signal, alert, …

``U04``, ``U09`` (a log of stops; the word is the third field) and ``@JT``
(heartbeat) report nothing. What a lock answers to a command, ``(id,P<nn>,…)`` or ``(id,<number>,…)``,
is a reading without events, its words in ``extra["result"]``; a question for the time
(``…,BASE,2,TIME``) reports nothing. Any other word is refused as ``unknown_word``.

Paren-binary: ``(id,…,…,WLNET,5,…,`` then bytes and ``)``. A sensor beside the lock,
heard by it. On TCP the bytes ``(``, ``)``, ``,``, ``=`` are escaped as ``=`` and the byte
XOR 3D; both forms are taken::

    0   17   time, place, speed and course as in the binary frame's bytes 10 … 26
    17  6    the sensor's own time, BCD ddmmyyhhmmss
    23  5    the sensor's identity, BCD
    28  1    index
    29  2    the sensor's battery, 0.01 V
    31  1    the sensor's battery, %
    32  1    the sensor's signal
    33  1    type of sensor: 1 temperature and humidity
    34  2    temperature, 0.1 °C, two's complement; FFFF none
    36  1    humidity, %; FF none
    37  3    counters

Of other types of sensor the bytes from 34 on are kept in ``extra``.

Sample: ``(2050018634,P45,051124,204046,9.861502,N,83.950336,W,A,1,0,1,1,0012260888,0,0,0)``
-> 2024-11-05T20:40:46Z, 9.861502 N 83.950336 W, opened with card 0012260888.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.decoders._jt701_binary import FAMILY, POSITION, bcd_time, degrees_of, position
from gateway.decoders._values import (
    NOWHERE,
    Extra,
    Place,
    place,
    settled_identity,
    signal_pct_of_csq,
    stamped,
    unstamped,
    within,
)
from sealtrail.contract.clock import iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Reading, SealEvent

MAX_TEXT_BYTES = 4096
KMH_PER_MPH = 1.609344

NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
SENSOR_MARK = b",WLNET,5,"
SENSOR_FIXED = 34  # bytes before the value of a sensor
SENSOR_CLIMATE, CLIMATE_BYTES = 1, 40
NO_TEMPERATURE, NO_HUMIDITY = 0xFFFF, 0xFF
ESCAPE = 0x3D

ANSWER = re.compile(r"P[0-9]{2}|[0-9]{1,3}", re.ASCII)
MAX_RESULT = 512
TIME_QUESTION = "BASE,2,TIME"

REPORTS = ("U01", "U02", "U03", "U06")
SILENT = ("U04", "@JT")
SILENT_NUMBERED = ("U09",)  # (id,<number>,U09,…)


class _Fields(NamedTuple):
    """Fields of one sentence, read by position; an error names the field."""

    values: list[str]

    def text(self, at: int, name: str) -> str:
        if at >= len(self.values):
            raise DecodeError("missing_field", f"{name}: the frame has only {len(self.values)} fields")
        return self.values[at]

    def number(self, at: int, name: str) -> float | None:
        """None where the field is empty."""
        found = self.text(at, name)
        if not found:
            return None
        if not NUMBER.fullmatch(found):
            raise DecodeError("bad_field", f"{name}: {found!r} is no number")
        return float(found)

    def whole(self, at: int, name: str) -> int | None:
        """None where the field is empty."""
        found = self.number(at, name)
        if found is None:
            return None
        if not found.is_integer():
            raise DecodeError("bad_field", f"{name}: {found} is no whole number")
        return int(found)

    def time(self, at: int) -> int | None:
        """UTC milliseconds of ``ddmmyy`` and ``hhmmss``; None where all digits are zero."""
        digits = self.text(at, "date") + self.text(at + 1, "time")
        try:
            return bcd_time(bytes.fromhex(digits) if len(digits) == 12 else b"")  # noqa: PLR2004  digits of a time
        except ValueError:
            raise DecodeError("bad_time", f"{digits!r} is no ddmmyyhhmmss") from None


def _coordinate(value: float | None, hemisphere: str, positive: str, negative: str) -> float | None:
    if value is None or hemisphere not in {positive, negative}:
        return None
    return value if hemisphere == positive else -value


def _minutes(text: str, degree_digits: int) -> float | None:
    """Degrees of ``d…dmm.mmmm``, with as many decimals as there are; None where it is not that."""
    whole, _, decimals = text.partition(".")
    if len(whole) != degree_digits + 2:
        return None
    return degrees_of(whole + decimals[:4].ljust(4, "0"), degree_digits)


def _decimal(text: str) -> float | None:
    return float(text) if NUMBER.fullmatch(text) else None


def _place(latitude: str, north: str, longitude: str, east: str, *, valid: bool) -> Place:
    """A place written in degrees; both fields empty is no position, garbage a refused one."""
    if not latitude and not longitude:
        return NOWHERE
    return place(
        _coordinate(_decimal(latitude), north, "N", "S"),
        _coordinate(_decimal(longitude), east, "E", "W"),
        FixKind.GNSS if valid else FixKind.STALE,
    )


def _located(found: Place, speed_kmh: float | None, course_deg: float | None) -> Reading:
    reading = unstamped(FAMILY)
    reading.flags = found.flags.value
    reading.fix_kind = found.kind.value
    reading.latitude_deg = found.latitude_deg
    reading.longitude_deg = found.longitude_deg
    reading.speed_kmh = within("speed_kmh", speed_kmh)
    reading.course_deg = within("course_deg", course_deg)
    return reading


def _kmh(mph: float | None) -> float | None:
    return None if mph is None else round(mph * KMH_PER_MPH, 2)


def _without_none(**values: str | float | None) -> Extra:
    return {name: value for name, value in values.items() if value is not None}


def _lock_event(fields: _Fields) -> tuple[int | None, Reading]:
    """``P45``."""
    text = fields.text
    reading = _located(
        _place(
            text(4, "latitude"),
            text(5, "north or south"),
            text(6, "longitude"),
            text(7, "east or west"),
            valid=text(8, "fix") == "A",
        ),
        fields.number(9, "speed"),
        fields.number(10, "course"),
    )
    unlocked = fields.whole(12, "unlock verification")
    card = text(13, "card").strip()
    password = fields.whole(14, "password verification")
    wrong_passwords = fields.whole(15, "wrong passwords")
    events = SealEvent.NONE
    if card.strip("0"):
        reading.card_id = card[:64]
    if unlocked or password:
        events |= SealEvent.OPENED
    elif reading.card_id is not None:
        events |= SealEvent.BAD_CARD
    if wrong_passwords:
        events |= SealEvent.WRONG_PASSWORD
    reading.seal_events = events.value
    reading.extra = _without_none(
        word="P45",
        event_source=fields.whole(11, "event source"),
        unlock_verification=unlocked,
        password_verification=password,
        wrong_passwords=wrong_passwords,
        index=fields.whole(16, "index"),
    )
    return fields.time(2), reading


def _report(fields: _Fields) -> tuple[int | None, Reading]:
    """``U01``, ``U02``, ``U03``, ``U06``."""
    text = fields.text
    word = text(1, "word")
    has_alarm = len(text(2, "date")) != 6  # noqa: PLR2004  digits of a date
    at = 3 if has_alarm else 2
    reading = _located(
        _place(
            text(at + 3, "latitude"),
            text(at + 4, "north or south"),
            text(at + 5, "longitude"),
            text(at + 6, "east or west"),
            valid=text(at + 2, "fix") == "T",
        ),
        _kmh(fields.number(at + 7, "speed")),
        fields.number(at + 8, "course"),
    )
    reading.satellites = _satellites(fields.whole(at + 9, "satellites"))
    battery = text(at + 10, "battery").removesuffix("%")
    reading.battery_pct = within("battery_pct", _decimal(battery))
    gsm = fields.whole(at + 14, "GSM signal")
    reading.signal_pct = None if gsm is None else signal_pct_of_csq(gsm)
    reading.odometer_km = within("odometer_km", fields.number(at + 15, "mileage"))
    reading.extra = _without_none(
        word=word,
        alarm=fields.whole(2, "alarm") if has_alarm else None,
        status_bits=text(at + 11, "status bits")[:64] or None,
        cell_id=fields.whole(at + 12, "cell identity") or None,
        location_area=fields.whole(at + 13, "location area") or None,
        gsm_signal=gsm,
        index=fields.whole(at + 16, "index"),
    )
    return fields.time(at), reading


def is_time_question(text: str) -> bool:
    """Whether the inside of a sentence asks for the time."""
    return text.endswith(TIME_QUESTION)


def _satellites(found: int | None) -> int | None:
    return found if within("satellites", found) is not None else None


def _old_report(fields: _Fields) -> tuple[int | None, Reading]:
    """``W01``."""
    text = fields.text
    latitude = _minutes(text(4, "latitude"), 2)
    longitude = _minutes(text(2, "longitude"), 3)
    reading = _located(
        place(
            _coordinate(latitude, text(5, "north or south"), "N", "S"),
            _coordinate(longitude, text(3, "east or west"), "E", "W"),
            FixKind.GNSS if text(6, "fix") == "A" else FixKind.STALE,
        ),
        _kmh(fields.number(9, "speed")),
        fields.number(10, "course"),
    )
    gsm = fields.whole(13, "GSM signal")
    reading.signal_pct = None if gsm is None else signal_pct_of_csq(gsm)
    reading.extra = _without_none(
        word="W01",
        supply=fields.number(11, "supply"),
        gps_signal=fields.whole(12, "GPS signal"),
        gsm_signal=gsm,
        alert=fields.whole(14, "alert"),
    )
    return fields.time(7), reading


def _unescaped(body: bytes) -> bytes:
    found = bytearray()
    pairs = iter(body)
    for byte in pairs:
        found.append(next(pairs, 0) ^ ESCAPE if byte == ESCAPE else byte)
    return bytes(found)


def _sensor(body: bytes) -> tuple[int | None, Reading]:
    """The bytes of a paren-binary frame."""
    if not _is_climate(body) and _is_climate(_unescaped(body)):
        body = _unescaped(body)
    if len(body) < SENSOR_FIXED or (body[33] == SENSOR_CLIMATE and len(body) != CLIMATE_BYTES):
        raise DecodeError("bad_length", f"{len(body)} bytes of sensor data")
    claimed_ms, reading = position(body)
    sampled_ms = bcd_time(body[POSITION.size : POSITION.size + 6])
    extra: Extra = {
        "word": "WLNET5",
        "sensor_id": body[23:28].hex(),
        "index": body[28],
        "sensor_battery_v": int.from_bytes(body[29:31], "big") / 100,
        "sensor_battery_pct": body[31],
        "sensor_signal": body[32],
        "sensor_type": body[33],
    }
    if sampled_ms is not None:
        extra["sensor_time"] = iso(sampled_ms)
    if body[33] == SENSOR_CLIMATE:
        temperature = int.from_bytes(body[34:36], "big", signed=True)
        if temperature & NO_TEMPERATURE != NO_TEMPERATURE:
            reading.temperature_c = within("temperature_c", temperature / 10)
        if body[36] != NO_HUMIDITY:
            reading.humidity_pct = within("humidity_pct", float(body[36]))
    else:
        extra["sensor_data"] = body[SENSOR_FIXED:].hex()
    reading.extra = extra
    return claimed_ms, reading


def _is_climate(body: bytes) -> bool:
    return len(body) == CLIMATE_BYTES and body[33] == SENSOR_CLIMATE


def _identity(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,20}", text, re.ASCII):
        raise DecodeError("bad_identity", f"{text[:20]!r} is no decimal number")
    return text


def _decode_sensor(frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
    before, _, after = frame[1:-1].partition(SENSOR_MARK)
    device = settled_identity(_identity(before.split(b",")[0].decode("ascii", "replace")), device_id)
    _, comma, body = after.partition(b",")
    if not comma:
        raise DecodeError("missing_field", "no sensor data after WLNET,5")
    claimed_ms, reading = _sensor(body)
    return [stamped(reading, device, claimed_ms, received_at_ms, body)]


def decode_text(frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
    """Readings of a frame that begins with ``(``; none for words that report nothing."""
    if len(frame) > MAX_TEXT_BYTES:
        raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_TEXT_BYTES}")
    frame = frame if frame.endswith(b")") else frame.rstrip()
    if not frame.endswith(b")"):
        raise DecodeError("bad_ending", "the frame doesn't end with ')'")
    if SENSOR_MARK in frame[:64]:
        return _decode_sensor(frame, device_id, received_at_ms)
    try:
        text = frame[1:-1].decode("ascii")
    except UnicodeDecodeError as error:
        raise DecodeError("not_text", str(error)) from error
    fields = _Fields(text.split(","))
    device = settled_identity(_identity(fields.values[0]), device_id)
    word = fields.text(1, "word")
    if word in SILENT or fields.values[2:3] in [[numbered] for numbered in SILENT_NUMBERED]:
        return []
    if word == "P45":
        claimed_ms, reading = _lock_event(fields)
    elif word in REPORTS:
        claimed_ms, reading = _report(fields)
    elif ANSWER.fullmatch(word):
        if is_time_question(text):
            return []
        claimed_ms, reading = None, unstamped(FAMILY)
        reading.extra = {"word": word, "result": text[:MAX_RESULT]}
    elif word == "W01":
        claimed_ms, reading = _old_report(fields)
    else:
        raise DecodeError("unknown_word", f"{word[:20]!r}")
    return [stamped(reading, device, claimed_ms, received_at_ms, frame)]
