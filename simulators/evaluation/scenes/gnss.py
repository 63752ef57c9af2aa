"""Satellite positions: jammed, forged, frozen, of a wrong time; and what looks like it."""

from __future__ import annotations

import numpy as np

from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind, Flag, SealEvent
from simulators.evaluation.draft import Draft
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS
from simulators.evaluation.scenes.scene import Scene, at_moment, spot
from simulators.evaluation.ways import Ints, moved

KM = 1_000.0
FALSE_AIRPORT = (25.2528, 55.3644)
WHILE_FORGED = (
    AlertType.POSITION_IMPLAUSIBLE, AlertType.ROUTE_DEVIATION, AlertType.SEPARATION, AlertType.GNSS_JAMMING,
    AlertType.CHECKPOINT_MISSED, AlertType.UNSCHEDULED_STOP, AlertType.WRONG_WAY,
    AlertType.SILENT,
)  # fmt: skip
"""What a forged track truly looks like, too: a box that seems elsewhere enters no dead zone, for one."""


def _jam_said(draft: Draft) -> None:
    row = draft.seal.row(draft.at_ms)
    draft.seal.seal_events[row] |= int(SealEvent.JAMMING)
    draft.seal.lose_fix(np.array([row]))
    draft.claim(AlertType.GNSS_JAMMING, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _stretch(draft: Draft) -> None:
    draft.pick(draft.rng.uniform(75, 110) * KM, 0.1, 0.9)


def _long_stretch(draft: Draft) -> None:
    draft.pick(draft.rng.uniform(110, 170) * KM, 0.08, 0.92)


def _window(draft: Draft) -> tuple[int, int]:
    from_m, to_m = draft.reserved[0]
    return draft.moment(from_m), draft.moment(to_m)


def _jam_lost(draft: Draft, *, signal_pct: tuple[float, float] = (78, 98)) -> None:
    """No fix for an hour or more, and the mobile network is as good as ever."""
    from_ms, until_ms = _window(draft)
    for columns in (draft.seal, draft.tracker):
        if columns is not None:
            rows = columns.between(from_ms, until_ms)
            columns.lose_fix(rows)
            columns.signal_pct[rows] = draft.noise.uniform(*signal_pct, len(rows))
    rows = draft.seal.between(from_ms, until_ms)
    draft.claim(AlertType.GNSS_JAMMING, from_ms, until_ms, rows=rows, needed=min(4, len(rows)))


def _jam_together(draft: Draft) -> None:
    _jam_lost(draft, signal_pct=(30, 55))


def _tunnel(draft: Draft) -> None:
    """One report without a fix, with a weak signal and once with a good one."""
    row = draft.seal.row(draft.at_ms)
    draft.seal.lose_fix(np.array([row]))
    draft.seal.signal_pct[row] = draft.rng.choice((8.0, 90.0))
    draft.claim(None, draft.at_ms, draft.at_ms)


def _below_deck(draft: Draft) -> None:
    """No fix for a day, and next to no signal: a stack of boxes above."""
    seal = draft.seal
    until_ms = min(draft.at_ms + 26 * HOUR_MS, int(draft.motion.arrives_ms) - HOUR_MS)
    rows = seal.between(draft.at_ms, until_ms)
    seal.lose_fix(rows)
    seal.signal_pct[rows] = draft.noise.uniform(4, 14, len(rows))
    draft.claim(None, draft.at_ms, until_ms)


def _forge(draft: Draft, rows: Ints, needed: int) -> None:
    from_ms, until_ms = _window(draft)
    draft.claim(
        AlertType.GNSS_SPOOFING,
        from_ms,
        until_ms,
        rows=rows,
        needed=min(needed, len(rows)),
        also=WHILE_FORGED,
    )


def _forged_track(draft: Draft) -> None:
    """A smooth track that begins hundreds of kilometres away and drives faster than any truck."""
    seal = draft.seal
    rows = seal.between(*_window(draft))
    rows = rows[seal.fix_kind[rows] == FixKind.GNSS]
    hours = (seal.true_ms[rows] - seal.true_ms[rows[0]]) / HOUR_MS
    start_km, kmh = draft.rng.uniform(250, 600), draft.rng.uniform(250, 500)
    for i, row in enumerate(rows.tolist()):
        begin = seal.true_latitude_deg[rows[:1]], seal.true_longitude_deg[rows[:1]]
        north_m = np.array([(start_km + kmh * hours[i]) * KM * -0.7 * np.sign(begin[0][0])])
        latitude, longitude = moved(*begin, np.array([0.0]), north_m)
        seal.place(np.array([row]), latitude, longitude, 8.0)
        seal.speed_kmh[row] = kmh
    _forge(draft, rows, 6)


def _forged_against_cells(draft: Draft) -> None:
    """The satellites are dragged away slowly, as a truck would drive; the cells know better."""
    seal = draft.seal
    rows = seal.between(*_window(draft))
    cells, fixes = rows[1::2], rows[0::2]
    minutes = (seal.true_ms[fixes] - seal.true_ms[rows[0]]) / MINUTE_MS
    drift_m = np.minimum(minutes * 600.0, 70_000.0)
    latitude, longitude = moved(
        seal.true_latitude_deg[fixes], seal.true_longitude_deg[fixes], drift_m * 0.6, drift_m * 0.8
    )
    seal.place(fixes, latitude, longitude, 8.0)
    off = draft.noise.uniform(-1_200, 1_200, (2, len(cells)))
    latitude, longitude = moved(seal.true_latitude_deg[cells], seal.true_longitude_deg[cells], off[0], off[1])
    seal.place(cells, latitude, longitude, 1_500.0)
    seal.fix_kind[cells] = FixKind.CELL
    seal.speed_kmh[cells] = np.nan
    apart = cells[np.interp(seal.true_ms[cells], seal.true_ms[fixes], drift_m) > 25 * KM]
    _forge(draft, apart, 2)


def _forged_together(draft: Draft) -> None:
    """Several containers at once at one airport that none of them is at."""
    for columns in (draft.seal, draft.tracker):
        if columns is not None:
            rows = columns.between(*_window(draft))
            rows = rows[columns.fix_kind[rows] == FixKind.GNSS]
            columns.place(
                rows, np.full(len(rows), FALSE_AIRPORT[0]), np.full(len(rows), FALSE_AIRPORT[1]), 6.0
            )
            columns.speed_kmh[rows] = 0.0
    rows = draft.seal.between(*_window(draft))
    _forge(draft, rows[draft.seal.fix_kind[rows] == FixKind.GNSS], 3)


def _frozen(draft: Draft) -> None:
    """The last position again in the next report, called valid."""
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    rows = np.arange(row + 1, min(row + 2, len(seal)))
    if seal.fix_kind[row] == FixKind.GNSS:
        seal.place(rows, seal.latitude_deg[row], seal.longitude_deg[row], float(seal.accuracy_m[row]))
    draft.claim(None, draft.at_ms, draft.at_ms + HOUR_MS)


def _wrong_time(draft: Draft) -> None:
    """The device's clock was a day ahead: the gateway takes the receipt."""
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    seal.received_ms[row] = seal.true_ms[row] + 4_000
    seal.occurred_ms[row] = seal.received_ms[row]
    seal.flags[row] |= int(Flag.CLOCK_FUTURE)
    draft.claim(AlertType.POSITION_IMPLAUSIBLE, draft.at_ms, draft.at_ms, rows=np.array([row]))


SCENES = (
    Scene("jamming, said", spot, at_moment, _jam_said, at_sea=True),
    Scene("fix lost, network good", _stretch, report=_jam_lost, interval_max_min=10),
    Scene("jammed together", _stretch, report=_jam_together, interval_max_min=10, convoy=True),
    Scene("tunnel", spot, at_moment, _tunnel),
    Scene("below deck", spot, at_moment, _below_deck, on_land=False, at_sea=True),
    Scene("forged track", _long_stretch, report=_forged_track, interval_max_min=10),
    Scene("forged against cells", _long_stretch, report=_forged_against_cells, interval_max_min=10),
    Scene("forged together", _long_stretch, report=_forged_together, interval_max_min=10, convoy=True),
    Scene("frozen position", spot, at_moment, _frozen),
    Scene("clock ahead", spot, at_moment, _wrong_time, at_sea=True),
)
