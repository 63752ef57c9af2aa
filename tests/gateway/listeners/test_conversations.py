"""Whole conversations of every family on real sockets: in one piece and byte by byte."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest

from gateway.decoders._crc16 import crc16_ibm, crc16_x25
from gateway.decoders._jt808_frame import parse
from gateway.decoders.jt808 import WIRE as JT808
from gateway.decoders.niot import answer_to
from sealtrail.contract.reading import SealEvent
from tests.gateway.decoders.jt808_frames import IDENTITY, framed, item, location
from tests.gateway.decoders.test_niot import FRAME as NIOT
from tests.gateway.decoders.test_niot import SEAL, changed
from tests.gateway.listeners.gate import Device, OpenGate


class Talk(NamedTuple):
    """What a device sends, what it must hear in all, and which events the log then has."""

    family: str
    sent: list[bytes]
    heard: bytes
    readings: int
    events: SealEvent
    refused: tuple[str, ...] = ()


def gt06(kind: int, body: str, serial: int) -> bytes:
    """A frame of GT06."""
    raw = bytes.fromhex(body)
    checked = bytes([len(raw) + 5, kind]) + raw + serial.to_bytes(2)
    return b"\x78\x78" + checked + crc16_x25(checked).to_bytes(2) + b"\r\n"


def jt808(message_id: int, body: bytes) -> bytes:
    """An answer of the platform to a terminal of 2013, as `without_serials` shows it."""
    return message_id.to_bytes(2) + body


def without_serials(heard: bytes) -> bytes:
    """Answers of JT/T 808 without the platform's own count."""
    framing = JT808.framing()
    frames = [parse(frame) for frame in framing.cut(heard)]
    assert framing.rest() == b""
    return b"".join(jt808(frame.message_id, frame.body) for frame in frames)


def teltonika(data: bytes) -> bytes:
    """A frame of Teltonika around its data."""
    return bytes(4) + len(data).to_bytes(4) + data + crc16_ibm(data).to_bytes(4)


PLACE = "1a0b17061400 cf 026b3f3e 0c38d7c8 00 1544"
CELL = "01cc00287d001fb8"
RECORD = bytes.fromhex("0000019a9d0a3c00 00 15a09a30 fd1b3a40 0010 005a 0a 0000 00 01 01 f701 00 00 00")
ESEAL = (
    b"##S,eSeal,1000821,256,3.0.6,Event-Door,34,2026-11-23,06:14:00,15,A,25.708828S 100.372870W,10,0,"
    b"Open,0.71,0:0:3:0,3.8,-73,E##"
)
NIOT_TAMPERED = changed((SEAL, "005e"))
NIOT_HEARD = answer_to(NIOT_TAMPERED) + answer_to(NIOT)
QUECLINK = (
    "+{}:{},1A0102,135790246811220,,{}1,4.3,92,70.0,-121.354335,-31.222073,20261123061400,"
    "0460,0000,18d8,6141,00,20261123061401,{}$"
)
P45 = b"(8000632862,P45,231126,061400,25.28217,S,57.54683,W,A,0,0,1,0,0012260888,0,0,9)"
CUT = bytes.fromhex(
    "2475604055531611002323112606140026144436028210791d016c0000001f070000000020e83c4f6d07d80c11"
)
PARTS = [
    framed(0x0704, piece, serial=20 + number, part=(number, 2))
    for number, piece in enumerate(
        (b"\0\1\1" + (28 + 4).to_bytes(2) + location()[:10], location()[10:] + item(0x60, b"\0\x0f")), 1
    )
]

