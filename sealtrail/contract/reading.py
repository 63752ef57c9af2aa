"""`Reading`: one report of one device, in canonical units.

Flat on purpose: a batch of readings is a list of flat structs without nested
objects, so that decoding and encoding cost about a microsecond each and the
garbage collector has nothing to walk (see docs/decisions/002-wire-codec.md).

Missing is ``None`` (or code 0 of an enumeration), zero is zero. Times are UTC
milliseconds since 1970-01-01.
"""

from __future__ import annotations

import enum
import hashlib

import msgspec


class FixKind(enum.IntEnum):
    """Where a position comes from, which decides how far it may be trusted."""

    NONE = 0  # the report has no position
    GNSS = 1  # satellites, valid at `occurred_at_ms`
    CELL = 2  # mobile network cells: kilometres of uncertainty
    WIFI = 3
    STALE = 4  # the device repeats its last position or marks it invalid


class SealState(enum.IntEnum):
    """Level of the seal as the device reports it at this moment."""

    UNKNOWN = 0
    SEALED = 1  # closed and locked
    UNLOCKED = 2  # lock open, cable or shackle still in place
    OPEN = 3  # cable out, shackle open, contact broken by opening
    CUT = 4  # continuity lost without unlocking
    FAULT = 5  # sensors contradict each other, self-test failed


class SealEvent(enum.IntFlag):
    """What the device says has happened. Bits, so that a report holds any combination."""

    NONE = 0
    CUT = 1 << 0  # cable, shackle or bolt continuity lost
    OPENED = 1 << 1  # unlocked or opened
    CLOSED = 1 << 2  # sealed, locked, armed
    TAMPERED = 1 << 3  # housing or back cap opened, device taken off its mount
    WRONG_PASSWORD = 1 << 4
    BAD_CARD = 1 << 5  # card not registered
    OUTSIDE_AREA = 1 << 6  # seal or unseal refused outside its permitted area
    LOCK_FAULT = 1 << 7  # motor stuck, self-test failed
    SHOCK = 1 << 8  # vibration or impact alarm
    DROP = 1 << 9
    DOOR_OPENED = 1 << 10
    DOOR_CLOSED = 1 << 11
    LIGHT = 1 << 12  # light inside
    LOW_BATTERY = 1 << 13
    POWER_LOST = 1 << 14  # external power removed
    JAMMING = 1 << 15  # the device says that its radio or GNSS is jammed
    GEOFENCE_ENTERED = 1 << 16
    GEOFENCE_LEFT = 1 << 17
    ILLEGAL_MOVEMENT = 1 << 18
    SOS = 1 << 19
    OFF_ROUTE = 1 << 20  # the device's own judgement
    REMOTE_COMMAND = 1 << 21  # done by the platform, not by hand


class Flag(enum.IntFlag):
    """What is unusual about the report itself."""

    NONE = 0
    CLOCK_UNSET = 1 << 0  # the device has no clock yet; `occurred_at_ms` is the receipt
    CLOCK_FUTURE = 1 << 1  # the device's time was ahead of ours; `occurred_at_ms` is the receipt
    BUFFERED = 1 << 2  # uploaded from the device's memory
    ACK_REQUIRED = 1 << 3  # the device asks for an answer
    CHARGING = 1 << 4
    POSITION_REFUSED = 1 << 5  # coordinates out of range: the fix was dropped, the report kept


class Reading(msgspec.Struct, array_like=True, gc=False):
    """One report. Field order is the wire order: append only, never reorder.

    Made by keyword, but where every report counts: by position costs a quarter.
    """

    device_id: str
    family: str
    reading_id: int  # unsigned 64 bit, see `reading_id_of`
    occurred_at_ms: int
    received_at_ms: int
    container_id: str | None = None  # stamped by the gateway from the pairing
    sequence: int | None = None  # where the device counts
    device_time_ms: int | None = None  # what the device claimed, where it isn't `occurred_at_ms`
    flags: int = 0  # `Flag`

    fix_kind: int = 0  # `FixKind`
    latitude_deg: float | None = None  # WGS 84, north positive
    longitude_deg: float | None = None  # WGS 84, east positive, within ±180
    accuracy_m: float | None = None  # radius that the device claims, 1 sigma
    altitude_m: float | None = None
    speed_kmh: float | None = None
    course_deg: float | None = None  # 0 north, clockwise
    satellites: int | None = None
    hdop: float | None = None

    seal_state: int = 0  # `SealState`
    seal_events: int = 0  # `SealEvent`
    seal_number: str | None = None
    card_id: str | None = None  # who: card, tag or user that the device names
    door_open: bool | None = None
    mounted: bool | None = None
    moving: bool | None = None
    light_lux: float | None = None
    shock_g: float | None = None
    tilt_deg: float | None = None
    temperature_c: float | None = None
    humidity_pct: float | None = None
    battery_pct: float | None = None
    battery_v: float | None = None
    external_v: float | None = None
    odometer_km: float | None = None
    signal_pct: float | None = None
    extra: dict[str, str | int | float | bool] | None = None  # maker's own values, names in snake_case

    @property
    def key(self) -> str:
        """Partition key and unit of judgement: the container once paired, else the device."""
        return self.container_id or self.device_id

    @property
    def late_by_ms(self) -> int:
        """How long the report took to reach the gateway."""
        return self.received_at_ms - self.occurred_at_ms


SENSOR_FIELDS: tuple[str, ...] = (
    "temperature_c",
    "humidity_pct",
    "light_lux",
    "shock_g",
    "tilt_deg",
    "battery_pct",
    "battery_v",
    "external_v",
    "signal_pct",
    "speed_kmh",
)
"""Numeric series that the record keeps and the views plot."""


_EMPTY = hashlib.blake2b(digest_size=8)  # a copy is made in half the time of a new one


def reading_id_of(device_id: str, sequence: int | None, claimed_at_ms: int | None, content: bytes) -> int:
    """Identity of a reading: 64 bits, equal for every copy of the same report.

    With a sequence number the identity is (device, sequence, claimed time):
    copies may differ in flags such as "buffered", and a device that restarts
    its count is not mistaken for its past. Without one it is (device, claimed
    time, content), ``content`` being the record's bytes as sent.
    """
    digest = _EMPTY.copy()
    if sequence is None:
        digest.update(b"%b\0%d\0" % (device_id.encode(), claimed_at_ms or 0))
        digest.update(content)
    else:
        digest.update(b"%b\0%d\0%d" % (device_id.encode(), claimed_at_ms or 0, sequence))
    return int.from_bytes(digest.digest(), "big")
