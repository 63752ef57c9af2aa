"""Off the way, backwards, where it mustn't be, past a checkpoint; and what looks like it."""

from __future__ import annotations

import msgspec
import numpy as np

from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind
from sealtrail.contract.trip import Corridor, TripEventKind, Zone
from simulators.evaluation.draft import Bump, Draft
from simulators.evaluation.motion import Halt, Slow, Turn
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS
from simulators.evaluation.scenes.scene import Scene, last_watched
from simulators.evaluation.ways import moved

KM = 1_000.0


def _leave_way(draft: Draft, beyond_m: float, plateau_m: float) -> Bump:
    """Out to ``beyond_m`` past the corridor's edge, some way along out there, and back."""
    out_m = draft.way.half_width_m + beyond_m
    ramp_m = out_m / 0.8
    need_m = 2 * ramp_m + plateau_m
    from_m = draft.pick(need_m, 0.08, 0.92)
    side = draft.rng.choice((1.0, -1.0))
    bump = Bump(from_m, from_m + need_m, side * out_m, ramp_m)
    draft.bumps.append(bump)
    if not draft.way.at_sea:
        draft.slow.append(Slow(bump.from_m, bump.to_m, 0.55))
    return bump


def _deviation(draft: Draft) -> None:
    _leave_way(draft, draft.rng.uniform(1.2, 3.0) * min(draft.way.half_width_m, 30_000.0), 12 * KM)


def _deviation_far(draft: Draft) -> None:
    _leave_way(draft, 62 * KM, 25 * KM)


def _deviation_sparse(draft: Draft) -> None:
    """Few reports: the crossing lies between two of them."""
    _leave_way(draft, draft.rng.uniform(8, 16) * KM, 45 * KM)


def _deviation_at_sea(draft: Draft) -> None:
    _leave_way(draft, draft.rng.uniform(60, 90) * KM, 90 * KM)


def _edge(draft: Draft) -> None:
    """Within the corridor, a hundred metres from its edge, with a poor fix."""
    out_m = draft.way.half_width_m - 130.0
    need_m = 2 * out_m / 0.5 + 10 * KM
    from_m = (
        draft.straight(need_m) if draft.way.half_width_m < 6 * KM and need_m < 30 * KM else draft.pick(need_m)
    )
    draft.bumps.append(Bump(from_m, from_m + need_m, draft.rng.choice((1.0, -1.0)) * out_m, out_m / 0.5))


def _edge_fixes(draft: Draft) -> None:
    bump, seal = draft.bumps[0], draft.seal
    rows = seal.between(draft.moment(bump.from_m), draft.moment(bump.to_m))
    rows = rows[seal.fix_kind[rows] == FixKind.GNSS]
    east, north = np.clip(draft.noise.normal(0, 45, (2, len(rows))), -120, 120)
    latitude, longitude = moved(seal.true_latitude_deg[rows], seal.true_longitude_deg[rows], east, north)
    seal.place(rows, latitude, longitude, 100.0)
    draft.claim(None, draft.moment(bump.from_m), draft.moment(bump.to_m))


def _bypass(draft: Draft) -> None:
    _leave_way(draft, draft.rng.uniform(6, 14) * KM, 20 * KM)


def bypass_corridor(draft: Draft) -> Corridor:
    """The way beside the way, as an alternative."""
    bump = draft.bumps[0]
    along_m = np.linspace(bump.from_m - 6 * KM, bump.to_m + 6 * KM, 40)
    latitude, longitude = draft.way.place(along_m, draft.right_m(along_m))
    pairs = zip(longitude.round(5).tolist(), latitude.round(5).tolist(), strict=True)
    return Corridor(coordinates=tuple(pairs), half_width_m=(4_000.0,))


def _alternative(draft: Draft) -> None:
    _bypass(draft)
    draft.alternatives.append(bypass_corridor(draft))


