"""For how long a plan has a device on a trip, and when such a device is due to be heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anomaly.custody import FOREVER_MS, Segment
from anomaly.rules.rule import Case
from sealtrail.contract.trip import Trip, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings

PAIRINGS = frozenset({TripEventKind.PAIRED, TripEventKind.UNPAIRED})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time, end not included, for which the versions of one trip's plan name a device."""

    device_id: str
    nth: int  # of this device on this trip
    segments: tuple[Segment, ...]
    since_ms: int  # no earlier than the plan was known: until then it was nobody's to report
    until_ms: int

    @property
    def trip_id(self) -> str:
        return self.segments[0].trip.trip_id

    def at_beginning(self, case: Case) -> bool:
        """Whether the trip began with it."""
        custody = case.custody
        began = () if custody is None else (s for s in custody.segments if s.trip.trip_id == self.trip_id)
        return min((segment.from_ms for segment in began), default=-1) == self.since_ms

    def at_end(self, case: Case) -> bool:
        """Whether it ends with the trip."""
        custody = case.custody
        ends = () if custody is None else (s for s in custody.segments if s.trip.trip_id == self.trip_id)
        return max((segment.until_ms for segment in ends), default=FOREVER_MS) == self.until_ms

    def overdue(self, case: Case, since_ms: int, otherwise_s: float) -> tuple[Segment, int] | None:
        """Since when a device that isn't heard from a time on is silent, and the plan of that time.

        ``otherwise_s`` is what it is given where the plan names no interval.
        """
        for segment in self.segments:
            limit_ms = round(allowed_s(segment.trip, case.settings, otherwise_s) * 1000)
            due_ms = max(excused(case.outages, since_ms, limit_ms), segment.from_ms)
            if due_ms < min(segment.until_ms, self.until_ms):
                return segment, due_ms
        return None


def allowed_s(trip: Trip, settings: AnomalySettings, otherwise_s: float) -> float:
    """How long a device of a trip may be silent."""
    interval_s = trip.reporting_interval_s
    if interval_s is None:
        return otherwise_s
    return settings.silent_periods * interval_s + settings.silent_grace_s


def excused(outages: Iterable[tuple[int, int]], since_ms: int, limit_ms: int) -> int:
    """When a silence is one, times in which the log itself heard nothing starting it anew."""
    due_ms = since_ms + limit_ms
    for from_ms, until_ms in outages:
        if since_ms < until_ms and from_ms <= due_ms:
            due_ms = max(due_ms, until_ms + limit_ms)
    return due_ms


def stretches(case: Case, device_id: str) -> list[Stretch]:
    """All stretches of a device on the container's trips, by trip."""
    found: list[Stretch] = []
    trips: dict[str, list[list[Segment]]] = {}
    for segment in case.custody.segments if case.custody is not None else ():
        if device_id in segment.trip.device_ids:
            runs = trips.setdefault(segment.trip.trip_id, [])
            if runs and runs[-1][-1].until_ms == segment.from_ms:
                runs[-1].append(segment)
            else:
                runs.append([segment])
    for runs in trips.values():
        parts = [(run, begins, ends) for run in runs for begins, ends in _worn(case, device_id, run)]
        found += [Stretch(device_id, n, tuple(run), *times) for n, (run, *times) in enumerate(parts)]
    return found


def _worn(case: Case, device_id: str, run: list[Segment]) -> list[tuple[int, int]]:
    """The parts of a run between pairings and unpairings of its device."""
    events = case.custody.events if case.custody is not None else []
    trip_id = run[0].trip.trip_id
    named = (
        event.recorded_at_ms
        for event in events
        if event.trip is not None and event.trip.trip_id == trip_id and device_id in event.trip.device_ids
    )
    until_ms = run[-1].until_ms
    begins: int | None = max(run[0].from_ms, min(named, default=0))
    found: list[tuple[int, int]] = []
    for event in events:
        if event.kind not in PAIRINGS or event.device_id != device_id:
            continue
        at_ms = event.occurred_at_ms
        if begins is not None and not begins < at_ms < until_ms:
            continue
        if begins is not None:
            found.append((begins, at_ms))
        begins = max(at_ms, event.recorded_at_ms) if event.kind is TripEventKind.PAIRED else None
    if begins is not None:
        found.append((begins, until_ms))
    return [(each, ends) for each, ends in found if each < ends]
