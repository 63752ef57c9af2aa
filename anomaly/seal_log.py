"""What one device has reported about its seal before its history: stretches of equal reports, bounded.

A stretch is some consecutive reports, in event time, that say the same about
the seal: its first report in full, and the time and identity of its last. The
condition of a seal after a report depends on what it says and on the condition
before, and saying it twice changes nothing (`seal_custody.Words`), so the
stretches lead to the same conditions as the reports, in whatever order these
arrived.

Reports begin as stretches of their own. Where there are too many, equal
neighbours become one, those nearest in time first: the wide gaps are where a
report is still missing. A report that contradicts such a stretch from within
cuts it in two. It came in one of the gaps that were joined, so the seal was as
the stretch says no later than the widest of them before it and after it, and
nothing is claimed nearer to it than that. So one breach stays one, unless
several of the gaps joined held breaches; and two become one only if they are
nearer than that and what lay between is forgotten. A device that reports its
mount now and then and its seal never is silent in between: such silences go
before anything is joined, for the mount lasts through them and whatever is said
next ends what an event began. Where nothing is left to join, the oldest stretches
are given up: up to the `horizon` nothing can be corrected.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import msgspec
import numpy as np

from anomaly.reports import NO_PLACE, REPORT
from anomaly.rows import copied, join, put, take
from anomaly.rules.seal_custody import EVENT_BITS, START, SealWord, spoken_bits, word_after
from anomaly.sphere import Bools, Ints, Structured

STRETCH = np.dtype(
    [
        ("first", REPORT),
        ("last_t", "i8"),
        ("last_rid", "u8"),
        ("gap_ms", "i8"),  # widest time without a report within it
    ]
)

Key = tuple[int, int]
BEGINNING: Key = (-1, 0)
SILENT = (0, 0)


class SealLogNotes(msgspec.Struct, array_like=True):
    """All of a log but its stretches."""

    added: int = 0  # reports since stretches were last joined
    busy: bool = False  # reports older than the history came since then
    horizon: Key = BEGINNING  # everything up to here is given up
    start: SealWord = START  # condition at the horizon


class SealLog:
    """Stretches of one device (dtype `STRETCH`), oldest first."""

    __slots__ = ("notes", "stretches")

    def __init__(self, stretches: Structured, notes: SealLogNotes) -> None:
        self.stretches = stretches
        self.notes = notes

    @property
    def rows(self) -> Structured:
        """All of its rows."""
        return self.stretches

    def absorb(self, reports: Structured) -> None:
        """Take reports newer than all before, in event-time order (dtype `REPORT`)."""
        self.stretches = self._telling(join((self.stretches, _single(reports))))

    def keep_within(self, kept: int, kept_busy: int) -> None:
        """Join equal neighbours where there are too many stretches."""
        self._count(0, kept, kept_busy)

    def insert(self, report: np.void) -> bool:
        """Take one report from between the others; False where it says nothing new to any of them."""
        stretches = self.stretches
        key = int(report["t"]), int(report["rid"])
        firsts = stretches["first"]
        place = bisect_right(range(len(stretches)), key, key=lambda i: _key(firsts[i])) - 1
        says = _says(report)
        if place >= 0:
            last = int(stretches["last_t"][place]), int(stretches["last_rid"][place])
            if key in (_key(firsts[place]), last):
                return False  # a copy
            if key < last:
                around = _says(firsts[place])
                if around == says or (says == SILENT and bool(_only_mount(np.array([around]))[0])):
                    return False
                self.stretches = _cut(stretches, place, report)
                return True
        if says == SILENT and (self.notes.start.level or firsts["state"][: place + 1].any()):
            return False
        alone = _single(np.array([report], REPORT))
        self.stretches = self._telling(np.insert(stretches, place + 1, alone))
        before = firsts[place] if place >= 0 else None
        return before is None or _says(before) != says

    def settle_inserted(self, number: int, kept: int, kept_busy: int) -> None:
        """Keep the log within its bounds after insertions."""
        self.notes.busy = True
        self._count(number, kept, kept_busy)

    def forget(self, up_to: Key) -> None:
        """Give up the stretches that begin at or before a time."""
        firsts = self.stretches["first"]
        self._drop(bisect_right(range(len(firsts)), up_to, key=lambda i: _key(firsts[i])))
        self.notes.horizon = max(self.notes.horizon, up_to)

    def _count(self, added: int, kept: int, kept_busy: int) -> None:
        notes = self.notes
        notes.added += added
        limit = kept_busy if notes.busy else kept
        if notes.added > limit * (1 if notes.busy else 2):
            stretches = _without_pauses(self.stretches, len(self.stretches) - limit)
            of = np.zeros(len(stretches), np.int64)
            self._settle(_joined(stretches, of, np.array([max(0, len(stretches) - limit)]))[0], limit)

    def _settle(self, stretches: Structured, limit: int) -> None:
        """Take joined stretches for what there is, and give up the oldest of too many."""
        self.notes.added, self.notes.busy = 0, False
        self.stretches = stretches
        self._drop(len(stretches) - limit)

    def give_up(self, kept: int) -> None:
        """Drop the oldest beyond ``kept``."""
        self._drop(len(self.stretches) - kept)

    def _drop(self, number: int) -> None:
        if number <= 0:
            return
        gone, self.stretches = self.stretches[:number], copied(self.stretches[number:])
        _, self.notes.start = walk(gone, self.notes.start)
        self.notes.horizon = max(self.notes.horizon, (int(gone["last_t"][-1]), int(gone["last_rid"][-1])))

    def _telling(self, stretches: Structured) -> Structured:
        """Without those that say nothing: silent ones of a device that has reported a state before."""
        states = stretches["first"]["state"] != 0
        silent = ~states & (spoken_bits(stretches["first"]["events"]) == 0)
        if not silent.any():
            return stretches
        level: Bools = np.logical_or.accumulate(states) | self.notes.start.level
        return take(stretches, ~(silent & level))


def walk(stretches: Structured, start: SealWord) -> tuple[list[tuple[int, int]], SealWord]:
    """Transitions, as (number of the stretch, condition from its first report on), and the end."""
    found: list[tuple[int, int]] = []
    now = start
    spoken = spoken_bits(stretches["first"]["events"]).tolist()
    for number, (events, state) in enumerate(zip(spoken, stretches["first"]["state"].tolist(), strict=True)):
        now, speaks = word_after(events, state, now)
        if speaks:
            found.append((number, now.word))
    return found, now


def join_all(
    stretches: Structured, of: Ints, reports: Structured, reports_of: Ints, kept: int
) -> tuple[Structured, Ints]:
    """Logs that aren't busy, none of whose reports is silent, within their bounds; and whose each stretch is.

    ``of``, ``reports_of``: the log of each stretch, and of each of the ``reports`` that they are to absorb;
    ascending. More than ``kept`` are left of a log where nothing can be joined: it is then to be opened.
    """
    stretches, of = join((stretches, _single(reports))), np.concatenate((of, reports_of))
    order = np.argsort(of, kind="stable")
    stretches, of = take(stretches, order), of[order]
    return _joined(stretches, of, np.maximum(np.bincount(of) - kept, 0))


def silent(reports: Structured) -> Bools:
    """Reports that say nothing about the seal."""
    says_nothing: Bools = (reports["state"] == 0) & (spoken_bits(reports["events"]) == 0)
    return says_nothing


def _key(report: Any) -> Key:
    return int(report["t"]), int(report["rid"])


def _says(report: np.void) -> tuple[int, int]:
    """What a report says about the seal."""
    return int(spoken_bits(report["events"])), int(report["state"])


def _single(reports: Structured) -> Structured:
    """Each report as a stretch of its own."""
    stretches = np.zeros(len(reports), STRETCH)
    put(stretches["first"], slice(None), reports)
    stretches["last_t"], stretches["last_rid"] = reports["t"], reports["rid"]
    return stretches


def _joined(stretches: Structured, of: Ints, surplus: Ints) -> tuple[Structured, Ints]:
    """Stretches of several logs (``of``: which, ascending), ``surplus`` fewer of each, and whose each is.

    Equal neighbours are joined, over the shortest gaps first, as far as there are any.
    """
    if not surplus.any():
        return stretches, of
    first = stretches["first"]
    says = (spoken_bits(first["events"]).astype(np.int64) << 8) | first["state"]
    equal = np.flatnonzero((says[1:] == says[:-1]) & (of[1:] == of[:-1]))
    gaps = first["t"][1:] - stretches["last_t"][:-1]
    order = equal[np.lexsort((gaps[equal], of[equal]))]
    lanes = of[order]
    chosen = order[np.arange(len(order)) - np.searchsorted(lanes, lanes) < surplus[lanes]]
    heads = np.ones(len(stretches), bool)
    heads[chosen + 1] = False
    begins = np.flatnonzero(heads)
    widest = stretches["gap_ms"].copy()
    widest[1:] = np.where(heads[1:], widest[1:], np.maximum(widest[1:], gaps))
    tails = np.append(begins[1:], len(stretches)) - 1
    joined = take(stretches, begins)
    joined["last_t"], joined["last_rid"] = stretches["last_t"][tails], stretches["last_rid"][tails]
    joined["gap_ms"] = np.maximum.reduceat(widest, begins)
    return joined, of[begins]


def _only_mount(said: Structured) -> Bools:
    """Which of (events, state), shape (n, 2), speak of the mount and of nothing else."""
    only: Bools = (said[:, 1] == 0) & (said[:, 0] != 0) & (said[:, 0] & EVENT_BITS == 0)
    return only


def _without_pauses(stretches: Structured, surplus: int) -> Structured:
    """Up to ``surplus`` silent stretches fewer, of those between two that say the same of the mount alone."""
    size, first = len(stretches), stretches["first"]
    if surplus <= 0:
        return stretches
    said = np.stack((spoken_bits(first["events"]), first["state"]), axis=1).astype(np.int64)
    silent, places = ~said.any(axis=1), np.arange(size)
    before = np.maximum.accumulate(np.where(silent, -1, places))
    after = np.minimum.accumulate(np.where(silent, size, places)[::-1])[::-1]
    pauses = np.flatnonzero(silent & (before >= 0) & (after < size))
    last, following = before[pauses], after[pauses]
    alike = (said[last] == said[following]).all(axis=1) & _only_mount(said[last])
    pauses, last, following = pauses[alike], last[alike], following[alike]
    width = first["t"][following] - stretches["last_t"][last]
    left = np.ones(size, bool)
    left[pauses[np.argsort(width, kind="stable")[:surplus]]] = False
    return take(stretches, left)


def _cut(stretches: Structured, place: int, report: np.void) -> Structured:
    """A stretch cut in two by a report that contradicts it; the second has its last report's identity."""
    whole = stretches[place]
    begin, end = _key(whole["first"]), (int(whole["last_t"]), int(whole["last_rid"]))
    at, gap_ms = _key(report), int(whole["gap_ms"])
    first, second = copied(stretches[place : place + 1]), copied(stretches[place : place + 1])
    first["last_t"], first["last_rid"] = max(begin, (at[0] - gap_ms, 0))
    own = end[1] if end[1] != begin[1] else at[1]  # its identity may have begun a stretch already
    second["first"]["t"], second["first"]["rid"] = min(end, (at[0] + gap_ms, own))
    second["first"]["recv"] = report["recv"]
    second["first"]["quality"] = second["first"]["kind"] = NO_PLACE
    middle = _single(np.array([report], REPORT))
    return join([stretches[:place], first, middle, second, stretches[place + 1 :]])