def _alternative_report(draft: Draft) -> None:
    draft.claim(None, draft.moment(draft.bumps[0].from_m), draft.moment(draft.bumps[0].to_m))


def _rerouted(draft: Draft) -> None:
    """The new plan is recorded before it is driven."""
    assert draft.trip is not None  # noqa: S101 - planned before reports are made
    bump = draft.bumps[0]
    new = msgspec.structs.replace(draft.trip, alternatives=(bypass_corridor(draft),))
    at_ms = draft.moment(bump.from_m) - 90 * MINUTE_MS
    draft.record(TripEventKind.CHANGED, at_ms, at_ms + 20_000, trip=new)
    draft.rerouted = True
    draft.claim(None, draft.moment(bump.from_m), draft.moment(bump.to_m))


def _turned_back(draft: Draft) -> None:
    _wrong_way(draft, returns=False)


def _wrong_way(draft: Draft, *, returns: bool = True) -> None:
    from_m = draft.pick(75 * KM, 0.1, 0.9)
    draft.turns.append(Turn(from_m + 74 * KM, draft.rng.uniform(45, 65) * KM, returns))


def _wrong_way_report(draft: Draft) -> None:
    turn, seal = draft.turns[0], draft.seal
    begins_ms = draft.motion.reaches_ms(turn.along_m)
    ends_ms = draft.motion.reaches_ms(turn.along_m - turn.back_m, begins_ms)
    far_ms = draft.motion.reaches_ms(turn.along_m - 18 * KM, begins_ms)
    rows = seal.between(far_ms, ends_ms)
    also = (AlertType.CHECKPOINT_MISSED,)
    draft.claim(AlertType.WRONG_WAY, begins_ms, ends_ms, rows=rows[seal.fix_kind[rows] == 1], also=also)


def _u_turn(draft: Draft) -> None:
    from_m = draft.pick(8 * KM)
    draft.turns.append(Turn(from_m + 7 * KM, 2.5 * KM, returns=True))
    draft.halts.append(Halt(from_m + 7 * KM, 9 * MINUTE_MS, "none"))


def _u_turn_report(draft: Draft) -> None:
    begins_ms = draft.motion.reaches_ms(draft.turns[0].along_m)
    draft.claim(None, begins_ms, begins_ms + HOUR_MS)


def _zone(draft: Draft, from_m: float, right_m: float) -> Zone:
    name = f"closed quarter {draft.trip_id}"
    if draft.rng.random() < 0.5:  # noqa: PLR2004 - circles and rings
        return Zone(name=name, circle=draft.circle(name, from_m, 1_800.0, right_m))
    corners = [(-1.7, -1.6), (1.7, -1.6), (1.7, 1.6), (-1.7, 1.6)]
    ring = [draft.way.point(from_m + x * KM, right_m + y * KM) for x, y in corners]
    return Zone(name=name, ring=tuple((longitude, latitude) for latitude, longitude in ring))


def _forbidden(draft: Draft) -> None:
    from_m = draft.straight(15 * KM)
    right_m = draft.rng.choice((2.6, -2.6)) * KM
    draft.forbidden.append(_zone(draft, from_m + 7.5 * KM, right_m))
    draft.bumps.append(Bump(from_m, from_m + 15 * KM, right_m, 4.5 * KM))
    draft.halts.append(Halt(from_m + 7.5 * KM, draft.rng.randrange(20, 28) * MINUTE_MS, "none"))


def _forbidden_report(draft: Draft) -> None:
    halt, seal = draft.halts[0], draft.seal
    from_ms, until_ms = draft.moment(halt.along_m - 1.5 * KM), draft.moment(halt.along_m + 1.5 * KM)
    rows = seal.between(draft.during(halt, 0.0), draft.during(halt, 1.0))
    good = (seal.fix_kind[rows] == FixKind.GNSS) & (seal.accuracy_m[rows] <= 100)  # noqa: PLR2004 - metres
    draft.claim(AlertType.ZONE_FORBIDDEN, from_ms, until_ms, rows=rows[good])


