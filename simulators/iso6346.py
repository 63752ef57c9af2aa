"""Container numbers by ISO 6346: owner, category, six digits and their check digit."""

from __future__ import annotations

import string

_LETTERS = dict(
    zip(string.ascii_uppercase, (n for n in range(10, 39) if n % 11 != 0), strict=True)
)  # multiples of 11 are left out by the standard


def check_digit(prefix_and_serial: str) -> int:
    """Check digit of four letters and six digits: weights 2^position, mod 11, then mod 10."""
    values = (_LETTERS[c] if c in _LETTERS else int(c) for c in prefix_and_serial)
    return sum(value << position for position, value in enumerate(values)) % 11 % 10


def container_number(owner: str, serial: int) -> str:
    """Number of container ``serial`` (0-999999) of ``owner`` (three letters), category U."""
    stem = f"{owner}U{serial:06d}"
    return f"{stem}{check_digit(stem)}"
