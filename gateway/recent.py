"""`Recent`: the identities of readings that the log has, as far back as memory allows."""

from __future__ import annotations


class Recent:
    """A bounded set that forgets the oldest, and the batch that is on its way to the log.

    Two generations instead of a linked list: adding a batch is one set
    operation. It always knows the last ``capacity // 2`` identities at least
    and about ``capacity`` at most.
    """

    def __init__(self, capacity: int) -> None:
        self._half = capacity // 2
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._on_the_way: set[int] = set()

    def __contains__(self, reading_id: object) -> bool:
        return reading_id in self._young or reading_id in self._old or reading_id in self._on_the_way

    def intersection(self, reading_ids: set[int]) -> set[int]:
        """Those of ``reading_ids`` that it knows."""
        return (reading_ids & self._young) | (reading_ids & self._old) | (reading_ids & self._on_the_way)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def hold(self, reading_ids: set[int]) -> None:
        """These are being appended; they count as known, and are forgotten unless confirmed."""
        self._on_the_way = reading_ids

    def confirm(self) -> None:
        """What was held is in the log now."""
        self._young |= self._on_the_way
        self._on_the_way = set()
        if len(self._young) > self._half:
            self._old = self._young if self._half else set()
            self._young = set()
