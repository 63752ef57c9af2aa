"""The ordinary part of a trip: stops, checkpoints, dead zones, the time plan."""

from __future__ import annotations

import random

import numpy as np

from sealtrail.contract.trip import Authorisation, Checkpoint, Place, Trip, TripEventKind, Zone
from simulators.evaluation.draft import CLEAR_M, ENDS_M, Draft
from simulators.evaluation.motion import Halt, drive, pace
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS
from simulators.evaluation.ways import Way

END_RADIUS_M = 6_000.0
CHECKPOINT_RADIUS_M = 1_500.0
STOPS_AT_CHECKPOINT, HAS_BORDER = 0.7, 0.4
_RADIUS_M = {"rest": 1_200.0, "place": 1_500.0}


def dead_stretches(seed: int, way: Way) -> tuple[tuple[float, float], ...]:
    """Where a way has no network: the open sea, and a few stretches of each road; the same for all."""
    rng = random.Random(f"{seed}/{way.name}/dead")
    if way.at_sea:
        return ((90_000.0, way.length_m - 90_000.0),)
    found = []
    for low, high in ((0.2, 0.42), (0.58, 0.8)):
        length_m = rng.uniform(12_000.0, 40_000.0)
        from_m = rng.uniform(low * way.length_m, high * way.length_m - length_m)
        stretch = (from_m, from_m + length_m)
        if not any(stretch[0] < b + CLEAR_M and a - CLEAR_M < stretch[1] for a, b in way.ferries):
            found.append(stretch)
    return tuple(found)


def ordinary_halts(draft: Draft) -> None:
    """Stops that the plan allows, and short ones anywhere; they keep clear of what is reserved."""
    for from_m, to_m in draft.way.ferries:
        for along_m, what in ((from_m, "ferry port"), (to_m, "landing")):
            if not any(abs(along_m - halt.along_m) < 1.0 for halt in draft.halts):
                name = f"{what} km {along_m / 1000:.0f}"
                draft.halts.append(Halt(along_m, draft.rng.randrange(15, 55) * MINUTE_MS, "place", name))
    if not draft.way.at_sea:
        _checkpoints(draft)
        _rests(draft)
        _further_halts(draft)


def _checkpoints(draft: Draft) -> None:
    """At most of them it stands a while."""
    rng = draft.rng
    for number in range(rng.choice((1, 2, 2, 3))):
        at_m = _near(draft, rng.uniform(0.15, 0.85) * draft.way.length_m, off_corners=True)
        if at_m is not None:
            draft.checkpoints.append((at_m, CHECKPOINT_RADIUS_M))
            if rng.random() < STOPS_AT_CHECKPOINT:
                lasts_ms = rng.randrange(6, 26) * MINUTE_MS
                draft.halts.append(Halt(at_m, lasts_ms, "checkpoint", f"checkpoint {number}"))


def _rests(draft: Draft) -> None:
    """A break after every four and a half hours of driving, every second one for the night."""
    rng = draft.rng
    along, clock = pace(draft.way, random.Random(0), draft.slow)
    hours = clock / HOUR_MS
    for turn in range(1, int(hours[-1] / 4.5) + 1):
        at_m = _near(draft, float(np.interp(4.5 * turn, hours, along)))
        if at_m is not None:
            rest = turn % 2 == 0
            minutes = rng.randrange(540, 660) if rest else rng.randrange(45, 90)
            kind, what = ("rest", "lorry park") if rest else ("place", "service area")
            draft.halts.append(Halt(at_m, minutes * MINUTE_MS, kind, f"{what} km {at_m / 1000:.0f}"))


def _further_halts(draft: Draft) -> None:
    """The queue at a border, and short stops anywhere."""
    rng, length_m = draft.rng, draft.way.length_m
    border_m = _near(draft, rng.uniform(0.3, 0.7) * length_m) if rng.random() < HAS_BORDER else None
    if border_m is not None:
        draft.halts.append(Halt(border_m, rng.randrange(60, 300) * MINUTE_MS, "place", "border post"))
    for _ in range(rng.choice((0, 1, 2))):
        at_m = _near(draft, rng.uniform(0.1, 0.9) * length_m)
        if at_m is not None:
            draft.halts.append(Halt(at_m, rng.randrange(4, 18) * MINUTE_MS, "short"))


def _near(draft: Draft, along_m: float, *, off_corners: bool = False) -> float | None:
    """The next free spot from there on, which is then reserved; None where there is none."""
    corners = draft.way.starts_m
    at_m = max(along_m, ENDS_M)
    while at_m < draft.way.length_m - ENDS_M:
        near_corner = off_corners and np.abs(corners - at_m).min() < 5_000.0  # noqa: PLR2004 - metres
        if draft.free(at_m, at_m) and not near_corner:
            draft.reserved.append((at_m, at_m))
            return at_m
        at_m += 2_000.0
    return None


