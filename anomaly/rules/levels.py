"""What rules that follow a few bits of a device have in common: a word each, a signal where it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from anomaly.reports import PLAUSIBLE
from anomaly.rules import seal_opened
from anomaly.rules.rule import Case, Finding, Rows, Signal, Track
from anomaly.sphere import Ints

ANEW = 1
"""Code of a signal that ends something because it begins anew with the same report."""


def follow(rows: Rows, rule: str, column: str, word: Ints, *, order: int = 0) -> None:
    """Keep each device's word; where it is another than before, emit a signal with the last good place.

    ``order``: its place among the signals of one report.
    """
    before = rows.state[column]
    for row in np.flatnonzero(word != before).tolist():
        signal = placed_signal(rows, row, int(word[row]))
        signal.order = order
        rows.emit(row, rule, signal)
    rows.state[column] = word


def placed_signal(rows: Rows, row: int, word: int, **numbers: float) -> Signal:
    """A transition of one device with the last plausible place of it."""
    own = rows.reports["quality"][row] == PLAUSIBLE
    at = rows.sighting_of(row)
    place = seal_opened.own_spot(at) if own else seal_opened.held_spot(rows.state[row])
    return Signal(0, at, word=word, place=place, numbers=numbers)


class Episode(NamedTuple):
    """A stretch of time in which a device's word has some bit of interest."""

    track: Track
    first: int  # place of its first signal in the track
    signals: tuple[Signal, ...]  # of the stretch
    ended: Signal | None  # the first without the bits

    @property
    def word(self) -> int:
        """All bits that were set in it."""
        bits = 0
        for signal in self.signals:
            bits |= signal.word
        return bits


def episodes(track: Track, bits: int, join_ms: int = 0) -> Iterator[Episode]:
    """Stretches with any of ``bits`` set, those no further apart than ``join_ms`` as one; oldest first.

    What was set already before the signals that are kept began before them, and is no episode.
    What ends with `ANEW` had ended unseen, at the soonest with the last signal before.
    """
    current: list[Signal] = []
    ended: Signal | None = None
    first, before = 0, track.base & bits
    for index, signal in enumerate(track.signals):
        now = signal.word & bits
        if now and not before:
            over = current[-1] if ended is not None and ended.code == ANEW else ended
            apart = over is not None and signal.at.occurred_at_ms - over.at.occurred_at_ms > join_ms
            if current and apart:
                yield Episode(track, first, tuple(current), ended)
                current = []
            if not current:
                first = index
            current.append(signal)
            ended = None
        elif now and current:
            current.append(signal)
        elif before and not now:
            ended = signal
        before = now
    if current:
        yield Episode(track, first, tuple(current), ended)


def episode_findings(
    case: Case, bits: int, join_s: float, finding_of: Callable[[Case, Episode], Finding | None]
) -> list[Finding]:
    """What the episodes of all devices of a container come to, those of one device joined over ``join_s``."""
    join_ms = round(join_s * 1000)
    found = (finding_of(case, episode) for track in case.tracks for episode in episodes(track, bits, join_ms))
    return [finding for finding in found if finding is not None]
