"""How many connections there may be: in all, and from one address."""

from __future__ import annotations

from collections import Counter


class Limits:
    """Counts connections of all ports."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._by_address: Counter[str] = Counter()
        self._count = 0

    @property
    def count(self) -> int:
        """Connections now."""
        return self._count

    def enter(self, address: str) -> str | None:
        """Counts a connection; the name of the limit instead if one is reached."""
        if self._count >= self._most:
            return "too_many_connections"
        if self._by_address[address] >= self._most_per_address:
            return "too_many_from_address"
        self._count += 1
        self._by_address[address] += 1
        return None

    def move(self, before: str, after: str) -> str | None:
        """A proxy has told whose connection it is; the name of a limit if that address has too many."""
        if self._by_address[after] >= self._most_per_address:
            return "too_many_from_address"
        self.leave(before)
        return self.enter(after)

    def leave(self, address: str) -> None:
        """A connection has ended."""
        self._count -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
