"""`EvaluationProfile`: everything that an evaluation world is made from."""

from __future__ import annotations

import msgspec

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
START_MS = 1_788_220_800_000
"""2026-09-01T00:00:00Z: worlds begin here unless told otherwise, so that a seed is a world."""


class EvaluationProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Equal profiles make equal readings. Rates are parts of the reports."""

    seed: int
    containers: int
    days: float
    start_ms: int = START_MS
    tick_ms: int = 300_000
    slow_rate: float = 0.01  # minutes late
    late_rate: float = 0.002  # hours to days late
    duplicate_rate: float = 0.02
    shuffle_rate: float = 0.0  # of the backlogs: in no order at all; the rest in one of three orders

    @property
    def end_ms(self) -> int:
        return self.start_ms + round(self.days * DAY_MS)
