"""UNSCHEDULED_STOP: standing longer than allowed where no stop is planned.

What: reports stay within ``stop_radius_m`` (and the uncertainty of both fixes)
of where the stop began. A fix that may be wrong by more than ``stop_radius_m``
(a cell id) neither proves nor ends a stop. A silence is no stop, but one with
the same place at both ends is: it stood between. Not counted: stops in the
trip's origin, destination, allowed places, checkpoints and parking zones, or as
near to them as the fix may be wrong (where a trip names no origin or
destination, the ends of its corridor with their half width), and stops that
began before the trip: a late departure is OVERDUE's.

When: at the first report at which it has lasted ``stop_max_s``, or the trip's
own; dated to the first report of the stop. High instead of medium after
``stop_long_factor`` times that. It ends at a report further away than
``stop_leave_m``, or at the ``stop_leave_reports``-th in a row that is not
there, or with the trip.

Settings: stop_max_s, stop_long_factor, stop_radius_m, stop_leave_m,
stop_leave_reports, uncertainty_factor. Source: ALERTS.md; ../shared/DETECTION.md
5.6 items 8, 9. Equivalents: JT/T 808 bit 19.
"""

from __future__ import annotations

import numpy as np

from anomaly.custody import Segment, within
from anomaly.plan_parts import ends_of
from anomaly.reports import PLAUSIBLE, vectors_of
from anomaly.rows import put, take
from anomaly.rules.breach import where_words
from anomaly.rules.episodes import Episode, Merged, episodes, merged, spot_of, trip_of
from anomaly.rules.rule import Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.rules.trail import FIX, fixes_of, seen, slack_of
from anomaly.sphere import Bools, Floats, Structured, distance_m, point
from anomaly.words import lateness, moment, span
from sealtrail.contract.alert import AlertType, Severity
from sealtrail.contract.trip import Trip

NAME = "unscheduled_stop"
VERSION = 1
STOOD, LONG, MOVED = 1, 2, 3


