"""Seal custody: what a seal's own reports do to it, in event time.

::

    armed --opened, authorisation covers who, where and when--> disarmed --closed--> armed   (RESEALED)
      |                                                            `--armed by hand, checked, expired--> armed
      `-- anything else that opens, cuts or tampers: SEAL_OPENED, SEAL_CUT, SEAL_TAMPER

What the step keeps is one word per device: the conditions of `Condition` as
last reported. Only a change is a signal. Many devices repeat a bit in every
report while the condition lasts: that is one breach; when the bit ends and
comes again it is another. A report that says nothing about the seal ends a
condition only on devices that never report a seal state (their events are
one-off); on all others it says nothing. The mount is a level of its own: only
a device that has said that it is on its mount can be taken off it.

The fold (``findings``) walks a device's few signals beside the container's
custody log and asks the three breach rules (seal_cut, seal_tamper,
seal_opened). A seal is armed unless an authorised opening has disarmed it. It
is watched from a trip's start to its end. Before the start and after the end
seals are opened as a matter of course: nothing is raised, unless the container
leaves with a seal that is open or cut still (unsealed.py). Where no trip was
ever planned the breach is raised with ``severity_without_trip``: an unplanned
container's seal is nobody's routine, and a lost plan must not hide a breach.
The position of the report plays no part: a breach without a fix, with a stale
fix, on a jump, with the clock unset is a breach.

Settings: rearm_at_expiry, severity_without_trip, severity_unpaired_opening,
card_grace_s, unsealed_departure_s, place_max_age_s, place_stood_max_s, place_wait_periods. Source:
../shared/ALERTS.md, seal custody.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from anomaly.custody import Custody, Segment
from anomaly.reports import SAID_MOUNTED, SAID_OFF_MOUNT
from anomaly.rules import seal_cut, seal_opened, seal_tamper, unsealed
from anomaly.rules.breach import breach, custody_entry
from anomaly.rules.levels import placed_signal
from anomaly.rules.milestones import journeys
from anomaly.rules.rule import Case, Finding, Rows, Signal, Track
from anomaly.sphere import Ints, Structured
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent, SealState
from sealtrail.contract.trip import Authorisation

NAME = "seal_custody"


class Condition(enum.IntFlag):
    """Conditions of one seal as last reported."""

    CUT = 1
    OPEN_SAID = 2  # the device says that it was opened: an event
    OPEN_SEEN = 4  # its state is unlocked or open: a level
    TAMPERED = 8
    CLOSED_SAID = 16
    SEALED_SEEN = 32
    CARD = 64  # an opening with a card: who did it
    MOUNTED = 128  # it has said that it is on its mount: a level of its own
    OFF_MOUNT = 256  # taken off since


OPEN = int(Condition.OPEN_SAID | Condition.OPEN_SEEN)
TAMPER = int(Condition.TAMPERED | Condition.OFF_MOUNT)
BREACH = int(Condition.CUT) | TAMPER | OPEN
CLOSED = int(Condition.CLOSED_SAID | Condition.SEALED_SEEN)
MOUNT = int(Condition.MOUNTED | Condition.OFF_MOUNT)
SPEAKING = int(SealEvent.CUT | SealEvent.OPENED | SealEvent.CLOSED | SealEvent.TAMPERED)
SPEAKING |= SAID_MOUNTED | SAID_OFF_MOUNT
OPENED, CLOSED_SAID = int(SealEvent.OPENED), int(Condition.CLOSED_SAID)

EVENT_BITS = 15
"""The four seal events that matter here are the lowest bits of `SealEvent`."""
_SAID_SHIFT, _MOUNT_SHIFT = 4, 7
_MOUNT_AFTER = np.array([[0, 1, 2, 2], [1, 1, 1, 1], [0, 2, 2, 2], [0, 2, 2, 2]])
"""By what is said (nothing, on, off, both) and the mount before (never on, on, off): the mount after."""

_OF_STATE = np.zeros(256, np.int64)
_OF_STATE[SealState.SEALED] = Condition.SEALED_SEEN
_OF_STATE[[SealState.UNLOCKED, SealState.OPEN]] = Condition.OPEN_SEEN
_OF_STATE[SealState.CUT] = Condition.CUT


def _tables() -> tuple[Ints, Ints]:
    """For each combination of events: what it says, and which levels it leaves as they were."""
    said, kept = np.zeros(EVENT_BITS + 1, np.int64), np.zeros(EVENT_BITS + 1, np.int64)
    pairs = (
        (SealEvent.CUT, Condition.CUT),
        (SealEvent.OPENED, Condition.OPEN_SAID),
        (SealEvent.CLOSED, Condition.CLOSED_SAID),
        (SealEvent.TAMPERED, Condition.TAMPERED),
    )
    for events in range(EVENT_BITS + 1):
        said[events] = sum(int(condition) for event, condition in pairs if events & event)
        levels = Condition.OPEN_SEEN | Condition.SEALED_SEEN
        if events & (SealEvent.CUT | SealEvent.OPENED):
            levels &= ~Condition.SEALED_SEEN
        if events & SealEvent.CLOSED:
            levels &= ~Condition.OPEN_SEEN
        kept[events] = int(levels)
    return said, kept


_SAID, _KEPT = _tables()


def words_of(events: Ints, state: Ints, before: Ints, level: Ints) -> Ints:
    """Condition after each report, given the one before it and whether its device reports states."""
    said = spoken_bits(events)
    events, mount, was = said & EVENT_BITS, said >> _SAID_SHIFT, before >> _MOUNT_SHIFT
    before = before & ~MOUNT
    stateless = state == 0
    levels = np.where(stateless, np.where(level != 0, before & _KEPT[events], 0), _OF_STATE[state])
    silent = stateless & (events == 0)
    word: Ints = np.where(silent, np.where(level != 0, before, 0), _SAID[events] | levels)
    if mount.any() or was.any():
        word |= _MOUNT_AFTER[mount, was] << _MOUNT_SHIFT
    return word


class SealWord(NamedTuple):
    """Condition of a device's seal after a report, and what the step keeps beside it."""

    word: int
    level: bool  # the device has reported a seal state
    dirty: bool  # a breach was reported, and no closing since


