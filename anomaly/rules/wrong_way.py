"""WRONG_WAY: steady backward progress along the corridor.

What: reports on the corridor lie further back, each by more than the fixes'
uncertainty than the one before, and the newest more than ``wrong_way_m`` back
from the furthest point; fixes that may be wrong by more than ``coarse_fix_m`` say
nothing. Kilometres are compared on one way of the corridor
only; another alternative starts anew. Where the way doubles back or crosses
itself, a position that lies as well on a later stretch of it is no retreat, and
a pointer that leaps along the corridor without the container doing so starts
anew. Off the corridor it is the deviation's business: where a deviation comes
back further back than it left, progress starts anew.

When: at the ``wrong_way_reports``-th such report (within ``dwell_spacing_s`` of
each other they count once), or at the second that is ``wrong_way_far_m`` back, as of
devices that report seldom; dated to the first. Forward by
``wrong_way_clear_m`` before that, and there was no retreat; after that, it ends,
as it does with the trip, or where another way or plan holds.

Settings: wrong_way_m, wrong_way_reports, wrong_way_far_m, wrong_way_clear_m, wrong_way_winding,
dwell_spacing_s, coarse_fix_m, uncertainty_factor. Source: ALERTS.md; ../shared/DETECTION.md 5.1 item 2
(reversal). Equivalents: none.
"""

from __future__ import annotations

import numpy as np

from anomaly.rows import put, take
from anomaly.rules.episodes import Merged, episodes, merged, spot_of, trip_of
from anomaly.rules.rule import Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.rules.trail import FIX, at_home, fixes_of, seen, slack_of, telling
from anomaly.sphere import DEGREE_E7, Bools, Floats, Ints, distance_m, unit_vectors
from anomaly.words import distance, lateness, moment, span
from sealtrail.contract.alert import AlertType

NAME = "wrong_way"
VERSION = 3
FAR_REPORTS = 2
BACKWARD, FORWARD, LEFT = 1, 2, 3  # confirmed; forward again; another way or plan holds


class WrongWay:
    """Keeps the furthest point, the lowest since, and how many reports led there."""

    name = NAME
    version = VERSION
    types = (AlertType.WRONG_WAY,)
    state = (
        ("back_of", "i4"),  # number of the corridor plus 1; 0: none
        ("back_trip", "u4"),
        ("back_way", "i4"),  # way of the corridor plus 1
        ("back_top_m", "f8"),  # furthest kilometre
        ("back_low_m", "f8"),  # furthest back since
        ("back_m", "f8"),  # of the newest report on the corridor
        ("back_lat", "i4"),
        ("back_lon", "i4"),
        ("back_t", "i8"),  # newest report that counted
        ("back_n", "u2"),
        ("back_level", "u1"),
        ("back_first", FIX),
    )

    def step(self, rows: Rows) -> None:
        once = slack_of(rows)
        home, state = at_home(rows) & telling(rows, once), rows.state
        away = (state["route_level"] > 0) & (state["back_level"] == 0)
        if away.any():
            state["back_of"][away] = 0
        if not home.any():
            return
        along = state["route_last_km"] * 1000
        way = rows.plans.corridors.way[np.maximum(state["route_leg"].astype(np.int64) - 1, 0)] + 1
        same = (state["back_of"] == state["route_of"]) & (state["back_way"] == way)
        same &= home & (state["back_trip"] == rows.plan["trip"])
        slack = 2 * once
        lower = same & (along < state["back_low_m"] - slack)
        leapt = self._leapt(rows, same, along, slack)
        lower &= ~leapt
        if lower.any():
            self._retreat(rows, lower, along, slack)
        self._advance(rows, same & ~lower & ~leapt, along, slack)
        anew = home & (~same | (leapt & (state["back_level"] == 0)))
        self._restart(rows, anew, along, way)
        state["back_m"] = np.where(home, along, state["back_m"])
        for name in ("lat", "lon"):
            state["back_" + name] = np.where(home, rows.reports[name], state["back_" + name])

    def _leapt(self, rows: Rows, same: Bools, along: Floats, slack: Floats) -> Bools:
        """Whether the place along the corridor moved much further than the container."""
        state = rows.state
        moved = np.abs(along - state["back_m"])
        leapt: Bools = same & (moved > rows.settings.wrong_way_m)
        for i in np.flatnonzero(leapt):
            before = unit_vectors(
                state["back_lat"][i : i + 1] / DEGREE_E7, state["back_lon"][i : i + 1] / DEGREE_E7
            )
            straight = float(distance_m(before, rows.vectors[i : i + 1])[0])
            width = float(rows.plans.corridors.half_width_m[max(int(state["route_leg"][i]) - 1, 0)])
            leapt[i] = moved[i] > rows.settings.wrong_way_winding * straight + 2 * width + slack[i]
        return leapt

    def _restart(self, rows: Rows, anew: Bools, along: Floats, way: Ints) -> None:
        """Begin at this report: nothing is known of the way before it."""
        state = rows.state
        index = np.flatnonzero(anew)
        if not index.size:
            return
        for i in index[state["back_level"][index] > 0]:
            rows.emit(int(i), NAME, Signal(LEFT, rows.sighting_of(int(i))))
        state["back_of"][index], state["back_way"][index] = state["route_of"][index], way[index]
        state["back_trip"][index] = rows.plan["trip"][index]
        self._turn(rows, anew, along)

    def _turn(self, rows: Rows, turned: Bools, along: Floats) -> None:
        """Take the place of reports for the furthest point."""
        state = rows.state
        for name, value in (("top_m", along), ("low_m", along), ("n", 0), ("level", 0)):
            state["back_" + name] = np.where(turned, value, state["back_" + name])

    def _advance(self, rows: Rows, others: Bools, along: Floats, slack: Floats) -> None:
        """Forward again, or further than ever."""
        state = rows.state
        forward = along > state["back_low_m"] + slack + rows.settings.wrong_way_clear_m
        turned = others & (forward | ((state["back_level"] == 0) & (along >= state["back_top_m"])))
        for i in np.flatnonzero(turned & (state["back_level"] > 0)):
            numbers = {"corridor_km": round(float(along[i]) / 1000, 1)}
            rows.emit(int(i), NAME, Signal(FORWARD, rows.sighting_of(int(i)), numbers=numbers))
        self._turn(rows, turned, along)

    def _retreat(self, rows: Rows, lower: Bools, along: Floats, slack: Floats) -> None:
        """Count reports that lie further back than all since the furthest point; enough are the wrong way."""
        state, settings, corridors = rows.state, rows.settings, rows.plans.corridors
        spaced = rows.reports["t"] - state["back_t"] >= settings.dwell_spacing_s * 1000
        index = np.flatnonzero(lower & ((state["back_n"] == 0) | spaced))
        doubled = [
            corridors.further_on(
                int(state["route_leg"][i]) - 1,
                int(rows.corridor[i]),
                rows.vectors[i],
                float(state["back_low_m"][i] - slack[i]),
                float(slack[i]),
            )
            for i in index
        ]
        index = index[~np.array(doubled, bool)]
        if not index.size:
            return
        fresh = index[state["back_n"][index] == 0]
        put(state["back_first"], fresh, fixes_of(take(rows.reports, fresh)))
        state["back_n"][index] = np.minimum(state["back_n"][index] + 1, 60_000)
        state["back_t"][index] = rows.reports["t"][index]
        state["back_low_m"][index] = along[index]
        number, back_m = state["back_n"][index], state["back_top_m"][index] - along[index] - slack[index]
        enough = (number >= settings.wrong_way_reports) & (back_m > settings.wrong_way_m)
        enough |= (number >= FAR_REPORTS) & (back_m > settings.wrong_way_far_m)
        enough &= state["back_level"][index] == 0
        for i in index[enough].tolist():
            at = rows.sighting_of(i)
            numbers = {
                "back_m": float(round(float(state["back_top_m"][i] - along[i]))),
                "furthest_km": round(float(state["back_top_m"][i]) / 1000, 1),
                "corridor_km": round(float(along[i]) / 1000, 1),
            }
            first = seen(state["back_first"][i], at.device_id)
            rows.emit(i, NAME, Signal(BACKWARD, at, first=first, numbers=numbers))
            state["back_level"][i] = 1

    def begins(self, signal: Signal) -> bool:
        return signal.code == BACKWARD

    def findings(self, case: Case) -> list[Finding]:
        found = [each for track in case.tracks for each in episodes(case, track, BACKWARD)]
        return [_finding(case, group) for group in merged(found, trip_of)]