class UnscheduledStop:
    """Keeps where it stands since when, and where it may have gone instead."""

    name = NAME
    version = VERSION
    types = (AlertType.UNSCHEDULED_STOP,)
    state = (
        ("stop_at", FIX),  # first report of the stop
        ("stop_else", FIX),  # first report of where it is instead
        ("stop_away", "u2"),  # reports in a row that were elsewhere
        ("stop_level", "u1"),  # 0, STOOD or LONG
    )

    def step(self, rows: Rows) -> None:
        state, settings = rows.state, rows.settings
        slack = slack_of(rows)
        use = (rows.reports["quality"] == PLAUSIBLE) & (slack <= settings.stop_radius_m)
        if not use.any():
            return
        away, wrong = _away(rows, state["stop_at"], slack)
        there = use & (state["stop_at"]["t"] > 0) & (away <= settings.stop_radius_m + wrong)
        elsewhere = use & ~there
        if elsewhere.any():
            there |= self._leave(rows, elsewhere, away > settings.stop_leave_m + wrong, slack)
        state["stop_away"] = np.where(there, 0, state["stop_away"])
        self._lasting(rows, there)

    def _leave(self, rows: Rows, elsewhere: Bools, far: Bools, slack: Floats) -> Bools:
        """Count reports elsewhere and follow who has left; which of them stand where they were last."""
        state, settings = rows.state, rows.settings
        off, wrong = _away(rows, state["stop_else"], slack)
        again = elsewhere & (state["stop_away"] > 0) & (off <= settings.stop_radius_m + wrong)
        fixes = fixes_of(rows.reports)
        fresh = elsewhere & ~again
        put(state["stop_else"], fresh, fixes[fresh])
        state["stop_away"] += elsewhere
        gone = elsewhere & (far | (state["stop_away"] >= settings.stop_leave_reports))
        gone |= elsewhere & (state["stop_at"]["t"] == 0)
        for i in np.flatnonzero(gone & (state["stop_level"] > 0)).tolist():
            rows.emit(i, NAME, Signal(MOVED, rows.sighting_of(i)))
        put(state["stop_at"], gone, take(state["stop_else"], gone))
        for name in ("away", "level"):
            state["stop_" + name] = np.where(gone, 0, state["stop_" + name])
        return gone & again

    def _lasting(self, rows: Rows, there: Bools) -> None:
        """Say when a stop has lasted too long, and much too long."""
        state, settings, own = rows.state, rows.settings, rows.plan["stop_max_s"]
        allowed_ms = np.where(np.isnan(own), settings.stop_max_s, own).astype(np.float64) * 1000
        lasted_ms = rows.reports["t"] - state["stop_at"]["t"]
        watched = there & rows.plan["watched"]
        for level, factor in ((STOOD, 1.0), (LONG, settings.stop_long_factor)):
            due = watched & (state["stop_level"] == level - 1) & (lasted_ms >= factor * allowed_ms)
            for i in np.flatnonzero(due).tolist():
                at = rows.sighting_of(i)
                numbers = {"lasted_s": float(lasted_ms[i] // 1000), "allowed_s": float(allowed_ms[i] / 1000)}
                first = seen(state["stop_at"][i], at.device_id)
                rows.emit(i, NAME, Signal(level, at, order=level, first=first, numbers=numbers))
            if due.any():
                state["stop_level"] = np.where(due, level, state["stop_level"])

    def begins(self, signal: Signal) -> bool:
        return signal.code == STOOD

    def findings(self, case: Case) -> list[Finding]:
        found = [each for track in case.tracks for each in episodes(case, track, STOOD, worsens=LONG)]
        found = [each for each in found if not _planned(case, each)]
        return [_finding(case, group) for group in merged(found, trip_of)]


def _away(rows: Rows, fixes: Structured, slack: Floats) -> tuple[Floats, Floats]:
    """How far each report is from a kept fix, and how far wrong that may be."""
    wrong = slack + rows.settings.uncertainty_factor * fixes["unc"].astype(np.float64)
    return distance_m(vectors_of(fixes), rows.vectors), wrong


def _planned(case: Case, episode: Episode) -> bool:
    """Whether a stop is none to wonder at: in an allowed place, or begun before the trip."""
    trip, first = episode.segment.trip, episode.first
    if first.occurred_at_ms <= _begins_ms(case, episode.segment):
        return True
    spot = spot_of(first)
    if spot is None:
        return True
    wrong_m = case.settings.uncertainty_factor * spot.uncertainty_m
    places = (*ends_of(trip), *trip.allowed_places, *(each.place for each in trip.checkpoints))
    if any(place and within(place, spot.latitude_deg, spot.longitude_deg, wrong_m) for place in places):
        return True
    return _parks(case, trip, spot.latitude_deg, spot.longitude_deg, wrong_m)


def _begins_ms(case: Case, segment: Segment) -> int:
    """When the watch of a segment's trip began."""
    segments = case.custody.segments if case.custody is not None else []
    same = [each.from_ms for each in segments if each.trip.trip_id == segment.trip.trip_id]
    return min(same, default=segment.from_ms)


def _parks(case: Case, trip: Trip, latitude_deg: float, longitude_deg: float, wrong_m: float) -> bool:
    zones, vector = case.plans.zones, point(latitude_deg, longitude_deg)[None, :]
    return any(zones.within(zones.number_of(each), vector, wrong_m)[0] for each in trip.parking_zones)


def _finding(case: Case, group: Merged) -> Finding:
    episode, settings = group.first, case.settings
    trip, signal, long = episode.segment.trip, episode.opened, group.worse
    severity = severity_under(episode.segment, AlertType.UNSCHEDULED_STOP)
    if (
        long is not None
        and severity.rank < Severity.HIGH.rank
        and not trip.severities.get("UNSCHEDULED_STOP")
    ):
        severity = Severity.HIGH
    newest = long or signal
    lasted_ms = newest.at.occurred_at_ms - episode.first.occurred_at_ms
    place = spot_of(episode.first)
    where = where_words(case, episode.segment, Signal(0, episode.first, place=place))[2]
    late = lateness(newest.at.occurred_at_ms, newest.at.received_at_ms, settings.late_after_s)
    return Finding(
        type=AlertType.UNSCHEDULED_STOP,
        rule=NAME,
        rule_version=VERSION,
        scope=trip.trip_id,
        trip_id=trip.trip_id,
        lane=episode.lane,
        start=episode.first,
        shown_by=signal.at,
        severity=severity,
        sentence=(
            f"{case.key} has stood for {span(lasted_ms)} outside allowed places{where}, since "
            f"{moment(episode.first.occurred_at_ms)[3:]} (allowed: "
            f"{span(round(signal.numbers['allowed_s'] * 1000))}){late}."
        ),
        until_ms=group.end_ms,
        cleared=_cleared(case, group),
        place=place,
        settings={
            "stop_max_s": signal.numbers["allowed_s"],
            "stop_long_factor": settings.stop_long_factor,
            "stop_radius_m": settings.stop_radius_m,
            "stop_leave_m": settings.stop_leave_m,
            "stop_leave_reports": settings.stop_leave_reports,
            "uncertainty_factor": settings.uncertainty_factor,
        },
        details={"lasted_s": lasted_ms // 1000, "allowed_s": signal.numbers["allowed_s"]},
        evidence=group.evidence,
    )


def _cleared(case: Case, group: Merged) -> Cleared | None:
    end_ms, end = group.end_ms, group.last.end
    if end_ms is None:
        return None
    lasted_ms = end_ms - group.first.first.occurred_at_ms
    if end is None:
        return Cleared(None, end_ms, f"{case.key} stood until its trip ended, {span(lasted_ms)}.")
    words = f"{case.key} moves again {moment(end_ms)} after standing for {span(lasted_ms)}."
    return Cleared(end.at, end_ms, words, {"lasted_s": lasted_ms // 1000})
