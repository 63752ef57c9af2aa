"""The custody log of one container: plans, authorisations, arming, checks, in event time.

Every question is answered for a moment in event time from all that is known
now, so that what arrives late corrects what was judged before.
"""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from anomaly.sphere import between_m
from sealtrail.contract.trip import Authorisation, Place, Trip, TripEvent, TripEventKind

FOREVER_MS = (1 << 63) - 1
PLAN_KINDS = frozenset({TripEventKind.PLANNED, TripEventKind.CHANGED, TripEventKind.ENDED})
REARM_KINDS = frozenset({TripEventKind.ARMED, TripEventKind.SEAL_CHECKED})


class Segment(msgspec.Struct, frozen=True):
    """A stretch of time in which one version of one trip's plan holds, end not included."""

    from_ms: int
    until_ms: int
    trip: Trip
    ended_at_ms: int | None  # when the trip ended, if it has

    def holds(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.until_ms


def within(place: Place, latitude_deg: float, longitude_deg: float, uncertainty_m: float) -> bool:
    """Whether a position lies in a circle, or may, given how far it may be wrong."""
    centre = (place.latitude_deg, place.longitude_deg)
    return between_m(centre, (latitude_deg, longitude_deg)) <= place.radius_m + uncertainty_m


class Custody:
    """Trip events of one container, bounded, and what follows from them."""

    def __init__(self, kept: int, events: list[TripEvent] | None = None) -> None:
        self._kept = kept
        self.events: list[TripEvent] = []
        self.segments: list[Segment] = []
        self.corridors: list[int] = []  # number of each segment's corridor; the judge interns them
        self._rearmed_at: list[int] = []
        self._ids: set[str] = set()
        if events:
            self.events = list(events)
            self._rebuild()

    @property
    def planned(self) -> bool:
        """Whether any trip is known at all."""
        return bool(self.segments)

    def add(self, event: TripEvent) -> bool:
        """Take an event in; False for one that is known already."""
        if event.event_id in self._ids:
            return False
        self.events.append(event)
        self.events.sort(key=lambda each: (each.occurred_at_ms, each.recorded_at_ms, each.event_id))
        while len(self.events) > self._kept:
            self._forget_one()
        self._rebuild()
        return True

    def _forget_one(self) -> None:
        """Drop the oldest event that no current plan rests on."""
        current = self.segments[-1].trip.trip_id if self.segments else ""
        for index, event in enumerate(self.events):
            plan_of = event.trip.trip_id if event.trip else event.trip_id
            if event.kind not in PLAN_KINDS or plan_of != current:
                del self.events[index]
                return
        del self.events[1 if len(self.events) > 1 else 0]

    def _rebuild(self) -> None:
        self._ids = {event.event_id for event in self.events}
        self._rearmed_at = [event.occurred_at_ms for event in self.events if event.kind in REARM_KINDS]
        self.segments = _segments(self.events)

    def segment_at(self, at_ms: int) -> Segment | None:
        """The plan that holds at a moment; of several the one that began last."""
        for segment in reversed(self.segments):
            if segment.holds(at_ms):
                return segment
        return None

    def corridor_at(self, at_ms: int) -> int:
        """Number of the corridor that holds at a moment, -1 for none."""
        for segment, number in zip(reversed(self.segments), reversed(self.corridors), strict=True):
            if segment.holds(at_ms):
                return number
        return -1

    def rearmed_between(self, after_ms: int, at_ms: int) -> bool:
        """Whether the seal was armed by hand or checked in (after, at]."""
        return bisect_right(self._rearmed_at, at_ms) > bisect_right(self._rearmed_at, after_ms)

    def authorisations_at(self, at_ms: int) -> list[Authorisation]:
        """Authorisations whose time covers a moment, whenever they became known."""
        granted = {
            event.authorisation.authorisation_id: event.authorisation
            for event in self.events
            if event.kind is TripEventKind.AUTHORISED and event.authorisation is not None
        }
        segment = self.segment_at(at_ms)
        if segment is not None:
            for authorisation in segment.trip.authorisations:
                granted.setdefault(authorisation.authorisation_id, authorisation)
        covering = [each for each in granted.values() if each.valid_from_ms <= at_ms <= each.valid_until_ms]
        return sorted(covering, key=lambda each: (each.valid_from_ms, each.authorisation_id))


def _segments(events: list[TripEvent]) -> list[Segment]:
    """Stretches of all trips, by beginning; events are in event-time order."""
    versions: dict[str, list[tuple[int, Trip]]] = {}
    ended: dict[str, int] = {}
    for event in events:
        if event.kind is TripEventKind.ENDED:
            trip_id = event.trip_id or (next(reversed(versions)) if versions else "")
            ended.setdefault(trip_id, event.occurred_at_ms)
        elif event.kind in PLAN_KINDS and event.trip is not None:
            trip, known = event.trip, versions.setdefault(event.trip.trip_id, [])
            begins = event.occurred_at_ms
            if trip.departs_at_ms is not None:
                begins = max(begins, trip.departs_at_ms) if known else trip.departs_at_ms
            if known and known[0][0] > event.occurred_at_ms:  # changed before it has begun
                known.clear()
                begins = begins if trip.departs_at_ms is None else trip.departs_at_ms
            known.append((begins, trip))
    segments = []
    starts = sorted(known[0][0] for known in versions.values())
    for trip_id, known in versions.items():
        end = ended.get(trip_id)
        following = starts[bisect_right(starts, known[0][0]) :]  # the next trip takes over
        begins_list = [begins for begins, _ in known]
        for index, (begins, trip) in enumerate(known):
            until = min([FOREVER_MS, *begins_list[index + 1 :], *following[:1]])
            until = until if end is None else min(until, end)
            if begins < until:
                segments.append(Segment(begins, until, trip, end))
    segments.sort(key=lambda segment: (segment.from_ms, segment.trip.trip_id))
    return segments
