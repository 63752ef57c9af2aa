"""ZONE_FORBIDDEN: inside a forbidden zone of the trip, or through it.

What: a plausible fix inside the zone by more than its uncertainty. Or between
two fixes outside, of which at least one is not on the corridor: the straight
way between them, at a speed that is possible, runs deeper inside than both
uncertainties and ``zone_crossing_share`` of its length (a road isn't straight,
so a corner that is cut proves nothing). A fix that may be wrong by more than
``coarse_fix_m`` shows no crossing. Neither an authorisation nor an allowed
place excuses: a plan whose own places lie in a forbidden zone is refused.

When: at the second report in a row inside (``zone_reports``), or at the first
that is inside by ``zone_sure_m`` more; dated to the first. It ends at a report
outside by more than its uncertainty, with the trip, or with another plan. A
crossing is raised by the report after it, dated to the one before, and has
ended. Of several zones at once the one listed first counts until it is left.

Settings: zone_reports, zone_sure_m, zone_crossing_share, coarse_fix_m,
max_speed_m_s, time_slack_s, uncertainty_factor. Source: ALERTS.md. Equivalents:
DCSA GEOFENCE_ENTRY.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomaly.reports import PLAUSIBLE, vectors_of
from anomaly.rows import put, take
from anomaly.rules.episodes import Episode, Merged, episodes, merged, spot_of
from anomaly.rules.rule import Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.rules.trail import FIX, at_home, between, fixes_of, seen, slack_of, telling, way_m
from anomaly.sphere import Floats, Ints, distance_m
from anomaly.words import distance, lateness, moment, span
from sealtrail.contract.alert import AlertType

NAME = "zone_forbidden"
VERSION = 1
INSIDE, OUTSIDE, LEFT, CROSSED = 1, 2, 3, 4  # confirmed; out again; another plan; between two reports
SAMPLES = 64  # points of a straight way whose depth in a zone is measured


class _Pairs(NamedTuple):
    """Reports and the zones of their plans that they are near to; arrays of equal length."""

    row: Ints
    zone: Ints
    inside: Ints  # by more than the uncertainty


class ZoneForbidden:
    """Keeps the zone it is in, and the zone and report that may be the first inside."""

    name = NAME
    version = VERSION
    types = (AlertType.ZONE_FORBIDDEN,)
    state = (
        ("zone_in", "i4"),  # number of the zone plus 1; 0: none
        ("zone_new", "i4"),  # the same, not confirmed
        ("zone_trip", "u4"),
        ("zone_n", "u1"),
        ("zone_first", FIX),
    )

    def step(self, rows: Rows) -> None:
        state, reports = rows.state, rows.reports
        of = rows.plan["forbidden"]
        if not ((of >= 0) | (state["zone_in"] > 0)).any():
            return
        self._follow_plan(rows)
        use = np.flatnonzero((of >= 0) & (reports["quality"] == PLAUSIBLE))
        if not use.size:
            return
        slack = slack_of(rows)
        trail = vectors_of(state["trail"])
        moved = np.where(state["trail"]["t"] > 0, distance_m(trail, rows.vectors), 0.0)
        pairs = self._near(rows, use, slack, moved)
        standing = np.flatnonzero((state["zone_in"] > 0) | (state["zone_new"] > 0))
        for row in np.union1d(np.intersect1d(standing, use), pairs.row[pairs.inside > 0]).tolist():
            self._enter_or_leave(rows, row, pairs, float(slack[row]))
        if pairs.row.size:
            self._crossings(rows, pairs, slack, trail, moved)

    def _follow_plan(self, rows: Rows) -> None:
        """A zone that isn't forbidden any more is left."""
        state, plans = rows.state, rows.plans
        for row in np.flatnonzero((state["zone_in"] > 0) | (state["zone_new"] > 0)).tolist():
            of = int(rows.plan["forbidden"][row])
            same = of >= 0 and state["zone_trip"][row] == rows.plan["trip"][row]
            zone = max(int(state["zone_in"][row]), int(state["zone_new"][row])) - 1
            if not same or zone not in plans.forbidden[of]:
                if state["zone_in"][row]:
                    rows.emit(row, NAME, Signal(LEFT, rows.sighting_of(row), numbers={"zone": float(zone)}))
                state["zone_in"][row] = state["zone_new"][row] = state["zone_n"][row] = 0

    def _near(self, rows: Rows, use: Ints, slack: Floats, moved: Floats) -> _Pairs:
        """Zones that each report may be in, or may have crossed since the one before."""
        plans = rows.plans
        row, place, _ = plans.zone_lists.spread(rows.plan["forbidden"][use].astype(np.int64), use)
        zone = plans.listed_zones[place]
        zones = rows.plans.zones
        beyond = distance_m(zones.centre[zone], rows.vectors[row]) - zones.cap_m[zone]
        near = beyond <= moved[row]
        row, zone, beyond = row[near], zone[near], beyond[near]
        inside = np.zeros(len(row), np.int64)
        deep = np.flatnonzero(beyond <= -slack[row])
        if deep.size:
            inside[deep] = zones.within(zone[deep], rows.vectors[row[deep]], -slack[row[deep]])
        return _Pairs(row, zone, inside)

    def _enter_or_leave(self, rows: Rows, row: int, pairs: _Pairs, slack_m: float) -> None:
        """One report of a device that is in a zone, or may be."""
        state, zones = rows.state[row : row + 1], rows.plans.zones
        vector = rows.vectors[row : row + 1]
        if state["zone_in"][0]:
            zone = int(state["zone_in"][0]) - 1
            if zones.within(zone, vector, slack_m)[0]:
                return
            rows.emit(row, NAME, Signal(OUTSIDE, rows.sighting_of(row), numbers={"zone": float(zone)}))
            state["zone_in"] = 0
        inside = pairs.zone[(pairs.row == row) & (pairs.inside > 0)]
        if not inside.size:
            state["zone_new"] = state["zone_n"] = 0
            return
        zone = int(inside[0])
        if state["zone_new"][0] != zone + 1:
            state["zone_new"], state["zone_n"], state["zone_trip"] = zone + 1, 0, rows.plan["trip"][row]
            put(state["zone_first"], slice(1), fixes_of(take(rows.reports, np.array([row]))))
        state["zone_n"] += 1
        depth_m = -float(zones.distance_m(zone, vector)[0])
        settings = rows.settings
        if state["zone_n"][0] >= settings.zone_reports or depth_m >= slack_m + settings.zone_sure_m:
            at = rows.sighting_of(row)
            numbers = {"zone": float(zone), "depth_m": float(round(depth_m))}
            first = seen(state["zone_first"][0], at.device_id)
            rows.emit(row, NAME, Signal(INSIDE, at, first=first, numbers=numbers))
            state["zone_in"], state["zone_new"], state["zone_n"] = zone + 1, 0, 0

    def _crossings(self, rows: Rows, pairs: _Pairs, slack: Floats, trail: Floats, moved: Floats) -> None:
        """Zones that the straight way from the fix before runs through."""
        state, settings = rows.state, rows.settings
        on_corridor = at_home(rows) & state["trail_home"]
        seconds = (rows.reports["t"] - state["trail"]["t"]) / 1000 + settings.time_slack_s
        usable = telling(rows, slack) & ~on_corridor & (moved > 0) & (state["zone_in"] == 0)
        usable &= (state["zone_new"] == 0) & (moved <= settings.max_speed_m_s * seconds)
        chosen = np.flatnonzero(usable[pairs.row] & (pairs.inside == 0))
        if not chosen.size:
            return
        row, zone = pairs.row[chosen], pairs.zone[chosen]
        margin = slack + settings.uncertainty_factor * state["trail"]["unc"]
        margin += settings.zone_crossing_share * moved
        zones = rows.plans.zones
        near = way_m(trail[row], rows.vectors[row], zones.centre[zone]) <= zones.cap_m[zone] - margin[row]
        said: set[int] = set()
        for i, of in zip(row[near].tolist(), zone[near].tolist(), strict=True):
            if i in said:
                continue  # one for each pair of reports
            points = between(trail[i], rows.vectors[i], SAMPLES)
            depth_m = -float(zones.distance_m(of, points).min())
            if depth_m >= margin[i] and not zones.contains(of, trail[i : i + 1])[0]:
                at = rows.sighting_of(i)
                numbers = {
                    "zone": float(of),
                    "depth_m": float(round(depth_m)),
                    "way_m": float(round(moved[i])),
                }
                first = seen(state["trail"][i], at.device_id)
                rows.emit(i, NAME, Signal(CROSSED, at, first=first, numbers=numbers))
                said.add(i)

    def begins(self, signal: Signal) -> bool:
        return signal.code in (INSIDE, CROSSED)

    def findings(self, case: Case) -> list[Finding]:
        found: list[Episode] = []
        for track in case.tracks:
            found += episodes(case, track, INSIDE, worsens=CROSSED)
        for episode in found:
            episode.worse = None
        groups = merged(found, lambda each: (each.segment.trip.trip_id, each.opened.numbers["zone"]))
        return [_finding(case, group) for group in groups] + _crossed(case, groups)


