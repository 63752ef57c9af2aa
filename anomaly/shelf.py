"""Logs of one kind of all devices: packed, but for those opened since the last message of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from anomaly.rows import copied, join
from anomaly.sphere import Ints, Structured
from anomaly.trains import pack, unpack
from anomaly.waiting import Waiting

FIRST_CAPACITY = 64


class Notes(Protocol):
    """What is kept of a log beside its rows; equal to a new one for most logs."""

    added: int  # reports since it was last reduced
    busy: bool  # reports older than the history came since then


class Log(Protocol):
    """A log as rows."""

    @property
    def notes(self) -> Any: ...

    @property
    def rows(self) -> Structured: ...

    def absorb(self, reports: Structured) -> None: ...


L = TypeVar("L", bound=Log)
N = TypeVar("N", bound=Notes)


class ShelfKept(msgspec.Struct, Generic[N], array_like=True):
    """What snapshots hold of a shelf."""

    packed: list[bytes]
    added: bytes
    taken: bytes
    notes: dict[int, N]


class Shelf(Generic[L, N]):
    """Logs by lane. What waits for them counts as theirs, and is taken in where they are opened."""

    def __init__(
        self,
        dtype: np.dtype[Any],
        notes: Callable[[], N],
        make: Callable[[Structured, N], L],
        waiting: Waiting,
    ) -> None:
        self._dtype, self._notes, self._make, self._waiting = dtype, notes, make, waiting
        self.packed: list[bytes] = []
        self.added: NDArray[Any] = np.zeros(
            FIRST_CAPACITY, np.int32
        )  # of closed ones; of open ones what came since
        self.taken: NDArray[Any] = np.zeros(
            FIRST_CAPACITY, np.int32
        )  # so many of the reports that wait are in the log
        self.notes: dict[int, N] = {}  # of closed logs, where they aren't as new; without ``added``
        self._open: dict[int, L] = {}
        self._outrun: set[int] = set()  # open ones for which more waits

    def add_lane(self) -> None:
        """A new device's log."""
        self.packed.append(b"")
        if len(self.packed) > len(self.added):
            self.added, self.taken = (np.concatenate((each, 0 * each)) for each in (self.added, self.taken))

    def __getitem__(self, lane: int) -> L:
        """A lane's log, to be read and written until it is closed."""
        if lane not in self._open or lane in self._outrun:
            self.open([lane])
        return self._open[lane]

    def __iter__(self) -> Iterator[L]:
        self.open(range(len(self.packed)))
        return iter([self._open[lane] for lane in range(len(self.packed))])

    def open(self, lanes: Sequence[int]) -> None:
        """Have logs ready, with all that waits for them."""
        closed = [lane for lane in lanes if lane not in self._open]
        if closed:
            rows, of = self.rows(closed)
            for lane, part in zip(closed, _parts(rows, of, len(closed)), strict=True):
                self._open[lane] = self._make(part, self.notes.pop(lane, None) or self._notes())
        behind = [lane for lane in lanes if self.taken[lane] < self._waiting.size[lane]]
        if behind:
            reports, of = self._waiting.behind(behind, self.taken[behind])
            for lane, part in zip(behind, _parts(reports, of, len(behind)), strict=True):
                self._open[lane].absorb(part)
            self.taken[behind] = self._waiting.size[behind]
        for lane in lanes:
            self._open[lane].notes.added += int(self.added[lane])
            self.added[lane] = 0
        self._outrun.difference_update(lanes)

    def add(self, lanes: Ints, numbers: Ints) -> None:
        """So many more reports of lanes wait."""
        np.add.at(self.added, lanes, numbers)
        if self._open:
            self._outrun.update(self._open.keys() & set(lanes.tolist()))

    def close(self) -> list[int]:
        """Pack what is open; which that was."""
        lanes = list(self._open)
        if lanes:
            logs = list(self._open.values())
            self.put(lanes, join([log.rows for log in logs]), [len(log.rows) for log in logs])
            for lane, log in self._open.items():
                self.added[lane] += log.notes.added
                log.notes.added = 0
                if log.notes != self._notes():
                    self.notes[lane] = log.notes
            self._open.clear()
            self._outrun.clear()
        return lanes

    def rows(self, lanes: Sequence[int]) -> tuple[Structured, Ints]:
        """Rows of closed logs, without what waits for them, and the place in ``lanes`` of each."""
        rows, sizes = unpack([self.packed[lane] for lane in lanes], self._dtype)
        return rows, np.repeat(np.arange(len(lanes)), sizes)

    def put(self, lanes: Sequence[int], rows: Structured, sizes: Sequence[int] | Ints) -> None:
        """Rows of logs, so many of each."""
        for lane, train in zip(lanes, pack(rows, sizes), strict=True):
            self.packed[lane] = train

    def is_busy(self, lane: int) -> bool:
        """Whether reports older than the history came since a log was last reduced."""
        log = self._open.get(lane)
        notes = self.notes.get(lane) if log is None else log.notes
        return notes is not None and bool(notes.busy)

    def larger(self, lanes: Ints, usual: int, busy: int) -> list[int]:
        """Those of lanes to whose logs more was added than is usual; of busy ones, than ``busy``."""
        added = self.added[lanes]
        limit = np.full(len(lanes), usual)
        for i, lane in enumerate(lanes.tolist()) if self._open or self.notes else ():
            if lane in self._open:
                added[i] += self._open[lane].notes.added
            if self.is_busy(lane):
                limit[i] = busy
        found: list[int] = lanes[added > limit].tolist()
        return found

    @property
    def kept(self) -> ShelfKept[N]:
        """All of it, for `restore`; nothing may be open."""
        size = len(self.packed)
        return ShelfKept(self.packed, self.added[:size].tobytes(), self.taken[:size].tobytes(), self.notes)

    def restore(self, kept: ShelfKept[N]) -> None:
        """What `kept` was."""
        size = len(kept.packed)
        self.packed, self.notes = kept.packed, kept.notes
        self.added, self.taken = (np.zeros(max(FIRST_CAPACITY, size), np.int32) for _ in range(2))
        self.added[:size] = np.frombuffer(kept.added, np.int32)
        self.taken[:size] = np.frombuffer(kept.taken, np.int32)


def _parts(rows: Structured, of: Ints, number: int) -> list[Structured]:
    """Copies of the rows of each of so many logs."""
    ends = np.cumsum(np.bincount(of, minlength=number)).tolist()
    return [copied(rows[begin:end]) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
