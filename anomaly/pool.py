"""Rows of a structured array that are given out and taken back; place 0 is nobody's."""

from __future__ import annotations

import numpy as np

from anomaly.rows import plain
from anomaly.sphere import Ints, Structured

FIRST_CAPACITY = 64


class Pool:
    """State of some things of many: only those that need it have a row. Grows by doubling."""

    def __init__(self, empty: Structured) -> None:
        """``empty``, shape (1,): what a row is when it is given out."""
        self.empty = empty
        self.rows = self._new(FIRST_CAPACITY)
        self.used = 1
        self.free: list[int] = []

    def __len__(self) -> int:
        return self.used - 1 - len(self.free)

    def _new(self, capacity: int) -> Structured:
        rows = np.empty(capacity, self.empty.dtype)
        plain(rows)[:] = plain(self.empty)
        return rows

    def give(self, number: int) -> Ints:
        """Places of so many empty rows."""
        again = self.free[len(self.free) - min(number, len(self.free)) :]
        del self.free[len(self.free) - len(again) :]
        fresh = number - len(again)
        if self.used + fresh > len(self.rows):
            grown = self._new(max(2 * len(self.rows), self.used + fresh))
            plain(grown)[: self.used] = plain(self.rows)[: self.used]
            self.rows = grown
        places = np.array([*again, *range(self.used, self.used + fresh)], np.int64)
        self.used += fresh
        return places

    def take_back(self, places: Ints) -> None:
        """These rows are needed no more; 0 is left out."""
        places = places[places > 0]
        plain(self.rows)[places] = plain(self.empty)
        self.free += places.tolist()

    def restore(self, rows: Structured, free: list[int]) -> None:
        """Be as when ``rows`` (with place 0) were in use, but for those that are free."""
        self.rows = rows.copy()
        self.used, self.free = len(rows), list(free)
