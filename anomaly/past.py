"""What is kept of one device before its ring while its reports come late or in bursts.

A block is some consecutive reports and the rules' state before them, so that a
late report is judged from the beginning of its own block, whatever rule looks
at it, and judging ends where a later block begins as it did (replay.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anomaly.reports import REPORT
from anomaly.rows import join
from anomaly.sphere import Structured
from anomaly.trains import pack, unpack

BLOCK_REPORTS = 8
"""Blocks are joined up to this, and cut in two where late reports make them twice as large."""
WIDE = 8
"""So many times as far as a late report went back, or as many as came at once, is kept from then on."""

Key = tuple[int, int]


class Block:
    """Consecutive reports (dtype `REPORT`) and the state before them (one row); packed until asked for."""

    __slots__ = ("_packed", "_reports", "_state", "size")

    def __init__(self, state: Structured, reports: Structured) -> None:
        self._state, self._reports, self.size = state, reports, len(reports)
        self._packed: tuple[bytes, bytes, np.dtype[Any]] | None = None

    @classmethod
    def packed(cls, state: bytes, reports: bytes, number: int, dtype: np.dtype[Any]) -> Block:
        """A block from trains of its state, which is of that type, and of so many reports."""
        made = cls.__new__(cls)
        made._packed, made.size = (state, reports, dtype), number  # noqa: SLF001 (of this class)
        return made

    def _unpack(self) -> None:
        if self._packed is not None:
            state, reports, dtype = self._packed
            self._state, _ = unpack([state], dtype)
            self._reports, _ = unpack([reports], REPORT)
            self._packed = None

    @property
    def state(self) -> Structured:
        """May be written."""
        self._unpack()
        return self._state

    @state.setter
    def state(self, state: Structured) -> None:
        self._unpack()
        self._state = state

    @property
    def reports(self) -> Structured:
        """May be written."""
        self._unpack()
        return self._reports

    @property
    def trains(self) -> tuple[bytes, bytes]:
        """The state and the reports, packed."""
        if self._packed is not None:
            return self._packed[:2]
        [state], [reports] = pack(self._state, [1]), pack(self._reports, [self.size])
        return state, reports

    @property
    def leaving(self) -> Structured | bytes:
        """The reports as they are: packed or not."""
        return self._reports if self._packed is None else self._packed[1]

    @property
    def key(self) -> Key:
        """Of the report before the block's first one; every later report, up to the next block's, is its."""
        return int(self.state["last_t"][0]), int(self.state["last_rid"][0])


@dataclass(slots=True, eq=False)
class Past:
    """Blocks before a lane's ring, oldest first; ``keep`` reports of the lane, the ring's among them."""

    blocks: list[Block] = field(default_factory=list)
    keep: int = 0
    quiet: int = 0  # reports in order since any came late or in a burst
    size: int = 0  # number of reports

    def expect(self, keep: int, coming: int) -> None:
        """Keep so many reports from now on, until it has been quiet after the ``coming`` ones."""
        self.keep, self.quiet = max(self.keep, keep), -coming

    def grow_quiet(self, reports: int, least: int) -> None:
        """So many came in order: after as many as the latest one went back nothing more is expected."""
        self.quiet += reports
        if self.quiet >= max(self.keep // WIDE, least):
            self.keep = 0

    def replace(self, first: int, blocks: Iterable[Block]) -> None:
        """New blocks from number ``first`` on."""
        self.size -= sum(block.size for block in self.blocks[first:])
        del self.blocks[first:]
        for block in blocks:
            self.push(block)

    def pop_oldest(self) -> Block:
        """Take the oldest block out."""
        block = self.blocks.pop(0)
        self.size -= block.size
        return block

    def push(self, block: Block) -> None:
        """Add the newest block; a small one becomes part of the one before."""
        self.size += block.size
        last = self.blocks[-1] if self.blocks else None
        if last is not None and last.size + block.size <= BLOCK_REPORTS:
            self.blocks[-1] = Block(last.state, join((last.reports, block.reports)))
        else:
            self.blocks.append(block)

    def holds(self, key: Key, *, whenever: bool) -> bool:
        """Whether a report is among them; ``whenever``: by its identity alone."""
        blocks = self.blocks
        if not whenever:
            place = block_of(blocks, key)
            blocks = blocks[place : place + 1] if place >= 0 else []
        return any(bool((block.reports["rid"] == np.uint64(key[1])).any()) for block in blocks)


def block_of(blocks: list[Block], key: Key) -> int:
    """Number of the block to which a report belongs; -1: it is older than all."""
    return bisect_left(blocks, key, key=lambda block: block.key) - 1
