"""How many connections there may be: in all, and from one address."""

from __future__ import annotations

import functools
import ipaddress
from collections import Counter

NETWORK_BITS = 64
"""What one customer of IPv6 has at least: single addresses of it cost nothing."""


@functools.lru_cache(maxsize=4_096)
def neighbourhood(address: str) -> str:
    """As what an address is counted: itself, or of IPv6 its network of `NETWORK_BITS`."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, NETWORK_BITS), strict=False))


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

    def enter(self, address: str, *, of_many: bool = False) -> str | None:
        """Counts a connection; the name of the limit instead if one is reached.

        ``of_many``: the address stands for many, and has no limit of its own.
        """
        address = neighbourhood(address)
        if self._count >= self._most:
            return "too_many_connections"
        if not of_many and self._by_address[address] >= self._most_per_address:
            return "too_many_from_address"
        self._count += 1
        self._by_address[address] += 1
        return None

    def move(self, before: str, after: str) -> str | None:
        """A proxy has told whose connection it is; the name of a limit if that address has too many."""
        if self._by_address[neighbourhood(after)] >= self._most_per_address:
            return "too_many_from_address"
        self.leave(before)
        return self.enter(after)

    def leave(self, address: str) -> None:
        """A connection has ended."""
        address = neighbourhood(address)
        self._count -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
