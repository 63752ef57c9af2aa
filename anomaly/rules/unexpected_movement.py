"""UNEXPECTED_MOVEMENT: it moves while it should stand.

What: (a) *before departure*: a trip is planned and no other holds; the
container has been seen in the trip's origin since it was planned, and is now
outside by more than the fix's uncertainty. From the planning to the departure
it is declared to stand in its origin (where a trip names none, within the half
width of its corridor's beginning). (b) *said by the device* (ILLEGAL_MOVEMENT),
under a trip or before the departure of one.

When: (a) at the ``dwell_reports``-th report outside, or ``dwell_s`` after the
first (within ``dwell_spacing_s`` they count once), dated to the first; it ends
back in the origin, or with the departure that was planned. (b) at the first
report that says so; it ends at one that doesn't. A fix that may be wrong by
more than ``coarse_fix_m`` says nothing. A plan changed to an earlier departure
takes (a) back.

Settings: dwell_reports, dwell_s, dwell_spacing_s, coarse_fix_m,
uncertainty_factor. Source: ALERTS.md. Equivalents: JT/T 808 bit 28.
"""

from __future__ import annotations

import numpy as np

from anomaly.custody import Segment
from anomaly.plan_parts import ends_of
from anomaly.rows import put, take
from anomaly.rules.episodes import Episode, Merged, merged, spot_of
from anomaly.rules.rule import Case, Cleared, Finding, Rows, Signal, Track, severity_under
from anomaly.rules.trail import FIX, fixes_of, seen, slack_of, telling
from anomaly.sphere import Bools, Ints, distance_m
from anomaly.words import device_on, lateness, moment, span
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import TripEventKind

NAME = "unexpected_movement"
VERSION = 1
AWAY, BACK, SAID, UNSAID = 1, 2, 3, 4
ILLEGAL = np.uint32(SealEvent.ILLEGAL_MOVEMENT)


class UnexpectedMovement:
    """Keeps whether it was in the origin of the trip that is awaited, and the first report outside."""

    name = NAME
    version = VERSION
    types = (AlertType.UNEXPECTED_MOVEMENT,)
    state = (
        ("early_trip", "u4"),  # the trip that is awaited
        ("early_in", "u1"),
        ("early_n", "u2"),
        ("early_level", "u1"),
        ("early_said", "u1"),
        ("early_first", FIX),
        ("early_t", "i8"),  # newest report that counted
    )

    def step(self, rows: Rows) -> None:
        said = (rows.reports["events"] & ILLEGAL) != 0
        changed = said != (rows.state["early_said"] != 0)
        if changed.any():
            for i in np.flatnonzero(changed & (rows.plan["watched"] | (rows.plan["awaited"] != 0))).tolist():
                rows.emit(i, NAME, Signal(SAID if said[i] else UNSAID, rows.sighting_of(i), order=1))
            rows.state["early_said"] = said
        awaited = rows.plan["awaited"] != 0
        if awaited.any():
            self._before_departure(rows, awaited)

    def _before_departure(self, rows: Rows, awaited: Bools) -> None:
        state, settings, ends = rows.state, rows.settings, rows.plans.ends
        slack = slack_of(rows)
        index = np.flatnonzero(awaited & telling(rows, slack) & (rows.plan["ends"] >= 0))
        if not index.size:
            return
        other = index[state["early_trip"][index] != rows.plan["awaited"][index]]
        for name, value in (("trip", rows.plan["awaited"][other]), ("in", 0), ("n", 0), ("level", 0)):
            state["early_" + name][other] = value
        of = rows.plan["ends"][index]
        away = distance_m(ends.vectors[of, 0], rows.vectors[index]) - ends.radius_m[of, 0]
        within, out = away <= slack[index], away > slack[index]
        for i in index[within & (state["early_level"][index] > 0)].tolist():
            rows.emit(i, NAME, Signal(BACK, rows.sighting_of(i)))
        home = index[within]
        state["early_in"][home] = 1
        state["early_n"][home] = state["early_level"][home] = 0
        gone = index[out & (state["early_in"][index] > 0) & (state["early_level"][index] == 0)]
        self._leave(rows, gone, settings.dwell_spacing_s * 1000)

    def _leave(self, rows: Rows, gone: Ints, spacing_ms: float) -> None:
        """Count reports outside; enough of them are a movement."""
        state, settings, t = rows.state, rows.settings, rows.reports["t"]
        counts = gone[(state["early_n"][gone] == 0) | (t[gone] - state["early_t"][gone] >= spacing_ms)]
        first = counts[state["early_n"][counts] == 0]
        put(state["early_first"], first, fixes_of(take(rows.reports, first)))
        state["early_n"][counts] += 1
        state["early_t"][counts] = t[counts]
        lasted = t[gone] - state["early_first"]["t"][gone] >= max(1, settings.dwell_s * 1000)
        for i in gone[lasted | (state["early_n"][gone] >= settings.dwell_reports)].tolist():
            at = rows.sighting_of(i)
            rows.emit(i, NAME, Signal(AWAY, at, first=seen(state["early_first"][i], at.device_id)))
            state["early_level"][i] = 1

    def begins(self, signal: Signal) -> bool:
        return signal.code in (AWAY, SAID)

    def findings(self, case: Case) -> list[Finding]:
        found: list[Finding] = []
        left = [each for track in case.tracks for each in _departures(case, track)]
        found += [_left(case, group) for group in merged(left, lambda each: each.segment.trip.trip_id)]
        for track in case.tracks:
            found += [_told(case, each) for each in _sayings(case, track)]
        return found


