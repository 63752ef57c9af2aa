"""SEPARATION: two devices of one trip are in different places.

What: a fix of one and the place of the other at the same time (between its
fixes before and after on the straight line at even speed, else the nearer one
if that is no more than ``separation_apart_s`` away) are further apart than the
trip's, else ``separation_max_m``, and ``uncertainty_factor`` times both radii,
and the way that the other may have made off that line. Cell fixes so hardly
ever show it. When: after ``separation_reports`` fixes in a row that do; it
began at the first, and ends with as many that show them together. A late
report is judged with the fixes that were about it, as long as both devices'
histories hold them.

A device that is taken off at the destination, or where and when an
authorisation allows to open, may go its way, and so may a truck that leaves its
container there: nothing is raised where either device is there.

Severity: critical, or the trip's own. Settings: separation_max_m,
separation_reports, separation_apart_s, uncertainty_factor. Source:
../shared/ALERTS.md. Equivalents: none.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from anomaly.custody import Segment, within
from anomaly.fleet import Fleet
from anomaly.reports import PLAUSIBLE, vectors_of
from anomaly.rows import join, take
from anomaly.rules.rule import Case, Cleared, Finding, Signal, Spot, Track, severity_under
from anomaly.rules.seal_opened import leave_at, own_spot
from anomaly.rules.spots import fix_of
from anomaly.sphere import Bools, Floats, Ints, Structured, distance_m
from anomaly.words import distance, lateness, moment
from sealtrail.contract.alert import AlertType

NAME = "separation"
APART, TOGETHER = 1, 2
TRAVEL_M_S = 25.0
"""How fast a device may be elsewhere than its fixes about that time say."""


class _Compared(NamedTuple):
    """Fixes of two devices in event-time order, and what each says."""

    far: Bools
    near: Bools
    away_m: Floats
    report: Structured
    lane: Ints


class Separation:
    """Keeps nothing but its signals: what they rest on is in the histories."""

    name = NAME
    version = 2
    types = (AlertType.SEPARATION,)
    state = (("apart_from", "i4"),)  # another lane plus 1; 0: together with all

    def arrived(self, fleet: Fleet, lanes: Ints, reports: Structured) -> None:
        if not (reports["quality"] != 0).any():
            return
        counts = np.bincount(lanes)
        late = np.zeros(len(counts), bool)
        late[lanes[reports["t"] < fleet.lanes.live["last_t"][lanes]]] = True
        pairs: list[tuple[int, int]] = []
        certain: list[bool] = []  # to be compared fix by fix
        several = fleet.containers.several
        rows = several.keys() & set(fleet.lanes.container[lanes].tolist()) if several else ()
        for row in sorted(rows):
            for a, b in combinations(several[row], 2):
                fresh = [lane for lane in (a, b) if lane < len(counts) and counts[lane]]
                if fresh:
                    pairs.append((a, b))
                    many = any(counts[lane] > 1 or late[lane] for lane in fresh)
                    certain.append(many or bool(fleet.lanes.watch["apart_from"][a]))
        if pairs:
            of = np.array(pairs)
            look = np.array(certain) | self._live_apart(fleet, of[:, 0], of[:, 1])
            for a, b in of[look].tolist():
                self._compare(fleet, a, b)

    def _live_apart(self, fleet: Fleet, a: Ints, b: Ints) -> Bools:
        """Whether the newest plausible places of two lanes may be apart: only then is a look worth while."""
        live, settings = fleet.lanes.live, fleet.settings
        known = (live["pos_known"][a] != 0) & (live["pos_known"][b] != 0)
        apart_s = np.abs(live["pos_t"][a] - live["pos_t"][b]) / 1000
        away_m = distance_m(live["pos_v"][a], live["pos_v"][b])
        plans = fleet.plans_at(a, np.maximum(live["last_t"][a], live["last_t"][b]))
        slack_m = settings.uncertainty_factor * (live["pos_unc"][a] + live["pos_unc"][b])
        far = away_m > _limit_m(plans, settings.separation_max_m) + slack_m
        result: Bools = known & (apart_s <= settings.separation_apart_s) & far
        return result

    def _compare(self, fleet: Fleet, a: int, b: int) -> None:
        """Find the transitions of a pair again from its histories; those before them stay."""
        compared = _compared(fleet, a, b)
        if compared is None:
            return
        track = fleet.track(a, NAME)
        begin = int(compared.report[0]["t"])
        others = [signal for signal in track.signals if signal.numbers["other"] != b]
        kept = [s for s in track.signals if s.numbers["other"] == b and s.at.occurred_at_ms < begin]
        found = self._transitions(fleet, compared, b, apart=bool(kept) and kept[-1].code == APART)
        signals = sorted((*others, *kept, *found), key=lambda signal: signal.key)
        if [(s.code, s.key, s.before) for s in signals] != [(s.code, s.key, s.before) for s in track.signals]:
            track.signals = signals
            fleet.touch(int(fleet.lanes.container[a]))
        mine = [*kept, *found]
        apart = bool(mine) and mine[-1].code == APART
        fleet.lanes.watch["apart_from"][a] = b + 1 if apart else 0

    def _transitions(self, fleet: Fleet, compared: _Compared, other: int, *, apart: bool) -> list[Signal]:
        """Where enough fixes in a row show the pair apart, or together again."""
        found: list[Signal] = []
        row: list[int] = []
        telling = np.flatnonzero(compared.far | compared.near)
        for i in telling.tolist():
            if bool(compared.far[i]) == apart:
                row = []
                continue
            row.append(i)
            if len(row) < fleet.settings.separation_reports:
                continue
            apart = not apart
            first, sure = row[0], row[-1]
            row = []
            at = fleet.sighting(int(compared.lane[first]), compared.report[first])
            shown = fleet.sighting(int(compared.lane[sure]), compared.report[sure])
            furthest = float(np.nanmax(compared.away_m[first : sure + 1]))
            numbers = {"other": float(other), "distance_m": float(round(furthest))}
            code = APART if apart else TOGETHER
            there = _nearest_of_other(compared, first)
            found.append(
                Signal(code, at, place=own_spot(at), before=there, last_inside=shown, numbers=numbers)
            )
        return found

    def sweep(self, fleet: Fleet) -> None:
        """Nothing: two devices that say nothing are not apart for that."""

    def begins(self, signal: Signal) -> bool:
        return signal.code == APART

    def findings(self, case: Case) -> list[Finding]:
        found: list[Finding] = []
        for track in case.tracks:
            for index, signal in enumerate(track.signals):
                if signal.code != APART:
                    continue
                other = signal.numbers["other"]
                rest = (s for s in track.signals[index + 1 :] if s.numbers["other"] == other)
                finding = self._finding(case, track, signal, next(rest, None))
                found += [] if finding is None else [finding]
        return found

    def _finding(self, case: Case, track: Track, apart: Signal, together: Signal | None) -> Finding | None:
        at, settings = apart.at, case.settings
        segment = case.segment_at(at.occurred_at_ms)
        names = [track.device_id, case.lanes.get(int(apart.numbers["other"]), "")]
        if segment is None or not _of_trip(segment, names) or _may_part(case, segment, apart):
            return None
        far = apart.numbers["distance_m"]
        shown = apart.last_inside or at
        late = lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s)
        cleared, until_ms = None, None
        if together is not None:
            until_ms = together.at.occurred_at_ms
            said = f"{names[0]} and {names[1]} of {case.key} are together again {moment(until_ms)}."
            cleared = Cleared(together.at, until_ms, said)
        elif segment.ended_at_ms is not None:
            until_ms = segment.ended_at_ms
            cleared = Cleared(None, until_ms, f"The trip of {case.key} has ended.")
        limit = segment.trip.separation_max_m
        return Finding(
            type=AlertType.SEPARATION,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=track.lane,
            start=at,
            shown_by=shown,
            severity=severity_under(segment, AlertType.SEPARATION),
            sentence=f"{names[0]} and {names[1]} of {case.key} were {distance(far)} apart "
            f"{moment(at.occurred_at_ms)}{late}.",
            group="/".join(names),
            until_ms=until_ms,
            cleared=cleared,
            place=apart.place,
            settings={
                "separation_max_m": settings.separation_max_m if limit is None else limit,
                "separation_reports": settings.separation_reports,
                "separation_apart_s": settings.separation_apart_s,
                "uncertainty_factor": settings.uncertainty_factor,
            },
            details={"distance_m": round(far), "devices": ", ".join(names)},
            evidence=(at, shown) if shown is not at else (at,),
        )


def _of_trip(segment: Segment, names: list[str]) -> bool:
    """Whether both devices are the trip's."""
    return not segment.trip.device_ids or all(name in segment.trip.device_ids for name in names)