Bits = TypeVar("Bits", int, Structured)
START = SealWord(word=0, level=False, dirty=False)
_SAID_BY, _KEPT_BY, _OF_STATE_BY = _SAID.tolist(), _KEPT.tolist(), _OF_STATE.tolist()
_MOUNT_AFTER_BY = _MOUNT_AFTER.tolist()


def spoken_bits(events: Bits) -> Bits:
    """What a report's events say about the seal: those of `EVENT_BITS`, then mounted, then off its mount."""
    return (events & EVENT_BITS) | (events >> 26 & 48)


def word_after(events: int, state: int, before: SealWord) -> tuple[SealWord, bool]:
    """The step for one report of one device (``events``: `spoken_bits`), and whether it says something."""
    level = before.level or state != 0
    mount, events, kept = events >> _SAID_SHIFT, events & EVENT_BITS, before.word & ~MOUNT
    if state:
        word = _SAID_BY[events] | _OF_STATE_BY[state]
    elif events:
        word = _SAID_BY[events] | (kept & _KEPT_BY[events] if level else 0)
    else:
        word = kept if level else 0
    word |= _MOUNT_AFTER_BY[mount][before.word >> _MOUNT_SHIFT] << _MOUNT_SHIFT
    rising = word & ~before.word
    closing = bool(rising & (CLOSED if before.dirty else CLOSED_SAID))
    dirty = True if rising & BREACH else before.dirty and not closing
    return SealWord(word, level, dirty), bool((word ^ before.word) & BREACH) or closing


class SealCustody:
    """SEAL_CUT, SEAL_OPENED, SEAL_TAMPER and the custody log entries of the seal itself."""

    name = NAME
    version = 4
    types = (
        AlertType.SEAL_CUT,
        AlertType.SEAL_OPENED,
        AlertType.SEAL_TAMPER,
        AlertType.SEAL_DISARMED,
        AlertType.SEAL_ARMED,
        AlertType.RESEALED,
    )
    state = (("seal_word", "u2"), ("seal_level", "u1"), ("seal_dirty", "u1"))

    def step(self, rows: Rows) -> None:
        state, reports = rows.state, rows.reports
        events, seal = reports["events"].astype(np.int64), reports["state"].astype(np.int64)
        before, level = state["seal_word"].astype(np.int64), state["seal_level"].astype(np.int64)
        if not ((events & SPEAKING).any() or seal.any() or before.any()):
            return
        level |= seal != 0
        word = words_of(events, seal, before, level)
        state["seal_level"] = level
        if not (events & OPENED).any() and np.array_equal(word, before):
            return
        rising = word & ~before
        closing = (rising & np.where(state["seal_dirty"] != 0, CLOSED, CLOSED_SAID)) != 0
        speaks = (((word ^ before) & BREACH) != 0) | closing
        opening = np.flatnonzero((events & OPENED) != 0)
        carded = [int(row) for row in opening if rows.carded(int(row))]
        speaks[carded] = True
        for row in np.flatnonzero(speaks):
            card = int(Condition.CARD) if row in carded else 0
            mended = before[row] & ~word[row] & BREACH
            until = {unsealed.SAID_SO: float(state["last_t"][row])} if mended else {}
            rows.emit(int(row), NAME, placed_signal(rows, int(row), int(word[row]) | card, **until))
        state["seal_dirty"] = np.where((rising & BREACH) != 0, 1, np.where(closing, 0, state["seal_dirty"]))
        state["seal_word"] = word

    def begins(self, signal: Signal) -> bool:
        del signal
        return True  # the condition before it is kept

    def findings(self, case: Case) -> list[Finding]:
        found = [finding for track in case.tracks for finding in _fold(case, track)]
        known = journeys(case) if case.tracks else []
        cut = unsealed.left_unsealed(case, known, seal_cut.RULE, int(Condition.CUT), "cut")
        lanes = {finding.lane for finding in cut}  # a cable that was cut shows as open: one act
        opened = unsealed.left_unsealed(case, known, seal_opened.RULE, OPEN, "open")
        return found + cut + [finding for finding in opened if finding.lane not in lanes]


