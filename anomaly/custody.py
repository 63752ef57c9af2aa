"""The custody log of one container: plans, authorisations, arming, checks, in event time.

Every question is answered for a moment in event time from all that is known
now, so that what arrives late corrects what was judged before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import msgspec

from anomaly.custody_bounds import PLAN_KINDS, give_up
from anomaly.sphere import Structured, between_m
from sealtrail.contract.trip import Authorisation, Place, Trip, TripEvent, TripEventKind

FOREVER_MS = (1 << 63) - 1
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
        self.plans: list[Structured] = []  # of each segment, shape (1,) of `PLAN`; the judge interns them
        self._rearmed_at: list[int] = []
        self._ids: set[str] = set()
        if events:
            self.events = list(events)
            self._rebuild()

    @property
    def planned(self) -> bool:
        """Whether any trip is known at all."""
        return bool(self.segments)

    def add(self, event: TripEvent, now_ms: int) -> int | None:
        """Take an event in: up to when others are given up for it, 0 for none; None: it is known already."""
        if event.event_id in self._ids:
            return None
        self.events.append(event)
        self.events.sort(key=lambda each: (each.occurred_at_ms, each.recorded_at_ms, each.event_id))
        self._rebuild()
        if len(self.events) <= self._kept:
            return 0
        ends: dict[str, int] = {}
        for segment in self.segments:
            ends[segment.trip.trip_id] = max(segment.until_ms, ends.get(segment.trip.trip_id, 0))
        self.events, given_up_ms = give_up(self.events, ends, self._kept, now_ms)
        self._rebuild()
        return given_up_ms

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

    def plan_at(self, at_ms: int) -> Structured | None:
        """The plan that holds at a moment as numbers (`plans.PLAN`)."""
        for segment, plan in zip(reversed(self.segments), reversed(self.plans), strict=True):
            if segment.holds(at_ms):
                return plan
        return None

    def awaited_at(self, at_ms: int) -> Structured | None:
        """The plan of the trip that begins next, where none holds."""
        following = [i for i, segment in enumerate(self.segments) if segment.from_ms > at_ms]
        if not following:
            return None
        return self.plans[min(following, key=lambda i: self.segments[i].from_ms)]

    def corridor_at(self, at_ms: int) -> int:
        """Number of the corridor that holds at a moment, -1 for none."""
        plan = self.plan_at(at_ms)
        return -1 if plan is None else int(plan["corridor"][0])

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


def changed_from(before: list[Segment], after: list[Segment]) -> int | None:
    """First moment for which another plan holds in one list of segments than in the other; None: none."""
    return _differ_from(before, after, _trip_at)


def _trip_at(segments: list[Segment], at_ms: int) -> Trip | None:
    return next((each.trip for each in reversed(segments) if each.holds(at_ms)), None)


def looked_up_from(before: list[Segment], after: list[Segment]) -> int | None:
    """First moment at which rules find another plan, or await another one where none holds; None: none."""
    return _differ_from(before, after, _looked_up)


def _differ_from(
    before: list[Segment], after: list[Segment], held: Callable[[list[Segment], int], object]
) -> int | None:
    """First moment at which something else is held in one list than in the other."""
    times = {0} | {at for each in (*before, *after) for at in (each.from_ms, each.until_ms)}
    return next((at for at in sorted(times) if held(before, at) != held(after, at)), None)


def _looked_up(segments: list[Segment], at_ms: int) -> tuple[Trip | None, Trip | None]:
    held = _trip_at(segments, at_ms)
    if held is not None:
        return held, None
    coming = min((s for s in segments if s.from_ms > at_ms), key=lambda s: s.from_ms, default=None)
    return None, None if coming is None else coming.trip


class _Stint:
    """One stretch under watch of one trip: from its planning to its end, in versions of the plan."""

    def __init__(self, from_ms: int, trip: Trip) -> None:
        self.versions: list[tuple[int, Trip]] = [(from_ms, trip)]
        self.ended_at_ms: int | None = None

    @property
    def from_ms(self) -> int:
        return self.versions[0][0]

    def change(self, at_ms: int, trip: Trip) -> None:
        """The whole new plan from a moment on; one from before the beginning is the plan from the start."""
        if at_ms < self.from_ms:
            self.versions = [(at_ms if trip.departs_at_ms is None else trip.departs_at_ms, trip)]
        else:
            self.versions = [each for each in self.versions if each[0] < at_ms] + [(at_ms, trip)]

    def segments(self, takes_over_ms: int) -> list[Segment]:
        """Its plans; ``takes_over_ms`` is when the next trip begins."""
        end = min(takes_over_ms, FOREVER_MS if self.ended_at_ms is None else self.ended_at_ms)
        ends = [begins for begins, _ in self.versions[1:]] + [end]
        return [
            Segment(begins, min(until, end), trip, self.ended_at_ms)
            for (begins, trip), until in zip(self.versions, ends, strict=True)
            if begins < min(until, end)
        ]


def _segments(events: list[TripEvent]) -> list[Segment]:
    """Stretches of all trips, by beginning.

    What was recorded later knew what was recorded before: a change replaces
    the plan from its own time on, whatever later times were planned for, and
    leaves everything before as it was. A trip planned again after its end is
    under watch again, no earlier than that was recorded.
    """
    stints: list[_Stint] = []
    latest: dict[str, _Stint] = {}
    early_ends: dict[str, int] = {}
    for event in sorted(events, key=lambda each: (each.recorded_at_ms, each.occurred_at_ms, each.event_id)):
        if event.kind is TripEventKind.ENDED:
            trip_id = event.trip_id or (stints[-1].versions[-1][1].trip_id if stints else "")
            stint, at_ms = latest.get(trip_id), event.occurred_at_ms
            if stint is None:
                early_ends.setdefault(trip_id, at_ms)
            else:
                stint.ended_at_ms = at_ms if stint.ended_at_ms is None else min(stint.ended_at_ms, at_ms)
        elif event.kind in PLAN_KINDS and event.trip is not None:
            trip, stint = event.trip, latest.get(event.trip.trip_id)
            ended = None if stint is None else stint.ended_at_ms
            if stint is not None and (ended is None or event.kind is TripEventKind.CHANGED):
                stint.change(event.occurred_at_ms, trip)
                continue
            begins = event.occurred_at_ms if trip.departs_at_ms is None else trip.departs_at_ms
            if ended is not None and begins < ended:
                begins = max(ended, event.recorded_at_ms)
            latest[trip.trip_id] = _Stint(begins, trip)
            latest[trip.trip_id].ended_at_ms = early_ends.pop(trip.trip_id, None)
            stints.append(latest[trip.trip_id])
    starts = sorted(stint.from_ms for stint in stints)
    segments: list[Segment] = []
    for stint in stints:
        following = bisect_right(starts, stint.from_ms)
        segments += stint.segments(starts[following] if following < len(starts) else FOREVER_MS)
    segments.sort(key=lambda segment: (segment.from_ms, segment.trip.trip_id))
    return segments
