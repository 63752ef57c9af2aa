"""Items as encoded pieces, none larger than the log takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

MAX_CHUNK_BYTES = 512 * 1024
"""Half of what an external NATS server takes by default (1 MB)."""

T = TypeVar("T")


def encoded(encode: Callable[[Sequence[T]], bytes], items: Sequence[T]) -> list[bytes]:
    """Items, in order; a single one that is larger is a piece all the same."""
    piece = encode(items)
    if len(piece) <= MAX_CHUNK_BYTES or len(items) == 1:
        return [piece]
    half = len(items) // 2
    return encoded(encode, items[:half]) + encoded(encode, items[half:])
