"""When reports are received: latency, dead zones with their backlogs, delays of days, copies, clocks."""

from __future__ import annotations

import numpy as np

from sealtrail.contract.reading import FixKind, Flag
from simulators.evaluation.columns import Columns
from simulators.evaluation.draft import Draft
from simulators.evaluation.profile import DAY_MS, HOUR_MS, MINUTE_MS
from simulators.evaluation.ways import Ints

SKEW_MS = 25_000
AHEAD_ALLOWED_MS = 60_000


def send(draft: Draft, columns: Columns, dark_ms: list[tuple[float, float]]) -> None:
    """Fill in ``received_ms``, flags and copies; ``dark_ms`` are the times without a network."""
    noise, profile, n = draft.noise, draft.profile, len(columns)
    made = columns.true_ms
    latency = np.clip(noise.lognormal(1.1, 0.8, n) * 1_000, 300, 60_000)
    slow = noise.random(n) < profile.slow_rate
    latency = np.where(slow, noise.uniform(1 * MINUTE_MS, 15 * MINUTE_MS, n), latency)
    late = noise.random(n) < profile.late_rate
    late[0] = False
    latency = np.where(late, np.exp(noise.uniform(np.log(2 * HOUR_MS), np.log(4 * DAY_MS), n)), latency)
    columns.received_ms = made + latency.astype(np.int64)
    columns.flags[late] |= int(Flag.BUFFERED)
    for from_ms, until_ms in dark_ms:
        _backlog(draft, columns, columns.between(from_ms, until_ms), until_ms)
    for from_ms, until_ms, remembered in draft.silences:
        rows = columns.between(from_ms, until_ms)
        if remembered:
            _backlog(draft, columns, rows, until_ms)
        else:
            columns.kept[rows] = False
    _clocks(draft, columns)
    doubled = np.flatnonzero(noise.random(n) < profile.duplicate_rate)
    after = np.exp(noise.uniform(np.log(1_000), np.log(2 * HOUR_MS), len(doubled))).astype(np.int64)
    columns.copies = list(zip(doubled.tolist(), (columns.received_ms[doubled] + after).tolist(), strict=True))


def _backlog(draft: Draft, columns: Columns, rows: Ints, until_ms: float) -> None:
    """Upload what was kept: in order, newest first, or piece by piece between live reports."""
    if not len(rows):
        return
    noise = draft.noise
    how = 3 if noise.random() < draft.profile.shuffle_rate else int(noise.integers(0, 3))
    begins = until_ms + noise.uniform(20_000, 3 * MINUTE_MS)
    step_ms = noise.uniform(45_000, 120_000) if how == 2 else noise.uniform(400, 2_500)  # noqa: PLR2004 - interleaved
    nth = np.arange(len(rows))
    if how == 1:
        nth = nth[::-1]
    elif how == 3:  # noqa: PLR2004 - shuffled
        nth = noise.permutation(len(rows))
    columns.received_ms[rows] = (begins + nth * step_ms).astype(np.int64)
    columns.flags[rows] |= int(Flag.BUFFERED)


def _clocks(draft: Draft, columns: Columns) -> None:
    """Clocks that are some seconds off, and devices that start again without one."""
    noise, n = draft.noise, len(columns)
    skew_ms = int(noise.uniform(-SKEW_MS, SKEW_MS) // 1_000 * 1_000) if noise.random() < 0.3 else 0  # noqa: PLR2004
    columns.occurred_ms = columns.true_ms + skew_ms
    ahead = columns.occurred_ms > columns.received_ms + AHEAD_ALLOWED_MS
    columns.occurred_ms[ahead] = columns.received_ms[ahead]
    if noise.random() < 0.05 and n > 40:  # noqa: PLR2004 - part of the devices, reports
        row = int(noise.integers(10, n - 10))
        rows = np.arange(row, row + 2)
        direct = columns.received_ms[rows] - columns.true_ms[rows] < 2 * MINUTE_MS
        unset_clock(columns, rows[direct])


def unset_clock(columns: Columns, rows: Ints) -> None:
    """Let reports be of a device that doesn't know the time: the receipt counts."""
    columns.flags[rows] |= int(Flag.CLOCK_UNSET)
    columns.occurred_ms[rows] = columns.received_ms[rows]


def spoil(draft: Draft, columns: Columns) -> list[tuple[int, str]]:
    """Wrong fixes: far away, or 0 N 0 E. The rows and what was done to them."""
    noise, n = draft.noise, len(columns)
    done: list[tuple[int, str]] = []
    fixes = np.flatnonzero(columns.fix_kind == FixKind.GNSS)
    for row in fixes[noise.random(len(fixes)) < 0.0007].tolist():  # noqa: PLR2004 - part of the fixes
        if not 0 < row < n - 1 or columns.flags[row] & Flag.CLOCK_UNSET:
            continue
        if noise.random() < 0.3:  # noqa: PLR2004 - part of the wrong fixes
            columns.latitude_deg[row] = columns.longitude_deg[row] = 0.0
            done.append((row, "zero island"))
        else:
            turn = noise.uniform(20, 170)
            columns.longitude_deg[row] = (columns.longitude_deg[row] + turn + 180) % 360 - 180
            columns.latitude_deg[row] *= 0.5
            done.append((row, "jump"))
    return done
