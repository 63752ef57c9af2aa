"""What the devices of a container have shown of each of its trips, put together from their signals."""

from __future__ import annotations

from dataclasses import dataclass, field

from anomaly.custody import Segment
from anomaly.rules import passages
from anomaly.rules.rule import Case, Signal
from sealtrail.contract.trip import Checkpoint, Place, Trip


@dataclass(slots=True)
class Journey:
    """One trip in all versions of its plan, and its milestones in event-time order, of all devices."""

    segments: list[Segment]
    passed: dict[Place, list[Signal]] = field(default_factory=dict)  # by checkpoint
    beyond: dict[Place, list[Signal]] = field(default_factory=dict)
    ends: dict[int, list[Signal]] = field(default_factory=dict)  # by AT_ORIGIN, DEPARTED, LATE_START, ARRIVED

    @property
    def trip(self) -> Trip:
        """The newest version of its plan."""
        return self.segments[-1].trip

    @property
    def until_ms(self) -> int:
        """When it is over: ended, or another trip holds."""
        return self.segments[-1].until_ms

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Those that are watched."""
        return self.trip.checkpoints[: passages.KEPT]

    def passage(self, place: Place) -> Signal | None:
        """The first passage of a checkpoint."""
        return next(iter(self.passed.get(place, ())), None)

    def end(self, code: int) -> Signal | None:
        """The first AT_ORIGIN, DEPARTED, LATE_START or ARRIVED."""
        return next(iter(self.ends.get(code, ())), None)


def journeys(case: Case) -> list[Journey]:
    """All trips of a container whose milestones are known, oldest first."""
    if case.custody is None:
        return []
    found: dict[str, Journey] = {}
    for segment in case.custody.segments:
        found.setdefault(segment.trip.trip_id, Journey([])).segments.append(segment)
    signals = [signal for track in case.tracks_of(passages.NAME) for signal in track.signals]
    for signal in sorted(signals, key=lambda each: each.key):
        held = case.segment_at(signal.at.occurred_at_ms)
        if held is not None:
            _file(case, found[held.trip.trip_id], signal)
    given_up_ms = max((track.given_up[0] for track in case.tracks_of(passages.NAME)), default=0)
    return [journey for journey in found.values() if journey.until_ms > given_up_ms]


def _file(case: Case, journey: Journey, signal: Signal) -> None:
    if signal.code not in (passages.PASSED, passages.BEYOND):
        journey.ends.setdefault(signal.code, []).append(signal)
        return
    place = case.plans.places[int(signal.numbers["plan"])][int(signal.numbers["checkpoint"])]
    by_place = journey.passed if signal.code == passages.PASSED else journey.beyond
    by_place.setdefault(place, []).append(signal)
