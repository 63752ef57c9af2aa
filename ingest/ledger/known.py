"""`Known`: identities of readings that were counted, as far back as memory allows."""

from __future__ import annotations

from array import array

_MASK = (1 << 64) - 1


def _packed(identities: set[int]) -> bytes:
    try:
        return array("Q", identities).tobytes()
    except OverflowError:  # not of our making
        return array("Q", {identity & _MASK for identity in identities}).tobytes()


class Known:
    """A bounded set that forgets the oldest; has at least the last ``capacity // 2`` identities."""

    def __init__(self, capacity: int) -> None:
        self._half = capacity // 2
        self._young: set[int] = set()
        self._old: set[int] = set()

    def __contains__(self, identity: int) -> bool:
        return identity in self._young or identity in self._old

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def has_none_of(self, identities: set[int]) -> bool:
        """Whether all are new."""
        return self._young.isdisjoint(identities) and self._old.isdisjoint(identities)

    def add(self, identities: set[int]) -> None:
        self._young |= identities
        if len(self._young) > self._half:
            self._old = self._young if self._half else set()
            self._young = set()

    def pack(self) -> tuple[bytes, bytes]:
        """Both generations as unsigned 64 bit numbers."""
        return _packed(self._old), _packed(self._young)

    def unpack(self, generations: tuple[bytes, bytes]) -> None:
        """Takes what `pack` has given; raises ``ValueError`` for other bytes."""
        old, young = array("Q"), array("Q")
        old.frombytes(generations[0])
        young.frombytes(generations[1])
        self._old, self._young = set(old), set(young)
