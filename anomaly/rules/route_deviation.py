"""ROUTE_DEVIATION and BACK_ON_ROUTE: outside the planned corridor, and inside again.

What: a plausible fix lies outside if its distance beyond the corridor's edge
exceeds ``uncertainty_factor`` times its own radius, and it lies in none of the
trip's circles (origin, destination, allowed places). The ends of a corridor
are round caps of its half width. A fix between "surely outside" and "surely
inside" (a cell id on a narrow corridor) says neither. Jumps and stale fixes
are never used.

When: after ``dwell_reports`` reports outside, or once ``dwell_s`` has passed
between the first and the newest of them; reports within ``dwell_spacing_s`` of
each other count once. It began at the first. A silence, however long, opens
nothing and clears nothing. It ends after ``clear_reports`` reports inside by
``clear_fraction`` of the half width, with the end of the trip, or with another
corridor. Several devices of one container make one deviation, which ends with
the last of them.

Severity: high, or the trip's own; critical further than ``critical_beyond_m``
beyond the edge. Evidence: first and confirming report, offset, corridor
kilometre, point of departure.

Settings: those named, and leg_max_m. Source: ../shared/DETECTION.md 5.6 items
1, 2, 10; ALERTS.md. Equivalents: EAEU 03; JT/T 808 bit 23; NCTS incident 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomaly.corridor import Located
from anomaly.reports import FAR as IS_FAR
from anomaly.reports import HOME, MATTERS, NOTHING, OUTSIDE, PLAUSIBLE, REPORT, UNSURE
from anomaly.rows import put, take
from anomaly.rules import route_words
from anomaly.rules.gnss_spoofing import contradicted
from anomaly.rules.rule import Case, Finding, Rows, Signal
from anomaly.sphere import Bools, Floats, Ints, Structured, distance_m, point
from sealtrail.contract.alert import AlertType
from sealtrail.contract.trip import Place, Trip
from sealtrail.runtime.settings.anomaly import AnomalySettings

NAME = "route_deviation"
OUT, FAR, BACK, LEFT = 1, 2, 3, 4  # confirmed; critical; inside again; the plan no longer applies


class _Judged(NamedTuple):
    """What one fix says about the corridor."""

    outside: Bools
    inside: Bools
    well_inside: Bools
    far: Bools


class RouteDeviation:
    """Keeps a pointer to the leg, the first report outside and counters of the dwell."""

    name = NAME
    version = 3
    types = (AlertType.ROUTE_DEVIATION, AlertType.BACK_ON_ROUTE)
    state = (
        ("route_of", "i4"),  # number of the corridor plus 1; 0: none
        ("route_leg", "i4"),  # pointer plus 1; 0: lost
        ("route_level", "u1"),  # 0, OUT or FAR
        ("route_out_n", "u4"),
        ("route_in_n", "u4"),
        ("route_out_t", "i8"),  # newest report that counted for the dwell
        ("route_first", REPORT),  # first report outside
        ("route_first_offset_m", "f8"),
        ("route_last", REPORT),  # last report inside
        ("route_last_km", "f8"),
    )

    only_while = (("route_out_n", ("route_out_t", "route_first", "route_first_offset_m")),)

    def step(self, rows: Rows) -> None:
        self._follow_plan(rows)
        use = np.flatnonzero((rows.corridor >= 0) & (rows.reports["quality"] == PLAUSIBLE))
        if not use.size:
            return
        everyone = use.size == len(rows.state)  # the usual case needs no copies
        state, reports, vectors, corridor = rows.state, rows.reports, rows.vectors, rows.corridor
        if not everyone:
            state, reports, vectors, corridor = (
                take(state, use),
                take(reports, use),
                vectors[use],
                corridor[use],
            )
        located = rows.plans.corridors.locate(corridor, state["route_leg"].astype(np.int64) - 1, vectors)
        judged = self._judge(rows, use, reports, vectors, located)
        state["route_leg"] = located.leg + 1
        counting = state["route_out_n"] > 0
        if counting.any() or not judged.inside.all():  # else nobody deviates
            level, returning = state["route_level"].copy(), state["route_in_n"] > 0
            self._count_outside(rows, state, reports, located, judged)
            self._open(rows, use, state, reports, located, judged)
            self._close(rows, use, state, located, judged)
            marks = _marks(reports["mark"], state["route_level"], judged, level, counting, returning)
            rows.reports["mark"][use] = marks
        at_home = judged.inside & (state["route_level"] == 0)
        put(state["route_last"], at_home, take(reports, at_home))
        state["route_last_km"][at_home] = located.along_m[at_home] / 1000
        if not everyone:
            put(rows.state, use, state)

    def _follow_plan(self, rows: Rows) -> None:
        """Start anew where another corridor holds than at the report before."""
        changed = np.flatnonzero(rows.state["route_of"] != rows.corridor + 1)
        for row in changed[rows.state["route_level"][changed] > 0]:
            rows.emit(int(row), NAME, Signal(LEFT, rows.sighting_of(int(row))))
        if changed.size:
            part = take(rows.state, changed)
            for column, _ in self.state:
                part[column] = np.zeros(1, part[column].dtype)[0]
            part["route_of"] = rows.corridor[changed] + 1
            put(rows.state, changed, part)

    def _judge(
        self, rows: Rows, use: Ints, reports: Structured, vectors: Floats, located: Located
    ) -> _Judged:
        settings = rows.settings
        slack = settings.uncertainty_factor * reports["unc"].astype(np.float64)
        excess, half_width = located.excess_m.copy(), located.half_width_m.copy()
        for i in np.flatnonzero(excess > 0):
            segment = rows.segment_of(int(use[i]))
            if segment is not None:
                excess[i], half_width[i] = _in_circles(segment.trip, vectors[i], excess[i], half_width[i])
        telling = slack <= half_width
        return _Judged(
            outside=excess > slack,
            inside=(excess <= 0) & telling,
            well_inside=(excess <= -settings.clear_fraction * half_width) & telling,
            far=excess > settings.critical_beyond_m + slack,
        )

    def _count_outside(
        self, rows: Rows, state: Structured, reports: Structured, located: Located, judged: _Judged
    ) -> None:
        """Count reports outside that aren't too close in time; a sure report inside starts anew."""
        first = judged.outside & (state["route_out_n"] == 0)
        spaced = reports["t"] - state["route_out_t"] >= rows.settings.dwell_spacing_s * 1000
        counts = first | (judged.outside & spaced)
        put(state["route_first"], first, take(reports, first))
        state["route_first_offset_m"] = np.where(first, located.offset_m, state["route_first_offset_m"])
        state["route_out_t"] = np.where(counts, reports["t"], state["route_out_t"])
        number = state["route_out_n"] + counts.astype(np.uint32)
        state["route_out_n"] = np.where(judged.inside & (state["route_level"] == 0), 0, number)

    def _open(
        self, rows: Rows, use: Ints, state: Structured, reports: Structured, located: Located, judged: _Judged
    ) -> None:
        """Confirm deviations, and raise those that are far."""
        settings = rows.settings
        lasted = reports["t"] - state["route_first"]["t"] >= max(1, settings.dwell_s * 1000)
        enough = (state["route_out_n"] >= settings.dwell_reports) | lasted
        confirmed = judged.outside & (state["route_level"] == 0) & enough
        state["route_level"] = np.where(confirmed, OUT, state["route_level"])
        far = judged.far & (state["route_level"] == OUT)
        state["route_level"] = np.where(far, FAR, state["route_level"])
        for i in np.flatnonzero(confirmed):
            rows.emit(
                int(use[i]), NAME, route_words.out_signal(OUT, rows, int(use[i]), state[i], located, int(i))
            )
        for i in np.flatnonzero(far):
            signal = Signal(
                FAR, rows.sighting_of(int(use[i])), order=1, numbers=route_words.figures(located, int(i))
            )
            rows.emit(int(use[i]), NAME, signal)

    def _close(self, rows: Rows, use: Ints, state: Structured, located: Located, judged: _Judged) -> None:
        """Count reports well inside; enough of them end the deviation."""
        deviating = state["route_level"] > 0
        back = judged.well_inside & deviating & ~contradicted(rows)[use]
        number = np.where(judged.outside, 0, state["route_in_n"] + back)
        ended = deviating & (number >= rows.settings.clear_reports)
        for i in np.flatnonzero(ended):
            signal = Signal(BACK, rows.sighting_of(int(use[i])), numbers=route_words.figures(located, int(i)))
            rows.emit(int(use[i]), NAME, signal)
        state["route_level"] = np.where(ended, 0, state["route_level"])
        state["route_out_n"] = np.where(ended, 0, state["route_out_n"])
        state["route_in_n"] = np.where(ended, 0, number)

    def seed(self, state: Structured, marks: Ints) -> None:
        """A report outside within a deviation: confirmed before, and nothing inside counted since."""
        deviating = (marks == OUTSIDE) | (marks == IS_FAR)
        state["route_level"] = np.where(deviating, marks - HOME, 0)
        state["route_out_n"] = deviating

    def pass_over(self, state: Structured, hidden: Ints, settings: AnomalySettings) -> None:
        """Reports inside, or reports outside, came between."""
        deviating, home = state["route_level"] > 0, hidden == HOME
        outside = (hidden == OUTSIDE) | (hidden == IS_FAR)
        number = np.maximum(state["route_in_n"], settings.clear_reports - 1)  # the next one inside ends it
        number = np.where(home & deviating, number, state["route_in_n"])
        state["route_in_n"] = np.where(outside, 0, number)
        state["route_out_n"] = np.where(home & ~deviating, 0, state["route_out_n"])

    def begins(self, signal: Signal) -> bool:
        return signal.code == OUT

    def findings(self, case: Case) -> list[Finding]:
        return route_words.findings(case, OUT, FAR, BACK)


