"""`Numbers`: which of a device's numbers came, and hence which are missing.

What came is kept as runs of successive numbers in order of event time: a
healthy device has one. Between two neighbours there is a gap, whose numbers are
missing, or the device began to count anew. A report that comes late, in
whatever order, is put where its time says; so it closes the gap that it belongs
to even where the device has used its number again since.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sealtrail.contract.completeness import Gap

JITTER_MS = 2_000
"""Successive numbers may be this much out of order in time: they are taken when a report is sent."""

LARGEST_GAP = 100_000
"""A count that jumps further has begun anew."""

_WRAP = 1 << 16
_NEAR = 1_024
"""A count that goes from the last `_NEAR` numbers of 16 bits to the first ones has gone round."""

Run = list[int]
"""First and last number, event time of each."""

_FIRST, _LAST, _FIRST_MS, _LAST_MS = range(4)


class _Between(NamedTuple):
    """What lies between two runs: missing numbers as ranges, or a new beginning."""

    ranges: tuple[tuple[int, int], ...] = ()
    restart: bool = False

    @property
    def missing(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)


def _between(earlier: Run, later: Run) -> _Between:
    step = later[_FIRST] - earlier[_LAST]
    if step in (0, 1):
        return _Between()
    if 1 < step <= LARGEST_GAP:
        return _Between(((earlier[_LAST] + 1, later[_FIRST] - 1),))
    if _WRAP - _NEAR <= earlier[_LAST] < _WRAP and 0 <= later[_FIRST] < _NEAR:
        ranges = (earlier[_LAST] + 1, _WRAP - 1), (0, later[_FIRST] - 1)
        return _Between(tuple((first, last) for first, last in ranges if first <= last))
    return _Between(restart=True)


class Numbers(msgspec.Struct, array_like=True):
    """The numbers of one device. Nothing is missing before the first report that was ever seen.

    At most so many runs are kept as `add` is told; of older gaps only the sum is
    known, and what comes late for them can't close them any more.
    """

    runs: list[Run] = []
    forgotten: int = 0  # missing numbers of gaps that are no longer kept
    forgotten_restarts: int = 0
    horizon_ms: int = -(1 << 62)  # event time before which nothing is kept

    def add(self, number: int, at_ms: int, most_runs: int) -> None:
        """A new report, numbered ``number``, of event time ``at_ms``."""
        runs = self.runs
        if runs:
            newest = runs[-1]
            if number == newest[_LAST] + 1 and at_ms >= newest[_LAST_MS]:
                newest[_LAST], newest[_LAST_MS] = number, at_ms
                return
        if at_ms < self.horizon_ms:
            return
        place = self._place(number, at_ms)
        if any(self._extends(index, number, at_ms) for index in self._near(place, at_ms)):
            return
        if place and runs[place - 1][_LAST_MS] > at_ms:
            self._contradicts(runs[place - 1], number)
        else:
            runs.insert(place, [number, number, at_ms, at_ms])
        if len(runs) > most_runs:
            self._forget_oldest()

    def _place(self, number: int, at_ms: int) -> int:
        """How many runs begin before a report."""
        runs = self.runs
        place = len(runs)
        while place and (runs[place - 1][_FIRST_MS], runs[place - 1][_FIRST]) > (at_ms, number):
            place -= 1
        return place

    def _near(self, place: int, at_ms: int) -> range:
        """Indexes of the runs beside a place, and of those that are as good as there, newest first."""
        runs = self.runs
        low, high = place - 1, place
        while low > 0 and runs[low - 1][_LAST_MS] >= at_ms - JITTER_MS:
            low -= 1
        while high < len(runs) - 1 and runs[high + 1][_FIRST_MS] <= at_ms + JITTER_MS:
            high += 1
        return range(min(high, len(runs) - 1), max(low, 0) - 1, -1)

    def _extends(self, index: int, number: int, at_ms: int) -> bool:
        """Whether a report goes on with a run at its end or before its beginning; the run then has it."""
        run = self.runs[index]
        if number == run[_LAST] + 1 and at_ms >= run[_LAST_MS] - JITTER_MS:
            run[_LAST], run[_LAST_MS] = number, max(at_ms, run[_LAST_MS])
            self._join(index)
        elif number == run[_FIRST] - 1 and at_ms <= run[_FIRST_MS] + JITTER_MS:
            run[_FIRST], run[_FIRST_MS] = number, min(at_ms, run[_FIRST_MS])
            self._join(index - 1)
        else:
            return False
        return True

    def _contradicts(self, holder: Run, number: int) -> None:
        """A report whose time lies within a run: one that shares its number, or the clock was set back.

        Then its number alone says where it belongs: behind the newest, or into the newest gap that has it.
        """
        runs = self.runs
        if holder[_FIRST] <= number <= holder[_LAST]:
            return
        newest = runs[-1]
        if 0 < number - newest[_LAST] <= LARGEST_GAP:
            runs.append([number, number, newest[_LAST_MS], newest[_LAST_MS]])
            self._join(len(runs) - 2)
            return
        for index in range(len(runs) - 1, 0, -1):
            if runs[index - 1][_LAST] < number < runs[index][_FIRST]:
                at_ms = runs[index - 1][_LAST_MS]
                runs.insert(index, [number, number, at_ms, at_ms])
                self._join(index)
                self._join(index - 1)
                return

    def _join(self, index: int) -> None:
        """Makes one run of two neighbours between which nothing is missing."""
        runs = self.runs
        if 0 <= index < len(runs) - 1 and runs[index][_LAST] + 1 == runs[index + 1][_FIRST]:
            later = runs.pop(index + 1)
            run = runs[index]
            run[_LAST], run[_LAST_MS] = later[_LAST], max(later[_LAST_MS], run[_LAST_MS])

    def _forget_oldest(self) -> None:
        between = _between(self.runs[0], self.runs[1])
        self.forgotten += between.missing
        self.forgotten_restarts += between.restart
        del self.runs[0]
        self.horizon_ms = self.runs[0][_FIRST_MS]

    @property
    def missing(self) -> int:
        """How many numbers never came."""
        runs = self.runs
        return self.forgotten + sum(_between(runs[at], runs[at + 1]).missing for at in range(len(runs) - 1))

    @property
    def restarts(self) -> int:
        """How many times the count began anew."""
        runs = self.runs
        again = sum(_between(runs[at], runs[at + 1]).restart for at in range(len(runs) - 1))
        return self.forgotten_restarts + again

    def gaps(self) -> tuple[Gap, ...]:
        """The missing numbers that are known one by one, oldest first."""
        return tuple(
            Gap(first, last, earlier[_LAST_MS], later[_FIRST_MS])
            for earlier, later in zip(self.runs, self.runs[1:], strict=False)
            for first, last in _between(earlier, later).ranges
        )
