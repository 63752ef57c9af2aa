"""Containers: their custody logs, their devices' transitions, and what was told about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from anomaly.custody import FOREVER_MS, Custody, Segment
from anomaly.ledger import Fixed, Ledger
from anomaly.plans import Plans, awaiting, no_plan
from anomaly.rows import put, take
from anomaly.rules.rule import Signal, Track
from anomaly.sphere import Ints, Structured

FIRST_CAPACITY = 64


@dataclass(slots=True)
class ContainerFile:
    """All that is kept about one container (or lone device) beside its devices' arrays."""

    key: str
    paired: bool = False
    lanes: list[int] = field(default_factory=list)
    custody: Custody | None = None
    tracks: dict[tuple[int, str], Track] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=dict)
    fixed: Fixed = field(default_factory=Fixed)
    started: set[str] = field(default_factory=set)  # trips whose beginning was told
    wants_place: bool = False  # an opening still waits for a better fix

    def track(self, lane: int, device_id: str, rule: str) -> Track:
        """Signals of one device under one rule."""
        found = self.tracks.get((lane, rule))
        if found is None:
            found = self.tracks[lane, rule] = Track(lane, device_id, [])
        return found

    def fix_before(self, before_ms: int, now_ms: int) -> None:
        """Leave what was said of a time as it was said, whatever is known of it no more."""
        if before_ms > self.fixed.before_ms:
            self.fixed = msgspec.structs.replace(self.fixed, before_ms=before_ms, known_ms=now_ms)

    def fix_composed_before(self, before_ms: int) -> None:
        """The same for alerts that rest on others, of which some are given up."""
        if before_ms > self.fixed.composed_before_ms:
            self.fixed = msgspec.structs.replace(self.fixed, composed_before_ms=before_ms)

    def tracks_of(self, rule: str) -> list[Track]:
        """Tracks of one rule, in the order of the devices."""
        return [self.tracks[lane, rule] for lane in self.lanes if (lane, rule) in self.tracks]


class Containers:
    """Index of containers, and the plan that holds now in arrays for look-up in bulk."""

    def __init__(self, plans: Plans) -> None:
        self.plans = plans
        self.index: dict[str, int] = {}
        self.files: list[ContainerFile] = []
        self.plan_from = np.full(FIRST_CAPACITY, 0, np.int64)
        self.plan_until = np.full(FIRST_CAPACITY, FOREVER_MS, np.int64)
        self.plan = no_plan(FIRST_CAPACITY)
        self.wake_at = np.full(FIRST_CAPACITY, FOREVER_MS, np.int64)
        """When a container is to be looked at though nothing may have been reported."""

    def row_of(self, key: str) -> int:
        """Row of a container, new or known."""
        row = self.index.get(key)
        if row is None:
            row = self.index[key] = len(self.files)
            self.files.append(ContainerFile(key))
            if row == len(self.plan_from):
                self._grow(2 * row)
        return row

    def _grow(self, capacity: int) -> None:
        for name, fill in (("plan_from", 0), ("plan_until", FOREVER_MS), ("wake_at", FOREVER_MS)):
            old = getattr(self, name)
            new = np.full(capacity, fill, np.int64)
            new[: len(old)] = old
            setattr(self, name, new)
        plan = no_plan(capacity)
        put(plan, slice(len(self.plan)), self.plan)
        self.plan = plan

    def replan(self, row: int, refuse: Callable[[str], None]) -> None:
        """Bring plans and arrays in line with a container's custody log."""
        custody = self.files[row].custody
        if custody is None:
            return
        custody.plans = [self.plans.row_of(each.trip, refuse) for each in custody.segments]
        if custody.segments:
            self.plan_from[row] = custody.segments[-1].from_ms
            self.plan_until[row] = custody.segments[-1].until_ms
            self.plan[row] = custody.plans[-1][0]
        self.wake_at[row] = 0  # whatever it waited for may be due at another time

    def plans_at(self, rows: Ints, at_ms: Ints) -> Structured:
        """The plan (dtype `PLAN`) that holds for each container at each time."""
        plans = take(self.plan, rows)
        other = (at_ms < self.plan_from[rows]) | (at_ms >= self.plan_until[rows])
        for i in np.flatnonzero(other):
            plans[i] = _plan_at(self.files[int(rows[i])].custody, int(at_ms[i]))[0]
        return plans

    def segment_at(self, row: int, at_ms: int) -> Segment | None:
        """The plan that holds for a container at a time."""
        custody = self.files[row].custody
        return None if custody is None else custody.segment_at(at_ms)


def _plan_at(custody: Custody | None, at_ms: int) -> Structured:
    """The plan that holds at a time; else what is known of the one that comes next."""
    if custody is None:
        return no_plan(1)
    plan = custody.plan_at(at_ms)
    if plan is not None:
        return plan
    awaited = custody.awaited_at(at_ms)
    return no_plan(1) if awaited is None else awaiting(awaited)


def cut_point(signals: list[Signal], kept: int, begins: Callable[[Signal], bool]) -> int:
    """How many of the oldest signals to give up: none up to ``kept``, then half, at a clean place."""
    if len(signals) <= kept:
        return 0
    cut = len(signals) - kept // 2
    while cut < len(signals) and not begins(signals[cut]):
        cut += 1
    return cut if cut < len(signals) else 0
