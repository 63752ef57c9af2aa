"""Mutated frames made sound again, so that a checksum doesn't keep the fuzzer out of what it protects."""

from __future__ import annotations

import base64
import functools
import operator
from collections.abc import Callable

import msgspec

from gateway.decoders._crc16 import crc16_ibm, crc16_x25
from gateway.decoders._jt808_frame import VERSIONED, stuffed

Repair = Callable[[bytes], bytes]
"""A frame with sound header, length and checksum around the bytes of a mutated one."""


def teltonika(data: bytes) -> bytes:
    """Preamble, length and CRC-16/IBM around the rest; second count as the first."""
    body = data[8:-4] if len(data) > 12 else data  # noqa: PLR2004  preamble, length and checksum
    body = body[:-1] + body[1:2]
    return bytes(4) + len(body).to_bytes(4, "big") + body + crc16_ibm(body).to_bytes(4, "big")


def gt06(data: bytes) -> bytes:
    """Length and CRC-ITU of a ``7878`` or ``7979`` frame."""
    if data[:2] == b"\x79\x79":
        content = (len(data[4:-4]) + 2).to_bytes(2, "big") + data[4:-4]
        return b"\x79\x79" + content + crc16_x25(content).to_bytes(2, "big") + b"\r\n"
    inside = data[3:-4][:250]
    content = bytes([len(inside) + 2]) + inside
    return b"\x78\x78" + content + crc16_x25(content).to_bytes(2, "big") + b"\r\n"


def jt808(data: bytes) -> bytes:
    """Length, checksum and stuffing of a frame between ``7E``."""
    content = bytearray(data[1:-2].ljust(13, b"\0")[:1_000])
    content[2] &= 0x43  # no sub-packets, not encrypted
    head = 17 if content[2] & (VERSIONED >> 8) else 12
    content = content.ljust(head, b"\0")
    size = len(content) - head
    content[2] = content[2] & 0x40 | size >> 8
    content[3] = size & 0xFF
    sound = bytes([*content, functools.reduce(operator.xor, content, 0)])
    return b"\x7e" + stuffed(sound, 0x7E) + b"\x7e"


def niot(data: bytes) -> bytes:
    """Mark, length, checksum and end."""
    inside = data[5:-2][:1_000]
    content = b"\x58\x58" + data[2:3].ljust(1, b"\x80") + (len(inside) + 2).to_bytes(2, "big") + inside
    return content + bytes([functools.reduce(operator.xor, content, 0), 0x0D])


def ttn(data: bytes) -> bytes:
    """The bytes as the payload of an uplink of The Things Stack."""
    uplink = {"f_port": 1, "frm_payload": base64.b64encode(data).decode()}
    return msgspec.json.encode({"end_device_ids": {"device_id": "seal-7"}, "uplink_message": uplink})


def chirpstack(data: bytes) -> bytes:
    """The bytes as the payload of an uplink of ChirpStack."""
    info = {"devEui": "0101010101010101"}
    return msgspec.json.encode({"deviceInfo": info, "fPort": 1, "data": base64.b64encode(data).decode()})


REPAIRS: dict[str, Repair] = {
    "teltonika": teltonika,
    "gt06": gt06,
    "jt808": jt808,
    "niot": niot,
    "ttn": ttn,
    "chirpstack": chirpstack,
}
