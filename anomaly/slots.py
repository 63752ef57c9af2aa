"""Numbers that stand for interned parts: what is given back is given again, the least first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.sphere import Bools, Ints


class Slots:
    """Which numbers are taken."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._end = 0

    def take(self) -> int:
        """A number that nothing stands for."""
        if self._free:
            return heapq.heappop(self._free)
        self._end += 1
        return self._end - 1

    def hold(self, numbers: Iterable[int]) -> None:
        """Exactly these are taken from now on."""
        taken = set(numbers)
        self._end = max(taken, default=-1) + 1
        self._free = [number for number in range(self._end) if number not in taken]  # sorted: a heap


def placed(rows: NDArray[Any], number: int, row: object) -> NDArray[Any]:
    """Rows with one of them set; longer where its number is new."""
    if number >= len(rows):
        longer = np.zeros((number + 1, *rows.shape[1:]), rows.dtype)
        longer[: len(rows)] = rows
        rows = longer
    rows[number] = row
    return rows


def moved(first: Ints, count: Ints, used: Iterable[int], length: int) -> tuple[Bools, Ints]:
    """Of lists end to end: which members stay if only some lists do, and where each list then begins."""
    stays = np.zeros(length, bool)
    for number in used:
        stays[first[number] : first[number] + count[number]] = True
    before = np.concatenate(([0], np.cumsum(stays)))
    return stays, before[np.minimum(first, length)]
