"""OVERDUE: a departure, a checkpoint or an arrival later than planned.

What: the planned time and ``overdue_grace_s`` have passed.

* departure: a report in the origin shows that it is still there then; of trips
  that were planned before their departure. It ends when it leaves.
* checkpoint, with a time of its own: not passed by then. It ends with the
  passage, or with what shows that it was left out.
* arrival: not in the destination by then. It ends with the first report there.

When: event time decides, and evidence: a report of a later time that isn't
there yet; or a last report from so far away that it asks for more than
``checkpoint_speed_m_s`` to be there in time. Silence, a dead zone and sparse
reports are no lateness: without such a report it is overdue only after
``overdue_blind_s`` in which nothing shows the contrary. A passage between two
reports, of which the first is in time, is in time where it may have been. What
is reported late takes the alert back. All end with the trip, and where a changed
plan names a later time. The sentence says how far it has to go and when it would
arrive at its average speed of the last ``eta_window_s``.

Severity: medium. Dated to the planned time. A trip without origin or
destination has the ends of its corridor for them.

Settings: overdue_grace_s, overdue_blind_s, checkpoint_speed_m_s, eta_window_s,
eta_least_m_s, coarse_fix_m, uncertainty_factor. Source: ALERTS.md. Equivalents: none.
"""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.custody import FOREVER_MS, Segment
from anomaly.plan_parts import ends_of
from anomaly.reports import Sighting
from anomaly.rules import passages
from anomaly.rules.checkpoint_missed import proof_of_miss
from anomaly.rules.eta import progress
from anomaly.rules.milestones import Journey, journeys
from anomaly.rules.rule import Case, Cleared, Finding, Signal, Spot, planned_moment, severity_under
from anomaly.rules.trail import seen
from anomaly.sphere import between_m
from anomaly.words import lateness, moment, span
from sealtrail.contract.alert import AlertType
from sealtrail.contract.trip import Place, TripEventKind

NAME = "overdue"
VERSION = 2


@dataclass(frozen=True, slots=True)
class _Due:
    """Something that a version of a plan wants done by a time."""

    journey: Journey
    segment: Segment
    what: str  # "arrival", "checkpoint/NAME"
    missing: str  # words: "has not arrived at Malaba"
    done_words: str
    place: Place  # where it wants it to be
    at_ms: int
    done: Signal | None  # what shows that it is done
    instead: Signal | None = None  # what shows that it won't be done


class Overdue:
    """Rests on the milestones that `passages` finds; has no state of its own."""

    name = NAME
    version = VERSION
    types = (AlertType.OVERDUE,)

    def begins(self, signal: Signal) -> bool:
        del signal
        return True

    def findings(self, case: Case) -> list[Finding]:
        found: list[Finding] = []
        for journey in journeys(case):
            found += _late_start(case, journey)
            standing: dict[str, bool] = {}
            for due in _dues(journey):
                if not standing.get(due.what):  # an earlier version of the plan has said so already
                    finding = _judge(case, due)
                    if finding is not None:
                        standing[due.what] = finding.cleared is None
                        found.append(finding)
        return found


def _dues(journey: Journey) -> list[_Due]:
    """What each version of a trip's plan wants done by when."""
    found: list[_Due] = []
    arrived = journey.end(passages.ARRIVED)
    for segment in journey.segments:
        trip = segment.trip
        destination = ends_of(trip)[1]
        if trip.arrives_at_ms is not None and destination is not None:
            words = f"has not arrived at {destination.name}", f"arrived at {destination.name}"
            found.append(_Due(journey, segment, "arrival", *words, destination, trip.arrives_at_ms, arrived))
        for checkpoint in trip.checkpoints[: passages.KEPT]:
            if checkpoint.due_at_ms is not None:
                place = checkpoint.place
                indices = [i for i, each in enumerate(journey.checkpoints) if each.place == place]
                missed = proof_of_miss(journey, indices[0]) if indices else None
                words = f"has not passed the checkpoint {place.name}", f"passed the checkpoint {place.name}"
                instead = missed[0] if missed else None
                passed = journey.passage(place)
                what = f"checkpoint/{place.name}"
                found.append(
                    _Due(journey, segment, what, *words, place, checkpoint.due_at_ms, passed, instead)
                )
    return found


