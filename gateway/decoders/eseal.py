"""eSeal: electronic seal that speaks text.

Source: integrators' public tables, checked on the frames of the Traccar
project's tests. ASCII, no checksum: header, trailer and the form of every field
are all that shows a frame to be sound. Times UTC::

    ##S,eSeal,<id>,<customer>,<firmware>,<type>,<index>,yyyy-mm-dd,hh:mm:ss,
    <interval>,A|V,<lat>N <lon>W,<course>,<speed km/h>,Open|Close,
    <acceleration g>,<nfc>,<battery V>,<signal dBm>,E##

A = satellite fix, V = last known or none (0, 0). ``Open`` and ``Close`` are the
seal's contact; closed counts as sealed, except where this very report says that
it was unlocked by command.

==================  ============================================================
type                events
==================  ============================================================
Startup, Normal,    none
Button-Normal,
Termination
Event-Door          Open: OPENED, DOOR_OPENED; Close: CLOSED, DOOR_CLOSED
Event-Shock         SHOCK
Event-Drop          DROP
Event-Lock          CLOSED
Event-RC-Unlock     OPENED, REMOTE_COMMAND
other Event-…       by the first of these words in it (doubtful): Tamper TAMPERED; Cut,
                    Wire, Cable, Break CUT; Unlock, Unseal, Open OPENED; Light, Jam,
                    Shock, Drop, Battery; Lock, Seal, Close at its end CLOSED; else none
any other           none; kept as ``extra["report_type"]``
==================  ============================================================

A field may be empty: missing. Another word for the contact says nothing, and is kept, as are
fields after the signal. Answers between server and seal have no report:
``… OK``, ``… ACK`` and ``RC-…`` with fewer fields yield nothing. The index counts
from 1 at every start, so the identity of a reading is its time and the whole frame.

Answers: ``##S,eSeal,<id>,<customer>,<firmware>,<type> ACK,<index>,E##`` once the log has a report;
none to ``Startup``, whose answer would carry settings.

Sample: ``##S,eSeal,1000821,256,3.0.6,Normal,34,2017-08-31,08:14:40,15,A,25.708828N
100.372870W,10,0,Close,0.71,0:0:3:0,3.8,-73,E##`` (one blank between the coordinates)
"""

from __future__ import annotations

import datetime as dt
import re

from gateway.decoders._values import (
    NOWHERE,
    REFUSED,
    Extra,
    place,
    settled_identity,
    signal_pct_of_dbm,
    stamped,
    unstamped,
    within,
)
from gateway.dialogues import SelfNaming
from gateway.framings import Delimited
from gateway.wire import Wire
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Reading, SealEvent, SealState

MAX_FRAME_BYTES = 1024

FRAME = re.compile(
    r"##S,(?P<model>[^,]{1,32}),(?P<id>[0-9]{1,20}),(?P<customer>[0-9]{1,10}),(?P<firmware>[^,]{1,32}),"
    r"(?P<type>[^,]{1,32}),(?P<rest>.*),E##",
    re.ASCII,
)
NUMBER = r"(?:-?[0-9]{1,4}(?:\.[0-9]{1,6})?)?"  # or empty
REPORT = re.compile(
    r"(?P<index>[0-9]{1,12}),(?P<time>[^,]*,[^,]*),(?P<interval>[0-9]{0,6}),(?P<valid>[AV]),(?P<place>[^,]*),"
    rf"(?P<course>{NUMBER}),(?P<speed>{NUMBER}),(?P<contact>[A-Za-z]{{0,16}}),(?P<acceleration>{NUMBER}),"
    rf"(?P<nfc>[^,]{{0,64}}),(?P<battery>{NUMBER}),(?P<signal>(?:-?[0-9]{{1,3}})?)"
    r"(?P<more>(?:,[^,]{0,64}){0,16})",
    re.ASCII,
)
COORDINATES = re.compile(
    r"([0-9]{1,3}(?:\.[0-9]{1,9})?)([NS]) ?([0-9]{1,3}(?:\.[0-9]{1,9})?)([EW])", re.ASCII
)
TIME_FORM = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2}),([0-9]{2}):([0-9]{2}):([0-9]{2})", re.ASCII)

