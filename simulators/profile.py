"""`Profile`: everything that a world is made from; equal profiles make equal bytes."""

from __future__ import annotations

import msgspec

HOUR_MS = 3_600_000


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """``start_ms`` to ``live_ms`` is the past, reported every few minutes; then every few seconds.

    ``end_ms`` None means without end. Rates are parts of the reports.
    """

    seed: int
    containers: int
    start_ms: int
    live_ms: int
    end_ms: int | None = None
    duplicate_rate: float = 0.02
    corrupt_rate: float = 0.005
    cell_fix_rate: float = 0.03
    stale_fix_rate: float = 0.01

    @property
    def past_ms(self) -> int:
        return self.live_ms - self.start_ms

    @property
    def past_hours(self) -> float:
        return self.past_ms / HOUR_MS