def _marks(
    marks: Ints, level: Ints, judged: _Judged, before: Ints, counting: Bools, returning: Bools
) -> Ints:
    """What reports left behind (see `anomaly.reports`), of those that the position rule took for plain.

    ``before`` is the level before the report, ``counting`` and ``returning``
    whether reports outside or well inside had been counted.
    """
    home = judged.inside & (level == 0)
    within = judged.outside & (level > 0) & (level == before)
    unsure = ~judged.inside & ~judged.outside
    settled = np.where(home, HOME, np.where(unsure & (level == 0) & ~counting, UNSURE, MATTERS))
    settled = np.where(within, HOME + level, settled)
    unchanged = (home & ~counting) | unsure | (within & ~returning)
    result: Ints = np.where(
        marks == HOME, settled, np.where((marks == NOTHING) & unchanged, NOTHING, MATTERS)
    )
    return result


def _in_circles(trip: Trip, vector: Floats, excess_m: float, half_width_m: float) -> tuple[float, float]:
    """Distance beyond the edge of the nearest of corridor and circles, and that one's half width."""
    places: tuple[Place | None, ...] = (trip.origin, trip.destination, *trip.allowed_places)
    best = excess_m, half_width_m
    for place in places:
        if place is not None:
            away = float(distance_m(point(place.latitude_deg, place.longitude_deg), vector))
            best = min(best, (away - place.radius_m, place.radius_m))
    return best
