"""Jointech JT701 and its family (JT600, JT606 …): GPS padlocks and vehicle trackers.

Sources: the maker's and integrators' public tables; every form checked on the
frames of the Traccar project's tests. **No form has a checksum**: header,
lengths and a BCD time that is a date are all that shows a frame to be sound.
All integers are unsigned and big-endian, BCD one digit a nibble, times UTC.

Long binary frame (the padlock); byte 8 is zero::

    0   24                       '$'
    1   5 BCD                    identity, 10 digits
    6   1                        protocol version: 01, 16, 17, 19 (hex) seen
    7   1                        device type (high nibble), data type (low nibble)
    8   2                        number of bytes that follow
    10  6 BCD                    ddmmyy hhmmss; all zero or the year 2000: no clock yet
    16  4 BCD                    latitude ddmm.mmmm
    20  4½ BCD                   longitude dddmm.mmmm
    24  ½                        bit 0 fix is valid, 1 north, 2 east
    25  1                        speed, km/h
    26  1                        course, 2°
    27  4                        mileage, km
    31  1                        satellites
    32  4                        vehicle identity
    36  2                        status, below
    38  1                        battery, %; FF = charging
    39  2, 2                     cell identity, location area
    43  1                        GSM signal, 0 … 31
    44  0, 4, 17 or other        version 16 has nothing here (but may repeat 10 … 43); others:
                                 geofence (1), reserved; of 17 bytes the last three are the
                                 network's country (2) and operator (1) codes
    -1  1                        index; counts frames, wraps

Data type: 3 and 4 are from memory (in every known frame that has them, bit 5 of
the status is set without an alarm), 1 is live.

Status, bit 0 = lowest bit of the last byte::

    0 position from network cells      8  unlocking alarm          -> OPENED
    1 geofence entered                 9  wrong password, > 5      -> WRONG_PASSWORD
    2 geofence left                    10 unauthorised card        -> BAD_CARD
    3 rope cut            -> CUT       11 low battery              -> LOW_BATTERY
    4 vibration           -> SHOCK     12 back cap opened          -> TAMPERED
    5 answer wanted: alarm or memory   13 back cap closed (state)
    6 rope inserted (state)            14 motor fault              -> LOCK_FAULT
    7 motor locked (state)             15 reserved

Seal state: bit 3 cut; else rope out: open; else by the motor: sealed, unlocked.

Short binary frame (vehicle trackers): ``24``, identity (5 BCD), one byte with
format (high nibble: 1, 2, 3) and data type, length (2) of all records, records
of 27 bytes, index (1). A record is bytes 10 … 26 above and 10 bytes more:

* 1: satellites, supply (maker's units), flags, altitude (2, m), cell identity (2),
  location area (2), GSM signal
* 2: fuel (high byte), vehicle status (4), mileage (4, km), fuel (low byte)
* 3: three fuel levels of 12 bits, mileage (20 bits, km), vehicle status (3)

Text and paren-binary frames: `gateway.decoders._jt701_text`.

Coordinates that are no digits or out of range cost the fix, never the report.
Exactly 0, 0 stands for no position. Identity of a reading: the record's bytes
without frame head and index, bit 5 cleared, since a copy from memory has it set.

Over TCP both forms come in one stream (`WIRE`). A lock waits for ``(P69,0,<index>)``
after a lock event ``P45`` and after a long frame in which bit 5 of a status is set, a tracker for
``(S39)`` or ``(S20)`` after a text report; over MQTT (`ANSWER`) they find the same on their ``down`` topic.

Sample: ``2475201509261611002313101503464722331560113555309f00000000002d0500cb20
6800f064109326381a03`` -> 7520150926, 2015-10-13T03:46:47Z, 22.55260 N 113.92551 E,
vibration, locked, battery 100 %.
"""

from __future__ import annotations

from gateway.decoders._jt701_binary import FAMILY, decode_binary
from gateway.decoders._jt701_stream import STREAM, answer_of
from gateway.decoders._jt701_text import decode_text
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading

MAX_FRAME_BYTES = 10 + 0xFFFF


class Jt701:
    """Stateless decoder of family ``jt701``."""

    family = FAMILY
    aliases = ("jt600", "jointech")
    binary = True

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """Readings of one frame; see `sealtrail.contract.decoder.Decoder`."""
        if not frame:
            raise DecodeError("empty_frame")
        if len(frame) > MAX_FRAME_BYTES:
            raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_FRAME_BYTES}")
        if frame[:1] == b"(":
            return decode_text(frame, device_id, received_at_ms)
        if frame[:1] != b"$":
            raise DecodeError("unknown_header", f"a frame begins with '$' or '(', not {frame[:1]!r}")
        return decode_binary(frame, device_id, received_at_ms)


DECODER = Jt701()
IDENTITY = (r"\d{10}", "10 digits")
WIRE = STREAM
ANSWER = answer_of
