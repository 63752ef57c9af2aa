"""One device of one container: when it reports what, with noise, dead zones and retransmissions."""

from __future__ import annotations

import enum
import heapq
import math
import random
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from sealtrail.contract.reading import FixKind, SealEvent
from sealtrail.contract.subjects import device_up_topic
from simulators import json_device, jt701
from simulators.corrupt import corrupted
from simulators.geodesy import Point, Pose, destination
from simulators.motion import Stop
from simulators.profile import Profile
from simulators.report import Fix, Report, SealView
from simulators.seal_history import SealChange, SealHistory
from simulators.sensors import Sensors
from simulators.truth import Outgoing, OutgoingKind

_ENCODERS = {json_device.FAMILY: json_device.encode, jt701.FAMILY: jt701.encode}

GNSS_SIGMA_M = 4.0
CELL_SIGMA_M = 700.0
CELL_WORST_M = 2_000.0
_ALARM_HOLD_REPORTS = 2  # a JT701 repeats its alarm bits in the frames that follow
_UPLOAD_EVERY_MS = 120
_UPLOAD_AFTER_MS = 1_000
_REPORTS_PER_BLOCK = 12
_WALKING_KMH = 3.0


class UploadOrder(enum.Enum):
    """In which order a device empties its memory."""

    OLDEST_FIRST = enum.auto()
    NEWEST_FIRST = enum.auto()
    NEWEST_BLOCK_FIRST = enum.auto()  # flash memory read page by page, each page oldest first


class Whereabouts(Protocol):
    """Where the container truly is."""

    def pose_at(self, at_ms: int) -> tuple[Pose, float, float]:
        """Place and course, km/h, and metres gone since the start."""
        ...

    def outside_at(self, at_ms: int) -> bool:
        """Whether it is off its corridor."""
        ...


class DeviceSpec(NamedTuple):
    """``seal`` is None on a truck tracker. ``ends_ms`` is when the device falls silent for good."""

    device_id: str
    family: str
    container_id: str
    seal: SealHistory | None
    seal_number: str
    past_interval_ms: int
    live_interval_ms: int
    dead_zones: tuple[Stop, ...]
    upload_order: UploadOrder
    clockless_reports: int
    jump_at_ms: int | None  # the first report from here on carries a wrong place
    deviation_event_no: int | None  # its second report from outside the corridor is the evidence
    marked_event_no: int | None  # scripted jump, or whatever `marked_from_ms` is the evidence of
    marked_from_ms: int | None  # the first report with a satellite fix from here on is the evidence
    jammed_from_ms: int | None  # no satellites any more from here on, and the device says why
    has_door_contact: bool
    ends_ms: int | None


class _Moment(NamedTuple):
    at_ms: int
    change: SealChange | None


class _Kept(NamedTuple):
    """A report in the device's memory, waiting for the network."""

    outgoing: Outgoing
    is_alarm: bool


