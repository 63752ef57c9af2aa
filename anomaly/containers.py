"""Containers: their files, and the plan that holds for each as numbers in arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anomaly.container_file import ContainerFile
from anomaly.custody import FOREVER_MS, Custody, Segment
from anomaly.file_state import FileCodec
from anomaly.files import Files
from anomaly.plans import Plans, awaiting, no_plan
from anomaly.rows import put, take
from anomaly.rules.rule import Signal
from anomaly.sphere import Ints, Structured

FIRST_CAPACITY = 64


class Containers:
    """Index of containers, and of each the plan that was looked up last, for look-up in bulk.

    ``plan`` holds from ``plan_from`` until ``plan_until``, so that a container's file isn't needed.
    """

    def __init__(self, plans: Plans, events_kept: int) -> None:
        self.plans = plans
        self.index: dict[str, int] = {}
        self.keys: list[str] = []
        self.files = Files(FileCodec(plans, events_kept))
        self.several: dict[int, tuple[int, ...]] = {}  # lanes of containers that have more than one
        self.plan_from = np.full(FIRST_CAPACITY, 0, np.int64)
        self.plan_until = np.full(FIRST_CAPACITY, FOREVER_MS, np.int64)
        self.plan = no_plan(FIRST_CAPACITY)
        self.wants_place = np.zeros(FIRST_CAPACITY, bool)  # an opening still waits for a better fix
        self.wake_at = np.full(FIRST_CAPACITY, FOREVER_MS, np.int64)
        """When a container is to be looked at though nothing may have been reported."""

    def __len__(self) -> int:
        return len(self.keys)

    def row_of(self, key: str) -> int:
        """Row of a container, new or known."""
        row = self.index.get(key)
        if row is None:
            row = self.index[key] = len(self.keys)
            self.keys.append(key)
            self.files.append(ContainerFile(key))
            if row == len(self.plan_from):
                self.reserve(2 * row)
        return row

    def add_lane(self, row: int, lane: int) -> None:
        """One more device of a container."""
        lanes = self.files[row].lanes
        lanes.append(lane)
        if len(lanes) > 1:
            self.several[row] = tuple(lanes)

    def reserve(self, capacity: int) -> None:
        """Make room for so many containers."""
        size = len(self.plan_from)
        for name, fill in (("plan_from", 0), ("plan_until", FOREVER_MS), ("wake_at", FOREVER_MS)):
            new = np.full(capacity, fill, np.int64)
            new[:size] = getattr(self, name)
            setattr(self, name, new)
        plan, wants_place = no_plan(capacity), np.zeros(capacity, bool)
        put(plan, slice(size), self.plan)
        wants_place[:size] = self.wants_place
        self.plan, self.wants_place = plan, wants_place

    def replan(self, row: int, refuse: Callable[[str], None]) -> None:
        """Bring plans and arrays in line with a container's custody log."""
        custody = self.files[row].custody
        if custody is None:
            return
        custody.plans = [self.plans.row_of(each.trip, refuse) for each in custody.segments]
        if custody.segments:
            last = custody.segments[-1]
            self._hold(row, last.from_ms, last.until_ms, custody.plans[-1])
        self.wake_at[row] = 0  # whatever it waited for may be due at another time

    def _hold(self, row: int, from_ms: int, until_ms: int, plan: Structured) -> None:
        self.plan_from[row], self.plan_until[row], self.plan[row] = from_ms, until_ms, plan[0]

    def plans_at(self, rows: Ints, at_ms: Ints) -> Structured:
        """The plan (dtype `PLAN`) that holds for each container at each time."""
        plans = take(self.plan, rows)
        other = (at_ms < self.plan_from[rows]) | (at_ms >= self.plan_until[rows])
        for i in np.flatnonzero(other).tolist():
            row, at = int(rows[i]), int(at_ms[i])
            custody = self.files[row].custody
            plan = _plan_at(custody, at)
            plans[i] = plan[0]
            self._hold(row, *_around(custody, at), plan)
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


def _around(custody: Custody | None, at_ms: int) -> tuple[int, int]:
    """From when and until when the same plan holds as at a time, as far as segments tell."""
    segments = custody.segments if custody is not None else ()
    times = {time for each in segments for time in (each.from_ms, each.until_ms)}
    until_ms = min((time for time in times if time > at_ms), default=FOREVER_MS)
    return max((time for time in times if time <= at_ms), default=0), until_ms


def cut_point(signals: list[Signal], kept: int, begins: Callable[[Signal], bool], apart_ms: int) -> int:
    """How many of the oldest signals to give up: none up to ``kept``, then half, at a clean place.

    Cleanest is one that is ``apart_ms`` from the signal before: no rule takes them for one thing.
    """
    if len(signals) <= kept:
        return 0
    cut = len(signals) - kept // 2
    for place in range(cut, len(signals) - kept // 4):
        since_ms = signals[place].at.occurred_at_ms - signals[place - 1].at.occurred_at_ms
        if since_ms > apart_ms and begins(signals[place]):
            return place
    while cut < len(signals) and not begins(signals[cut]):
        cut += 1
    return cut if cut < len(signals) else 0
