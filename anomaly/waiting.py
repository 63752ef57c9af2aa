"""Reports that have left the histories of their devices, and aren't in all of their logs yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.reports import REPORT
from anomaly.rows import take
from anomaly.sphere import Ints, Structured
from anomaly.trains import split, unpack

FIRST_CAPACITY = 64


class Waiting:
    """Trains of `REPORT` by lane, oldest first."""

    def __init__(self) -> None:
        self.trains: list[bytes] = []
        self.size: NDArray[Any] = np.zeros(FIRST_CAPACITY, np.int32)  # reports in each train

    def add_lane(self) -> None:
        """Room for one more device."""
        self.trains.append(b"")
        if len(self.trains) > len(self.size):
            self.size = np.concatenate((self.size, np.zeros_like(self.size)))

    def add(self, lanes: list[int], trains: Sequence[bytes], sizes: Ints) -> None:
        """Reports newer than all before of their lanes; a lane may occur more than once."""
        for lane, train in zip(lanes, trains, strict=True):
            self.trains[lane] += train
        np.add.at(self.size, lanes, sizes)

    def behind(self, lanes: Sequence[int], taken: Ints) -> tuple[Structured, Ints]:
        """Reports of lanes behind the first ``taken`` ones of each, and the place in ``lanes`` of each."""
        reports, sizes = unpack([self.trains[lane] for lane in lanes], REPORT)
        of = np.repeat(np.arange(len(lanes)), sizes)
        if taken.any():
            nth = np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            left = nth >= taken[of]
            return take(reports, left), of[left]
        return reports, of

    def drop(self, lanes: Ints, number: Ints) -> None:
        """Take the oldest out, so many of each lane."""
        for lane, count in zip(lanes.tolist(), number.tolist(), strict=True):
            whole = count == self.size[lane]
            self.trains[lane] = b"" if whole else split(self.trains[lane], count, REPORT)[1]
        self.size[lanes] -= number.astype(np.int32)

    @property
    def kept(self) -> tuple[list[bytes], bytes]:
        """All of it, for `restore`."""
        return self.trains, self.size[: len(self.trains)].tobytes()

    def restore(self, kept: tuple[list[bytes], bytes]) -> None:
        """What `kept` was."""
        self.trains, size = kept
        self.size = np.zeros(max(FIRST_CAPACITY, len(self.trains)), np.int32)
        self.size[: len(self.trains)] = np.frombuffer(size, np.int32)