def set_off(draft: Draft) -> None:
    """Drive it, and once more as it would have been without what the scene does."""
    scripted = [halt for halt in draft.halts if halt.kind == "none" or halt.name.startswith("!")]
    ordinary = [halt for halt in draft.halts if halt not in scripted]
    pacing = pace(draft.way, draft.rng, draft.slow)
    draft.leaves_ms = draft.leaves_ms or draft.departs_ms + draft.rng.randrange(2, 12) * MINUTE_MS
    draft.motion = drive(draft.leaves_ms, pacing, draft.halts, draft.turns)
    draft.nominal = drive(draft.departs_ms, pacing, ordinary, [])


def plan(draft: Draft) -> None:
    """The trip file, and its recording some hours before it is loaded and departs."""
    way, identity = draft.way, draft.identity
    lasts_ms = draft.nominal.arrives_ms - draft.departs_ms
    slack = (1.02, HOUR_MS) if draft.arrives_late else (1.3, 6 * HOUR_MS)
    checkpoints = sorted(draft.checkpoints)
    margin = 0.3 if not draft.arrives_late else 0.02
    due = [
        draft.departs_ms + (draft.nominal.reaches_ms(at_m) - draft.departs_ms) * (1 + margin) + 2 * HOUR_MS
        for at_m, _ in checkpoints
    ]
    halts = [halt for halt in draft.halts if halt.kind in _RADIUS_M]
    longest_s = draft.habits.interval_ms * draft.habits.rest_factor / 1000
    draft.trip = Trip(
        trip_id=draft.trip_id,
        container_id=identity.container_id,
        device_ids=tuple(each for each in (identity.seal_id, identity.tracker_id, draft.mute_id) if each),
        corridor=way.corridor,
        seal_numbers=(identity.seal_number,),
        departs_at_ms=draft.departs_ms,
        arrives_at_ms=int(draft.departs_ms + lasts_ms * slack[0] + slack[1]),
        origin=draft.circle(way.origin, 0.0, END_RADIUS_M),
        destination=draft.circle(way.destination, way.length_m, END_RADIUS_M),
        allowed_places=tuple(_at(draft, halt) for halt in halts if halt.kind == "place"),
        parking_zones=tuple(
            Zone(name=halt.name.lstrip("!"), circle=_at(draft, halt)) for halt in halts if halt.kind == "rest"
        ),
        alternatives=tuple(draft.alternatives),
        checkpoints=tuple(
            Checkpoint(place=draft.circle(f"checkpoint {i}", at_m, radius_m), due_at_ms=int(due_ms))
            for i, ((at_m, radius_m), due_ms) in enumerate(zip(checkpoints, due, strict=True))
        ),
        forbidden_zones=tuple(draft.forbidden),
        dead_zones=() if way.at_sea and draft.habits.covered else _dead_zones(draft),
        cargo_limits=tuple(draft.limits),
        reporting_interval_s=longest_s if draft.habits.says_interval else None,
        stop_max_s=draft.stop_max_s,
        authorisations=(arrival_leave(draft), *draft.authorisations),
        declaration=f"EV{draft.trip_id}",
    )
    recorded_ms = int(min(draft.departs_ms, draft.leaves_ms)) - draft.rng.randrange(4, 20) * HOUR_MS
    draft.record(TripEventKind.PLANNED, recorded_ms, recorded_ms, trip=draft.trip)


def arrival_leave(draft: Draft) -> Authorisation:
    """Leave to open the seal at the destination."""
    until_ms = draft.motion.arrives_ms + 40 * HOUR_MS
    return draft.leave(
        "arrival",
        draft.motion.arrives_ms - 4 * HOUR_MS,
        until_ms,
        place=draft.circle(draft.way.destination, draft.way.length_m, END_RADIUS_M),
        cards=(draft.identity.card_id,),
    )


def _at(draft: Draft, halt: Halt) -> Place:
    right_m = float(draft.right_m(np.array([halt.along_m]))[0])
    return draft.circle(halt.name.lstrip("!"), halt.along_m, _RADIUS_M[halt.kind], right_m)


def _dead_zones(draft: Draft) -> tuple[Zone, ...]:
    found = []
    half_width_m = draft.way.half_width_m
    for number, (from_m, to_m) in enumerate(draft.dead):
        pieces = max(1, round((to_m - from_m) / 600_000.0))
        step_m = (to_m - from_m) / pieces
        for piece in range(pieces):
            middle_m = from_m + (piece + 0.5) * step_m
            name = f"no network {number}.{piece}"
            circle = draft.circle(name, middle_m, step_m / 2 * 1.05 + half_width_m + 1_000.0)
            found.append(Zone(name=name, circle=circle))
    return tuple(found)
