"""NIOT e-seal, binary, over TCP.

Source: the three frames of the Traccar project's tests, of which one position is published; the
form of the older ``2929`` protocol, from which this one descends. What rests on likeness alone is
marked *doubtful*. Numbers are unsigned, high byte first; checksum: XOR of all bytes before it::

    0   2   58 58
    2   1   type: 80 report
    3   2   length of what follows
    5   8   identity: IMEI, 16 digits BCD, the first of them filler
    13  6   time BCD yymmddhhmmss, UTC
    19  4   latitude, 1/1 800 000 °; highest bit: south
    23  4   longitude; highest bit: west
    27  2   speed km/h BCD
    29  2   course ° BCD
    31  1   bit 7 located; bits 6-5 antenna, 11 sound; bits 4-3 supply, 11 sound, 10 lost
                (POWER_LOST), 01 low (LOW_BATTERY) (*doubtful*)
    32  4   mileage, m
    36  2   status, 7FFC in every published frame; a bit of 7FFC that is 0 is an alarm (*doubtful*)
    38  1   kept as ``status_3`` (battery %, *doubtful*)
    39  1   kept as ``status_4`` (GSM signal, *doubtful*)
    40  8   unknown, kept in hex
    48  …   parts: length of type and value (2), type (2), value
    -2  1   checksum
    -1  1   0D

Part 1: ICCID in text. Part 2, the e-seal: status (2), of which bit 4 is tampering and bit 5 removal
(*doubtful*), and one byte, kept. Any alarm of the status word counts as TAMPERED: its bits
have no public names, and a tampered seal must not go by unseen. Removal: TAMPERED, not mounted.

A report wants the answer ``5858 00 0005 <its checksum> <its type> 00 <checksum> 0D``. Other types are
refused. Neither state nor opening of the seal is in a report.

Sample: ``585880004c08675430347318522007161451458024b28003f566ee00000328f8000748217ffc500729007a28
0000000000160001383932353430323130363431363738373136323100050002004e00570d`` -> 867543034731852,
2020-07-16T14:51:45Z, 1.33611 S 36.89684 E, course 328, 477.217 km.
"""

from __future__ import annotations

import functools
import operator
import struct

from gateway.decoders._values import (
    Extra,
    place,
    settled_identity,
    stamped,
    unstamped,
    within,
)
from gateway.device_time import utc_ms_of_digits
from gateway.framings import LengthField
from gateway.wire import Heard, Wire
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Reading, SealEvent

FAMILY = "niot"
MARK, END = b"\x58\x58", b"\x0d"
HEAD = 5
REPORT = struct.Struct(">8s6sII2s2sBIHBB8s")
LEAST_FRAME = HEAD + REPORT.size + 2
MAX_FRAME_BYTES = 1024
REPORT_TYPE, ANSWER_TYPE = 0x80, 0x00

UNITS_PER_DEGREE = 1_800_000
NEGATIVE = 1 << 31
LOCATED_BIT, ANTENNA_SHIFT, SUPPLY_SHIFT, SOUND = 7, 5, 3, 0b11
SUPPLY_EVENTS = {0b10: SealEvent.POWER_LOST, 0b01: SealEvent.LOW_BATTERY}
USUAL_STATUS = 0x7FFC
ICCID, ESEAL = 1, 2
TAMPER_BIT, REMOVAL_BIT = 4, 5


def checksum(content: bytes) -> int:
    """XOR of all bytes."""
    return functools.reduce(operator.xor, content, 0)


def check(frame: bytes) -> None:
    """Raises `DecodeError` unless marks, length and checksum of a frame are sound."""
    if not frame.startswith(MARK):
        raise DecodeError("unknown_header", f"a frame begins with 5858, not {frame[:2].hex()}")
    if len(frame) > MAX_FRAME_BYTES:
        raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_FRAME_BYTES}")
    if len(frame) < HEAD + 2 or len(frame) != HEAD + int.from_bytes(frame[3:5], "big"):
        raise DecodeError("bad_length", f"{len(frame)} bytes aren't what the length field says")
    if frame[-1:] != END:
        raise DecodeError("bad_ending", "a frame ends with 0d")
    if checksum(frame[:-2]) != frame[-2]:
        raise DecodeError("bad_checksum", f"{checksum(frame[:-2]):02x} counted, {frame[-2]:02x} found")
    if frame[2] != REPORT_TYPE:
        raise DecodeError("unknown_message", f"type {frame[2]:02x}")
    if len(frame) < LEAST_FRAME:
        raise DecodeError("bad_length", f"{len(frame)} bytes are no report")
    identity = frame[HEAD : HEAD + 8].hex()
    if not identity.isdecimal():
        raise DecodeError("bad_identity", f"{identity} has other than decimal digits")