def _finding(case: Case, group: Merged) -> Finding:
    episode, settings = group.first, case.settings
    trip, signal = episode.segment.trip, episode.opened
    numbers, at = signal.numbers, signal.at
    late = lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s)
    return Finding(
        type=AlertType.WRONG_WAY,
        rule=NAME,
        rule_version=VERSION,
        scope=trip.trip_id,
        trip_id=trip.trip_id,
        lane=episode.lane,
        start=episode.first,
        shown_by=at,
        severity=severity_under(episode.segment, AlertType.WRONG_WAY),
        sentence=(
            f"{case.key} goes backwards along its corridor since {moment(episode.first.occurred_at_ms)[3:]}: "
            f"{distance(numbers['back_m'])} back from km {numbers['furthest_km']:.0f} "
            f"to km {numbers['corridor_km']:.0f}{late}."
        ),
        until_ms=group.end_ms,
        cleared=_cleared(case, group),
        place=spot_of(at),
        settings={
            "wrong_way_m": settings.wrong_way_m,
            "wrong_way_reports": settings.wrong_way_reports,
            "wrong_way_clear_m": settings.wrong_way_clear_m,
            "dwell_spacing_s": settings.dwell_spacing_s,
            "uncertainty_factor": settings.uncertainty_factor,
        },
        details=dict(numbers),
        evidence=group.evidence,
    )


def _cleared(case: Case, group: Merged) -> Cleared | None:
    end_ms, end = group.end_ms, group.last.end
    if end_ms is None:
        return None
    lasted = span(end_ms - group.first.first.occurred_at_ms)
    if end is None:
        return Cleared(None, end_ms, f"{case.key} went backwards until its trip ended, {lasted}.")
    if end.code == FORWARD:
        words = f"{case.key} goes forward again {moment(end_ms)} after {lasted}"
        return Cleared(
            end.at, end_ms, f"{words}, near km {end.numbers['corridor_km']:.0f}.", dict(end.numbers)
        )
    words = f"{case.key} went backwards for {lasted}, until another way or plan applied {moment(end_ms)}."
    return Cleared(end.at, end_ms, words)
