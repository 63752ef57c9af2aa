"""What happens to one container's seal, in order of time."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

from sealtrail.contract.reading import SealEvent, SealState


class SealChange(NamedTuple):
    """Something happens at ``at_ms``; the seal reports it at once and stays in ``state`` from then on."""

    at_ms: int
    state: SealState
    events: SealEvent
    card_id: str | None = None
    has_fix: bool = True  # whether the device knows where it is at that moment
    event_no: int | None = None


class SealHistory:
    """The seal's changes; before the first it is sealed."""

    def __init__(self, changes: Sequence[SealChange]) -> None:
        self.changes = tuple(sorted(changes, key=lambda change: change.at_ms))
        self._times = [change.at_ms for change in self.changes]

    def state_at(self, at_ms: int) -> SealState:
        found = bisect.bisect_right(self._times, at_ms)
        return self.changes[found - 1].state if found else SealState.SEALED

    def door_open_at(self, at_ms: int) -> bool:
        """Whether the container's door stands open, for those that have a contact there."""
        return any(c.events & SealEvent.DOOR_OPENED and c.at_ms <= at_ms for c in self.changes)

    def mounted_at(self, at_ms: int) -> bool:
        """Whether housing and mount are untouched."""
        return not any(c.events & SealEvent.TAMPERED and c.at_ms <= at_ms for c in self.changes)
