"""What several containers report about the same place and time: told from what one device alone reports.

Rules' signals of some kinds are noted here when they are filed, by the cell of
the earth and the time in which they lie. One note of one container counts once,
so order and repetition don't matter. A note that a replay takes back stays: it
was reported, and only adds to what others say.
"""

from __future__ import annotations

import enum
import math
from typing import NamedTuple

from anomaly.sphere import EARTH_RADIUS_M

NOTES_KEPT = 100_000


class Kind(enum.IntEnum):
    """What is noted."""

    FIX_LOST = 1  # satellites lost, at the last place
    FALSE_PLACE = 2  # a place that can't be true, and which


class Note(NamedTuple):
    """One container's report of something."""

    kind: int
    at_ms: int
    latitude_deg: float
    longitude_deg: float
    row: int  # of the container


REACH: dict[Kind, tuple[float, int]] = {
    Kind.FIX_LOST: (20_000.0, 2_700_000),
    Kind.FALSE_PLACE: (1_000.0, 3_600_000),
}
"""How far apart in place (m) and time (ms) two notes may be to be about the same."""

_Cell = tuple[int, int, int, int]


class Neighbourhood:
    """Notes by cell; the oldest of too many are given up."""

    def __init__(self) -> None:
        self._cells: dict[_Cell, dict[int, Note]] = {}
        self._count = 0

    @property
    def kept(self) -> list[Note]:
        """All notes, for snapshots."""
        return [note for cell in self._cells.values() for note in cell.values()]

    def note(self, note: Note) -> None:
        """Take a note; a second one of the same container, cell and time changes nothing."""
        cell = self._cells.setdefault(_cell_of(note), {})
        if note.row not in cell:
            cell[note.row] = note
            self._count += 1
            while self._count > NOTES_KEPT:
                oldest = next(iter(self._cells))
                self._count -= len(self._cells.pop(oldest))

    def others(self, note: Note) -> set[int]:
        """Rows of other containers that have noted the same about there and then."""
        kind, lat, lon, time = _cell_of(note)
        metres, span_ms = REACH[Kind(kind)]
        turn = round(360 / _cell_deg(Kind(kind)))
        return {
            other.row
            for d_time in (-1, 0, 1)
            for d_lat in (-1, 0, 1)
            for d_lon in (-1, 0, 1)
            for other in self._cells.get(
                (kind, lat + d_lat, (lon + d_lon) % turn, time + d_time), {}
            ).values()
            if other.row != note.row
            and abs(other.at_ms - note.at_ms) <= span_ms
            and _metres(other, note) <= metres
        }


def _cell_deg(kind: Kind) -> float:
    """Side of a cell: at least the reach, at the latitudes that are travelled."""
    return math.degrees(REACH[kind][0] / EARTH_RADIUS_M) * 3


def _cell_of(note: Note) -> _Cell:
    side = _cell_deg(Kind(note.kind))
    turn = round(360 / side)
    lon = math.floor((note.longitude_deg % 360) / side) % turn
    return note.kind, math.floor(note.latitude_deg / side), lon, note.at_ms // REACH[Kind(note.kind)][1]


def _metres(a: Note, b: Note) -> float:
    north = math.radians(a.latitude_deg - b.latitude_deg)
    middle = math.radians((a.latitude_deg + b.latitude_deg) / 2)
    east = math.radians((a.longitude_deg - b.longitude_deg + 180) % 360 - 180) * math.cos(middle)
    return EARTH_RADIUS_M * math.hypot(north, east)
