"""What the devices of a trip report: when, where they believe to be, what they measure."""

from __future__ import annotations

import numpy as np

from sealtrail.contract.reading import FixKind, SealEvent, SealState
from simulators.evaluation.columns import Columns, blank
from simulators.evaluation.draft import Draft
from simulators.evaluation.profile import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from simulators.evaluation.ways import Bools, Floats, Ints, moved

HANDLED_RATE = 0.2
UNSEEN_SCENES = frozenset({
    "plain", "hard blow", "too warm", "battery runs down", "battery nearly low", "lock fault", "cut",
    "back cap opened", "flash of light", "two sessions", "repeated number",
})  # fmt: skip
"""Scenes that need no positions at sea."""
LOADING_MS = 150 * MINUTE_MS
ACCURACIES_M = np.array([5.0, 10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 30.0, 50.0, 100.0])
BURST_RATE = 0.12
CELL_RATE, NO_FIX_RATE, STALE_RATE = 0.1, 0.06, 0.015
HALLS_PART, INDOOR_CELL_PART = 0.35, 0.8
ORDINARY_SHOCK_G = 8.5
"""Real boxes see so much in handling; what a cargo profile forbids lies above it."""


def sample(draft: Draft, device_id: str, until_ms: float, *, is_seal: bool) -> Columns:
    """Reports of one device from loading to the end, nothing scripted yet."""
    times_ms = _times(draft, until_ms, is_seal=is_seal)
    columns = blank(device_id, "json", draft.identity.container_id, times_ms)
    at_ms = times_ms.astype(np.float64)
    latitude, longitude = draft.position(at_ms)
    columns.true_latitude_deg, columns.true_longitude_deg = latitude, longitude
    moving = draft.motion.moving(at_ms)
    _fixes(draft, columns, moving)
    _sensors(draft, columns, moving, is_seal=is_seal)
    if is_seal:
        _seal(draft, columns)
    return columns


