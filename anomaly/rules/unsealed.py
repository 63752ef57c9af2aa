"""A trip that sets out with its seal open or cut: what no change of the seal under the trip would show.

What: a seal of the trip says that it is open or cut since before the trip
began, the container has left its origin, and the seal says so still
``unsealed_departure_s`` after that, in a report of its own: one that reports
seldom may have been closed long before it says so. While it stands in its
origin it may be sealed later than planned. When: at the departure. An authorisation that covers
time and place of the departure allows it.

Severity and settings: those of the breach rules, and unsealed_departure_s.
Source: ../shared/ALERTS.md; a trip's departure is when its seal is under watch.
"""

from __future__ import annotations

import msgspec

from anomaly.custody import FOREVER_MS
from anomaly.rules import passages
from anomaly.rules.breach import VERSION, BreachRule
from anomaly.rules.milestones import Journey
from anomaly.rules.rule import Case, Finding, Signal, Track, planned_moment, severity_under
from anomaly.rules.seal_opened import leave_at, own_spot
from anomaly.words import moment, span, subject

SAID_SO = "said_so_ms"
"""Among a signal's figures: when the report before it was made, where it ends something."""


def left_unsealed(case: Case, known: list[Journey], rule: BreachRule, bits: int, state: str) -> list[Finding]:
    """Findings of all seals that were ``state`` when their trips left, ``bits`` being the condition's."""
    found: list[Finding] = []
    for journey in known:
        departed = journey.end(passages.DEPARTED)
        if departed is None:
            continue
        for track in case.tracks:
            if not journey.trip.device_ids or track.device_id in journey.trip.device_ids:
                finding = _left(case, journey, departed, track, rule, bits, state)
                found += [] if finding is None else [finding]
    return found


def _left(
    case: Case, journey: Journey, departed: Signal, track: Track, rule: BreachRule, bits: int, state: str
) -> Finding | None:
    settings, at_ms = case.settings, departed.at.occurred_at_ms
    sure_ms = at_ms + round(settings.unsealed_departure_s * 1000)
    said_ms, until_ms = _lasting_ms(case, track, bits, journey.segments[0].from_ms)
    segment = case.segment_at(at_ms)
    if segment is None:
        return None
    if said_ms < sure_ms:
        if until_ms == FOREVER_MS and case.now_ms < journey.until_ms:
            case.wake(max(sure_ms, case.now_ms + round(settings.sweep_interval_s * 1000)))
        return None
    place = departed.place or own_spot(departed.at)
    if leave_at(case, place, at_ms) is not None:
        return None
    trip_id = segment.trip.trip_id
    start = msgspec.structs.replace(
        planned_moment(trip_id, f"unsealed/{rule.name}/{track.device_id}", at_ms),
        device_id=track.device_id,
        received_at_ms=max(departed.at.received_at_ms, sure_ms),
    )
    return Finding(
        type=rule.type,
        rule=rule.name,
        rule_version=VERSION,
        scope=trip_id,
        trip_id=trip_id,
        lane=track.lane,
        start=start,
        shown_by=start,
        severity=severity_under(segment, rule.type),
        sentence=f"{subject(track.device_id, case.key)} was {state} when its trip left the origin "
        f"{moment(at_ms)}, and so it was {span(sure_ms - at_ms)} later.",
        group=track.device_id,
        until_ms=None if until_ms == FOREVER_MS else until_ms,
        place=place,
        settings={"unsealed_departure_s": settings.unsealed_departure_s},
        details={"unsealed_departure": True},
        evidence=(departed.at,),
    )


def _lasting_ms(case: Case, track: Track, bits: int, began_ms: int) -> tuple[int, int]:
    """When a seal last said what it had said since before a trip, and when otherwise; 0, 0: nothing."""
    if track.given_up[0] >= began_ms:
        return 0, 0
    before = [signal for signal in track.signals if signal.at.occurred_at_ms < began_ms]
    if not (before[-1].word if before else track.base) & bits:
        return 0, 0
    for signal in track.signals[len(before) :]:
        if not signal.word & bits:
            return round(signal.numbers.get(SAID_SO, 0)), signal.at.occurred_at_ms
    return int(case.live(track.lane)["last_t"]), FOREVER_MS
