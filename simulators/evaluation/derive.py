"""Truths that follow from what a trip physically was and what of it was reported, whatever the scene.

Each is derived from the true motion and from receipts, never from a rule: a
detour is where the box truly was beyond the corridor, silence is where nothing
was received. What is too close to a limit to be called is claimed as neither
(``alert_type`` None with the type in ``also``).
"""

from __future__ import annotations

import numpy as np

from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind, SealState
from simulators.evaluation.columns import Columns
from simulators.evaluation.draft import Draft
from simulators.evaluation.planning import END_RADIUS_M
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS
from simulators.evaluation.sampling import arrived
from simulators.evaluation.ways import Ints, apart_m, unit_vectors

STOP_MAX_S = 1_800.0
SPACING_MS = 10_000
JUMP_M_S = 60.0
DAYLIGHT_LUX = 20.0
NEAR = 0.85


Dark = list[tuple[float, float]]
"""Times (from, until) without a network, one for each dead stretch of the way."""


def derive(draft: Draft, ended_ms: int, dark_ms: tuple[Dark, Dark]) -> None:
    """Claim everything that follows; ``dark_ms`` are the box's and its truck's."""
    if not draft.rerouted and not draft.alternatives:
        _detours(draft)
    _early_news(draft)
    _forged_ends(draft)
    _stops(draft, ended_ms)
    _delays(draft, ended_ms)
    for columns, own_ms in zip((draft.seal, draft.tracker), dark_ms, strict=True):
        if columns is not None:
            _silences(draft, columns, ended_ms, own_ms)


def _between(draft: Draft, kind: str | None, from_ms: float, until_ms: float, **content: object) -> None:
    draft.claim(kind, from_ms, until_ms, **content)


def _either(draft: Draft, kind: str, from_ms: float, until_ms: float) -> None:
    """Neither right nor wrong to raise."""
    draft.claim(None, from_ms, until_ms, also=(kind,))


def _early_news(draft: Draft) -> None:
    """That the seal is open may be heard before who opened it and where: told, and taken back."""
    seal = draft.seal
    for row in draft.openings:
        later = np.arange(row + 1, min(row + 60, len(seal)))
        shows = (seal.seal_state[later] == SealState.OPEN) | (seal.light_lux[later] > DAYLIGHT_LUX)
        shows |= seal.door_open[later] == 1.0
        if (seal.received_ms[later[shows]] < seal.received_ms[row]).any():
            until_ms = int(seal.true_ms[later[-1]])
            heard = seal.received_ms[row] < draft.profile.end_ms
            for kind in (AlertType.SEAL_OPENED, AlertType.DOOR_OPENED):
                if heard:
                    draft.claim(kind, int(seal.true_ms[row]), until_ms, withdrawn=True)
                else:
                    _either(draft, kind, int(seal.true_ms[row]), until_ms)


def _forged_ends(draft: Draft) -> None:
    """The first true fix after a forged one is far from it, however long that fix is in coming."""
    for until_ms in [each.until_ms for each in draft.pending if each.alert_type == AlertType.GNSS_SPOOFING]:
        for columns in (draft.seal, draft.tracker):
            if columns is not None:
                fixed = columns.between(until_ms, until_ms + 12 * HOUR_MS)
                fixed = fixed[columns.fix_kind[fixed] == FixKind.GNSS][:1]
                for row in fixed.tolist():
                    _either(draft, AlertType.POSITION_IMPLAUSIBLE, until_ms, int(columns.true_ms[row]))


def _detours(draft: Draft) -> None:
    way = draft.way
    for bump in draft.bumps:
        if abs(bump.right_m) <= way.half_width_m:
            continue
        from_ms, until_ms = draft.moment(bump.from_m), draft.moment(bump.to_m)
        grid = np.arange(from_ms, until_ms, 20_000.0)
        outside = np.flatnonzero(way.off_m(*draft.position(grid)) > way.half_width_m)
        if not outside.size:
            continue
        from_ms, until_ms = int(grid[outside[0]]), int(grid[outside[-1]])
        told = [
            _outside(draft, columns, from_ms, until_ms) for columns in (draft.seal, draft.tracker) if columns
        ]
        best = max(range(len(told)), key=lambda i: len(told[i]))
        of = draft.seal if best == 0 else draft.tracker
        if len(told[best]) >= 2:  # noqa: PLR2004 - reports that make a deviation
            bends = (
                (way.starts_m > bump.from_m) & (way.starts_m < bump.to_m)
            ).any()  # comes back further back
            _between(
                draft, AlertType.ROUTE_DEVIATION, from_ms, until_ms, rows=told[best], of=of, needed=2,
                also=(AlertType.WRONG_WAY,) if bends else (),
            )  # fmt: skip
        else:
            _either(draft, AlertType.ROUTE_DEVIATION, from_ms, until_ms)


