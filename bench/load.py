"""The load: many sealed containers under way in their corridors, and some whose seal is cut.

Every container has one seal that reports every half minute while the container
follows its lane at 60 km/h. Message ``n`` is report ``n // containers`` of
container ``n % containers``; equal arguments give equal bytes. Nothing in it
breaks a rule but the cuts, so every alert beyond them is a false one.
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from functools import cached_property

import msgspec

from sealtrail.contract.iso6346 import check_digit
from sealtrail.contract.subjects import device_up_topic
from sealtrail.contract.trip import Corridor, Trip, TripEvent, TripEventKind

REPORT_EVERY_MS = 30_000
STEP_DEG = 0.0045  # half a kilometre of latitude: 60 km/h
LANES = 25
LEG_STEPS = 80  # 40 km
LEGS = 20
MOST_REPORTS = LEG_STEPS * LEGS
HALF_WIDTH_M = 5_000.0
SWAY_DEG = 0.05  # lanes bend to and fro, so that legs differ in course
CUT_REPORTS = 2  # sealed, then cut
PADLOCK = "jt701"

_PADLOCK_HEAD = bytes((0x16, 0x11, 0x00, 35))  # version, a live report, bytes that follow
_LOCKED = 0x20C0  # rope in, motor locked, back cap closed

_TEMPLATE = (
    '{"sequence":%d,"occurred_at":"%s","fix":{"latitude_deg":%.6f,"longitude_deg":%.6f,'
    '"accuracy_m":6.5,"speed_kmh":%.1f,"course_deg":%d,"satellites":%d,"hdop":0.9},'
    '"seal":{"state":"%s"%s,"number":"KE%07d"},"temperature_c":%.1f,"humidity_pct":%d,'
    '"battery_pct":%d,"signal_pct":%d}'
)


def _minutes(degrees: float, digits: int) -> str:
    """``d…dmm.mmmm`` without the point."""
    whole, rest = divmod(round(abs(degrees) * 600_000), 600_000)
    return f"{whole:0{digits}d}{rest:06d}"


class Load(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """``containers`` under way and ``cuts`` further ones; ``start_ms`` is the time of the first report.

    ``family`` "jt701" gives a padlock's binary frames instead of SealTrail's JSON; it has no cuts.
    """

    containers: int
    cuts: int
    start_ms: int
    family: str = "json"

    @property
    def most_messages(self) -> int:
        """No more: the lanes end there."""
        return self.containers * MOST_REPORTS

    def device_id(self, index: int) -> str:
        """Containers under way come first, then those that are cut."""
        return f"75{index:08d}" if self.family == PADLOCK else f"BENCH{index:06d}"

    def container_id(self, index: int) -> str:
        stem = f"SLTU{index:06d}"
        return f"{stem}{check_digit(stem)}"

    def trip_id(self, index: int) -> str:
        return f"bench-{index:06d}"

    def place(self, index: int, step: int) -> tuple[float, float]:
        """(latitude, longitude) of a container after so many reports."""
        lane = index % LANES
        leg, within = divmod(step, LEG_STEPS)
        sway = SWAY_DEG * ((within / LEG_STEPS) if leg % 2 == 0 else 1 - within / LEG_STEPS)
        return -30.0 + 2.0 * (lane % 5) + STEP_DEG * step, 10.0 + 4.0 * (lane // 5) + sway

    def corridor(self, index: int) -> Corridor:
        corners = (self.place(index, leg * LEG_STEPS) for leg in range(LEGS + 1))
        return Corridor(
            coordinates=tuple((round(longitude, 6), round(latitude, 6)) for latitude, longitude in corners),
            half_width_m=(HALF_WIDTH_M,),
        )

    def trip(self, index: int) -> TripEvent:
        """The plan of a container's trip, as it is put on the log."""
        trip = Trip(
            trip_id=self.trip_id(index),
            container_id=self.container_id(index),
            device_ids=(self.device_id(index),),
            corridor=self.corridor(index),
            departs_at_ms=self.start_ms - 60_000,
        )
        return TripEvent(
            event_id=f"planned-{trip.trip_id}",
            kind=TripEventKind.PLANNED,
            occurred_at_ms=self.start_ms - 60_000,
            recorded_at_ms=self.start_ms,
            container_id=trip.container_id,
            trip_id=trip.trip_id,
            actor="bench",
            trip=trip,
        )

    @cached_property
    def _topics(self) -> list[str]:
        return [
            device_up_topic(self.family, self.device_id(index))
            for index in range(self.containers + self.cuts)
        ]

    def message(self, number: int) -> tuple[str, bytes]:
        """(topic, payload) of a report under way."""
        step, index = divmod(number, self.containers)
        if self.family == PADLOCK:
            return self._topics[index], self.padlock_report(index, step)
        return self._topics[index], self.report(index, step, "sealed", "")

    def cut_message(self, number: int, *, cut: bool, at_step: int) -> tuple[str, bytes]:
        """Report of the ``number``-th container to be cut: sealed, or cut at the time of ``at_step``."""
        index = self.containers + number
        payload = self.report(index, at_step, *(("cut", ',"events":["cut"]') if cut else ("sealed", "")))
        return self._topics[index], payload

    def _at_ms(self, index: int, step: int) -> int:
        spread_ms = index * REPORT_EVERY_MS // (self.containers + self.cuts)
        return self.start_ms + step * REPORT_EVERY_MS + spread_ms

    def padlock_report(self, index: int, step: int) -> bytes:
        """The same report as a long frame of family ``jt701``: locked, rope in, nothing happened."""
        at = dt.datetime.fromtimestamp(self._at_ms(index, step) / 1000, dt.UTC)
        latitude, longitude = self.place(index, step)
        bits = 9 | (latitude >= 0) << 1 | (longitude >= 0) << 2
        digits = f"{_minutes(latitude, 2)}{_minutes(longitude, 3)}{bits:x}"
        return (
            b"$"
            + bytes.fromhex(self.device_id(index))
            + _PADLOCK_HEAD
            + bytes.fromhex(at.strftime("%d%m%y%H%M%S") + digits)
            + struct.pack(">BBIBIHBHHB", 60, 4, step, 9, index, _LOCKED, 95 - step // 50, 0xD9BE, 0x100A, 20)
            + bytes((step % 256,))
        )

    def report(self, index: int, step: int, state: str, events: str) -> bytes:
        """Payload of one report of one container."""
        at = (
            dt.datetime.fromtimestamp(self._at_ms(index, step) / 1000, dt.UTC).isoformat(
                timespec="milliseconds"
            )[:-6]
            + "Z"
        )
        latitude, longitude = self.place(index, step)
        shade = (index * 7 + step) % 100
        return (
            _TEMPLATE
            % (
                step,
                at,
                latitude,
                longitude,
                58 + shade / 25,
                7 if step // LEG_STEPS % 2 == 0 else 353,
                7 + shade % 6,
                state,
                events,
                index,
                18 + 6 * math.sin(step / 40) + shade / 50,
                50 + shade % 20,
                95 - step // 50,
                60 + shade % 40,
            )
        ).encode()
