"""Waiting times between tries: exponential, capped, with jitter."""

from __future__ import annotations

import random
from collections.abc import Iterator


def backoff_s(
    first_s: float = 0.2, cap_s: float = 30.0, jitter: random.Random | None = None
) -> Iterator[float]:
    """Endless waiting times in seconds: doubling from ``first_s`` to ``cap_s``, each times 0.5-1.0."""
    dice = jitter or random.Random()  # noqa: S311 - spreads reconnects, guards nothing
    wait_s = first_s
    while True:
        yield wait_s * dice.uniform(0.5, 1.0)
        wait_s = min(cap_s, wait_s * 2)
