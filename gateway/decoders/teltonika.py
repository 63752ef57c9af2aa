"""Teltonika: trackers of the FM, FMB, FMC, FMM, TMT and GH lines, over TCP and UDP.

Sources: the maker's public protocol pages, its official examples, and the frames
of the Traccar project's tests. Integers big-endian, times UTC.

Over TCP the device logs in and then sends frames::

    0   2   length of the identity         0   4   00 00 00 00
    2   n   IMEI, decimal digits           4   4   length, codec … second count
                                           8   1   codec
    FF alone is a ping                     9   1   count of records
                                           10      records
                                           -5  1   count again
                                           -4  4   CRC-16/IBM over codec … second count

Over UDP a datagram is: length of what follows (2), packet id (2), ``01``, AVL packet
id (1), length of the IMEI (2), IMEI, then codec … second count, **no checksum**.

Answers: login ``01``, refused ``00``; records: their count (4 bytes); datagram:
``0005``, packet id, ``01``, AVL packet id, count. The device deletes what is counted,
so the answer is given when the log has it. A frame with a wrong checksum, length
or count gets none and comes again.

Record of codecs 8, 8E (``8E``) and 16 (``10``)::

    0   8   milliseconds since 1970; 0: no clock
    8   1   priority: 0 low, 1 high, 2 panic -> SOS, but for records made for jamming, a door, a geofence …
    9   4   longitude, 1e-7 degrees, signed
    13  4   latitude, 1e-7 degrees, signed
    17  2   altitude, m, signed
    19  2   course, degrees
    21  1   satellites; 0: no fix, the position is the last known one (stale) and
            altitude, course and speed are not measured
    22  2   speed, km/h
    24  1   element that the record was made for, 0: none          (2 bytes: 8E, 16)
    .   1   why it was made (16 only)
    .   1   count of elements                                      (2 bytes: 8E)
    .       for values of 1, 2, 4, 8 bytes: count (2: 8E), then id (2: 8E, 16) and value
    .       8E only: count (2), then id (2), length (2), value
    .       8 and 16 of some firmware: count, then id and values of 16 bytes

Record of codec 7 (GH)::

    0   4   bits 31-30 priority, 29-0 seconds since 2007-01-01
    4   1   mask: 01 position, 02, 04, 08 elements of 1, 2, 4 bytes (count, then id, value)
    5   1   mask of the position's parts: 01 latitude, longitude (float32 each),
            02 altitude (2), 04 course (1, 360/256 degrees), 08 speed (1, km/h),
            10 satellites (1), 20 location area, cell (2, 2), 40 signal (1), 80 operator (4)

Text, codecs 12, 13, 14, 15 (``0C`` …): count, type (1: 05 command, 06 response, 11 not
done, 0D part of a photograph: no report), length (4), then seconds (4; 13 and 15; some
firmware: milliseconds, 8), IMEI (8 BCD; 14 and 15) and the text. Text without a time is
dated by its receipt. ``GTSL|…`` (Garmin) names the driver -> ``card_id``.

Elements by AVL id: `gateway.decoders._teltonika_elements`. What becomes an event:

====  ====================================  ==================================
id    element                               event
====  ====================================  ==================================
236   alarm, not 0                          SOS
246   towing, not 0                         ILLEGAL_MOVEMENT
247   crash, not 0                          SHOCK
249   mobile network jammed, not 0          JAMMING
318   GNSS jammed, not 0 (1 warning)        JAMMING (doubtful)
252   unplugged, not 0                      POWER_LOST
662   door, when it is the record's cause   DOOR_OPENED (1), DOOR_CLOSED (0); doubtful
1080n magnet, when it is the cause          DOOR_OPENED (0), DOOR_CLOSED (1); doubtful
155…  geofence, when it is the cause        GEOFENCE_ENTERED (1), GEOFENCE_LEFT (0)
====  ====================================  ==================================

Sentinels: Dallas (72-75) 850, 2000, 3000, 4000, 5000 and Bluetooth temperatures and
humidities 2000, 3000, 4000, 32765-32767 are errors, kept as ``…_error``; so a Bluetooth
sensor at exactly 20.00, 30.00 or 40.00 °C has no temperature (the codes collide in the
maker's table; a missing sensor must not be read as a steady 30 °C). iButton and RFID
(78, 207) 0 or all ones: none. Whether a record comes from memory isn't told.
Digital inputs stay inputs: what is wired to them isn't told either.

Sample: ``000000000000003608010000016B40D8EA30010000000000000000000000000000000105021503010101
425E0F01F10000601A014E0000000000000000010000C7CF`` -> 2019-06-10T10:04:46Z, priority 1,
external 24.079 V, operator 24602, no fix.
"""

from __future__ import annotations

from gateway.decoders._teltonika_records import AVL_CODECS, FAMILY, records
from gateway.decoders._teltonika_stream import (
    LONGEST_FRAME,
    OVERHEAD,
    PING,
    PREAMBLE,
    Talk,
    framing,
    login_of,
    opened,
)
from gateway.decoders._teltonika_text import TEXT_CODECS, text_readings
from gateway.decoders._values import settled_identity
from gateway.wire import Wire
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading

MAX_BYTES = 4 * LONGEST_FRAME  # several frames in one read


class Teltonika:
    """Stateless decoder of family ``teltonika``."""

    family = FAMILY
    aliases = ("fmb", "codec8")
    binary = True

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """Readings of one frame, or of several one after the other; see `Decoder`."""
        if not frame:
            raise DecodeError("empty_frame")
        if len(frame) > MAX_BYTES:
            raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_BYTES}")
        found: list[Reading] = []
        at = 0
        while at < len(frame):
            end = _end(frame, at)
            found += _decoded(frame[at:end], device_id, received_at_ms)
            at = end
        return found


def _end(frame: bytes, at: int) -> int:
    """Where the frame at ``at`` ends: the end of all, unless another one follows."""
    if frame[at] == PING[0]:
        return at + 1
    if frame[at : at + 4] == PREAMBLE and len(frame) >= at + 8:
        end = at + OVERHEAD + int.from_bytes(frame[at + 4 : at + 8])
    else:
        end = at + 2 + int.from_bytes(frame[at : at + 2])
    return min(end, len(frame))


def _decoded(frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
    if frame == PING:
        return []
    login = login_of(frame)
    if login is not None:
        settled_identity(login, device_id)
        return []
    packet = opened(frame)
    codec = packet.data[0]
    device = packet.device_id if device_id is None else settled_identity(packet.device_id, device_id)
    if codec in TEXT_CODECS:
        return text_readings(packet.data, device, received_at_ms)
    if codec not in AVL_CODECS:
        raise DecodeError("unknown_codec", f"{codec:02x}")
    count, body = packet.data[1], packet.data[2:-1]
    return records(body, codec, count, settled_identity(device, device_id), received_at_ms)


DECODER = Teltonika()
IDENTITY = (r"\d{15}", "its IMEI of 15 digits")
WIRE = Wire(framing=framing, dialogue=Talk, default_port=5027, udp=True)
