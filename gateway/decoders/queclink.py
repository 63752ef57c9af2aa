"""Queclink @Track: GPS trackers of many models that speak ASCII over TCP or UDP.

Source: the maker's @Track air interface documents as far as they are public,
checked on 117 frames of the Traccar project's tests. ASCII, fields between
commas, no checksum: form is all that shows a sentence to be sound::

    +RESP:GTFRI,1F0101,135790246811220,<name>,…,<positions>,…,20090214093254,11F0$

=======================  =====================================================
field                    form
=======================  =====================================================
prefix                   ``+RESP`` now; ``+BUFF`` from memory, send time and
                         count as they were; ``+ACK`` answer to a command
version                  6, 8 or 10 hex digits, the first two or more the device
                         type; missing in the oldest form
IMEI                     15 digits, or a MEID of 14 hex digits
name                     and a VIN before it on models with a vehicle bus
… id and type, number    differ by kind and model
position                 accuracy (horizontal dilution, 0 = no fix, the last
                         place again), speed km/h, course, altitude m,
                         longitude, latitude (degrees, 6 decimals),
                         yyyymmddhhmmss UTC by the satellites; several in one
                         sentence are several readings
cell                     MCC, MNC (decimal), area, cell (hex); may be empty
… trailer                odometer km, hour meter (``extra["hour_meter_s"]``), analogue inputs, battery %,
                         status (6 or 10 hex digits: state, inputs, outputs)
send time                yyyymmddhhmmss by the zone the device is set to
count                    4 hex digits, 0000 … FFFF, then again 0000
=======================  =====================================================

Orders differ by model, so parts are found by their form: a position is where
longitude, latitude and a time stand side by side.

Time: a fresh fix gives its own UTC time. A report without one, or whose fix is
more than 15 hours from the send time, has the send time, taken for UTC, or the
fix's time if that is later: **set devices to UTC** (one set to another zone is
off by it; one that is ahead is judged at receipt while it reports at once).
``extra["sent_at"]`` keeps the digits.

Identity: (IMEI, kind, count, send time, number of the position), so that a
+BUFF copy is the +RESP itself. A device without clock or count: the content too.

======================  ========================================================
kind                    events
======================  ========================================================
GTSOS                   SOS
GTTOW, state 16         ILLEGAL_MOVEMENT (the device judges that it is towed)
GTJDR, GTJDS, GTGPJ     JAMMING; none for GTJDS status 1 = quit, GTGPJ status 0 or 1 (GTGPJ
                        doubtful)
GTTSW                   TAMPERED, whatever the switch says: which of 0 and 1 is
                        "open" isn't known for every model, and a cover that is
                        put back had been taken off
GTLSW                   LIGHT where the state isn't 0 (doubtful: 1 = light)
GTMPF, GTEPF, GTPFA     POWER_LOST (main supply, external supply, switched off)
GTBPL                   LOW_BATTERY, with the battery's volts
GTCRA                   SHOCK
GTGIN / GTGOT, GTGEO    GEOFENCE_ENTERED / _LEFT; GTGEO type 1 / 0
GTIDA type 0            BAD_CARD (doubtful); the iButton is ``card_id``
GTSTT, GTNMR            none; ``moving``
GTBTC                   none; flag CHARGING
GTIGN GTVGN GTIGF GTVGF none; ``extra["ignition"]``
GTDIS GTIOB             none; ``extra["in<line>"]``: what is wired there is not
                        the protocol's to say
GTERI                   none; mask bit 0: digital tank sensor, bit 1: 1-wire
                        thermometers (signed, 1/16 °C), bit 2: CAN, bits 3 and
                        4: tank sensors (percent, litres), bit 8: Bluetooth sensors
any other               none; position, odometer, battery as far as found
======================  ========================================================

``+ACK:GTHBD`` is a heartbeat: nothing. Any other ``+ACK`` is a reading without
events: the device lives and has taken a command. GTINF in the oldest form
(without version) yields nothing. The kind is ``extra["report"]``.

Answers: ``+SACK:<count>$`` once the log has the report,
``+SACK:GTHBD,<version>,<count>$`` to a heartbeat.

Sample: ``+RESP:GTSOS,020102,135790246811220,,0,0,1,1,4.3,92,70.0,121.354335,
31.222073,20090214013254,0460,0000,18d8,6141,00,,20090214093254,11F0$`` (one line)
-> 31.222073 N 121.354335 E, 4.3 km/h, course 92, SOS. The binary form of the
protocol is refused as ``binary_form``.
"""