@dataclass(slots=True)
class _Seal:
    """Condition of one seal while its signals are walked through."""

    word: int = 0
    disarmed_by: Authorisation | None = None
    disarmed_at_ms: int = 0
    damaged: bool = False  # cut or opened, and not closed again since
    damaged_at_ms: int = 0
    opened_at_ms: int = 0

    def opened_anew(self, custody: Custody | None, rising: int, at_ms: int) -> bool:
        """Whether it says that it was opened anew: armed by people since, it never said that it closed."""
        said = bool(rising & Condition.OPEN_SAID)
        return said and custody is not None and custody.rearmed_between(self.opened_at_ms, at_ms)

    def settle(self, custody: Custody | None, at_ms: int, *, rearm_at_expiry: bool) -> None:
        """What the custody log and the passing of time did before a moment."""
        if self.damaged and custody is not None and custody.rearmed_between(self.damaged_at_ms, at_ms):
            self.damaged = False
        if self.disarmed_by is None:
            return
        expired = rearm_at_expiry and at_ms > self.disarmed_by.valid_until_ms
        by_hand = custody is not None and custody.rearmed_between(self.disarmed_at_ms, at_ms)
        if expired or by_hand:
            self.disarmed_by = None


def _fold(case: Case, track: Track) -> list[Finding]:
    """Walk one device's signals; the list is in event-time order."""
    seal = _Seal(word=track.base)
    found: list[Finding] = []
    for index, signal in enumerate(track.signals):
        at_ms = signal.at.occurred_at_ms
        segment = case.segment_at(at_ms)
        seal.settle(case.custody, at_ms, rearm_at_expiry=case.settings.rearm_at_expiry)
        rising = signal.word & ~seal.word
        armed = seal.disarmed_by is None
        if rising & BREACH:
            seal_opened.place_for(case, signal)
        if rising & Condition.CUT and armed:
            found += breach(case, track, index, segment, seal_cut.RULE, int(Condition.CUT))
        if _tampered(rising, signal.word) and armed and not _taken_off_with_leave(case, track, index, rising):
            rule = seal_tamper.RULE if rising & Condition.TAMPERED else seal_tamper.OFF_MOUNT
            found += breach(case, track, index, segment, rule, TAMPER)
        if rising & OPEN and (not seal.word & OPEN or seal.opened_anew(case.custody, rising, at_ms)):
            found += _opened(case, track, index, segment, seal)
            seal.opened_at_ms = at_ms
        if rising & BREACH & ~TAMPER:
            seal.damaged, seal.damaged_at_ms = True, at_ms
        if rising & CLOSED:
            found += _closed(case, track, signal, segment, seal)
        seal.word = signal.word & ~int(Condition.CARD)
    return found


def _tampered(rising: int, word: int) -> bool:
    """Whether a transition is a new tampering; coming off the mount is part of one that lasts."""
    if rising & Condition.TAMPERED:
        return True
    return bool(rising & Condition.OFF_MOUNT) and not word & Condition.TAMPERED


def _taken_off_with_leave(case: Case, track: Track, index: int, rising: int) -> bool:
    """Whether the device only came off its mount, where and when it might be opened: its work is done."""
    return not rising & Condition.TAMPERED and seal_opened.covering(case, track, index) is not None


def _opened(case: Case, track: Track, index: int, segment: Segment | None, seal: _Seal) -> list[Finding]:
    """An opening: authorised, a breach, or only what an earlier cut looks like."""
    signal = track.signals[index]
    said = signal.word & Condition.OPEN_SAID
    if not said and (signal.word & Condition.CUT or seal.damaged):
        return []  # the cable that was cut shows as open: one act
    authorisation = seal_opened.covering(case, track, index)
    if authorisation is not None:
        seal.disarmed_by, seal.disarmed_at_ms = authorisation, signal.at.occurred_at_ms
        return [custody_entry(case, track.lane, signal, segment, AlertType.SEAL_DISARMED, authorisation)]
    if seal.disarmed_by is not None:
        return []
    return breach(case, track, index, segment, seal_opened.RULE, OPEN)


def _closed(case: Case, track: Track, signal: Signal, segment: Segment | None, seal: _Seal) -> list[Finding]:
    """A closing: armed again after an opening or a cut, else armed for the first time."""
    again = seal.disarmed_by is not None or seal.damaged
    seal.disarmed_by, seal.damaged = None, False
    if again or signal.word & Condition.CLOSED_SAID:
        kind = AlertType.RESEALED if again else AlertType.SEAL_ARMED
        return [custody_entry(case, track.lane, signal, segment, kind, None)]
    return []
