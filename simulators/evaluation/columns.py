"""Reports of one device as columns; missing is NaN (or code 0, or no entry in ``cards``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from sealtrail.contract.reading import FixKind, Flag, Reading, reading_id_of
from simulators.evaluation.ways import Bools, Floats, Ints

_WHOLE = ("fix_kind", "seal_state", "seal_events", "flags")
_FLAGS = _WHOLE.index("flags")
CLOCK_UNSET = int(Flag.CLOCK_UNSET)
_NUMBERS = (
    ("latitude_deg", 6), ("longitude_deg", 6), ("accuracy_m", 0), ("speed_kmh", 1), ("course_deg", 0),
    ("light_lux", 1), ("shock_g", 2), ("tilt_deg", 1), ("temperature_c", 1), ("humidity_pct", 1),
    ("battery_pct", 1), ("signal_pct", 0), ("external_v", 1),
)  # fmt: skip
_TRUTHS = ("door_open", "mounted", "moving")  # 0, 1 or NaN


@dataclass
class Columns:
    """``true_ms`` is when a report was made, ``occurred_ms`` what is said of it, in order of making."""

    device_id: str
    family: str
    container_id: str
    true_ms: Ints
    true_latitude_deg: Floats
    true_longitude_deg: Floats
    occurred_ms: Ints
    received_ms: Ints
    sequence: Ints
    kept: Bools  # False: made, but never sent
    weak: Bools  # next to no network
    fix_kind: Ints
    seal_state: Ints
    seal_events: Ints
    flags: Ints
    latitude_deg: Floats
    longitude_deg: Floats
    accuracy_m: Floats
    speed_kmh: Floats
    course_deg: Floats
    light_lux: Floats
    shock_g: Floats
    tilt_deg: Floats
    temperature_c: Floats
    humidity_pct: Floats
    battery_pct: Floats
    signal_pct: Floats
    external_v: Floats
    door_open: Floats
    mounted: Floats
    moving: Floats
    cards: dict[int, str] = field(default_factory=dict)  # row -> card
    seal_numbers: list[tuple[int, str]] = field(default_factory=list)  # (from true_ms on, number)
    copies: list[tuple[int, int]] = field(default_factory=list)  # (row, received_ms) of duplicates

    def __len__(self) -> int:
        return len(self.true_ms)

    def row(self, at_ms: float) -> int:
        """Row of the first report made at or after a moment; the last one where there is none."""
        return min(int(np.searchsorted(self.true_ms, at_ms)), len(self) - 1)

    def between(self, from_ms: float, until_ms: float) -> Ints:
        """Rows of the reports made within [from, until]."""
        return np.flatnonzero((self.true_ms >= from_ms) & (self.true_ms <= until_ms))

    def reading_id(self, row: int) -> int:
        """Identity of a row's report."""
        claimed = int(self.occurred_ms[row]) if not self.flags[row] & CLOCK_UNSET else None
        return reading_id_of(self.device_id, int(self.sequence[row]), claimed, b"")

    def place(self, rows: Ints, latitude_deg: Floats, longitude_deg: Floats, accuracy_m: float) -> None:
        """Let reports say that they have a satellite fix there."""
        self.fix_kind[rows] = FixKind.GNSS
        self.latitude_deg[rows], self.longitude_deg[rows] = latitude_deg, longitude_deg
        self.accuracy_m[rows] = accuracy_m

    def lose_fix(self, rows: Ints) -> None:
        """Let reports have no position."""
        self.fix_kind[rows] = FixKind.NONE
        for column in (
            self.latitude_deg, self.longitude_deg, self.accuracy_m, self.speed_kmh, self.course_deg,
        ):  # fmt: skip
            column[rows] = np.nan

    def number_at(self, at_ms: int) -> str | None:
        """Number of the seal that the device names at a moment."""
        return next((number for since, number in reversed(self.seal_numbers) if since <= at_ms), None)

    def arrivals(self) -> tuple[Ints, Ints]:
        """(received_ms, row) of every transmission, copies too, in order of receipt."""
        rows = np.flatnonzero(self.kept)
        received = self.received_ms[rows]
        if self.copies:
            again = np.array([copy for copy in self.copies if self.kept[copy[0]]], np.int64).reshape(-1, 2)
            rows, received = np.append(rows, again[:, 0]), np.append(received, again[:, 1])
        order = np.lexsort((rows, received))
        return received[order], rows[order]

    def readings(self, rows: Ints, received_ms: Ints) -> Iterator[Reading]:
        """Canonical readings of rows, received at the given times."""
        columns: list[list[Any]] = [getattr(self, name)[rows].tolist() for name in _WHOLE]
        for name, digits in _NUMBERS:
            columns.append(_optional(np.round(getattr(self, name)[rows], digits)))
        columns += [_optional(getattr(self, name)[rows], is_truth=True) for name in _TRUTHS]
        names = (*_WHOLE, *(name for name, _ in _NUMBERS), *_TRUTHS)
        occurred, sequence = self.occurred_ms[rows].tolist(), self.sequence[rows].tolist()
        for i, (row, received, *values) in enumerate(
            zip(rows.tolist(), received_ms.tolist(), *columns, strict=True)
        ):
            yield Reading(
                device_id=self.device_id,
                family=self.family,
                reading_id=reading_id_of(
                    self.device_id, sequence[i], None if values[_FLAGS] & CLOCK_UNSET else occurred[i], b""
                ),
                occurred_at_ms=received if values[_FLAGS] & CLOCK_UNSET else occurred[i],
                received_at_ms=received,
                container_id=self.container_id,
                sequence=sequence[i],
                card_id=self.cards.get(row),
                seal_number=self.number_at(int(self.true_ms[row])) if self.seal_numbers else None,
                **dict(zip(names, values, strict=True)),
            )


def _optional(column: Floats, *, is_truth: bool = False) -> list[object]:
    """Python values, NaN as None."""
    if is_truth:
        return [None if x != x else x == 1.0 for x in column.tolist()]  # noqa: PLR0124 - NaN differs from itself
    missing = np.isnan(column)
    if missing.all():
        return [None] * len(column)
    found: list[object] = column.tolist()
    if missing.any():
        for i in np.flatnonzero(missing).tolist():
            found[i] = None
    return found


def blank(device_id: str, family: str, container_id: str, times_ms: Ints) -> Columns:
    """Columns for reports made at the given times (ascending) that say nothing yet."""
    n = len(times_ms)
    whole = {"sequence", *_WHOLE}
    made: dict[str, object] = {}
    for each in fields(Columns):
        if each.name in whole:
            made[each.name] = np.zeros(n, np.int64)
        elif each.name in {"true_ms", "occurred_ms", "received_ms"}:
            made[each.name] = times_ms.astype(np.int64).copy()
        elif each.type == "Floats":
            made[each.name] = np.full(n, np.nan)
    made |= {"device_id": device_id, "family": family, "container_id": container_id}
    made |= {
        "kept": np.ones(n, bool),
        "weak": np.zeros(n, bool),
        "sequence": np.arange(1, n + 1, dtype=np.int64),
    }
    return Columns(**made)  # type: ignore[arg-type]  # columns by name
