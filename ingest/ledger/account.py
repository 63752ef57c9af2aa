"""`Account`: the running figures of one device, and how they are shown."""

from __future__ import annotations

import statistics

import msgspec

from ingest.ledger.clockwatch import ClockWatch
from ingest.ledger.numbers import Numbers
from ingest.soundness import LATEST_TIME_MS
from sealtrail.contract.completeness import Arrival, DeviceCompleteness, DeviceDay
from sealtrail.contract.reading import Flag

DAY_MS = 86_400_000
INTERVALS = 16
"""So many of the newest times between reports are remembered."""

SILENT_INTERVALS = 3
SHORTEST_SILENCE_MS = 300_000
LONGEST_SILENCE_MS = DAY_MS
"""A device is silent after three intervals, but not before 5 min; after a day where it has none yet."""

EARLIEST_MS = -600_000
"""No gateway believes a clock that is further ahead."""

_NO_MEASURE = int(Flag.CLOCK_UNSET | Flag.BUFFERED)  # such reports say nothing about the clock

MOST_REASONS = 64
OTHER_REASONS = "other"


class Figures(msgspec.Struct, array_like=True, frozen=True):
    """What stood in an account when its day began."""

    accepted: int = 0
    duplicate: int = 0
    empty: int = 0
    refused: dict[str, int] = {}
    retried: int = 0
    late: int = 0
    out_of_order: int = 0
    restarts: int = 0
    clock_steps: int = 0