TALKS = [
    Talk(
        "gt06",
        [
            gt06(0x12, PLACE + CELL, 1),
            gt06(0x01, "0123456789012345", 2),
            gt06(0x13, "4406040002", 3),
            gt06(0x12, PLACE + CELL, 4),
            gt06(0x16, PLACE + "09" + CELL + "4406043202", 5),
            gt06(0x26, PLACE + "09" + CELL + "4406041402", 6)[:-4] + b"\0\0\r\n",
        ],
        gt06(0x01, "", 2) + gt06(0x13, "", 3) + gt06(0x16, "", 5),
        3,
        SealEvent.TAMPERED,
        ("no_login", "bad_crc"),
    ),
    Talk(
        "jt808",
        [
            framed(0x0100, bytes(37), serial=1),
            framed(0x0102, IDENTITY.hex().encode(), serial=2),
            framed(0x0002, b"", serial=3),
            framed(0x0200, location(item(0x60, b"\0\x11")), serial=0x7E7D),
            PARTS[1],
            PARTS[0],
            framed(0x0104, bytes(3), serial=30),
        ],
        jt808(0x8100, b"\0\1\0" + IDENTITY.hex().encode())
        + jt808(0x8001, b"\0\2\1\2\0")
        + jt808(0x8001, b"\0\3\0\2\0")
        + jt808(0x8001, b"\x7e\x7d\2\0\0")
        + jt808(0x8003, b"\0\x15\1\0\1")
        + jt808(0x8001, b"\0\x15\7\4\0")
        + jt808(0x8001, b"\0\x16\7\4\0")
        + jt808(0x8001, b"\0\x1e\1\4\0"),
        2,
        SealEvent.CUT | SealEvent.OPENED,
    ),
    Talk(
        "teltonika",
        [
            teltonika(b"\x08\1" + RECORD + b"\1"),
            b"\0\x0f356307042441013",
            b"\xff",
            teltonika(b"\x08\2" + RECORD + RECORD[:7] + b"\1" + RECORD[8:] + b"\2"),
            teltonika(b"\x0c\1\6\0\0\0\2OK\1"),
            teltonika(b"\x08\0\0"),
        ],
        b"\1" + b"\0\0\0\2" + b"\0\0\0\0",
        3,
        SealEvent.SHOCK,
        ("no_login",),
    ),
    Talk(
        "queclink",
        [
            b"+ACK:GTHBD,1A0102,135790246811220,,20261123061400,0001$",
            QUECLINK.format("RESP", "GTTSW", "1,1,", "0002").encode(),
            b"\r\n" + QUECLINK.format("BUFF", "GTJDS", "2,", "0003").encode() + b"\0",
            b"+RESP:GTLSW,1A0102,135790246811220,,0,1,,,,,,,,,,,,00,20261123061402,FFFF$",
        ],
        b"+SACK:GTHBD,1A0102,0001$+SACK:0002$+SACK:0003$+SACK:FFFF$",
        3,
        SealEvent.TAMPERED | SealEvent.JAMMING | SealEvent.LIGHT,
    ),
    Talk(
        "jt701",
        [
            P45,
            CUT,
            b"(8000632862,@JT)",
            b"(3301210003,U01,231126,061500,T,22.5,N,113.2,E,5,152,9,32%,0011,10133,5173,22,100,1)\r\n",
        ],
        b"(P69,0,9)(P69,0,17)(S39)",
        3,
        SealEvent.BAD_CARD | SealEvent.CUT,
    ),
    Talk("niot", [NIOT_TAMPERED, NIOT], NIOT_HEARD, 2, SealEvent.TAMPERED),
    Talk(
        "eseal",
        [
            b"##S,eSeal,1000821,256,3.0.6,Startup OK,1,180,30,30,16,1,E##\r\n",
            ESEAL,
        ],
        b"##S,eSeal,1000821,256,3.0.6,Event-Door ACK,34,E##\r\n",
        1,
        SealEvent.OPENED | SealEvent.DOOR_OPENED,
    ),
    Talk(
        "json",
        [
            b'{"device_id":"KE-1","occurred_at":"2026-11-23T06:14:00Z","sequence":1,"seal":{"events":["cut"]}}\n',
            b'[{"occurred_at":"2026-11-23T06:15:00Z","sequence":2},{"occurred_at":null,"sequence":3}]\r\n',
            b'{"occurred_at":"yesterday"}\n',
        ],
        b'{"stored":true,"sequence":1}\n{"stored":true,"sequence":3}\n{"refused":"bad_value"}\n',
        3,
        SealEvent.CUT,
        ("bad_value",),
    ),
]


@pytest.mark.parametrize("way", ["in one piece", "byte by byte"])
@pytest.mark.parametrize("talk", TALKS, ids=[talk.family for talk in TALKS])
async def test_conversation(open_gate: OpenGate, talk: Talk, way: str) -> None:
    """However it is cut, a device hears the same answers and the log has the same readings."""
    gate = await open_gate(listen={talk.family: {"port": 0}})
    device = await Device.connected(gate.port(talk.family))
    whole = b"".join(talk.sent)
    pieces = {"in one piece": [whole], "frame by frame": talk.sent}.get(
        way, [bytes([each]) for each in whole]
    )
    await device.send(*pieces)
    device.writer.write_eof()
    heard = await device.closed()
    assert (without_serials(heard) if talk.family == "jt808" else heard) == talk.heard
    readings = await gate.readings()
    assert len(readings) == talk.readings
    events = SealEvent.NONE
    for reading in readings:
        events |= SealEvent(reading.seal_events)
    assert events == talk.events
    assert Counter(each.reason for each in await gate.refusals()) == Counter(talk.refused)