def _may_part(case: Case, segment: Segment, apart: Signal) -> bool:
    """Whether devices may be taken off there and then."""
    end = segment.trip.destination
    spots = [spot for spot in (apart.place, apart.before) if spot is not None]
    if end is not None and any(
        within(end, spot.latitude_deg, spot.longitude_deg, spot.uncertainty_m) for spot in spots
    ):
        return True
    at_ms = apart.at.occurred_at_ms
    return any(leave_at(case, spot, at_ms) is not None for spot in spots)


def _nearest_of_other(compared: _Compared, index: int) -> Spot | None:
    """Where the other device of a pair was about the time of a fix."""
    of_other = np.flatnonzero(compared.lane != compared.lane[index])
    if not of_other.size:
        return None
    away_ms = np.abs(compared.report["t"][of_other] - compared.report["t"][index])
    return fix_of(compared.report[int(of_other[int(np.argmin(away_ms))])])


def _limit_m(plans: Structured, default_m: float) -> Floats:
    limit = plans["separation_m"]
    result: Floats = np.where(np.isnan(limit), default_m, limit).astype(np.float64)
    return result


def _compared(fleet: Fleet, a: int, b: int) -> _Compared | None:
    """What the fixes of two lanes say of each other, for the time that both histories cover."""
    fixes = [_fixes(fleet, lane) for lane in (a, b)]
    if not (fixes[0].size and fixes[1].size):
        return None
    begin = max(int(each["t"][0]) for each in fixes)
    parts = [_said(fleet, *each, begin) for each in ((fixes[0], fixes[1], a), (fixes[1], fixes[0], b))]
    reports = join([part[0] for part in parts])
    lane, far, near, away = (np.concatenate((parts[0][k], parts[1][k])) for k in range(1, 5))
    order = np.lexsort((reports["rid"], reports["t"]))
    if not order.size:
        return None
    return _Compared(far[order], near[order], away[order], take(reports, order), lane[order])