from __future__ import annotations

from gateway.decoders._queclink_accessories import trailer
from gateway.decoders._queclink_reports import empty_place, expansion, serving_cell, tell
from gateway.decoders._queclink_sentence import (
    MAX_FRAME_BYTES,
    Fix,
    Sentence,
    cell_of,
    cells,
    fixes,
    parse,
    time_ms,
)
from gateway.decoders._values import Extra, settled_identity, unstamped, within
from gateway.device_time import CLOCK_EPOCH_MS, settle
from gateway.framings import Delimited
from gateway.wire import Heard, Wire
from sealtrail.contract.reading import FixKind, Flag, Reading, reading_id_of

FAMILY = "queclink"
HEARTBEAT = "GTHBD"
ZONES_MS = 15 * 3_600_000
"""Farther from the send time, in whatever zone, a fix is not of this report."""
DEFAULT_PORT = 5004


def _is_silent(sentence: Sentence) -> bool:
    return sentence.kind == HEARTBEAT or (sentence.kind == "GTINF" and not sentence.version)


def _identity(sentence: Sentence, device_id: str, index: int, fix: Fix | None, received_at_ms: int) -> int:
    sent_ms = time_ms(sentence.sent)
    if sent_ms is not None and sent_ms >= CLOCK_EPOCH_MS and sentence.serial is not None:
        content = f"{sentence.kind},{sentence.serial},{index}"
        return reading_id_of(device_id, None, sent_ms, content.encode())
    told_apart = sentence.serial is not None or sent_ms is not None or (fix and fix.at_ms is not None)
    content = f"{sentence.text},{index}"
    return reading_id_of(device_id, None, None if told_apart else received_at_ms, content.encode())


def _set_fix(
    reading: Reading, fix: Fix | None, sent_ms: int | None, *, alone: bool, last: bool
) -> int | None:
    """Sets the position; returns the time that the device claims for the report."""
    if fix is None:
        return sent_ms
    kind, latitude, longitude, flags = fix.place
    claimed_ms = sent_ms
    if kind is FixKind.GNSS and fix.at_ms is not None:
        if sent_ms is None or not alone or abs(sent_ms - fix.at_ms) <= ZONES_MS:
            claimed_ms = fix.at_ms
        else:
            kind = FixKind.STALE
    elif not last and fix.at_ms is not None:
        claimed_ms = fix.at_ms  # older than the send time, which is that of the last position
    if fix.at_ms is not None and (claimed_ms is None or fix.at_ms - ZONES_MS <= claimed_ms < fix.at_ms):
        claimed_ms = fix.at_ms  # a report is never older than the fix that it holds
    reading.fix_kind = kind.value
    reading.latitude_deg = latitude
    reading.longitude_deg = longitude
    reading.flags |= flags.value
    if kind is not FixKind.NONE:
        reading.altitude_m = within("altitude_m", fix.altitude)
        reading.speed_kmh = within("speed_kmh", fix.speed)
        reading.course_deg = within("course_deg", fix.course)
        if kind is FixKind.GNSS and fix.accuracy:
            reading.hdop = within("hdop", fix.accuracy)
    return claimed_ms