class Device:
    """Generator of one device's messages, in the order in which they are sent."""

    def __init__(
        self,
        spec: DeviceSpec,
        profile: Profile,
        whereabouts: Whereabouts,
        sensors: Sensors,
        rng: random.Random,
    ) -> None:
        self._spec = spec
        self._profile = profile
        self._where = whereabouts
        self._sensors = sensors
        self._rng = rng
        self._topic = device_up_topic(spec.family, spec.device_id)
        self._sequence = rng.randrange(1, 5_000)
        self._last_place: Point | None = None
        self._jump_done = spec.jump_at_ms is None
        self._mark_done = spec.marked_from_ms is None
        self._outside_reports = 0
        self._held_alarm = SealEvent.NONE
        self._held_reports = 0
        self._outbox: list[tuple[int, int, Outgoing]] = []
        self._queued = 0
        self._memory: list[_Kept] = []

    def messages(self) -> Iterator[Outgoing]:
        """Everything that the device sends, by send time."""
        self._clockless_start()
        zone_end_ms: int | None = None
        for moment in self._moments():
            if zone_end_ms is not None and moment.at_ms >= zone_end_ms:
                self._upload(zone_end_ms)
                zone_end_ms = None
            yield from self._due(moment.at_ms)
            zone = next((z for z in self._spec.dead_zones if z.start_ms <= moment.at_ms < z.end_ms), None)
            outgoing = self._outgoing(moment, buffered=zone is not None)
            if zone is None:
                self._send(outgoing)
            else:
                zone_end_ms = zone.end_ms
                self._memory.append(_Kept(outgoing, is_alarm=moment.change is not None))
        if zone_end_ms is not None:
            self._upload(zone_end_ms)
        yield from self._due(None)

    def _due(self, until_ms: int | None) -> Iterator[Outgoing]:
        while self._outbox and (until_ms is None or self._outbox[0][0] <= until_ms):
            yield heapq.heappop(self._outbox)[2]

    def _push(self, outgoing: Outgoing) -> None:
        self._queued += 1
        heapq.heappush(self._outbox, (outgoing.send_at_ms, self._queued, outgoing))

    def _moments(self) -> Iterator[_Moment]:
        """Regular reports, and one at once for each change of the seal; in order of time."""
        changes = iter(self._spec.seal.changes if self._spec.seal else ())
        change = next(changes, None)
        for at_ms in self._regular():
            while change is not None and change.at_ms <= at_ms:
                if self._is_alive(change.at_ms):
                    yield _Moment(change.at_ms, change)
                change = next(changes, None)
            if not self._is_alive(at_ms):
                return
            yield _Moment(at_ms, None)

    def _is_alive(self, at_ms: int) -> bool:
        ends = [end for end in (self._spec.ends_ms, self._profile.end_ms) if end is not None]
        return all(at_ms <= end for end in ends)

    def _regular(self) -> Iterator[int]:
        """Times of the regular reports, to the second, without end."""
        spec, live_ms = self._spec, self._profile.live_ms
        at_ms = self._profile.start_ms + self._rng.randrange(10_000, spec.past_interval_ms)
        while True:
            yield at_ms // 1000 * 1000
            step_ms = spec.past_interval_ms if at_ms < live_ms else spec.live_interval_ms
            following = at_ms + max(1_000, int(step_ms * self._rng.uniform(0.97, 1.03)))
            if at_ms < live_ms < following:
                following = live_ms + self._rng.randrange(spec.live_interval_ms)
            at_ms = max(following, at_ms + 1_000)

    def _clockless_start(self) -> None:
        """Frames of a device that has just booted and knows neither time nor place."""
        for i in range(self._spec.clockless_reports):
            uptime_s = 62 * (i + 1)
            send_at_ms = self._profile.start_ms + 2_000 + i * 2_000
            report = self._report(send_at_ms, None, None, clock=False, uptime_s=uptime_s)
            self._push(self._encoded(report, send_at_ms, event_no=None, buffered=False))

    def _outgoing(self, moment: _Moment, *, buffered: bool) -> Outgoing:
        change = moment.change
        jammed = self._is_jammed(moment.at_ms)
        fix, event_no = self._fix(moment.at_ms, has_fix=not jammed and (change is None or change.has_fix))
        if change is not None:
            event_no = change.event_no
        elif self._spec.deviation_event_no is not None and self._where.outside_at(moment.at_ms):
            self._outside_reports += fix is not None and fix.kind is FixKind.GNSS
            if self._outside_reports == 2:  # noqa: PLR2004 - one report is no deviation yet
                self._outside_reports += 1
                event_no = self._spec.deviation_event_no
        elif self._is_marked(moment.at_ms, fix):
            event_no = self._spec.marked_event_no
        report = self._report(moment.at_ms, fix, change)
        return self._encoded(report, moment.at_ms, event_no=event_no, buffered=buffered)

    def _is_jammed(self, at_ms: int) -> bool:
        return self._spec.jammed_from_ms is not None and at_ms >= self._spec.jammed_from_ms

    def _is_marked(self, at_ms: int, fix: Fix | None) -> bool:
        """Whether this is the report that `marked_from_ms` means; once."""
        marked_from_ms = self._spec.marked_from_ms
        if self._mark_done or marked_from_ms is None or at_ms < marked_from_ms:
            return False
        self._mark_done = fix is not None and fix.kind is FixKind.GNSS
        return self._mark_done

    def _encoded(self, report: Report, at_ms: int, *, event_no: int | None, buffered: bool) -> Outgoing:
        payload = _ENCODERS[self._spec.family](report, buffered=buffered)
        return Outgoing(
            at_ms,
            self._topic,
            payload,
            OutgoingKind.REPORT,
            self._spec.device_id,
            self._spec.container_id,
            event_no,
        )

    def _report(
        self,
        at_ms: int,
        fix: Fix | None,
        change: SealChange | None,
        *,
        clock: bool = True,
        uptime_s: int = 0,
    ) -> Report:
        self._sequence += 1
        _, speed_kmh, gone_m = self._where.pose_at(at_ms)
        values = self._sensors.at(at_ms, moving=speed_kmh > _WALKING_KMH)
        return Report(
            self._spec.device_id,
            self._sequence,
            at_ms if clock else None,
            uptime_s,
            fix,
            self._seal_view(at_ms, change),
            speed_kmh > _WALKING_KMH,
            gone_m / 1000.0,
            *values,
        )

    def _seal_view(self, at_ms: int, change: SealChange | None) -> SealView | None:
        history, number = self._spec.seal, self._spec.seal_number
        if history is None:
            return None
        mounted = history.mounted_at(at_ms)
        door = history.door_open_at(at_ms) if self._spec.has_door_contact else None
        if change is None:
            said = self._repeated_alarm() | (SealEvent.JAMMING if self._is_jammed(at_ms) else SealEvent.NONE)
            return SealView(history.state_at(at_ms), said, mounted, number, door_open=door)
        if change.card_id is None:
            self._held_alarm = change.events & (SealEvent.CUT | SealEvent.OPENED | SealEvent.TAMPERED)
            self._held_reports = _ALARM_HOLD_REPORTS if self._spec.family == jt701.FAMILY else 0
        return SealView(change.state, change.events, mounted, number, change.card_id, door)

    def _repeated_alarm(self) -> SealEvent:
        if self._held_reports == 0:
            return SealEvent.NONE
        self._held_reports -= 1
        return self._held_alarm

    def _fix(self, at_ms: int, *, has_fix: bool) -> tuple[Fix | None, int | None]:
        """What the receiver makes of the true place, and the scripted event that this shows."""
        pose, speed_kmh, _ = self._where.pose_at(at_ms)
        rng = self._rng
        if not self._jump_done and self._spec.jump_at_ms is not None and at_ms >= self._spec.jump_at_ms:
            self._jump_done = True
            wrong = destination(pose, rng.uniform(0, 360), rng.uniform(250_000, 700_000))
            return self._gnss(wrong, pose, speed_kmh), self._spec.marked_event_no
        draw = rng.random()
        if not has_fix or draw < self._profile.stale_fix_rate:
            last = self._last_place
            if last is None:
                return None, None
            return Fix(
                FixKind.STALE, *last, accuracy_m=0.0, speed_kmh=0.0, course_deg=0.0, satellites=0
            ), None
        if draw < self._profile.stale_fix_rate + self._profile.cell_fix_rate:
            error_m = min(CELL_WORST_M, abs(rng.gauss(0.0, CELL_SIGMA_M)))
            place = destination(pose, rng.uniform(0, 360), error_m)
            return Fix(FixKind.CELL, *place, CELL_WORST_M, speed_kmh=0.0, course_deg=0.0, satellites=0), None
        error_m = min(3 * GNSS_SIGMA_M, math.hypot(rng.gauss(0, GNSS_SIGMA_M), rng.gauss(0, GNSS_SIGMA_M)))
        place = destination(pose, rng.uniform(0, 360), error_m)
        self._last_place = place
        return self._gnss(place, pose, speed_kmh), None

    def _gnss(self, place: Point, pose: Pose, speed_kmh: float) -> Fix:
        rng = self._rng
        if speed_kmh > _WALKING_KMH:
            speed_kmh = max(0.0, speed_kmh + rng.gauss(0.0, 0.8))
        course_deg = (pose.course_deg + rng.gauss(0.0, 2.0)) % 360.0
        return Fix(FixKind.GNSS, *place, rng.uniform(3.0, 12.0), speed_kmh, course_deg, rng.randrange(7, 15))

    def _send(self, outgoing: Outgoing) -> None:
        """Queues a message and, now and then, what goes wrong around it."""
        self._push(outgoing)
        rng = self._rng
        spread_ms = 20_000 if outgoing.send_at_ms < self._profile.live_ms else 2_000
        if rng.random() < self._profile.duplicate_rate:
            at_ms = outgoing.send_at_ms + rng.randrange(300, spread_ms)
            self._push(outgoing._replace(send_at_ms=at_ms, kind=OutgoingKind.DUPLICATE, event_no=None))
        if rng.random() < self._profile.corrupt_rate:
            at_ms = outgoing.send_at_ms + rng.randrange(100, spread_ms)
            payload = corrupted(outgoing.payload, self._spec.family, rng)
            self._push(
                outgoing._replace(send_at_ms=at_ms, payload=payload, kind=OutgoingKind.CORRUPT, event_no=None)
            )

    def _upload(self, from_ms: int) -> None:
        """Empties the memory once the network is back."""
        kept, self._memory = self._memory, []
        if self._spec.upload_order is UploadOrder.NEWEST_FIRST:
            kept.reverse()
        elif self._spec.upload_order is UploadOrder.NEWEST_BLOCK_FIRST:
            starts = range(0, len(kept), _REPORTS_PER_BLOCK)
            kept = [report for i in reversed(starts) for report in kept[i : i + _REPORTS_PER_BLOCK]]
        if self._spec.family == jt701.FAMILY:
            kept.sort(key=lambda report: not report.is_alarm)  # locks send their alarms first
        for i, (outgoing, is_alarm) in enumerate(kept):
            # a lock's alarms go before whatever it has to say live
            wait_ms = 0 if is_alarm and self._spec.family == jt701.FAMILY else _UPLOAD_AFTER_MS
            self._send(outgoing._replace(send_at_ms=from_ms + wait_ms + i * _UPLOAD_EVERY_MS))