EVENTS = {
    "Event-Shock": SealEvent.SHOCK,
    "Event-Drop": SealEvent.DROP,
    "Event-Lock": SealEvent.CLOSED,
    "Event-RC-Unlock": SealEvent.OPENED | SealEvent.REMOTE_COMMAND,
}


def _time(text: str) -> int | None:
    """UTC milliseconds of ``yyyy-mm-dd,hh:mm:ss``; None where the date is all zeros."""
    found = TIME_FORM.fullmatch(text)
    if found is None:
        raise DecodeError("bad_time", f"{text!r} is no yyyy-mm-dd,hh:mm:ss")
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    if not year and not month and not day:
        return None
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError as error:
        raise DecodeError("bad_time", f"{text!r}: {error}") from error
    return int(moment.timestamp()) * 1000


def _set_place(reading: Reading, text: str, *, valid: bool) -> None:
    found = COORDINATES.fullmatch(text)
    if not text:
        settled = NOWHERE
    elif found is None:
        settled = REFUSED
    else:
        latitude, north, longitude, east = found.groups()
        settled = place(
            float(latitude) if north == "N" else -float(latitude),
            float(longitude) if east == "E" else -float(longitude),
            FixKind.GNSS if valid else FixKind.STALE,
        )
    reading.flags |= settled.flags.value
    reading.fix_kind = settled.kind.value
    reading.latitude_deg = settled.latitude_deg
    reading.longitude_deg = settled.longitude_deg


WORDS = {
    "tamper": SealEvent.TAMPERED,
    "cut": SealEvent.CUT,
    "wire": SealEvent.CUT,
    "cable": SealEvent.CUT,
    "brok": SealEvent.CUT,
    "break": SealEvent.CUT,
    "unlock": SealEvent.OPENED,
    "unseal": SealEvent.OPENED,
    "open": SealEvent.OPENED,
    "light": SealEvent.LIGHT,
    "jam": SealEvent.JAMMING,
    "shock": SealEvent.SHOCK,
    "drop": SealEvent.DROP,
    "battery": SealEvent.LOW_BATTERY,
}
"""What events say that no public table names: an alarm must not go by for want of an entry."""
CLOSING = re.compile(r"event-(?:.*-)?(?:lock|seal|close)(?:e?d)?")
"""The same of closings, by the last word alone: ``Event-Seal-Fault`` is none."""


def _is_open(contact: str) -> bool | None:
    """What the contact says; None for any other word."""
    word = contact.lower()
    return True if word.startswith("open") else False if word.startswith("close") else None


def _events(report_type: str, is_open: bool | None) -> SealEvent:  # noqa: FBT001  a third thing is None
    if report_type in EVENTS:
        return EVENTS[report_type]
    if report_type != "Event-Door":
        name = report_type.lower()
        words = [event for word, event in WORDS.items() if word in name]
        if words and name.startswith("event-"):
            return words[0]
        return SealEvent.CLOSED if CLOSING.fullmatch(name) else SealEvent.NONE
    if is_open is None:
        return SealEvent.DOOR_OPENED  # that it has moved is told, and no word that it is closed
    if is_open:
        return SealEvent.OPENED | SealEvent.DOOR_OPENED
    return SealEvent.CLOSED | SealEvent.DOOR_CLOSED


def _state(events: SealEvent, is_open: bool | None) -> SealState:  # noqa: FBT001  a third thing is None
    if events & SealEvent.CUT:
        return SealState.CUT
    if is_open is None:
        return SealState.UNKNOWN
    if is_open:
        return SealState.OPEN
    return SealState.UNLOCKED if events & SealEvent.OPENED else SealState.SEALED