def _forbidden_near(draft: Draft) -> None:
    from_m = draft.straight(12 * KM)
    draft.forbidden.append(_zone(draft, from_m + 6 * KM, draft.rng.choice((4.2, -4.2)) * KM))


def _forbidden_near_report(draft: Draft) -> None:
    from_m = draft.reserved[0][0]
    draft.claim(None, draft.moment(from_m), draft.moment(from_m + 12 * KM))


def _skipped(draft: Draft) -> None:
    from_m = draft.straight(24 * KM)
    draft.checkpoints.append((from_m + 12 * KM, 1_400.0))
    draft.bumps.append(Bump(from_m, from_m + 24 * KM, draft.rng.choice((1.0, -1.0)) * 4.1 * KM, 7 * KM))


def _skipped_report(draft: Draft) -> None:
    at_m, seal = draft.checkpoints[0][0], draft.seal
    passed_ms = draft.moment(at_m)
    rows = seal.between(draft.moment(at_m + 6 * KM), last_watched(draft))
    draft.claim(
        AlertType.CHECKPOINT_MISSED,
        passed_ms,
        last_watched(draft),
        rows=rows[seal.fix_kind[rows] == FixKind.GNSS],
        also=(AlertType.OVERDUE,),
    )


def _out_of_order(draft: Draft) -> None:
    """Past the first, to the second, back to the first, and on."""
    from_m = draft.straight(40 * KM, 0.1, 0.9)
    first_m, second_m = from_m + 12 * KM, from_m + 38 * KM
    draft.checkpoints += [(first_m, 1_400.0), (second_m, 1_400.0)]
    draft.bumps.append(Bump(from_m, from_m + 24 * KM, draft.rng.choice((1.0, -1.0)) * 4.1 * KM, 7 * KM))
    draft.halts.append(Halt(second_m, 12 * MINUTE_MS, "none"))
    draft.turns.append(Turn(second_m + 10.0, 26 * KM, returns=True))


def _out_of_order_act(draft: Draft) -> None:
    draft.bumps_until_ms = draft.motion.reaches_ms(draft.checkpoints[1][0])


def _out_of_order_report(draft: Draft) -> None:
    (first_m, _), (second_m, _) = draft.checkpoints[:2]
    seal = draft.seal
    passed_ms = draft.moment(first_m)
    rows = seal.between(draft.moment(second_m), last_watched(draft))
    draft.claim(
        AlertType.CHECKPOINT_MISSED,
        passed_ms,
        last_watched(draft),
        rows=rows[seal.fix_kind[rows] == FixKind.GNSS],
        also=(AlertType.OVERDUE, AlertType.WRONG_WAY),
    )


SCENES = (
    Scene("detour", _deviation, interval_max_min=10),
    Scene("detour at sea", _deviation_at_sea, on_land=False, at_sea=True),
    Scene("far detour", _deviation_far, interval_max_min=30),
    Scene("sparse detour", _deviation_sparse),
    Scene("along the edge", _edge, report=_edge_fixes, interval_max_min=15),
    Scene("alternative taken", _alternative, report=_alternative_report),
    Scene("plan changed under way", _bypass, report=_rerouted),
    Scene("wrong way", _wrong_way, report=_wrong_way_report, interval_max_min=15),
    Scene("turned back", _turned_back, report=_wrong_way_report, interval_max_min=15),
    Scene("missed its turn", _u_turn, report=_u_turn_report),
    Scene("in a forbidden zone", _forbidden, report=_forbidden_report, interval_max_min=10, weight=2),
    Scene("past a forbidden zone", _forbidden_near, report=_forbidden_near_report),
    Scene("checkpoint skipped", _skipped, report=_skipped_report, interval_max_min=15),
    Scene(
        "checkpoints out of order",
        _out_of_order,
        _out_of_order_act,
        _out_of_order_report,
        interval_max_min=10,
    ),
)