def _crossed(case: Case, groups: list[Merged]) -> list[Finding]:
    """Crossings between two reports that no device's stay in the zone explains; one of several devices."""
    found: list[Episode] = []
    for track in case.tracks:
        for signal in track.signals:
            segment = case.segment_at(signal.at.occurred_at_ms)
            if signal.code == CROSSED and signal.first is not None and segment is not None:
                at_ms = signal.at.occurred_at_ms
                found.append(Episode(track.lane, signal.first, signal, segment, end=signal, end_ms=at_ms))
    crossings = merged(found, lambda each: (each.segment.trip.trip_id, each.opened.numbers["zone"]))
    return [_finding(case, each) for each in crossings if not any(_within(each, group) for group in groups)]


def _within(crossing: Merged, stay: Merged) -> bool:
    """Whether a crossing is part of a stay that another device has seen."""
    same = crossing.first.opened.numbers["zone"] == stay.first.opened.numbers["zone"]
    began_ms, ended_ms = crossing.first.first.occurred_at_ms, crossing.end_ms or 0
    stay_end_ms = stay.end_ms
    return (
        same
        and stay.first.first.occurred_at_ms <= ended_ms
        and (stay_end_ms is None or stay_end_ms >= began_ms)
    )


def _finding(case: Case, group: Merged) -> Finding:
    episode, settings = group.first, case.settings
    trip, signal = episode.segment.trip, episode.opened
    zone = case.plans.zones.kept[int(signal.numbers["zone"])]
    late = lateness(signal.at.occurred_at_ms, signal.at.received_at_ms, settings.late_after_s)
    crossed = signal.code == CROSSED
    if crossed:
        said = (
            f"{case.key} went through the forbidden zone {zone.name} between two reports, after "
            f"{moment(episode.first.occurred_at_ms)[3:]}: the straight way runs "
            f"{distance(signal.numbers['depth_m'])} inside{late}."
        )
    else:
        said = (
            f"{case.key} entered the forbidden zone {zone.name} {moment(episode.first.occurred_at_ms)}{late}."
        )
    details: dict[str, float | int | str | bool | None] = {
        name: value for name, value in signal.numbers.items() if name != "zone"
    }
    return Finding(
        type=AlertType.ZONE_FORBIDDEN,
        rule=NAME,
        rule_version=VERSION,
        scope=trip.trip_id,
        trip_id=trip.trip_id,
        lane=episode.lane,
        start=episode.first,
        shown_by=signal.at,
        severity=severity_under(episode.segment, AlertType.ZONE_FORBIDDEN),
        sentence=said,
        group=f"{zone.name}/{'crossing' if crossed else 'stay'}",
        until_ms=group.end_ms,
        cleared=_cleared(case, group, zone.name),
        place=spot_of(episode.first),
        settings={
            "zone_reports": settings.zone_reports,
            "zone_sure_m": settings.zone_sure_m,
            "zone_crossing_share": settings.zone_crossing_share,
            "uncertainty_factor": settings.uncertainty_factor,
        },
        details={"zone": zone.name, "between_two_reports": crossed, **details},
        evidence=group.evidence,
    )


def _cleared(case: Case, group: Merged, name: str) -> Cleared | None:
    end_ms, end = group.end_ms, group.last.end
    if end_ms is None:
        return None
    lasted = span(end_ms - group.first.first.occurred_at_ms)
    if end is None:
        return Cleared(None, end_ms, f"{case.key} was in the forbidden zone {name} until its trip ended.")
    if end.code == LEFT:
        words = f"The zone {name} is not forbidden to {case.key} any more {moment(end_ms)}, after {lasted}."
        return Cleared(end.at, end_ms, words)
    return Cleared(end.at, end_ms, f"{case.key} is out of the forbidden zone {name} {moment(end_ms)}.")
