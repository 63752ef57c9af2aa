"""Encoder of Jointech JT701 frames: what the lock itself puts on the wire.

Position frame (protocol version 0x16, 45 bytes; no checksum in this format):

======  =====  ==================================================================
offset  bytes  content
======  =====  ==================================================================
0       1      ``$``
1       5      device id, 10 BCD digits
6       1      protocol version
7       1      device type 1 | data kind: 1 live, 2 alarm, 3 from memory
8       2      bytes from the date to the index, 35
10      6      ``ddmmyy hhmmss`` BCD, UTC
16      4      latitude ``ddmm.mmmm`` BCD
20      5      longitude ``dddmm.mmmm`` BCD and a nibble: bit 0 valid, 1 north, 2 east, 3 always set
25      1      speed
26      1      course / 2
27      4      mileage, km
31      1      satellites
32      4      vehicle id
36      2      status, see `StatusBit`
38      1      battery %
39      2+2    cell id, location area
43      1      GSM signal, 0-31
44      1      index
======  =====  ==================================================================

Source: the maker's public table and the captured frames that the decoder's
tests use. An opening by card is a text frame ``(id,P45,…)``.
"""

from __future__ import annotations

import datetime as dt
import enum

from sealtrail.contract.reading import FixKind, SealEvent, SealState
from simulators.report import Fix, Report, SealView

FAMILY = "jt701"

VERSION = 0x16
BODY_BYTES = 35
MAX_SPEED = 255
_KMH_PER_UNIT = 1.0
_CELL_ID, _LOCATION_AREA = 0x4F6D, 0x07D8
_MAX_GSM = 31


class StatusBit(enum.IntFlag):
    LBS_FIX = 1 << 0
    ROPE_CUT = 1 << 3
    VIBRATION = 1 << 4
    ACK_REQUIRED = 1 << 5  # alarms and frames from memory
    ROPE_INSERTED = 1 << 6  # state
    MOTOR_LOCKED = 1 << 7  # state
    UNLOCKING_ALARM = 1 << 8
    BACK_CAP_OPENED = 1 << 12
    BACK_CAP_CLOSED = 1 << 13  # state


_LEVELS = {
    SealState.SEALED: StatusBit.ROPE_INSERTED | StatusBit.MOTOR_LOCKED,
    SealState.UNLOCKED: StatusBit.ROPE_INSERTED,
    SealState.OPEN: StatusBit(0),
    SealState.CUT: StatusBit.MOTOR_LOCKED,
}
_ALARMS = {
    SealEvent.CUT: StatusBit.ROPE_CUT,
    SealEvent.OPENED: StatusBit.UNLOCKING_ALARM,
    SealEvent.TAMPERED: StatusBit.BACK_CAP_OPENED,
}


def encode(report: Report, *, buffered: bool) -> bytes:
    """A position frame, or the lock's ``P45`` where somebody opened it with a card."""
    if report.seal is None:
        raise ValueError("a JT701 is a seal: its report needs one")
    if report.seal.card_id is not None and report.seal.events & SealEvent.OPENED:
        return _lock_event(report, report.seal.card_id)
    return _position(report, report.seal, buffered=buffered)


def _moment(report: Report) -> dt.datetime:
    """A lock without a clock counts from the year 2000."""
    if report.at_ms is None:
        return dt.datetime(2000, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=report.uptime_s)
    return dt.datetime.fromtimestamp(report.at_ms // 1000, dt.UTC)


def _status(report: Report, seal: SealView, *, buffered: bool) -> StatusBit:
    status = _LEVELS[seal.state]
    if seal.mounted:
        status |= StatusBit.BACK_CAP_CLOSED
    for event, bit in _ALARMS.items():
        if seal.events & event:
            status |= bit | StatusBit.ACK_REQUIRED
    if buffered:
        status |= StatusBit.ACK_REQUIRED
    if report.fix is not None and report.fix.kind is FixKind.CELL:
        status |= StatusBit.LBS_FIX
    return status


def _position(report: Report, seal: SealView, *, buffered: bool) -> bytes:
    status = _status(report, seal, buffered=buffered)
    data_kind = 3 if buffered else 2 if status & StatusBit.ACK_REQUIRED else 1
    fix = report.fix
    knows_motion = fix is not None and fix.kind is FixKind.GNSS
    frame = bytearray(b"$")
    frame += bytes.fromhex(report.device_id)
    frame += bytes((VERSION, 0x10 | data_kind))
    frame += BODY_BYTES.to_bytes(2, "big")
    frame += bytes.fromhex(_moment(report).strftime("%d%m%y%H%M%S"))
    frame += bytes.fromhex(_coordinates(fix))
    frame.append(min(MAX_SPEED, round(fix.speed_kmh / _KMH_PER_UNIT)) if fix and knows_motion else 0)
    frame.append(int(fix.course_deg % 360.0 / 2) if fix and knows_motion else 0)
    frame += int(report.odometer_km).to_bytes(4, "big")
    frame.append(fix.satellites if fix and knows_motion else 0)
    frame += bytes(4)
    frame += int(status).to_bytes(2, "big")
    frame.append(round(report.battery_pct))
    frame += _CELL_ID.to_bytes(2, "big") + _LOCATION_AREA.to_bytes(2, "big")
    frame.append(round(report.signal_pct * _MAX_GSM / 100.0))
    frame.append(report.sequence % 256)
    return bytes(frame)


def _coordinates(fix: Fix | None) -> str:
    """18 hex digits: latitude, longitude, flag nibble."""
    if fix is None:
        return "0" * 17 + "e"
    valid = fix.kind in {FixKind.GNSS, FixKind.CELL}
    nibble = 8 | valid | (fix.latitude_deg >= 0) << 1 | (fix.longitude_deg >= 0) << 2
    return f"{_minutes(fix.latitude_deg, 2)}{_minutes(fix.longitude_deg, 3)}{nibble:x}"


def _minutes(degrees: float, digits: int) -> str:
    """``dddmm.mmmm`` without the point."""
    ten_thousandths = round(abs(degrees) * 600_000)
    return f"{ten_thousandths // 600_000:0{digits}d}{ten_thousandths % 600_000:06d}"


def _lock_event(report: Report, card_id: str) -> bytes:
    """``(id,P45,date,time,lat,N,lon,E,A,speed,course,source 1 = card,verified 1,card,0,0,index)``."""
    moment = _moment(report)
    fix = report.fix
    latitude, longitude = (fix.latitude_deg, fix.longitude_deg) if fix else (0.0, 0.0)
    fields = (
        report.device_id,
        "P45",
        moment.strftime("%d%m%y"),
        moment.strftime("%H%M%S"),
        f"{abs(latitude):.6f}",
        "N" if latitude >= 0 else "S",
        f"{abs(longitude):.6f}",
        "E" if longitude >= 0 else "W",
        "A" if fix is not None and fix.kind is FixKind.GNSS else "V",
        str(round(fix.speed_kmh)) if fix else "0",
        str(int(fix.course_deg % 360.0)) if fix else "0",
        "1",
        "1",
        card_id,
        "0",
        "0",
        str(report.sequence % 256),
    )
    return f"({','.join(fields)})".encode("ascii")
