"""`Counting`: whether one device counts its reports, or two of the same name do.

A device counts upwards in time (docs/device-protocol.md). One that starts its
count again begins a new line and stays on it; a number that comes late is left
aside. But if reports go on with the old line and with the new one again, or
numbers that were used come back with new times, two devices are counting: one
of them is a copy, or somebody replays what was sent before under new times.
One used number is enough where the very next number of the old line follows it:
a device that had lost its count would first come past the numbers between.
Judged by times that move forward only: a backlog, in whatever order, is no
evidence of anything.
"""

from __future__ import annotations

SIGNS = 3
"""So many signs are no lost message and no restart."""
WITHIN_MS = 86_400_000
"""Signs further apart than a day are counted anew."""
NEAR = 10_000
"""A line is continued by a count at most this far ahead of it."""
FIRST = 1
"""A count that begins at 0 or 1 is a restart."""
WINDOW = 64
_MASK = (1 << WINDOW) - 1


class Counting:
    """The newest count of two lines, and which of the last `WINDOW` numbers of the present one were used."""

    __slots__ = ("_here", "_newest_ms", "_other", "_signs", "_since_ms", "_strayed", "_used")

    def __init__(self) -> None:
        self._here = -1
        self._other = -1
        self._used = 0  # bit n: the number `_here` - n was used
        self._newest_ms = 0
        self._signs = 0
        self._since_ms = 0
        self._strayed = False  # the present line began with a number that had been used

    def two_count(self, sequence: int, occurred_at_ms: int) -> bool:
        """Takes a new report in; True once it shows that two devices count, which is then forgotten."""
        if occurred_at_ms <= self._newest_ms:
            return False
        self._newest_ms = occurred_at_ms
        here, other = self._here, self._other
        behind = here - sequence
        goes_on = -NEAR <= behind < 0 or here < 0
        returns = 0 <= other < sequence <= other + NEAR
        if goes_on and not (returns and other > here):
            self._used = (self._used << -behind | 1) & _MASK if -behind < WINDOW and here >= 0 else 1
            self._here = sequence
            return False
        if 0 < behind < WINDOW and sequence > FIRST and not self._used >> behind & 1:
            self._used |= 1 << behind  # numbered earlier, told later
            return False
        again = 0 <= behind < WINDOW and sequence > FIRST
        interrupted = self._strayed and sequence == other + 1 and here < other - 1
        self._here, self._other, self._used, self._strayed = sequence, here, 1, again
        if interrupted:
            self._signs = 0
            return True
        return (again or returns) and self._is_one_too_many(occurred_at_ms)

    def _is_one_too_many(self, at_ms: int) -> bool:
        if at_ms - self._since_ms > WITHIN_MS:
            self._since_ms, self._signs = at_ms, 0
        self._signs += 1
        if self._signs < SIGNS:
            return False
        self._signs = 0
        return True

    @property
    def lines(self) -> tuple[int, int]:
        """The newest counts of both lines; -1 where there is none."""
        return self._here, self._other
