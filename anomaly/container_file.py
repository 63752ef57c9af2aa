"""What is kept of one container beside its devices' arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from anomaly.custody import Custody
from anomaly.ledger import Fixed, Ledger
from anomaly.rules.rule import Track


@dataclass(slots=True)
class ContainerFile:
    """A container, or a lone device: its custody log, its devices' transitions, what was told."""

    key: str
    paired: bool = False
    lanes: list[int] = field(default_factory=list)
    custody: Custody | None = None
    tracks: dict[tuple[int, str], Track] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=dict)
    fixed: Fixed = field(default_factory=Fixed)
    started: set[str] = field(default_factory=set)  # trips whose beginning was told

    def track(self, lane: int, device_id: str, rule: str) -> Track:
        """Signals of one device under one rule."""
        found = self.tracks.get((lane, rule))
        if found is None:
            found = self.tracks[lane, rule] = Track(lane, device_id, [])
        return found

    def fix_before(self, before_ms: int, now_ms: int) -> None:
        """Leave what was said of a time as it was said, whatever is known of it no more."""
        if before_ms > self.fixed.before_ms:
            self.fixed = msgspec.structs.replace(self.fixed, before_ms=before_ms, known_ms=now_ms)

    def fix_composed_before(self, before_ms: int) -> None:
        """The same for alerts that rest on others, of which some are given up."""
        if before_ms > self.fixed.composed_before_ms:
            self.fixed = msgspec.structs.replace(self.fixed, composed_before_ms=before_ms)

    def tracks_of(self, rule: str) -> list[Track]:
        """Tracks of one rule, in the order of the devices."""
        return [self.tracks[lane, rule] for lane in self.lanes if (lane, rule) in self.tracks]
