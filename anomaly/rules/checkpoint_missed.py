"""CHECKPOINT_MISSED: a planned checkpoint left out, or not passed in its turn.

What: a checkpoint is *passed* where a fix lies within its radius plus the fix's
uncertainty, or the straight way between two fixes leads through its circle. It
is taken for passed, though nobody has seen it, where between two fixes there
was time for the way there and on, at ``checkpoint_speed_m_s`` and no longer
than ``checkpoint_detour`` times the straight way or, of two fixes on the
corridor, than the corridor is between them (a gap in coverage is no proof that
it was left out), unless it lies ahead of both on their way, and where the
container was beyond it at its first report on the corridor under the plan.
Behind fixes that the network contradicts time alone counts. A
fix that may be wrong by more than the radius makes a passage possible and shows none.

When: not passed, and a report shows that it should have been: on the corridor
beyond it by its radius, the uncertainty and ``checkpoint_beyond_m``; or in the
circle of a later checkpoint; or in the destination. Dated to that report. On a
way of the corridor that leads past the checkpoint only the last two show it. A
passage after that ends it: out of its turn. So does the end of the trip. Any
device of the container may show a passage; a late report that does takes the
alert back. That a device may have passed it unseen doesn't excuse another that
can't have and is beyond it. The first 64 checkpoints of a trip are watched.

Settings: checkpoint_beyond_m, checkpoint_speed_m_s, checkpoint_detour,
wrong_way_winding, coarse_fix_m, uncertainty_factor, max_speed_m_s, time_slack_s, overdue_grace_s.
Source: ALERTS.md. Equivalents: JT/T 808 bits 21, 22.
"""

from __future__ import annotations

from anomaly.custody import FOREVER_MS
from anomaly.rules import passages
from anomaly.rules.episodes import spot_of
from anomaly.rules.milestones import Journey, journeys
from anomaly.rules.rule import Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.words import lateness, moment
from sealtrail.contract.alert import AlertType
from sealtrail.contract.trip import Place

NAME = passages.NAME
VERSION = 3


class CheckpointMissed:
    """Keeps which checkpoints each device has passed, may have, or left behind (`passages`)."""

    name = NAME
    version = VERSION
    types = (AlertType.CHECKPOINT_MISSED,)
    state = passages.STATE

    def step(self, rows: Rows) -> None:
        passages.step(rows)

    def begins(self, signal: Signal) -> bool:
        return signal.code in (passages.AT_ORIGIN, passages.DEPARTED)

    def findings(self, case: Case) -> list[Finding]:
        found: list[Finding] = []
        for journey in journeys(case):
            for index, checkpoint in enumerate(journey.checkpoints):
                proof = proof_of_miss(journey, index)
                if proof is not None:
                    found.append(_finding(case, journey, checkpoint.place, *proof))
        return found


def proof_of_miss(journey: Journey, index: int) -> tuple[Signal, str] | None:
    """The earliest report that shows that a checkpoint was left out, and what it shows."""
    place = journey.checkpoints[index].place
    beyond = journey.beyond.get(place, ())
    proofs = [
        (signal, f"beyond it near corridor km {signal.numbers['corridor_km']:.0f}")
        for signal in beyond
        if not _excused(journey, place, signal, sure=True)
    ]
    others = [
        (signal, f"at the later checkpoint {later.place.name}")
        for later in journey.checkpoints[index + 1 :]
        for signal in journey.passed.get(later.place, ())
        if signal.numbers["how"] == passages.FIX_SHOWS
    ]
    arrived = journey.end(passages.ARRIVED)
    if arrived is not None:
        others.append((arrived, "at its destination"))
    proofs += [each for each in others if not _excused(journey, place, each[0], sure=False)]
    return min(proofs, key=lambda each: each[0].key, default=None)


def _excused(journey: Journey, place: Place, proof: Signal, *, sure: bool) -> bool:
    """Whether a checkpoint was passed before a report that shows otherwise.

    ``sure``: the report's own device can't have passed it, so that another may have counts for nothing.
    """
    return any(
        passage.at.key <= proof.at.key and (not sure or passage.numbers["how"] in passages.CERTAIN)
        for passage in journey.passed.get(place, ())
    )


def _finding(case: Case, journey: Journey, place: Place, proof: Signal, shows: str) -> Finding:
    settings, trip, at = case.settings, journey.trip, proof.at
    after = (each for each in journey.passed.get(place, ()) if each.at.key > at.key)
    passage = next(after, None)
    late = lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s)
    cleared = _cleared(case, journey, place, passage)
    evidence = [each for each in (proof.last_inside, at) if each is not None]
    return Finding(
        type=AlertType.CHECKPOINT_MISSED,
        rule=NAME,
        rule_version=VERSION,
        scope=f"{trip.trip_id}/{place.name}",
        trip_id=trip.trip_id,
        lane=_lane_of(case, at.device_id),
        start=at,
        shown_by=at,
        severity=severity_under(case.segment_at(at.occurred_at_ms), AlertType.CHECKPOINT_MISSED),
        sentence=(
            f"{case.key} has missed the checkpoint {place.name}: it was {shows} "
            f"{moment(at.occurred_at_ms)} without having passed it{late}."
        ),
        group=place.name,
        until_ms=cleared.at_ms if cleared else None,
        cleared=cleared,
        place=spot_of(at),
        settings={
            "checkpoint_beyond_m": settings.checkpoint_beyond_m,
            "checkpoint_speed_m_s": settings.checkpoint_speed_m_s,
            "checkpoint_detour": settings.checkpoint_detour,
            "uncertainty_factor": settings.uncertainty_factor,
        },
        details={
            "checkpoint": place.name,
            "checkpoint_latitude_deg": place.latitude_deg,
            "checkpoint_longitude_deg": place.longitude_deg,
            "radius_m": place.radius_m,
            "out_of_turn": passage is not None,
        },
        evidence=tuple(evidence),
    )


def _cleared(case: Case, journey: Journey, place: Place, passage: Signal | None) -> Cleared | None:
    if passage is not None:
        at_ms = passage.at.occurred_at_ms
        words = f"{case.key} passed the checkpoint {place.name} out of its turn {moment(at_ms)}."
        return Cleared(passage.at, at_ms, words, {"out_of_turn": True})
    if journey.until_ms == FOREVER_MS:
        return None
    words = f"{case.key} had not passed the checkpoint {place.name} when its trip ended."
    return Cleared(None, journey.until_ms, words)


def _lane_of(case: Case, device_id: str) -> int:
    return next(lane for lane, each in case.lanes.items() if each == device_id)
