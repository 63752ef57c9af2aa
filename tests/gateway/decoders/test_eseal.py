"""eSeal: types, contact and identity."""

from __future__ import annotations

import pytest

from gateway.decoders.eseal import DECODER, WIRE
from sealtrail.contract.clock import parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, SealEvent, SealState

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
FRAME = (
    "##S,eSeal,1000821,256,3.0.6,{type},{index},2017-08-31,08:14:40,15,{valid},"
    "25.708828N 100.372870W,10,0,{contact},0.71,0:0:3:0,3.8,{signal},E##"
)

TYPES = [
    ("Normal", "Close", SealState.SEALED, SealEvent.NONE),
    ("Normal", "Open", SealState.OPEN, SealEvent.NONE),
    ("Startup", "Close", SealState.SEALED, SealEvent.NONE),
    ("Button-Normal", "Close", SealState.SEALED, SealEvent.NONE),
    ("Termination", "Close", SealState.SEALED, SealEvent.NONE),
    ("Event-Door", "Open", SealState.OPEN, SealEvent.OPENED | SealEvent.DOOR_OPENED),
    ("Event-Door", "Close", SealState.SEALED, SealEvent.CLOSED | SealEvent.DOOR_CLOSED),
    ("Event-Shock", "Close", SealState.SEALED, SealEvent.SHOCK),
    ("Event-Drop", "Open", SealState.OPEN, SealEvent.DROP),
    ("Event-Lock", "Close", SealState.SEALED, SealEvent.CLOSED),
    ("Event-RC-Unlock", "Close", SealState.UNLOCKED, SealEvent.OPENED | SealEvent.REMOTE_COMMAND),
    ("Event-RC-Unlock", "Open", SealState.OPEN, SealEvent.OPENED | SealEvent.REMOTE_COMMAND),
]


def frame(
    report_type: str, contact: str = "Close", valid: str = "A", index: int = 34, signal: int = -73
) -> bytes:
    """A frame of the documented form."""
    return FRAME.format(type=report_type, contact=contact, valid=valid, index=index, signal=signal).encode()


@pytest.mark.parametrize(("report_type", "contact", "state", "events"), TYPES)
def test_type_and_contact(report_type: str, contact: str, state: SealState, events: SealEvent) -> None:
    """Each type of report with each contact gives its state and events."""
    (reading,) = DECODER.decode(frame(report_type, contact), "1000821", RECEIVED_AT_MS)
    assert reading.seal_state == state
    assert reading.seal_events == events
    assert reading.door_open == (contact == "Open")


def test_last_known_position_is_stale() -> None:
    """V with a position is the last known one: kept, and marked."""
    (reading,) = DECODER.decode(frame("Event-Door", "Open", "V"), None, RECEIVED_AT_MS)
    assert reading.fix_kind == FixKind.STALE
    assert (reading.latitude_deg, reading.longitude_deg) == (25.708828, -100.37287)


def test_index_and_type_are_part_of_the_identity() -> None:
    """Reports of one second that differ in index or type are two; a copy is the same."""
    identities = {
        DECODER.decode(each, None, RECEIVED_AT_MS)[0].reading_id
        for each in (
            frame("Normal"),
            frame("Normal") + b"\r\n",
            frame("Event-Shock"),
            frame("Normal", index=35),
        )
    }
    assert len(identities) == 3


@pytest.mark.parametrize(("dbm", "percent"), [(-113, 0.0), (-51, 100.0), (-73, 64.5), (-120, 0.0), (0, None)])
def test_signal(dbm: int, percent: float | None) -> None:
    """Received power is told in percent of a modem's scale; 0 dBm is no measurement."""
    assert DECODER.decode(frame("Normal", signal=dbm), None, RECEIVED_AT_MS)[0].signal_pct == percent