def _said(
    fleet: Fleet, mine: Structured, theirs: Structured, lane: int, begin_ms: int
) -> tuple[Structured, Ints, Bools, Bools, Floats]:
    """One lane's fixes from a time on, its number, whether each shows the pair far or near, and how far."""
    mine = mine[mine["t"] >= begin_ms]
    of = np.full(len(mine), lane)
    away_m, slack_m = _apart(fleet, mine, theirs)
    limit_m = _limit_m(fleet.plans_at(of, mine["t"]), fleet.settings.separation_max_m)
    return mine, of, away_m > limit_m + slack_m, away_m + slack_m <= limit_m, away_m


def _fixes(fleet: Fleet, lane: int) -> Structured:
    history = fleet.history(lane)
    return take(history, history["quality"] == PLAUSIBLE)


def _apart(fleet: Fleet, mine: Structured, theirs: Structured) -> tuple[Floats, Floats]:
    """Distance of each fix from where the other was then, NaN where unknown, and how far that may be off."""
    settings, t = fleet.settings, mine["t"]
    after = np.searchsorted(theirs["t"], t)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(theirs) - 1)
    vectors = vectors_of(theirs)
    since_s, until_s = (t - theirs["t"][before]) / 1000, (theirs["t"][after] - t) / 1000
    between = (since_s >= 0) & (until_s >= 0)
    share = np.where(between, since_s / np.maximum(since_s + until_s, 1e-9), np.where(since_s < 0, 1.0, 0.0))
    place = (1 - share)[:, None] * vectors[before] + share[:, None] * vectors[after]
    place /= np.sqrt((place * place).sum(axis=1))[:, None]
    nearest_s = np.where(between, np.minimum(since_s, until_s), np.minimum(np.abs(since_s), np.abs(until_s)))
    radius = np.maximum(theirs["unc"][before], theirs["unc"][after])
    slack_m = settings.uncertainty_factor * (mine["unc"] + radius) + TRAVEL_M_S * nearest_s
    away_m = distance_m(vectors_of(mine), place)
    away_m[nearest_s > settings.separation_apart_s] = np.nan
    return away_m, slack_m
