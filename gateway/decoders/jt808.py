"""JT/T 808: China's protocol of vehicle terminals (2011, 2013, 2019) and its padlock dialects.

Source: the published standard; makers' and integrators' public tables; frames of the
Traccar project's tests, on which all that isn't marked *doubtful* was checked. Numbers
are unsigned, high byte first, unless said otherwise. In brackets: bytes.

Frame: ``7E | header | body | checksum (1) | 7E``. Checksum: XOR of header and body. Stuffing: 7E
is sent as 7D 02 and 7D as 7D 01 (some trackers use E7, E6 instead; *doubtful*). A
frame is taken unstuffed if that makes checksum and length sound, else as it stands, since
recorded frames are often unstuffed already::

    message id (2) | attributes (2) | [protocol version (1)] | identity BCD (6; 2019: 10) | serial (2)
    | [number of sub-packets (2) | this one (2)]
    attributes: bits 0-9 length of the body, 10-12 encryption, 13 sub-packets, 14 header of 2019

An identity with digits beyond 9 is an IMEI in binary without check digit. 5501 and 5502 have a
serial of one byte, and bit 15 asks for an answer. Several frames one after the other are the
sub-packets of one message.

=============  ==============================================================================
message        reading
=============  ==============================================================================
0200           location report
0201, 0500     answered serial (2), location report (answers to a question or a command)
0704           count (2), kind (1; 1 = from memory), each: length (2), location report
0210           battery % (1), time (6); or a batch: length (1), location report (*doubtful*)
5501, 5502     lock report; 5502 from memory or without a fix
0107           attributes of the terminal
0701, 6006,    text that answers a command
1300, ``(…)``
0702           driver's card: state, time, result, name, certificate, issuer, expiry
0301           number of an event that the platform has defined
0800, 0801     picture, sound or video: why it was taken: 2 SOS, 3 SHOCK, 4 DOOR_OPENED, 5
               DOOR_CLOSED; 0801 also its location report and length
0900           pass-through: 40 driver, F0 vehicle (values, trouble codes, events), FF position
2070           acceleration, unit not published
0001-0004,     nothing: answer, heartbeat, logout, question for the time, registration,
0100, 0102,    authentication, …; answers to commands: 0104, 0108, 0302, 0303, 0608, 0802, 0805, 0A00,
0109, 0506,    1003, 1205, 1206
1007
=============  ==============================================================================

Location report: alarm word (4) | status word (4) | latitude (4) | longitude (4), 10⁻⁶ ° |
altitude m (2, signed) | speed 0.1 km/h (2) | course ° (2) | time BCD yymmddhhmmss (6) | items:
id (1), length (1), value. Time is **GMT+8**: the standard says so, and the frames' source reads
every dialect so; a terminal set to UTC or local time has its own offset in the registry of devices
(``sealtrail device add --clock-offset``). Only 5501 and
5502 are UTC, as is the maker's other protocol. All zeros or no time: the clock isn't set.

Status: 0 ignition, 1 located (else the place is stale), 2 south, 3 west, 13-17 doors open (front,
middle, rear, driver's, other: DOOR_OPENED; with padlocks these bits mean something else), 22
moving (2019), 26 charging (dialect). Bit 5 ("encrypted") is set in frames with plain coordinates:
ignored. No doors open is no proof of a closed door: ``door_open`` stays None.

Alarm: 0 SOS; 7 LOW_BATTERY; 8 POWER_LOST; 20 GEOFENCE_ENTERED and _LEFT (item 12 says which);
21, 23 OFF_ROUTE (21 not when item 12 says in); 26, 27, 28 ILLEGAL_MOVEMENT; 29, 30 SHOCK; 31
DOOR_OPENED; of padlocks 18 LOW_BATTERY (*doubtful*). Before 2019 bits 15-17 are reserved and
trackers use them: 15 SHOCK, 16 and 17 TAMPERED (16 *doubtful*). All names in ``extra["alarms"]``:
22 is ``section_time``, 19 ``overtime_parking``.

Items (more in ``_jt808_items``, ``_jt808_vehicle``, ``_jt808_sensors``, ``_jt808_padlock``): 01
mileage 0.1 km; 02 fuel 0.1 l; 03 recorder's speed; 06 temperature °C, sign and magnitude (2019);
11, 12, 13 overspeed, area, section; 25 signals; 2A I/O; 2B analog; 30 CSQ; 31 satellites; 51
temperatures 0.1 °C; 56, 68, D4, E4, FE battery %; 61, 82, D3, E1, F1 supply; 69, D5, F7 battery V; 5D,
EB, EE, F0, FD, FF, E1 cells; EC Wi-Fi; E5 motion; E6 radio sensors; E8 accessories; F6 light
lux, temperature, humidity, acceleration mg; 54, F4 Wi-Fi; 80-8C engine (81 rpm, 82 supply, 84
coolant, 8C its mileage); F8 IMEI, ICCID; EB nested: 0089 bit 12 **zero** removed
from its mount (TAMPERED), 00C5 bit 6 **zero** vibration. An item that isn't known is kept as
``item_<id>`` in hex.

Padlocks: 60 event code (0011 CUT, 000F OPENED, 0010 TAMPERED, 0003-000A sealed and unsealed by
card, Bluetooth, platform, SMS, 000B-000E refused, 0013 wrong passwords, 0018 motor stuck; 0061-0066
a card at a sub-lock: OPENED where that lock is unsealed in the same report, *doubtful*); 63
sub-locks: identity (6), mV (2), '1' sealed, physical state, signal; 66 cells; 69 battery; 6A CSQ;
D5 locks: identity (5), card (5), battery, status (2; bit 5 unlocked); DA string cut count (2),
bits: 0 string in (else OPEN; *doubtful*), 2 motion, 3 cover; 0B how it was unlocked (1), card or
password, result (1 yes, 0 refused; all *doubtful*): OPENED unless refused or the lock is shown
locked. A password is never kept.

Lock report 5501: time ddmmyyhhmmss UTC, place, speed and course as in family ``jt701``; CSQ, satellites,
km (4), battery % (AA, AB charging), cell (4), area (2), product (1; 3 lock), status (2; bit 5
locked), alarms (2; locks: 1 LOW_BATTERY, 2 SHOCK, 5, 6 geofence; what the public table doesn't name
counts as TAMPERED, since a rope cut must be among it); items as above with 02, 0A, 0B, 0C, 10, FC.

Identity of a reading: claimed time and body, without serial, so that a report that comes again in a
batch is a copy. Answers: 8001 with serial and result, 8100 with the authentication code
(the identity; a code that a device proves itself with is its own), 8003 where sub-packets are missing,
4401 for 5501 and 5502, 8004 and 8109 the time.

Sample: ``7e02000036019111110000007a000000000001004202b71a72008dbba000000000000025070208082901
040000000030011731010e57080000000000010000820200829e7e`` -> 019111110000, 2025-07-02T00:08:29Z,
45.554290 N 9.288608 E, driver's door open, supply 13.0 V.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from gateway.decoders import _jt808_messages as messages
from gateway.decoders._jt808_dialogue import KNOWN, SILENT, Jt808Dialogue, framing
from gateway.decoders._jt808_frame import MAX_MESSAGE_BYTES, SHORT_COUNT_IDS, parse_message
from gateway.decoders._jt808_location import CHINA_AHEAD_MS, FAMILY, Header, batch, location
from gateway.decoders._jt808_lock import lock_report
from gateway.decoders._jt808_passthrough import pass_through
from gateway.decoders._jt808_text import decode_text
from gateway.decoders._values import settled_identity
from gateway.wire import Wire
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading

NOTHING = 0x1007

REPORTS: dict[int, Callable[[bytes, Header], list[Reading]]] = {
    0x0107: messages.attributes,
    0x0200: lambda body, header: [location(body, header)],
    0x0201: messages.query_answer,
    0x0210: messages.battery,
    0x0301: messages.event_report,
    0x0500: messages.query_answer,
    0x0701: messages.command_result,
    0x0702: messages.driver_card,
    0x0704: batch,
    0x0800: messages.media_event,
    0x0801: messages.media,
    0x0900: pass_through,
    NOTHING: lambda _body, _header: [],
    0x1300: messages.wide_result,
    0x2070: messages.accelerations,
    0x5501: lambda body, header: [lock_report(body, header)],
    0x5502: lambda body, header: [lock_report(body, header)],
    0x6006: messages.text_report,
}
if set(REPORTS) != KNOWN | SHORT_COUNT_IDS:
    raise AssertionError("the answers and the readings know different messages")


class Jt808:
    """Stateless decoder of family ``jt808``."""

    family = FAMILY
    aliases = ("huabao", "jtt808")
    binary = True

    def __init__(self, ahead_ms: int = CHINA_AHEAD_MS) -> None:
        """``ahead_ms``: of the terminal's clock before UTC."""
        self._ahead_ms = ahead_ms

    def in_zone(self, ahead_ms: int) -> Jt808:
        """See `sealtrail.contract.decoder.ZonedDecoder`."""
        return _in_zone(ahead_ms)

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """Readings of one message; see `sealtrail.contract.decoder.Decoder`."""
        if len(frame) > MAX_MESSAGE_BYTES:
            raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_MESSAGE_BYTES}")
        if frame[:1] == b"(":
            return decode_text(frame, device_id, received_at_ms)
        found = parse_message(frame)
        device = settled_identity(found.device_id, device_id)
        if found.message_id in SILENT:
            return []
        read = REPORTS.get(found.message_id)
        if read is None:
            raise DecodeError("unknown_message", f"message {found.message_id:04x}")
        edition_2019 = found.version is not None
        header = Header(device, received_at_ms, found.message_id, found.serial, edition_2019, self._ahead_ms)
        return read(found.body, header)


_in_zone = functools.lru_cache(maxsize=128)(Jt808)
DECODER = Jt808()
IDENTITY = (r"\d{12}|\d{15}|\d{20}", "12 or 20 digits, leading zeros too, or an IMEI of 15")
WIRE = Wire(framing=framing, dialogue=Jt808Dialogue, default_port=5015)