def _awaited(case: Case, at_ms: int) -> Segment | None:
    """The trip that is planned next, where none holds at a time."""
    if case.custody is None or case.segment_at(at_ms) is not None:
        return None
    following = [each for each in case.custody.segments if each.from_ms > at_ms]
    return min(following, key=lambda each: each.from_ms, default=None)


def _planned_at_ms(case: Case, segment: Segment) -> int:
    """From when on a trip is planned."""
    events = case.custody.events if case.custody is not None else []
    planned = [
        event.occurred_at_ms
        for event in events
        if event.kind is TripEventKind.PLANNED and event.trip and event.trip.trip_id == segment.trip.trip_id
    ]
    return min(planned, default=segment.from_ms)


def _departures(case: Case, track: Track) -> list[Episode]:
    """A device's movements before departures."""
    found: list[Episode] = []
    current: Episode | None = None
    for signal in track.signals:
        if signal.code == AWAY:
            first = signal.first or signal.at
            segment = _awaited(case, signal.at.occurred_at_ms)
            current = None
            if segment is not None and first.occurred_at_ms >= _planned_at_ms(case, segment):
                current = Episode(track.lane, first, signal, segment)
                if case.now_ms >= segment.from_ms:
                    current.end_ms = segment.from_ms
                else:
                    case.wake(segment.from_ms)
                found.append(current)
        elif signal.code == BACK and current is not None:
            current.end, current.end_ms, current = signal, signal.at.occurred_at_ms, None
    return found


def _left(case: Case, group: Merged) -> Finding:
    episode, settings = group.first, case.settings
    trip, at = episode.segment.trip, episode.opened.at
    origin = ends_of(trip)[0]
    name = origin.name if origin is not None else "its origin"
    late = lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s)
    finding = _finding(case, episode, group="departure")
    finding.sentence = (
        f"{case.key} left {name} {moment(episode.first.occurred_at_ms)}, "
        f"{span(episode.segment.from_ms - episode.first.occurred_at_ms)} before its planned departure{late}."
    )
    finding.details = {"why": "before_departure", "departs_at_ms": episode.segment.from_ms}
    finding.until_ms, finding.evidence = group.end_ms, group.evidence
    if group.end_ms is not None:
        end, at_ms = group.last.end, group.end_ms
        words = f"The planned departure of {case.key} has come {moment(at_ms)}."
        if end is not None:
            words = f"{case.key} is back at {name} {moment(at_ms)}."
        finding.cleared = Cleared(end.at if end is not None else None, at_ms, words)
    return finding


def _sayings(case: Case, track: Track) -> list[Episode]:
    """A device's own alarms of movement."""
    found: list[Episode] = []
    current: Episode | None = None
    for signal in track.signals:
        if signal.code == SAID:
            at_ms = signal.at.occurred_at_ms
            segment = case.segment_at(at_ms) or _awaited(case, at_ms)
            current = None
            if segment is not None:
                current = Episode(track.lane, signal.at, signal, segment)
                found.append(current)
        elif signal.code == UNSAID and current is not None:
            current.end, current.end_ms, current = signal, signal.at.occurred_at_ms, None
    for each in found:
        ended = each.segment.ended_at_ms
        if ended is not None and (each.end_ms is None or each.end_ms > ended):
            each.end, each.end_ms = None, max(ended, each.first.occurred_at_ms)
    return found


def _told(case: Case, episode: Episode) -> Finding:
    at = episode.first
    who = device_on(at.device_id, case.key)
    late = lateness(at.occurred_at_ms, at.received_at_ms, case.settings.late_after_s)
    finding = _finding(case, episode, group=f"said/{at.device_id}")
    finding.sentence = f"{who} says that it is moved without leave {moment(at.occurred_at_ms)}{late}."
    finding.details = {"why": "said_by_device"}
    finding.until_ms = episode.end_ms
    if episode.end_ms is not None:
        words = f"{who} doesn't say any more that it is moved without leave {moment(episode.end_ms)}."
        finding.cleared = Cleared(episode.end.at if episode.end else None, episode.end_ms, words)
    return finding


def _finding(case: Case, episode: Episode, group: str) -> Finding:
    settings, trip_id = case.settings, episode.segment.trip.trip_id
    return Finding(
        type=AlertType.UNEXPECTED_MOVEMENT,
        rule=NAME,
        rule_version=VERSION,
        scope=trip_id,
        trip_id=trip_id,
        lane=episode.lane,
        start=episode.first,
        shown_by=episode.opened.at,
        severity=severity_under(episode.segment, AlertType.UNEXPECTED_MOVEMENT),
        sentence="",
        group=group,
        place=spot_of(episode.first),
        settings={
            "dwell_reports": settings.dwell_reports,
            "dwell_s": settings.dwell_s,
            "dwell_spacing_s": settings.dwell_spacing_s,
            "uncertainty_factor": settings.uncertainty_factor,
        },
        evidence=(episode.first,),
    )