@pytest.mark.parametrize(
    ("report_type", "event", "state"),
    [
        ("Event-Tamper", SealEvent.TAMPERED, SealState.SEALED),
        ("Event-Wire-Cut", SealEvent.CUT, SealState.CUT),
        ("Event-Key-Unlock", SealEvent.OPENED, SealState.UNLOCKED),
        ("Event-LowBattery", SealEvent.LOW_BATTERY, SealState.SEALED),
        ("Event-Lock", SealEvent.CLOSED, SealState.SEALED),
        ("Event-Wire-Open", SealEvent.CUT, SealState.CUT),
        ("Event-Open", SealEvent.OPENED, SealState.UNLOCKED),
        ("Event-Light", SealEvent.LIGHT, SealState.SEALED),
        ("Event-GPS-Jam", SealEvent.JAMMING, SealState.SEALED),
        ("EVENT-TAMPER", SealEvent.TAMPERED, SealState.SEALED),
        ("Event-Unknown", SealEvent.NONE, SealState.SEALED),
        ("Event-SealBroken", SealEvent.CUT, SealState.CUT),
        ("Event-Seal-Fault", SealEvent.NONE, SealState.SEALED),
        ("Event-RC-Sealed", SealEvent.CLOSED, SealState.SEALED),
        ("Tamper-Test", SealEvent.NONE, SealState.SEALED),
    ],
)
def test_events_without_a_public_name(report_type: str, event: SealEvent, state: SealState) -> None:
    """An event that no table names says by its word what has happened; what is no event says nothing."""
    frame = (
        f"##S,eSeal,1000821,256,3.0.6,{report_type},34,2017-08-31,08:14:40,15,A,25.708828N 100.372870W,"
        "10,0,Close,0.71,0:0:3:0,3.8,-73,E##"
    )
    (reading,) = DECODER.decode(frame.encode(), None, 1_795_415_400_000)
    assert (reading.seal_events, reading.seal_state) == (event, state)


@pytest.mark.parametrize(
    ("contact", "state", "is_open", "events"),
    [
        ("Closed", SealState.SEALED, False, SealEvent.CLOSED | SealEvent.DOOR_CLOSED),
        ("OPEN", SealState.OPEN, True, SealEvent.OPENED | SealEvent.DOOR_OPENED),
        ("", SealState.UNKNOWN, None, SealEvent.DOOR_OPENED),
        ("Fault", SealState.UNKNOWN, None, SealEvent.DOOR_OPENED),
    ],
)
def test_contact_in_other_words(
    contact: str,
    state: SealState,
    is_open: bool | None,  # noqa: FBT001  a third thing is None
    events: SealEvent,
) -> None:
    """Another word for the contact never costs the event; what it doesn't say isn't made up."""
    (reading,) = DECODER.decode(frame("Event-Door", contact), None, RECEIVED_AT_MS)
    assert (reading.seal_state, reading.door_open, reading.seal_events) == (state, is_open, events)
    (shock,) = DECODER.decode(frame("Event-Shock", contact), None, RECEIVED_AT_MS)
    assert shock.seal_events == SealEvent.SHOCK


def test_fields_of_later_firmware() -> None:
    """Fields after the signal are kept, and coordinates may stand without a blank."""
    later = frame("Event-Drop").replace(b",E##", b",21.5,7,E##").replace(b"N 100", b"N100")
    (reading,) = DECODER.decode(later, None, RECEIVED_AT_MS)
    assert (reading.seal_events, reading.longitude_deg) == (SealEvent.DROP, -100.37287)
    assert (reading.extra or {})["more"] == "21.5,7"


@pytest.mark.parametrize(
    ("report_type", "answered"),
    [
        ("Normal", True),
        ("Event-Door", True),
        ("Event-Tamper", True),
        ("Termination", True),
        ("Startup", False),
    ],
)
def test_reports_are_answered(report_type: str, answered: bool) -> None:  # noqa: FBT001  a column
    """A report is answered by its type and index once it is kept; a start, which asks for settings, isn't."""
    sent = frame(report_type)
    heard = WIRE.dialogue().hear(sent, RECEIVED_AT_MS)
    answer = f"##S,eSeal,1000821,256,3.0.6,{report_type} ACK,34,E##\r\n".encode()
    assert (heard.identity, heard.message, heard.answer) == ("1000821", sent, answer if answered else b"")


@pytest.mark.parametrize("rest", ["Startup OK,1,180,30,30,16,1", "RC-NFC DEL ACK,", "Event-Door OK,1"])
def test_answers_are_not_answered(rest: str) -> None:
    """What a seal answers gets no answer."""
    sent = f"##S,eSeal,1000821,256,3.0.6,{rest},E##".encode()
    assert WIRE.dialogue().hear(sent, RECEIVED_AT_MS).answer == b""


def test_nameless_frame_is_refused() -> None:
    """A frame that names no seal is refused by name."""
    with pytest.raises(DecodeError) as refusal:
        WIRE.dialogue().hear(b"##S,eSeal,E##", RECEIVED_AT_MS)
    assert refusal.value.reason == "no_identity"
