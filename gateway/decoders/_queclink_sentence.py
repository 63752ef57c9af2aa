"""Queclink: the parts of a sentence that every kind of report has. Layout in `gateway.decoders.queclink`."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

from gateway.decoders._values import REFUSED, Place, place
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind

MAX_FRAME_BYTES = 8192

HEAD = re.compile(r"\+(RESP|BUFF|ACK):(GT[A-Z0-9]{2,4}),(.*)", re.ASCII | re.DOTALL)
BINARY_HEADS = ("+RSP", "+BSP", "+EVT", "+BVT", "+INF", "+BNF", "+HBD", "+CRD", "+BRD", "+LGN", "+ATI")
VERSION = re.compile(r"(?:[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2}){0,2})?")
IMEI = re.compile(r"[0-9]{15}|[0-9A-Fa-f]{14}")  # or the MEID of a CDMA device
TIME = re.compile(r"[0-9]{14}")
COUNT = re.compile(r"[0-9A-Fa-f]{4}")
DEGREES = re.compile(r"-?[0-9]{1,3}\.[0-9]{3,9}")
NUMBER = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,6})?")
CELL = (
    re.compile(r"0?[2-7][0-9]{2}"),  # mobile country code
    re.compile(r"[0-9]{2,4}"),  # mobile network code
    re.compile(r"[0-9A-Fa-f]{3,8}"),  # location area, hex
    re.compile(r"[0-9A-Fa-f]{3,8}"),  # cell identity, hex
)
CELL_FIELDS = len(CELL)
BEFORE_DEGREES = 4  # accuracy, speed, course, altitude


class Sentence(NamedTuple):
    """A sentence taken apart, nothing in it judged yet."""

    prefix: str  # RESP, BUFF or ACK
    kind: str  # GTFRI, …
    version: str  # device type and protocol version, hex; empty in the oldest form
    imei: str
    body: tuple[str, ...]  # fields between the IMEI and the send time
    sent: str  # yyyymmddhhmmss by the device's zone, or empty
    serial: int | None  # the count at the end, 0 … 65535
    text: str  # all but prefix and end mark


class Fix(NamedTuple):
    """One position block."""

    first: int  # index in the body of its first field, the accuracy
    after: int  # index behind the cell's fields
    place: Place
    at_ms: int | None  # satellite time, UTC
    accuracy: float | None  # horizontal dilution of precision; 0 without a fix
    speed: float | None
    course: float | None
    altitude: float | None


class Cell(NamedTuple):
    """The serving cell."""

    country: int
    network: int
    area: int
    cell: int


def parse(frame: bytes) -> Sentence:
    """The sentence in a frame; raises `DecodeError`."""
    if len(frame) > MAX_FRAME_BYTES:
        raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_FRAME_BYTES}")
    try:
        text = frame.decode()
    except UnicodeDecodeError:
        text = frame.decode("latin-1")  # a device's name or what a serial line brought
    text = text.strip(" \r\n\0").removesuffix("$")
    found = HEAD.fullmatch(text)
    if found is None:
        if text.startswith(BINARY_HEADS):
            raise DecodeError("binary_form", "set the device to the ASCII form of the protocol")
        raise DecodeError("unknown_header", "a sentence begins with '+RESP:GT', '+BUFF:GT' or '+ACK:GT'")
    prefix, kind, rest = found.groups()
    fields = rest.split(",")
    version = ""
    if not IMEI.fullmatch(fields[0]):
        if len(fields) == 1 or not VERSION.fullmatch(fields[0]) or not IMEI.fullmatch(fields[1]):
            raise DecodeError(
                "bad_identity", "expected a protocol version of 6, 8 or 10 hex digits and an IMEI"
            )
        version = fields.pop(0)
    imei = fields.pop(0)
    sent, count = "", None
    if len(fields) > 1 and COUNT.fullmatch(fields[-1]) and (not fields[-2] or TIME.fullmatch(fields[-2])):
        sent, count = fields[-2], int(fields[-1], 16)
        del fields[-2:]
    return Sentence(prefix, kind, version, imei, tuple(fields), sent, count, f"{kind},{rest}")


def time_ms(text: str) -> int | None:
    """UTC milliseconds of ``yyyymmddhhmmss``; None where that is no time."""
    if not TIME.fullmatch(text):
        return None
    try:
        moment = dt.datetime(
            *(int(text[:4]), int(text[4:6]), int(text[6:8])),
            *(int(text[8:10]), int(text[10:12]), int(text[12:])),
            tzinfo=dt.UTC,
        )
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000


def number(text: str) -> float | None:
    """A decimal number; None for anything else."""
    return float(text) if NUMBER.fullmatch(text) else None


def fixes(body: tuple[str, ...]) -> list[Fix]:
    """Position blocks, found by longitude, latitude and a time side by side; the time may be empty."""
    found = []
    for at in range(BEFORE_DEGREES, len(body) - 2):
        longitude, latitude, time = body[at : at + 3]
        if time and not TIME.fullmatch(time):
            continue
        is_degrees = bool(DEGREES.fullmatch(longitude)), bool(DEGREES.fullmatch(latitude))
        if not time and not all(is_degrees):
            continue
        accuracy = number(body[at - 4])
        if all(is_degrees):
            kind = FixKind.GNSS if accuracy else FixKind.STALE
            where = place(float(latitude), float(longitude), kind)
        elif any(is_degrees):
            where = REFUSED
        else:
            continue
        values = (number(each) for each in body[at - 3 : at])
        found.append(Fix(at - 4, at + 3 + CELL_FIELDS, where, time_ms(time), accuracy, *values))
    return found


def cell_of(fields: tuple[str, ...]) -> Cell | None:
    """The cell that four fields name, if they do."""
    if len(fields) < CELL_FIELDS or not all(
        form.fullmatch(field) for form, field in zip(CELL, fields, strict=False)
    ):
        return None
    country, network, area, cell = fields[:CELL_FIELDS]
    return Cell(int(country), int(network), int(area, 16), int(cell, 16))


def cells(body: tuple[str, ...]) -> list[tuple[int, Cell]]:
    """Every cell in a body, with the index behind it; used where there is no position."""
    found, at = [], 0
    while at + CELL_FIELDS <= len(body):
        cell = cell_of(body[at : at + CELL_FIELDS])
        at += CELL_FIELDS if cell else 1
        if cell:
            found.append((at, cell))
    return found