class Account(msgspec.Struct, array_like=True):
    """One device. Counts only grow."""

    device_id: str
    family: str
    container_id: str | None = None
    accepted: int = 0
    duplicate: int = 0
    empty: int = 0
    folded: int = 0
    refused: dict[str, int] = {}
    retried: int = 0
    late: int = 0
    out_of_order: int = 0
    first_seen_ms: int = 0
    last_seen_ms: int = 0
    newest_ms: int = 0  # event time; 0: no reading yet
    intervals_ms: list[int] = []  # a ring
    steps: int = 0  # forward steps of `newest_ms`; says where in the ring
    clock: ClockWatch = msgspec.field(default_factory=ClockWatch)
    numbers: Numbers | None = None
    last_number: int = -1
    day_end_ms: int = 0  # the day that is being counted ends here; 0: none is
    at_dawn: Figures = Figures()
    changed: bool = True  # since its day was written to the record
    followed: bool = True  # False where it stands for many

    def accept(self, arrival: Arrival, late_ms: float, most_runs: int) -> None:
        """Counts a new reading; late is what took longer than ``late_ms``."""
        received_ms, occurred_ms = arrival.received_at_ms, arrival.occurred_at_ms
        self.accepted += 1
        self.changed = True
        if not EARLIEST_MS <= received_ms - occurred_ms <= late_ms:
            self.late += received_ms > occurred_ms
            if not (0 < occurred_ms < LATEST_TIME_MS and 0 < received_ms < LATEST_TIME_MS):
                return  # the record refuses it by that name
        number, last_seen_ms = arrival.sequence, self.last_seen_ms
        if number == self.last_number and received_ms == last_seen_ms:
            number = None  # several readings of one message have one number
        if received_ms > last_seen_ms:
            self.last_seen_ms = received_ms
        if not self.followed:
            return
        if occurred_ms >= self.newest_ms:
            self._goes_on(occurred_ms)
            self.family, self.container_id = arrival.family, arrival.container_id
        else:
            self.out_of_order += 1
        if not arrival.flags & _NO_MEASURE:
            claimed_ms = arrival.device_time_ms
            if claimed_ms is None:
                self.clock.note(received_ms - occurred_ms, received_ms)
            elif 0 < claimed_ms < LATEST_TIME_MS:
                self.clock.note(received_ms - claimed_ms, received_ms)
        if number is not None:
            self.last_number = number
            if self.numbers is None:
                self.numbers = Numbers()
            self.numbers.add(number, occurred_ms, most_runs)

    def _goes_on(self, occurred_ms: int) -> None:
        """A report later than all before it."""
        newest_ms = self.newest_ms
        between_ms = occurred_ms - newest_ms
        if newest_ms and between_ms:
            ring = self.intervals_ms
            if len(ring) < INTERVALS:
                ring.append(between_ms)
            else:
                ring[self.steps % INTERVALS] = between_ms
            self.steps += 1
        self.newest_ms = occurred_ms

    @property
    def received(self) -> int:
        """Reports in all."""
        counted = self.accepted + self.duplicate + self.empty + sum(self.refused.values())
        return counted - self.retried

    @property
    def missing(self) -> int:
        """Numbers that never came."""
        return 0 if self.numbers is None else self.numbers.missing

    @property
    def interval_ms(self) -> float | None:
        """Median time between its newest reports, by event time."""
        return statistics.median(self.intervals_ms) if self.intervals_ms else None

    def refuse(self, reason: str, number: int) -> None:
        """Counts refused messages; reasons are few, and if they weren't they would be one."""
        if reason not in self.refused and len(self.refused) >= MOST_REASONS:
            reason = OTHER_REASONS
        self.refused[reason] = self.refused.get(reason, 0) + number

    def is_silent(self, now_ms: int) -> bool:
        """Whether it hasn't been heard of for longer than it is used to."""
        interval_ms = self.interval_ms
        patience_ms = float(LONGEST_SILENCE_MS)
        if interval_ms is not None:
            patience_ms = max(SILENT_INTERVALS * interval_ms, SHORTEST_SILENCE_MS)
        return self.followed and now_ms - self.last_seen_ms > patience_ms

    def turn(self, received_at_ms: int) -> DeviceDay | None:
        """Begins the day of ``received_at_ms``; the record of the day before, where there is one."""
        ended = self.day() if self.day_end_ms else None
        self.day_end_ms = received_at_ms - received_at_ms % DAY_MS + DAY_MS
        numbers = self.numbers
        self.at_dawn = Figures(
            self.accepted,
            self.duplicate,
            self.empty,
            dict(self.refused),
            self.retried,
            self.late,
            self.out_of_order,
            0 if numbers is None else numbers.restarts,
            self.clock.steps,
        )
        return ended

    def day(self) -> DeviceDay:
        """The record of the present day as it stands."""
        dawn, numbers = self.at_dawn, self.numbers
        refused = {
            reason: number - dawn.refused.get(reason, 0)
            for reason, number in self.refused.items()
            if number > dawn.refused.get(reason, 0)
        }
        accepted, duplicate = self.accepted - dawn.accepted, self.duplicate - dawn.duplicate
        empty, retried = self.empty - dawn.empty, self.retried - dawn.retried
        interval_ms = self.interval_ms
        return DeviceDay(
            device_id=self.device_id,
            day_ms=self.day_end_ms - DAY_MS,
            family=self.family,
            container_id=self.container_id,
            received=accepted + duplicate + empty + sum(refused.values()) - retried,
            accepted=accepted,
            duplicate=duplicate,
            empty=empty,
            refused=refused,
            retried=retried,
            late=self.late - dawn.late,
            out_of_order=self.out_of_order - dawn.out_of_order,
            missing=self.missing,
            restarts=max(0, (0 if numbers is None else numbers.restarts) - dawn.restarts),
            clock_steps=self.clock.steps - dawn.clock_steps,
            clock_offset_ms=self.clock.offset_ms,
            interval_s=None if interval_ms is None else interval_ms / 1000,
            last_seen_ms=self.last_seen_ms,
        )

    def shown(self, now_ms: int, *, gaps: bool = False) -> DeviceCompleteness:
        """All figures; the gaps one by one only where they are asked for."""
        clock, numbers = self.clock, self.numbers
        interval_ms = self.interval_ms
        received = self.received
        return DeviceCompleteness(
            device_id=self.device_id,
            family=self.family,
            container_id=self.container_id,
            received=received,
            messages=received - self.folded,
            accepted=self.accepted,
            duplicate=self.duplicate,
            empty=self.empty,
            refused=self.refused,
            retried=self.retried,
            late=self.late,
            out_of_order=self.out_of_order,
            counted=numbers is not None,
            missing=self.missing,
            missing_unnamed=0 if numbers is None else numbers.forgotten,
            restarts=0 if numbers is None else numbers.restarts,
            clock_offset_ms=clock.offset_ms,
            clock_steps=clock.steps,
            clock_step_ms=clock.step_ms,
            clock_step_at_ms=clock.step_at_ms,
            interval_s=None if interval_ms is None else interval_ms / 1000,
            first_seen_ms=self.first_seen_ms,
            last_seen_ms=self.last_seen_ms,
            last_occurred_ms=self.newest_ms or None,
            silent=self.is_silent(now_ms),
            gaps=numbers.gaps() if gaps and numbers is not None else (),
        )
