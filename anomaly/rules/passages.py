"""Milestones of a trip as its devices' reports show them: departure, checkpoints, arrival.

A step of the rule `checkpoint_missed`, which `overdue` rests on too. Signals
are physical: which plan they are held against is decided when they are read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.plans import CHECKPOINTS_KEPT
from anomaly.reports import vectors_of
from anomaly.rows import put, take
from anomaly.rules.gnss_spoofing import contradicted
from anomaly.rules.rule import Rows, Signal
from anomaly.rules.trail import FIX, at_home, fixes_of, seen, slack_of, telling, way_m
from anomaly.sphere import Bools, Floats, Ints, distance_m

NAME = "checkpoint_missed"
PASSED, BEYOND, AT_ORIGIN, DEPARTED, LATE_START, ARRIVED = 1, 2, 3, 4, 5, 6
FIX_SHOWS, WAY_SHOWS, POSSIBLE, BEFORE = 1, 2, 3, 4
"""How a passage is known: a fix in the circle; the straight way between two fixes; not seen but possible
between two fixes; the container was beyond at its first report under the plan."""
CERTAIN = (FIX_SHOWS, WAY_SHOWS)
SEEN_ORIGIN, OUT_ORIGIN, OUT_DESTINATION, IN_DESTINATION, SAID_LATE, ON_CORRIDOR = 1, 2, 4, 8, 16, 32
WAYS = 1 << 16  # more than a corridor has
KEPT = CHECKPOINTS_KEPT  # bits of a mask

STATE = (
    ("pass_trip", "u4"),
    ("pass_of", "i4"),  # number of the checkpoints plus 1
    ("pass_seen", "u8"),  # bit for each checkpoint: a fix or the way shows the passage
    ("pass_could", "u8"),  # it may have been passed unseen
    ("pass_beyond", "u8"),  # it lies behind
    ("pass_way", "i8"),  # way of the corridor that `pass_next_m` is of
    ("pass_next_m", "f8"),  # so far along it the next checkpoint lies behind
    ("pass_ends", "u1"),  # SEEN_ORIGIN …
    ("trail", FIX),  # newest fix that tells of passages, before the report in hand
    ("trail_home", "?"),  # whether it was on its corridor
    ("trail_doubt", "?"),  # whether fixes that the network contradicts came since: it may be forged, too
    ("trail_km", "f4"),  # and where along it
)


class _Pairs(NamedTuple):
    """Reports and checkpoints of their plans; arrays of equal length."""

    row: Ints
    nth: Ints  # its place among the trip's checkpoints
    bit: NDArray[np.unsignedinteger[Any]]
    away_m: Floats
    radius_m: Floats
    vectors: Floats

    def part(self, chosen: Ints) -> _Pairs:
        return _Pairs(
            row=self.row[chosen],
            nth=self.nth[chosen],
            bit=self.bit[chosen],
            away_m=self.away_m[chosen],
            radius_m=self.radius_m[chosen],
            vectors=self.vectors[chosen],
        )


def step(rows: Rows) -> None:
    """Judge one report of each of many devices, and make it the trail."""
    slack = slack_of(rows)
    doubtful = contradicted(rows)
    usable = telling(rows, slack) & ~doubtful
    if usable.any():
        watched = usable & rows.plan["watched"]
        home = at_home(rows)
        if watched.any():
            _follow_plan(rows, watched)
            _ends(rows, watched, slack)
            _checkpoints(rows, watched, slack, home)
        rows.state["pass_trip"] = np.where(usable & ~rows.plan["watched"], 0, rows.state["pass_trip"])
        put(rows.state["trail"], usable, fixes_of(take(rows.reports, usable)))
        rows.state["trail_home"] = np.where(usable, home, rows.state["trail_home"])
        rows.state["trail_doubt"] &= ~usable
        along_km = rows.state["route_last_km"]
        rows.state["trail_km"] = np.where(usable & home, along_km, rows.state["trail_km"])
    if doubtful.any():
        rows.state["trail_doubt"] |= doubtful


def _follow_plan(rows: Rows, watched: Bools) -> None:
    """Start anew with another trip; with other checkpoints, those anew."""
    state, plan = rows.state, rows.plan
    trip = watched & (state["pass_trip"] != plan["trip"])
    changed = trip | (watched & (state["pass_of"] != plan["checkpoints"] + 1))
    if changed.any():
        for name in ("pass_seen", "pass_could", "pass_beyond"):
            state[name][changed] = 0
        state["pass_next_m"][changed] = 0
        state["pass_ends"][changed] &= ~np.uint8(ON_CORRIDOR)
        state["pass_ends"][trip] = 0
        state["trail"]["t"][trip] = 0  # the way from a fix before the trip is none of it
        state["pass_trip"][changed] = plan["trip"][changed]
        state["pass_of"][changed] = plan["checkpoints"][changed] + 1


def _emit(rows: Rows, row: int, code: int, order: int, numbers: dict[str, float]) -> None:
    """A milestone with the fix before it."""
    at = rows.sighting_of(row)
    before = seen(rows.state["trail"][row], at.device_id)
    rows.emit(row, NAME, Signal(code, at, order=order, last_inside=before, numbers=numbers))


def _ends(rows: Rows, watched: Bools, slack: Floats) -> None:
    """Origin and destination: there, away, late, arrived."""
    state, ends = rows.state, rows.plans.ends
    index = np.flatnonzero(watched & (rows.plan["ends"] >= 0))
    if not index.size:
        return
    of = rows.plan["ends"][index]
    away = distance_m(ends.vectors[of], rows.vectors[index][:, None, :]) - ends.radius_m[of]
    wrong = slack[index][:, None]
    within, out = away <= wrong, away > wrong  # both false where there is no such end
    bits = state["pass_ends"][index]
    late = rows.reports["t"][index] - int(rows.settings.overdue_grace_s * 1000) > ends.departs_at_ms[of]
    staying = within[:, 0] & (bits & OUT_ORIGIN == 0)
    arrived = within[:, 1] & (((bits & OUT_DESTINATION) != 0) | ~within[:, 0])
    for code, bit, which in (
        (AT_ORIGIN, SEEN_ORIGIN, staying),
        (LATE_START, SAID_LATE, staying & late),
        (DEPARTED, OUT_ORIGIN, out[:, 0]),
        (ARRIVED, IN_DESTINATION, arrived),
    ):
        fresh = which & (bits & bit == 0)
        for i in np.flatnonzero(fresh):
            _emit(rows, int(index[i]), code, code, {})
        bits = np.where(fresh, bits | bit, bits)
    state["pass_ends"][index] = np.where(out[:, 1], bits | OUT_DESTINATION, bits)


def _checkpoints(rows: Rows, watched: Bools, slack: Floats, home: Bools) -> None:
    """Passages, and checkpoints left behind on the corridor."""
    use = np.flatnonzero(watched & (rows.plan["checkpoints"] >= 0))
    if not use.size:
        return
    pairs = _pairs(rows, use)
    state, settings = rows.state, rows.settings
    unseen = (state["pass_seen"][pairs.row] & pairs.bit) == 0
    wrong = slack[pairs.row]
    there = unseen & (pairs.away_m <= pairs.radius_m + wrong)
    sure = wrong <= pairs.radius_m
    _note(rows, pairs, there & sure, FIX_SHOWS)
    _note(rows, pairs, there & ~sure, POSSIBLE)
    trail = vectors_of(state["trail"])
    moved = np.where(state["trail"]["t"] > 0, distance_m(trail, rows.vectors), 0.0)
    way = np.maximum(settings.checkpoint_detour * moved, _corridor_m(rows, home))
    way = np.where(state["trail_doubt"], np.inf, way)
    near = pairs.away_m <= way[pairs.row] + pairs.radius_m + 4 * wrong
    chosen = np.flatnonzero(unseen & ~there & near & (moved[pairs.row] > 0))
    if chosen.size:
        part = pairs.part(chosen)
        _between(rows, part, home, trail[part.row], moved[part.row], (slack[part.row], way[part.row]))
    _beyond(rows, pairs, home, wrong)


def _pairs(rows: Rows, use: Ints) -> _Pairs:
    listed = rows.plans.listed
    row, place, nth = listed.spread(rows.plan["checkpoints"][use].astype(np.int64), use)
    vectors = listed.vectors[place]
    return _Pairs(
        row=row,
        nth=nth,
        bit=np.uint64(1) << nth.astype(np.uint64),
        away_m=distance_m(vectors, rows.vectors[row]),
        radius_m=listed.radius_m[place],
        vectors=vectors,
    )


def _note(rows: Rows, pairs: _Pairs, which: Bools, how: int) -> None:
    """Say passages and remember them; what may have been passed is said once."""
    state = rows.state
    column = "pass_seen" if how in CERTAIN else "pass_could"
    for i in np.flatnonzero(which):
        row, index, bit = int(pairs.row[i]), int(pairs.nth[i]), pairs.bit[i]
        if not state[column][row] & bit:
            state[column][row] |= bit
            numbers = {
                "checkpoint": float(index),
                "plan": float(rows.plan["checkpoints"][row]),
                "how": float(how),
            }
            _emit(rows, row, PASSED, 16 + index, numbers)


def _corridor_m(rows: Rows, home: Bools) -> Floats:
    """How long the corridor is between the fix before and this one; 0 where they aren't both on it."""
    state = rows.state
    length_m = np.abs(state["route_last_km"] - state["trail_km"]).astype(np.float64) * 1000
    found: Floats = np.where(home & state["trail_home"] & (state["trail"]["t"] > 0), length_m, 0.0)
    return found