def _judge(case: Case, due: _Due) -> Finding | None:
    """Whether something is (or was) overdue; asks to be looked at again where it may become so."""
    settings, segment = case.settings, due.segment
    limit_ms = max(due.at_ms + round(settings.overdue_grace_s * 1000), segment.from_ms)
    sure_ms = limit_ms + round(settings.overdue_blind_s * 1000)
    if limit_ms >= segment.until_ms:
        return None
    settled = _settled(due)
    if settled is not None and settled.at.occurred_at_ms <= limit_ms:
        return None
    last = settled.last_inside if settled is not None else _last_seen(case, due)
    known_ms = settled.at.occurred_at_ms if settled is not None else min(case.now_ms, segment.until_ms)
    shown = known_ms > limit_ms and last is not None and _shows(case, due, last, limit_ms)
    if not shown and known_ms <= sure_ms:
        if settled is None:
            _wake(case, limit_ms, sure_ms)
        return None
    return _finding(case, due, last, limit_ms)


def _shows(case: Case, due: _Due, last: Sighting, limit_ms: int) -> bool:
    """Whether the last report that isn't there yet shows that it couldn't be there in time."""
    if last.occurred_at_ms > limit_ms:
        return True
    if last.latitude_deg is None or last.longitude_deg is None:
        return False
    settings = case.settings
    away_m = between_m(
        (last.latitude_deg, last.longitude_deg), (due.place.latitude_deg, due.place.longitude_deg)
    )
    least_m = away_m - due.place.radius_m - settings.uncertainty_factor * last.uncertainty_m
    return least_m > settings.checkpoint_speed_m_s * (limit_ms - last.occurred_at_ms) / 1000


def _wake(case: Case, limit_ms: int, sure_ms: int) -> None:
    """Look again as soon as a report may show something, and when nothing has for too long."""
    again_ms = case.now_ms + round(case.settings.sweep_interval_s * 1000)
    case.wake(limit_ms + 1 if case.now_ms <= limit_ms else min(again_ms, sure_ms + 1))


def _settled(due: _Due) -> Signal | None:
    """What has come of it: done, or shown to be left out, whichever is first."""
    found = [each for each in (due.done, due.instead) if each is not None]
    return min(found, key=lambda each: each.key, default=None)


def _last_seen(case: Case, due: _Due) -> Sighting | None:
    """The newest place of any device while the plan held."""
    found: list[Sighting] = []
    for lane, device_id in case.lanes.items():
        at = seen(case.live(lane)["trail"], device_id)
        if at is not None and at.occurred_at_ms < due.segment.until_ms:
            found.append(at)
    return max(found, key=lambda each: each.key, default=None)


def _finding(case: Case, due: _Due, last: Sighting | None, limit_ms: int) -> Finding:
    settings, trip = case.settings, due.segment.trip
    what, _, name = due.what.partition("/")
    start = planned_moment(trip.trip_id, f"{due.what}/{due.at_ms}", due.at_ms)
    cleared = _cleared(case, due)
    details: dict[str, float | int | str | bool | None] = {"what": what, "due_at_ms": due.at_ms}
    if name:
        details["checkpoint"] = name
    ahead = ""
    eta = progress(case, due.segment) if cleared is None else None
    if eta is not None:
        details |= eta.details
        ahead = f" {eta.words}"
    return Finding(
        type=AlertType.OVERDUE,
        rule=NAME,
        rule_version=VERSION,
        scope=trip.trip_id,
        trip_id=trip.trip_id,
        lane=next(iter(case.lanes), -1),
        start=start,
        shown_by=start,
        severity=severity_under(due.segment, AlertType.OVERDUE),
        sentence=(
            f"{case.key} {due.missing} by {moment(limit_ms)[3:]}; it was due {moment(due.at_ms)}.{ahead}"
        ),
        group=f"{due.what}/{due.at_ms}",
        until_ms=cleared.at_ms if cleared else None,
        cleared=cleared,
        place=_spot(last),
        place_is_last_known=last is not None,
        settings={
            "overdue_grace_s": settings.overdue_grace_s,
            "overdue_blind_s": settings.overdue_blind_s,
            "eta_window_s": settings.eta_window_s,
        },
        details=details,
        evidence=(last,) if last is not None else (start,),
    )