def identity_of(frame: bytes) -> str:
    """IMEI of a sound frame."""
    return frame[HEAD : HEAD + 8].hex()[1:]


def _bcd(raw: bytes) -> float | None:
    return float(raw.hex()) if raw.hex().isdecimal() else None


def _degrees(value: int) -> float:
    magnitude = (value & ~NEGATIVE) / UNITS_PER_DEGREE
    return round(-magnitude if value & NEGATIVE else magnitude, 7)


def _parts(data: bytes, extra: Extra) -> tuple[SealEvent, bool]:
    """Reads the parts into ``extra``; what the e-seal says has happened, and whether it was removed."""
    events, removed = SealEvent.NONE, False
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from(">HH", data, at)
        if size < 2 or at + 2 + size > len(data):  # noqa: PLR2004  the type
            break
        value = data[at + 4 : at + 2 + size]
        at += 2 + size
        if kind == ICCID and value.isalnum():
            extra["iccid"] = value.decode("ascii")
        elif kind == ESEAL and len(value) >= 2:  # noqa: PLR2004  a word
            status = int.from_bytes(value[:2], "big")
            removed = bool(status >> REMOVAL_BIT & 1)
            if removed or status >> TAMPER_BIT & 1:
                events |= SealEvent.TAMPERED
            extra["seal_bits"] = value.hex()
        else:
            extra[f"part_{kind:04x}"] = value.hex()
    if at < len(data):
        extra["parts_rest"] = data[at:].hex()
    return events, removed


class Niot:
    """Stateless decoder of family ``niot``."""

    family = FAMILY
    aliases = ("niot-eseal",)
    binary = True

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """The reading of one frame; see `sealtrail.contract.decoder.Decoder`."""
        check(frame)
        device = settled_identity(identity_of(frame), device_id)
        _, when, latitude, longitude, speed, course, gnss, mileage, status, third, fourth, unknown = (
            REPORT.unpack_from(frame, HEAD)
        )
        reading = unstamped(FAMILY)
        kind = FixKind.GNSS if gnss >> LOCATED_BIT & 1 else FixKind.STALE
        settled = place(_degrees(latitude), _degrees(longitude), kind)
        reading.flags = settled.flags.value
        reading.fix_kind = settled.kind.value
        reading.latitude_deg = settled.latitude_deg
        reading.longitude_deg = settled.longitude_deg
        reading.speed_kmh = within("speed_kmh", _bcd(speed))
        reading.course_deg = within("course_deg", _bcd(course))
        reading.odometer_km = within("odometer_km", mileage / 1000)
        extra: Extra = {
            "status": f"{status:04x}",
            "status_3": third,
            "status_4": fourth,
            "gnss_status": f"{gnss:02x}",
            "unknown": unknown.hex(),
        }
        events, removed = _parts(frame[HEAD + REPORT.size : -2], extra)
        alarms = USUAL_STATUS & ~status
        if alarms:
            events |= SealEvent.TAMPERED
            extra["alarm_bits"] = f"{alarms:04x}"
        if removed:
            reading.mounted = False
        if gnss >> ANTENNA_SHIFT & SOUND != SOUND:
            extra["antenna_fault"] = True
        supply = gnss >> SUPPLY_SHIFT & SOUND
        if supply != SOUND:
            extra["supply_fault"] = True
            events |= SUPPLY_EVENTS.get(supply, SealEvent.NONE)
        reading.seal_events = events.value
        reading.extra = extra
        return [stamped(reading, device, utc_ms_of_digits(when.hex()), received_at_ms, frame)]


def answer_to(frame: bytes) -> bytes:
    """The answer to a sound report."""
    content = MARK + bytes([ANSWER_TYPE, 0, 5, frame[-2], frame[2], 0])
    return content + bytes([checksum(content)]) + END


class NiotDialogue:
    """One connection: every report names its seal and wants an answer."""

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """See `gateway.wire.Dialogue`."""
        del received_at_ms
        check(frame)
        return Heard(identity_of(frame), message=frame, answer=answer_to(frame))


def _framing() -> LengthField:
    return LengthField((MARK,), offset=3, size=2, endian="big", extra=HEAD, most=MAX_FRAME_BYTES, end=END)


DECODER = Niot()
IDENTITY = (r"\d{15}", "its IMEI of 15 digits")
WIRE = Wire(framing=_framing, dialogue=NiotDialogue, default_port=5214)
