"""Where one device was before its history: reports, thinned where the others say as much.

Late reports are set among them, and the position and the route rule judge again
from the last report that settles their state (retrace.py). Reports are left out
by thinning.py once there are too many; where none may be left out any more, the
oldest are given up: up to the `horizon` nothing can be corrected. A late report
that is certainly a jump from the way of reports that were left out is left out too.
"""

from __future__ import annotations

import msgspec
import numpy as np

from anomaly.reports import CLOCKLESS, NO_PLACE, NOTHING
from anomaly.rows import copied, join, put, take
from anomaly.rules.rule import BEGINNING
from anomaly.sphere import Bools, Ints, Structured
from anomaly.thinning import ENTRY, metres_between, off_line
from sealtrail.runtime.settings.anomaly import AnomalySettings

Key = tuple[int, int]


class PathLogNotes(msgspec.Struct, array_like=True):
    """All of a log but its entries."""

    added: int = 0  # reports since it was last thinned
    busy: bool = False  # reports older than the history came since then
    horizon: Key = BEGINNING  # everything up to here is given up


class PathLog:
    """Entries of one device, oldest first (dtype `ENTRY`); may be written, and what is written stays."""

    __slots__ = ("entries", "notes")

    def __init__(self, entries: Structured, notes: PathLogNotes) -> None:
        self.entries = entries
        self.notes = notes

    @property
    def rows(self) -> Structured:
        """All of its rows."""
        return self.entries

    def absorb(self, reports: Structured) -> None:
        """Take reports newer than all before, in event-time order (dtype `REPORT`)."""
        nobody = np.zeros(len(self.entries), np.int64), np.zeros(len(reports), np.int64)
        self.entries, _ = absorbed(self.entries, nobody[0], reports, nobody[1])

    def insert(self, reports: Structured, settings: AnomalySettings) -> Bools:
        """Set older reports among the entries; which of the entries are new ones."""
        old = self.entries
        reports = take(reports, (reports["quality"] != NO_PLACE) | ((reports["flags"] & CLOCKLESS) != 0))
        at_ms, rid = self.notes.horizon
        later = (reports["t"] > at_ms) | ((reports["t"] == at_ms) & (reports["rid"] > rid))
        reports = take(reports, later)
        added = np.zeros(len(reports), ENTRY)
        put(added["report"], slice(None), reports)
        entries = join((old, added))
        fresh = np.arange(len(entries)) >= len(old)
        order = np.lexsort((fresh, entries["report"]["rid"], entries["report"]["t"]))
        entries, fresh = take(entries, order), fresh[order]
        whole = entries["report"]
        copies = np.zeros(len(entries), bool)
        copies[1:] = (np.diff(whole["t"]) == 0) & (whole["rid"][1:] == whole["rid"][:-1])
        entries, fresh = take(entries, ~copies), fresh[~copies]
        astray = _astray(entries, fresh, settings)
        entries, fresh = take(entries, ~astray), fresh[~astray]
        _bridge(entries, fresh)
        number = int(np.count_nonzero(fresh))
        if number:
            self.entries = entries
            self.notes.added += number
            self.notes.busy = True
        return fresh

    def give_up(self, kept: int) -> None:
        """Drop the oldest beyond ``kept``, up to one that settles the state, if there is one."""
        entries = self.entries
        cut = len(entries) - kept
        if cut <= 0:
            return
        marks = entries["report"]["mark"][cut:]
        settled = np.flatnonzero((marks != 0) & (marks != NOTHING))
        cut += int(settled[0]) if settled.size else 0
        last = entries["report"][cut - 1]
        self.notes.horizon = int(last["t"]), int(last["rid"])
        self.entries = copied(entries[cut:])


def absorbed(entries: Structured, of: Ints, reports: Structured, reports_of: Ints) -> tuple[Structured, Ints]:
    """Entries of several logs with reports that are newer than all of their log; and whose each is.

    ``of``, ``reports_of``: the log of each, ascending.
    """
    telling = (reports["mark"] != NOTHING) | (reports["quality"] != NO_PLACE)
    if not telling.all():
        reports, reports_of = take(reports, telling), reports_of[telling]
    added = np.zeros(len(reports), ENTRY)
    put(added["report"], slice(None), reports)
    entries, of = join((entries, added)), np.concatenate((of, reports_of))
    fresh = np.arange(len(of)) >= len(of) - len(reports_of)
    order = np.argsort(of, kind="stable")
    entries, of, fresh = take(entries, order), of[order], fresh[order]
    later = np.flatnonzero(fresh[1:] & (of[1:] == of[:-1])) + 1
    times = entries["report"]["t"]
    entries["gap_ms"][later] = times[later] - times[later - 1]
    return entries, of


def _around(fresh: Bools) -> tuple[Structured, Structured]:
    """Of each entry, the nearest old one before (-1: none) and after it (the length: none)."""
    size = len(fresh)
    places = np.arange(size)
    before = np.maximum.accumulate(np.where(fresh, -1, places))
    after = np.minimum.accumulate(np.where(fresh, size, places)[::-1])[::-1]
    return before, after


def _astray(entries: Structured, fresh: Bools, settings: AnomalySettings) -> Bools:
    """New reports further from the way than they can be where others, since left out, were near in time.

    A jump for certain: the device was within ``off_m`` of the way at most
    ``gap_ms`` before and after it.
    """
    before, after = _around(fresh)
    astray = np.zeros(len(entries), bool)
    rows = np.flatnonzero(fresh & (before >= 0) & (after < len(entries)))
    rows = rows[entries["hidden"][after[rows]] != 0]
    if not rows.size:
        return astray
    a, b, c = (take(entries["report"], each) for each in (before[rows], rows, after[rows]))
    gap_s = np.minimum(entries["gap_ms"][after[rows]], c["t"] - a["t"]) / 1000
    slack = settings.uncertainty_factor * (b["unc"] + np.maximum(a["unc"], c["unc"]))
    slack += settings.max_speed_m_s * settings.time_slack_s
    near = entries["off_m"][after[rows]] + slack + 2 * settings.max_speed_m_s * gap_s
    far = off_line(a, b, c) > near
    seconds = (c["t"] - b["t"]) / 1000
    far |= metres_between(b, c) > settings.max_speed_m_s * seconds + slack
    astray[rows] = far & (b["quality"] != NO_PLACE)
    return astray


def _bridge(entries: Structured, fresh: Bools) -> None:
    """What is known of each interval after some were divided by new reports."""
    if len(entries) == 0 or not fresh.any():
        return
    _, after = _around(fresh)
    known = after < len(entries)
    source = np.minimum(after, len(entries) - 1)
    hidden = np.where(known, entries["hidden"][source], 0)
    widest, off_m = entries["gap_ms"][source], entries["off_m"][source]
    times = entries["report"]["t"]
    span = np.concatenate(([0], np.diff(times)))
    still = (hidden != 0) & (span > widest)
    entries["hidden"] = np.where(still, hidden, 0)
    entries["gap_ms"] = np.where(hidden != 0, np.minimum(widest, span), span)
    entries["off_m"] = np.where(still, off_m, 0)