def _cleared(case: Case, due: _Due) -> Cleared | None:
    settled = _settled(due)
    over_ms = due.journey.until_ms
    replanned_ms = _put_off_ms(due)
    end_ms = min(over_ms, replanned_ms)
    if settled is not None and settled.at.occurred_at_ms < end_ms:
        at = settled.at
        late = span(at.occurred_at_ms - due.at_ms)
        if settled is due.done:
            words = f"{case.key} {due.done_words} {moment(at.occurred_at_ms)}, {late} later than planned."
        else:
            words = f"{case.key} {due.missing} and has gone on without it {moment(at.occurred_at_ms)}."
        return Cleared(at, at.occurred_at_ms, words, {"late_s": (at.occurred_at_ms - due.at_ms) // 1000})
    if end_ms == FOREVER_MS:
        return None
    if replanned_ms < over_ms:
        return Cleared(None, end_ms, f"The plan of {case.key} has another time since {moment(end_ms)[3:]}.")
    return Cleared(None, end_ms, f"The trip of {case.key} ended {moment(end_ms)}; it {due.missing}.")


def _put_off_ms(due: _Due) -> int:
    """When a later version of the plan named another time for it, or none."""
    name = due.what.partition("/")[2]
    for later in due.journey.segments:
        if later.from_ms <= due.segment.from_ms:
            continue
        trip = later.trip
        times = [each.due_at_ms for each in trip.checkpoints if each.place.name == name]
        wanted = (times or [None])[0] if name else trip.arrives_at_ms
        if wanted != due.at_ms:
            return later.from_ms
    return FOREVER_MS


def _late_start(case: Case, journey: Journey) -> list[Finding]:
    """Still in the origin after the planned departure."""
    late, settings = journey.end(passages.LATE_START), case.settings
    segment = journey.segments[0]
    departs_at_ms, origin = segment.trip.departs_at_ms, ends_of(segment.trip)[0]
    if late is None or departs_at_ms is None or origin is None or not _planned_before(case, segment):
        return []
    at, trip = late.at, segment.trip
    departed = journey.end(passages.DEPARTED)
    cleared = None
    if departed is not None:
        left_ms = departed.at.occurred_at_ms
        words = f"{case.key} left {origin.name} {moment(left_ms)}, {span(left_ms - departs_at_ms)} late."
        cleared = Cleared(departed.at, left_ms, words, {"late_s": (left_ms - departs_at_ms) // 1000})
    elif journey.until_ms != FOREVER_MS:
        words = f"The trip of {case.key} ended before it left {origin.name}."
        cleared = Cleared(None, journey.until_ms, words)
    said_late = lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s)
    return [
        Finding(
            type=AlertType.OVERDUE,
            rule=NAME,
            rule_version=VERSION,
            scope=trip.trip_id,
            trip_id=trip.trip_id,
            lane=next(iter(case.lanes), -1),
            start=planned_moment(trip.trip_id, f"departure/{departs_at_ms}", departs_at_ms),
            shown_by=at,
            severity=severity_under(segment, AlertType.OVERDUE),
            sentence=(
                f"{case.key} is still at {origin.name} {moment(at.occurred_at_ms)}; its departure was "
                f"planned for {moment(departs_at_ms)[3:]}{said_late}."
            ),
            group=f"departure/{departs_at_ms}",
            until_ms=cleared.at_ms if cleared else None,
            cleared=cleared,
            place=_spot(at),
            settings={"overdue_grace_s": settings.overdue_grace_s},
            details={"what": "departure", "due_at_ms": departs_at_ms},
            evidence=(at,),
        )
    ]


def _planned_before(case: Case, segment: Segment) -> bool:
    """Whether a trip was recorded before it was to depart."""
    events = case.custody.events if case.custody is not None else []
    recorded = [
        event.recorded_at_ms
        for event in events
        if event.kind is TripEventKind.PLANNED and event.trip and event.trip.trip_id == segment.trip.trip_id
    ]
    return bool(recorded) and min(recorded) <= segment.from_ms


def _spot(at: Sighting | None) -> Spot | None:
    if at is None or at.latitude_deg is None or at.longitude_deg is None:
        return None
    return Spot(at.latitude_deg, at.longitude_deg, at.uncertainty_m, at.occurred_at_ms)