class Eseal:
    """Stateless decoder of family ``eseal``."""

    family = "eseal"
    aliases = ("e-seal",)
    binary = False

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """The reading of one frame; see `sealtrail.contract.decoder.Decoder`."""
        if len(frame) > MAX_FRAME_BYTES:
            raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_FRAME_BYTES}")
        try:
            text = frame.decode("ascii").strip()
        except UnicodeDecodeError as error:
            raise DecodeError("not_text", str(error)) from error
        if not text.startswith("##S,"):
            raise DecodeError("unknown_header", "a frame begins with '##S,'")
        if not text.endswith(",E##"):
            raise DecodeError("bad_ending", "a frame ends with ',E##'")
        head = FRAME.fullmatch(text)
        if head is None:
            raise DecodeError("bad_field", "model, id, customer, firmware or type isn't what it must be")
        device = settled_identity(head["id"], device_id)
        report_type = head["type"]
        report = REPORT.fullmatch(head["rest"])
        if report is None:
            if report_type.endswith((" OK", " ACK")) or report_type.startswith("RC-"):
                return []
            raise DecodeError("bad_field", f"{report_type!r} without the fields of a report")
        claimed_ms = _time(report["time"])
        reading = _reading(head, report)
        return [stamped(reading, device, claimed_ms, received_at_ms, text.encode())]


def _number(text: str) -> float | None:
    return float(text) if text else None


def _reading(head: re.Match[str], report: re.Match[str]) -> Reading:
    report_type = head["type"]
    is_open = _is_open(report["contact"])
    reading = unstamped("eseal")
    _set_place(reading, report["place"], valid=report["valid"] == "A")
    reading.sequence = int(report["index"])
    reading.course_deg = within("course_deg", _number(report["course"]))
    reading.speed_kmh = within("speed_kmh", _number(report["speed"]))
    reading.door_open = is_open
    events = _events(report_type, is_open)
    reading.seal_state = _state(events, is_open).value
    reading.seal_events = events.value
    acceleration = _number(report["acceleration"])
    reading.shock_g = None if acceleration is None else within("shock_g", abs(acceleration))
    reading.battery_v = within("battery_v", _number(report["battery"]))
    extra: Extra = {
        "report_type": report_type,
        "model": head["model"],
        "customer": int(head["customer"]),
        "firmware": head["firmware"],
        "nfc": report["nfc"],
    }
    if report["interval"]:
        extra["interval"] = int(report["interval"])
    if report["signal"]:
        reading.signal_pct = signal_pct_of_dbm(int(report["signal"]))
        extra["signal_dbm"] = int(report["signal"])
    if is_open is None and report["contact"]:
        extra["contact"] = report["contact"]
    if report["more"]:
        extra["more"] = report["more"][1:]
    reading.extra = extra
    return reading


NAMED = re.compile(rb"##S,[^,]{1,32},(?P<id>[0-9]{1,20}),")
ANSWERED = re.compile(
    rb"\s*(?P<head>##S,[^,]{1,32},[0-9]{1,20},[0-9]{1,10},[^,]{1,32},)"
    rb"(?P<type>Normal|Button-Normal|Termination|Event-[^,]{1,32}),(?P<index>[0-9]{1,12}),[0-9]{4}-"
)


def _identity(frame: bytes) -> str | None:
    found = NAMED.match(frame)
    return found["id"].decode() if found else None


def answer_of(frame: bytes) -> bytes:
    """``<type> ACK,<index>`` to a report; nothing to a start, whose answer carries settings."""
    report = ANSWERED.match(frame)
    if report is None or report["type"].endswith((b" OK", b" ACK")):
        return b""
    return report["head"] + report["type"] + b" ACK," + report["index"] + b",E##\r\n"


DECODER = Eseal()
WIRE = Wire(
    framing=lambda: Delimited(b"##S,", b"E##", MAX_FRAME_BYTES, restarts=True),
    dialogue=lambda: SelfNaming(_identity, answer_of),
    default_port=5142,
)