def _outside(draft: Draft, columns: Columns, from_ms: int, until_ms: int) -> Ints:
    """Reports that clearly say so, some seconds from each other."""
    rows = columns.between(from_ms, until_ms)
    rows = rows[columns.kept[rows] & (columns.fix_kind[rows] == FixKind.GNSS)]
    off_m = draft.way.off_m(columns.latitude_deg[rows], columns.longitude_deg[rows])
    sure = off_m - draft.way.half_width_m > 2 * np.maximum(columns.accuracy_m[rows], 5.0)
    sure &= off_m < draft.way.half_width_m + 400_000.0
    kept: list[int] = []
    for row in rows[sure].tolist():
        if not kept or columns.true_ms[row] - columns.true_ms[kept[-1]] >= SPACING_MS:
            kept.append(row)
    return np.array(kept, np.int64)


def _stops(draft: Draft, ended_ms: int) -> None:
    limit_ms = (draft.stop_max_s or STOP_MAX_S) * 1000
    stands = draft.motion.stands()
    if not arrived(draft):
        stands.append((draft.motion.arrives_ms, float(ended_ms), float(draft.motion.along_m[-1])))
    allowed = [halt.along_m for halt in draft.halts if halt.kind in {"rest", "place"}]
    for from_ms, until_ms, along_m in stands:
        lasts_ms = until_ms - from_ms
        at_end = min(along_m, draft.way.length_m - along_m) < END_RADIUS_M
        if at_end or lasts_ms < NEAR * limit_ms or any(abs(along_m - at) < 1.0 for at in allowed):
            continue
        rows = _stood(draft.seal, from_ms, until_ms, limit_ms)
        also = (AlertType.OVERDUE,) if lasts_ms > 4 * HOUR_MS else ()
        if lasts_ms > limit_ms / NEAR and len(rows):
            _between(draft, AlertType.UNSCHEDULED_STOP, from_ms, until_ms, rows=rows, also=also)
        else:
            _either(draft, AlertType.UNSCHEDULED_STOP, from_ms, until_ms)


def _stood(columns: Columns, from_ms: float, until_ms: float, limit_ms: float) -> Ints:
    """Reports by which it has stood for longer than allowed, as its fixes show."""
    rows: Ints = columns.between(from_ms, until_ms)
    rows = rows[columns.kept[rows] & (columns.fix_kind[rows] == FixKind.GNSS)]
    if not len(rows):
        return rows
    long: Ints = rows[columns.true_ms[rows] >= columns.true_ms[rows[0]] + limit_ms]
    return long


def _delays(draft: Draft, ended_ms: int) -> None:
    assert draft.trip is not None  # noqa: S101 - planned before reports are made
    trip, motion = draft.trip, draft.motion
    due: list[tuple[float, float]] = [(float(draft.departs_ms), draft.leaves_ms)]
    for checkpoint, (at_m, _) in zip(trip.checkpoints, sorted(draft.checkpoints), strict=True):
        due.append((float(checkpoint.due_at_ms or 0), motion.reaches_ms(at_m)))
    arrival_ms = motion.reaches_ms(draft.way.length_m - END_RADIUS_M)
    due.append((float(trip.arrives_at_ms or 0), arrival_ms))
    for due_ms, there_ms in due:
        late_ms = min(there_ms, ended_ms) - due_ms
        if draft.parts_at is not None and late_ms > 0 and there_ms > draft.at_ms:
            _either(
                draft, AlertType.OVERDUE, due_ms, min(there_ms, ended_ms)
            )  # its truck's tracker was there
        elif late_ms > 2 * HOUR_MS:
            _between(
                draft, AlertType.OVERDUE, due_ms, min(there_ms, ended_ms), known_ms=int(due_ms),
                tolerance_ms=3 * HOUR_MS, may_be_withdrawn=True,
            )  # fmt: skip
        elif late_ms > -15 * MINUTE_MS:
            _either(draft, AlertType.OVERDUE, due_ms - HOUR_MS, min(there_ms, ended_ms))
        elif any(from_ms <= there_ms < until_ms and not kept for from_ms, until_ms, kept in draft.silences):
            _either(draft, AlertType.OVERDUE, due_ms, ended_ms)  # nobody ever hears that it was in time