def _readings(sentence: Sentence, device_id: str, received_at_ms: int) -> list[Reading]:
    found = fixes(sentence.body)
    blocks: list[Fix | None] = [*found] or [None]
    sent_ms = time_ms(sentence.sent)
    made = []
    for index, fix in enumerate(blocks):
        reading = unstamped(FAMILY)
        following = found[index + 1].first if index + 1 < len(found) else len(sentence.body)
        last = index == len(blocks) - 1
        claimed_ms = _set_fix(reading, fix, sent_ms, alone=len(blocks) == 1, last=last)
        extra: Extra = {"report": sentence.kind}
        if sentence.version:
            extra["version"] = sentence.version
        if sentence.body and sentence.body[0]:
            extra["name"] = sentence.body[0]
        if sentence.sent:
            extra["sent_at"] = sentence.sent
        fields = _behind(sentence, extra, fix, following)
        if sentence.prefix == "ACK":
            extra["acknowledges"] = True
        else:
            behind = trailer(reading, extra, sentence.kind, sentence.version, fields)
            if last:
                _last_words(reading, extra, sentence, found, fields, behind)
        _stamp(reading, sentence, device_id, claimed_ms, received_at_ms)
        reading.reading_id = _identity(sentence, device_id, index, fix, received_at_ms)
        reading.extra = extra
        made.append(reading)
    return made


def _behind(sentence: Sentence, extra: Extra, fix: Fix | None, following: int) -> tuple[str, ...]:
    """The fields behind the position's cell, and the cell itself into ``extra``."""
    if fix is None:
        serving_cell(extra, sentence)
        found = cells(sentence.body)
        return sentence.body[found[0][0] :] if len(found) == 1 else ()
    cell = cell_of(sentence.body[fix.after - 4 : fix.after])
    if cell is not None:
        extra |= {
            "cell_mcc": cell.country,
            "cell_mnc": cell.network,
            "location_area": cell.area,
            "cell_id": cell.cell,
        }
    return sentence.body[fix.after : following]


def _last_words(
    reading: Reading,
    extra: Extra,
    sentence: Sentence,
    found: list[Fix],
    fields: tuple[str, ...],
    behind: int | None,
) -> None:
    """What the sentence says besides positions belongs to its last one, the latest."""
    end = found[0].first if found else empty_place(sentence)
    head = sentence.body[1:end]
    tell(reading, extra, sentence, head, whole=end is None)
    if sentence.kind == "GTERI":
        expansion(reading, extra, head, fields, behind)


def _stamp(
    reading: Reading, sentence: Sentence, device_id: str, claimed_ms: int | None, received_at_ms: int
) -> None:
    time = settle(claimed_ms, received_at_ms)
    reading.device_id = device_id
    reading.sequence = sentence.serial
    reading.occurred_at_ms = time.occurred_at_ms
    reading.received_at_ms = received_at_ms
    reading.device_time_ms = time.device_time_ms
    reading.flags |= time.flags.value
    if sentence.prefix == "BUFF":
        reading.flags |= Flag.BUFFERED.value


class Queclink:
    """Stateless decoder of family ``queclink``."""

    family = FAMILY
    aliases = ("gl200", "attrack")
    binary = False

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """Readings of one sentence; see `sealtrail.contract.decoder.Decoder`."""
        sentence = parse(frame)
        device = settled_identity(sentence.imei, device_id)
        return [] if _is_silent(sentence) else _readings(sentence, device, received_at_ms)


class SackDialogue:
    """Every sentence names its device and is acknowledged by its count."""

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """See `gateway.wire.Dialogue`."""
        del received_at_ms
        sentence = parse(frame)
        count = "" if sentence.serial is None else f"{sentence.serial:04X}"
        if sentence.kind == HEARTBEAT:
            answer = f"+SACK:{HEARTBEAT},{sentence.version},{count}$"
            return Heard(identity=sentence.imei, answer=answer.encode())
        answer = f"+SACK:{count}$" if count else ""
        return Heard(identity=sentence.imei, message=frame, answer=answer.encode())


DECODER = Queclink()
IDENTITY = (r"\d{15}|[0-9A-F]{14}", "its IMEI of 15 digits, or a MEID")
WIRE = Wire(
    framing=lambda: Delimited(b"+", b"$", MAX_FRAME_BYTES, filler=b"\r\n\0"),
    dialogue=SackDialogue,
    default_port=DEFAULT_PORT,
    udp=True,
)
