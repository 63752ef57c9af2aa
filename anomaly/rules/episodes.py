"""From signals that open, worsen and end something to stretches of time, those of several devices merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anomaly.custody import Segment
from anomaly.reports import Sighting
from anomaly.rules.rule import Case, Signal, Spot, Track


@dataclass(slots=True)
class Episode:
    """One device's stretch: from the first report that shows it to its end."""

    lane: int
    first: Sighting
    opened: Signal
    segment: Segment
    worse: Signal | None = None
    end: Signal | None = None  # None with ``end_ms``: the end of the trip
    end_ms: int | None = None


@dataclass(slots=True)
class Merged:
    """Episodes of a container's devices that overlap: one thing, which ends with the last of them."""

    episodes: list[Episode]

    @property
    def first(self) -> Episode:
        return self.episodes[0]

    @property
    def last(self) -> Episode:
        """The one that ends last."""
        forever = 1 << 63
        return max(self.episodes, key=lambda each: forever if each.end_ms is None else each.end_ms)

    @property
    def end_ms(self) -> int | None:
        return self.last.end_ms

    @property
    def worse(self) -> Signal | None:
        """The earliest signal that makes it worse."""
        found = [each.worse for each in self.episodes if each.worse is not None]
        return min(found, key=lambda signal: signal.key, default=None)

    @property
    def evidence(self) -> tuple[Sighting, ...]:
        """First and proving reports of all devices, oldest first."""
        reports: list[Sighting] = []
        for each in self.episodes:
            reports += [each.first, each.opened.at, *([each.worse.at] if each.worse else [])]
        return tuple(
            {report.key: report for report in sorted(reports, key=lambda report: report.key)}.values()
        )


def episodes(case: Case, track: Track, opens: int, worsens: int = -1) -> list[Episode]:
    """A device's stretches under a trip: any signal but ``worsens`` ends one; so does its trip."""
    found: list[Episode] = []
    current: Episode | None = None
    for signal in track.signals:
        if signal.code == opens:
            segment = case.segment_at(signal.at.occurred_at_ms)
            current = None
            if segment is not None:
                current = Episode(track.lane, signal.first or signal.at, signal, segment)
                found.append(current)
        elif current is not None and signal.code == worsens:
            current.worse = current.worse or signal
        elif current is not None:
            current.end, current.end_ms = signal, signal.at.occurred_at_ms
            current = None
    for each in found:
        ended = each.segment.ended_at_ms
        if ended is not None and (each.end_ms is None or each.end_ms > ended):
            each.end, each.end_ms = None, max(ended, each.opened.at.occurred_at_ms)
    return found


def _overlaps(group: Merged, each: Episode) -> bool:
    """Whether an episode begins before a group ends; what one device begins where it ends is another one."""
    end_ms, begins_ms = group.end_ms, each.first.occurred_at_ms
    return end_ms is None or end_ms > begins_ms or (end_ms == begins_ms and group.last.lane != each.lane)


def merged(found: Iterable[Episode], same: Callable[[Episode], object]) -> list[Merged]:
    """Group what overlaps in time and is the same thing, oldest first."""
    groups: list[Merged] = []
    for each in sorted(found, key=lambda each: each.first.key):
        for group in groups:
            if _overlaps(group, each) and same(group.first) == same(each):
                group.episodes.append(each)
                break
        else:
            groups.append(Merged([each]))
    return groups


def trip_of(episode: Episode) -> object:
    """Key of what is one thing for a trip."""
    return episode.segment.trip.trip_id


def spot_of(at: Sighting) -> Spot | None:
    """The place of a report."""
    if at.latitude_deg is None or at.longitude_deg is None:
        return None
    return Spot(at.latitude_deg, at.longitude_deg, at.uncertainty_m, at.occurred_at_ms)