def _silences(draft: Draft, columns: Columns, ended_ms: int, dark_ms: Dark) -> None:
    """Gaps between receipts, less the time in dead zones; the network's copies are no word of a device."""
    period_ms = draft.habits.interval_ms * draft.habits.rest_factor
    if columns is draft.tracker and not draft.habits.says_interval:
        period_ms = min(draft.habits.interval_ms, 10 * MINUTE_MS)
    received = np.sort(columns.received_ms[columns.kept])
    received = received[received > draft.departs_ms - 3 * HOUR_MS]
    edges = np.append(received, ended_ms)
    for i in np.flatnonzero(np.diff(edges) > 1.5 * period_ms).tolist():
        from_ms, until_ms = int(edges[i]), int(edges[i + 1])
        if until_ms < draft.departs_ms or from_ms >= ended_ms:
            continue
        until_ms = min(until_ms, ended_ms)
        longest_ms, far_side_ms = _unexplained(draft, from_ms, until_ms, dark_ms)
        known_ms = max(from_ms, draft.departs_ms) + 2 * period_ms
        if longest_ms > 2.6 * period_ms + 4 * MINUTE_MS and until_ms - known_ms > 20 * MINUTE_MS:
            _between(
                draft, AlertType.SILENT, from_ms, until_ms, known_ms=known_ms, of=columns,
                may_be_withdrawn=True,
            )  # fmt: skip
        elif far_side_ms > 4 * HOUR_MS:
            known_ms = until_ms - far_side_ms + 2 * period_ms
            _between(
                draft, AlertType.SILENT, from_ms, until_ms, known_ms=known_ms, of=columns,
                may_be_withdrawn=True,
            )  # fmt: skip
        elif longest_ms > 1.5 * period_ms or far_side_ms > 20 * MINUTE_MS:
            _either(draft, AlertType.SILENT, from_ms, until_ms)


def _unexplained(draft: Draft, from_ms: int, until_ms: int, dark_ms: Dark) -> tuple[float, int]:
    """(longest stretch with a network, time in dead zones beyond what they take a truck) of a gap."""
    now, longest, surplus = float(from_ms), 0.0, 0.0
    for (begins, ends), (first_m, last_m) in zip(dark_ms, draft.dead, strict=True):
        if ends <= from_ms or begins >= until_ms:
            continue
        longest = max(longest, begins - now)
        now = min(ends, until_ms)
        normal = draft.nominal.reaches_ms(last_m) - draft.nominal.reaches_ms(first_m)
        surplus += max(0.0, min(ends, until_ms) - max(begins, from_ms) - normal)
    return max(longest, until_ms - now), int(surplus)


def claim_spoiled(draft: Draft, columns: Columns, spoiled: list[tuple[int, str]]) -> None:
    """Wrong fixes that can be known for it: too far from the fix before in the time between.

    The first fix of a trip's own reports may be known by those of the trip before, or not.
    """
    for row, what in spoiled:
        at_ms = int(columns.true_ms[row])
        good = np.flatnonzero((columns.fix_kind == FixKind.GNSS) & columns.kept)
        place = int(np.searchsorted(good, row))
        if not columns.kept[row] or columns.fix_kind[row] == FixKind.NONE:
            continue  # never received, or the scene took the fix
        if place == 0:
            _either(draft, AlertType.POSITION_IMPLAUSIBLE, at_ms, at_ms)
            continue
        before = int(good[place - 1])
        pair = np.array([before, row])
        v = unit_vectors(columns.latitude_deg[pair], columns.longitude_deg[pair])
        far_m = float(apart_m(v[:1], v[1:])[0])
        seconds = (at_ms - int(columns.true_ms[before])) / 1000 + 60
        if what == "zero island" or far_m > JUMP_M_S * seconds + 10_000:
            draft.claim(
                AlertType.POSITION_IMPLAUSIBLE, at_ms, at_ms, rows=np.array([row]), of=columns, kind=what
            )
        else:
            _either(draft, AlertType.POSITION_IMPLAUSIBLE, at_ms, at_ms)