def _between(
    rows: Rows,
    pairs: _Pairs,
    home: Bools,
    trail: Floats,
    moved: Floats,
    slack_and_way: tuple[Floats, Floats],
) -> None:
    """Passages between the fix before and this one: shown by the straight way, or possible.

    ``slack_and_way``: how far wrong the fix may be, and the longest way that is believed between the two, m.
    """
    state, settings, (slack, way) = rows.state, rows.settings, slack_and_way
    before = settings.uncertainty_factor * state["trail"]["unc"][pairs.row].astype(np.float64)
    seconds = (rows.reports["t"] - state["trail"]["t"])[pairs.row] / 1000 + settings.time_slack_s
    there = np.maximum(distance_m(trail, pairs.vectors) - pairs.radius_m, 0)
    there += np.maximum(pairs.away_m - pairs.radius_m, 0)
    most = np.minimum(settings.checkpoint_speed_m_s * seconds, way)
    possible = there <= most + slack + before
    real = moved <= settings.max_speed_m_s * seconds
    through = way_m(trail, rows.vectors[pairs.row], pairs.vectors) <= pairs.radius_m
    _note(rows, pairs, possible & real & through, WAY_SHOWS)
    unseen = possible & real & ~through
    if unseen.any():
        _note(rows, pairs, unseen & ~_ahead(rows, pairs, home, slack, unseen), POSSIBLE)