def _times(draft: Draft, until_ms: float, *, is_seal: bool) -> Ints:
    noise, habits = draft.noise, draft.habits
    interval_ms = float(habits.interval_ms if is_seal else min(habits.interval_ms, 10 * MINUTE_MS))
    from_ms = min(draft.departs_ms, draft.leaves_ms) - LOADING_MS
    n = int((until_ms - from_ms) / interval_ms) + 2
    jitter = np.clip(noise.normal(0.0, 0.01 * interval_ms, n), -0.05 * interval_ms, 0.05 * interval_ms)
    grid = from_ms + noise.uniform(0, interval_ms) + np.arange(n) * interval_ms + jitter
    if is_seal and habits.rest_factor > 1:
        awake = draft.motion.moving(grid) | (np.arange(n) % habits.rest_factor == 0)
        grid = grid[awake]
    bursts = grid[noise.random(len(grid)) < BURST_RATE]
    again = [bursts + noise.uniform(1_000, 40_000, len(bursts)) for _ in range(2)]
    grid = np.concatenate((grid, *again, np.array(draft.marks_ms if is_seal else [], np.float64)))
    whole = (grid // SECOND_MS * SECOND_MS).astype(np.int64)
    return np.unique(whole[(whole >= from_ms) & (whole <= until_ms)])


def _fixes(draft: Draft, columns: Columns, moving: Bools) -> None:
    noise, n = draft.noise, len(columns)
    accuracy = noise.choice(ACCURACIES_M, n)
    spread = 0.5 * accuracy * np.where(noise.random(n) < 0.02, 2.0, 1.0)  # noqa: PLR2004 - multipath
    east, north = noise.normal(0, 1, (2, n)) * np.minimum(spread, 100.0)
    wander = np.cumsum(noise.normal(0, 6.0, (2, n)), axis=1)
    at_rest = np.where(moving, 0.0, 1.0)
    limit = 1.2 * accuracy
    wander = np.clip(wander, -limit, limit) * at_rest  # multipath drifts while it stands
    columns.latitude_deg, columns.longitude_deg = moved(
        columns.true_latitude_deg, columns.true_longitude_deg, east + wander[0], north + wander[1]
    )
    columns.accuracy_m = accuracy
    columns.fix_kind[:] = FixKind.GNSS
    _speeds(draft, columns, moving)
    kinds = noise.random(n)
    kinds[_third_in_a_row(kinds < NO_FIX_RATE + CELL_RATE)] = 0.5
    indoors = _halls(draft, columns)
    kinds[indoors] = np.where(noise.random(len(indoors)) < INDOOR_CELL_PART, NO_FIX_RATE, 0.0)
    columns.lose_fix(np.flatnonzero(kinds < NO_FIX_RATE))
    cell = np.flatnonzero((kinds >= NO_FIX_RATE) & (kinds < NO_FIX_RATE + CELL_RATE))
    _cell_fixes(draft, columns, cell)
    stale = np.flatnonzero(kinds > 1 - STALE_RATE)
    for row in stale[stale > 0].tolist():
        if columns.fix_kind[row - 1] == FixKind.GNSS:
            columns.latitude_deg[row] = columns.latitude_deg[row - 1]
            columns.longitude_deg[row] = columns.longitude_deg[row - 1]
            columns.fix_kind[row] = FixKind.STALE
    if draft.habits.fix_every > 1:
        columns.lose_fix(np.flatnonzero(np.arange(n) % draft.habits.fix_every != 0))
    if draft.way.at_sea and draft.scene in UNSEEN_SCENES:
        _below_others(draft, columns)


def _third_in_a_row(lost: Bools) -> Ints:
    """The third and every further one of a run; outdoors a device finds its satellites again."""
    before = np.concatenate(([False, False], lost[:-2])) & np.concatenate(([False], lost[:-1]))
    return np.flatnonzero(lost & before)


def _halls(draft: Draft, columns: Columns) -> Ints:
    """Reports from under a roof: at some of the stops that the plan allows."""
    allowed = [
        halt for halt in draft.halts if halt.kind in {"rest", "place"} and not halt.name.startswith("!")
    ]
    rows: list[Ints] = []
    for from_ms, until_ms, along_m in draft.motion.stands():
        if any(abs(along_m - halt.along_m) < 1.0 for halt in allowed) and draft.noise.random() < HALLS_PART:
            rows.append(columns.between(from_ms, until_ms))
    return np.concatenate(rows) if rows else np.zeros(0, np.int64)


def _below_others(draft: Draft, columns: Columns) -> None:
    """Days in a stack of boxes: no satellites, and no network to speak of."""
    noise = draft.noise
    arrives_ms = draft.motion.arrives_ms - 3 * HOUR_MS
    for _ in range(int(noise.integers(0, 4))):
        from_ms = noise.uniform(draft.leaves_ms, max(arrives_ms, draft.leaves_ms + 1))
        until_ms = min(from_ms + noise.uniform(6, 140) * HOUR_MS, arrives_ms)
        rows = columns.between(from_ms, until_ms)
        columns.lose_fix(rows)
        columns.weak[rows] = True


def _speeds(draft: Draft, columns: Columns, moving: Bools) -> None:
    at_ms = columns.true_ms.astype(np.float64)
    metres = np.abs(draft.motion.at(at_ms + 15_000) - draft.motion.at(at_ms - 15_000))
    speed = metres / 30 * 3.6 + draft.noise.normal(0, 0.6, len(columns))
    columns.speed_kmh = np.where(moving, np.maximum(speed, 0.5), 0.0)
    later_lat, later_lon = draft.position(at_ms + 30_000)
    east = (later_lon - columns.true_longitude_deg + 180) % 360 - 180
    east *= np.cos(np.radians(later_lat))
    course = np.degrees(np.arctan2(east, later_lat - columns.true_latitude_deg)) % 360
    columns.course_deg = np.where(moving, course, np.nan)
    columns.moving = np.where(draft.noise.random(len(columns)) < 0.9, moving, np.nan)  # noqa: PLR2004


def _cell_fixes(draft: Draft, columns: Columns, rows: Ints) -> None:
    """Positions by the mobile network: kilometres off, and only half of them say so."""
    noise, n = draft.noise, len(rows)
    off_m = np.clip(np.abs(noise.normal(0, 1_800.0, n)), 100.0, 7_500.0)
    angle = noise.uniform(0, 2 * np.pi, n)
    columns.latitude_deg[rows], columns.longitude_deg[rows] = moved(
        columns.true_latitude_deg[rows],
        columns.true_longitude_deg[rows],
        off_m * np.cos(angle),
        off_m * np.sin(angle),
    )
    columns.fix_kind[rows] = FixKind.CELL
    columns.accuracy_m[rows] = np.where(noise.random(n) < 0.5, np.maximum(off_m, 1_500.0), np.nan)  # noqa: PLR2004
    columns.speed_kmh[rows] = columns.course_deg[rows] = np.nan


def _sensors(draft: Draft, columns: Columns, moving: Bools, *, is_seal: bool) -> None:
    noise, n = draft.noise, len(columns)
    at_ms = columns.true_ms.astype(np.float64)
    day = np.sin(2 * np.pi * (at_ms / DAY_MS + columns.true_longitude_deg / 360) - np.pi / 2)
    elapsed = np.diff(at_ms, prepend=at_ms[0]) / HOUR_MS
    weather = _wander(noise, elapsed, 1.2)
    if draft.reefer_c is None:
        mean = 29.0 - 0.55 * np.abs(columns.true_latitude_deg) + noise.normal(0, 6)
        sun = np.maximum(day, 0.0) * noise.uniform(0.7, 1.3, n) * noise.uniform(3, 8)  # on the steel
        temperature = mean + (6.0 if not draft.way.at_sea else 3.0) * day + sun + weather
    else:
        temperature = draft.reefer_c + 0.5 * np.sin(at_ms / (0.7 * HOUR_MS)) + 0.15 * weather
    columns.temperature_c = temperature + noise.normal(0, 0.2, n)
    humidity = 55.0 + noise.normal(0, 9) - 9.0 * day - 3.0 * weather + _wander(noise, elapsed, 2.5)
    columns.humidity_pct = np.clip(humidity + noise.normal(0, 0.6, n), 12.0, 99.0)
    signal_pct = np.clip(60 + _wander(noise, elapsed, 14.0) + noise.normal(0, 5, n), 5, 100)
    columns.signal_pct = np.where(columns.weak, noise.uniform(3, 14, n), signal_pct)
    vibration = np.where(moving, noise.exponential(0.45, n), noise.exponential(0.02, n))
    heavy = noise.random(n) < np.where(moving, 0.035, 0.012)
    vibration = np.where(heavy, noise.uniform(2.0, ORDINARY_SHOCK_G, n), vibration)
    columns.shock_g = np.minimum(vibration, ORDINARY_SHOCK_G)
    columns.tilt_deg = np.abs(noise.normal(0, 0.4, n)) + np.where(moving, np.abs(noise.normal(0, 0.6, n)), 0)
    days = (at_ms - at_ms[0]) / DAY_MS
    if is_seal:
        full, drain = noise.uniform(70, 100), noise.uniform(0.2, 1.2)
        level = np.maximum(full - drain * days, 18.5 + 0.1 * (full - 70)) + noise.normal(0, 0.25, n)
        columns.battery_pct = np.minimum(level, 100.0)
        dark = np.where(noise.random(n) < 0.3, noise.uniform(0, 0.4, n), 0.0)  # noqa: PLR2004
        columns.light_lux = dark
    else:
        columns.battery_pct = np.full(n, 100.0)
        columns.external_v = np.where(moving, 27.6, 25.2) + noise.normal(0, 0.2, n)
        columns.shock_g[:] = np.nan
    sparse = noise.random((3, n)) < (0.1 if is_seal else 0.6)
    columns.temperature_c[sparse[0]] = columns.humidity_pct[sparse[0]] = np.nan
    columns.shock_g[sparse[1]] = np.nan
    columns.tilt_deg[sparse[2]] = np.nan


def _wander(noise: np.random.Generator, elapsed_h: Floats, spread: float) -> Floats:
    """A series that forgets itself over hours, by report."""
    n = len(elapsed_h)
    kicks = noise.normal(0, spread, n).tolist()
    found, now = np.empty(n), kicks[0]
    keep = np.exp(-elapsed_h / 6.0)
    push = np.sqrt(1 - keep**2).tolist()
    for i, part in enumerate(keep.tolist()):
        now = now * part + kicks[i] * push[i]
        found[i] = now
    return found


def _seal(draft: Draft, columns: Columns) -> None:
    """Open while loading, closed before departure, opened at the destination with the card."""
    noise, habits = draft.noise, draft.habits
    first_ms = min(draft.departs_ms, draft.leaves_ms)
    armed = columns.row(first_ms - 25 * MINUTE_MS)
    if habits.tells_state:
        columns.seal_state[:] = SealState.SEALED
        columns.seal_state[:armed] = SealState.OPEN
    columns.seal_events[armed] |= int(SealEvent.CLOSED)
    if habits.has_door:
        columns.door_open[:] = 0.0
        columns.door_open[:armed] = 1.0
    if habits.has_mount:
        columns.mounted[:] = 1.0
    if habits.names_seal:
        columns.seal_numbers = [(0, draft.identity.seal_number)]
    columns.light_lux[:armed] = noise.uniform(60, 900, armed)
    handled = columns.between(0, first_ms - 30 * MINUTE_MS)
    blows = np.where(noise.random(len(handled)) < HANDLED_RATE, noise.uniform(2, 9, len(handled)), 0.0)
    columns.shock_g[handled] = blows
    opened_ms = draft.motion.arrives_ms + 45 * MINUTE_MS
    if opened_ms < columns.true_ms[-1] and arrived(draft):
        row = columns.row(opened_ms)
        columns.seal_events[row] |= int(SealEvent.OPENED)
        columns.cards[row] = draft.identity.card_id
        find_place(columns, row)
        columns.seal_state[row:] = np.where(columns.seal_state[row:] != 0, SealState.OPEN, 0)
        columns.door_open[row:] = np.where(np.isnan(columns.door_open[row:]), np.nan, 1.0)
        columns.light_lux[row:] = noise.uniform(60, 900, len(columns) - row)
        draft.openings.append(row)


def find_place(columns: Columns, row: int) -> None:
    """A seal that is opened looks for satellites before it reports."""
    rows = np.array([row])
    columns.place(rows, columns.true_latitude_deg[rows], columns.true_longitude_deg[rows], 10.0)


def arrived(draft: Draft) -> bool:
    """Whether the motion ends at the destination."""
    return abs(float(draft.motion.along_m[-1]) - draft.way.length_m) < 1.0