def _ahead(rows: Rows, pairs: _Pairs, home: Bools, slack: Floats, chosen: Bools) -> Bools:
    """Checkpoints that lie ahead on the way on which both fixes are: nobody drives there and back again."""
    state, corridors = rows.state, rows.plans.corridors
    ahead = np.zeros(len(pairs.row), bool)
    for i in np.flatnonzero(chosen & (home & state["trail_home"])[pairs.row]).tolist():
        row = int(pairs.row[i])
        way = int(corridors.way[max(int(state["route_leg"][row]) - 1, 0)])
        passed = rows.plans.along_m(int(rows.corridor[row]), int(rows.plan["checkpoints"][row]))[way]
        furthest_m = 1000 * max(float(state["route_last_km"][row]), float(state["trail_km"][row]))
        left_m, near_m = float(passed[pairs.nth[i]]) - furthest_m, float(pairs.radius_m[i] + slack[i])
        ahead[i] = near_m < left_m <= rows.settings.wrong_way_winding * float(pairs.away_m[i]) + near_m
    return ahead


def _beyond(rows: Rows, pairs: _Pairs, home: Bools, slack: Floats) -> None:
    """Checkpoints that lie behind on the way that a report is on."""
    state, corridors = rows.state, rows.plans.corridors
    if not home.any():
        return
    along = state["route_last_km"] * 1000
    way = rows.corridor * WAYS + corridors.way[np.maximum(state["route_leg"].astype(np.int64) - 1, 0)]
    due = home & ((state["pass_way"] != way) | (along > state["pass_next_m"]))
    for row in np.unique(pairs.row[due[pairs.row]]).tolist():
        of = int(rows.plan["checkpoints"][row])
        behind = rows.plans.along_m(int(rows.corridor[row]), of)[int(way[row]) % WAYS]
        mine = np.flatnonzero(pairs.row == row)
        limit = behind[pairs.nth[mine]] + pairs.radius_m[mine] + rows.settings.checkpoint_beyond_m
        left = (state["pass_beyond"][row] & pairs.bit[mine]) == 0
        known = bool(state["pass_ends"][row] & ON_CORRIDOR)  # else it was passed before the plan
        least = limit + slack[mine] if known else behind[pairs.nth[mine]]
        for i in mine[left & (along[row] > least)].tolist():
            _leave_behind(rows, pairs, i)
            left[mine == i] = False
        state["pass_next_m"][row], state["pass_way"][row] = np.min(limit[left], initial=np.inf), way[row]
    state["pass_ends"] |= np.where(home & rows.plan["watched"], ON_CORRIDOR, 0).astype(np.uint8)


def _leave_behind(rows: Rows, pairs: _Pairs, i: int) -> None:
    """One checkpoint lies behind: missed, if nothing shows or excuses a passage."""
    state, row, bit = rows.state, int(pairs.row[i]), pairs.bit[i]
    state["pass_beyond"][row] |= bit
    if (state["pass_seen"][row] | state["pass_could"][row]) & bit:
        return
    numbers = {"checkpoint": float(pairs.nth[i]), "plan": float(rows.plan["checkpoints"][row])}
    if state["pass_ends"][row] & ON_CORRIDOR:
        numbers["corridor_km"] = round(float(state["route_last_km"][row]), 1)
        _emit(rows, row, BEYOND, 256 + int(pairs.nth[i]), numbers)
        return
    state["pass_could"][row] |= bit
    _emit(rows, row, PASSED, 16 + int(pairs.nth[i]), {**numbers, "how": float(BEFORE)})
