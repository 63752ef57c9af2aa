"""Reports older than the history are judged at their own time.

Their positions are set into the path log and judged again there (path_log.py,
retrace.py). Their seals are set among the stretches of the seal log (seal_log.py), the transitions
of the seal before the history are found again from there, and where the
condition at the history's beginning turns out to be another, the history is
judged again. Which is what a history without end would have led to, as long as
the log joins no two stretches between which a report is missing.

Before the seal log's horizon a report is a pulse: the condition it reports, and
at once what held before it. Before the path log's horizon a position is not judged.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import msgspec
import numpy as np

from anomaly.replay import replay
from anomaly.reports import NO_PLACE, PLAUSIBLE, Sighting
from anomaly.retrace import retrace
from anomaly.rules.rule import Signal, Track
from anomaly.rules.seal_custody import BREACH, NAME, Condition, SealWord, spoken_bits, word_after
from anomaly.rules.seal_opened import own_spot
from anomaly.rules.spots import fix_of
from anomaly.seal_log import SealLog, walk
from anomaly.sphere import Bools, Ints, Structured
from anomaly.step import Stepper
from sealtrail.contract.reading import SealEvent

PULSE, FALL = 1, 2
"""Codes of signals made for pulses; all others have 0."""

Key = tuple[int, int]


def take_old(stepper: Stepper, of: Ints, reports: Structured) -> None:
    """Judge reports (shape (n,), with their lanes) that are older than their lanes' histories."""
    lanes = stepper.lanes
    again: dict[int, Structured | None] = {}
    fresh: dict[int, Bools] = {}
    lanes.logs.open(np.unique(of).tolist())
    for lane in np.unique(of).tolist():
        log = lanes.logs.seal(lane)
        changed = False
        mine = reports[of == lane]
        for report in mine:
            if (int(report["t"]), int(report["rid"])) <= log.notes.horizon:
                _pulse(stepper, lane, report)
            else:
                changed |= _take(stepper, lane, report)
        log.settle_inserted(len(mine), *lanes.logs.stretches_kept)
        if changed and _retrack(stepper, lane):
            again[lane] = None
        new = lanes.logs.path(lane).insert(mine, stepper.settings)
        if new.any():
            fresh[lane] = new
            lanes.logs.note_paths(np.array([lane]))
    again |= dict.fromkeys(retrace(stepper, fresh))
    replay(stepper, again)


def _track(stepper: Stepper, lane: int) -> Track:
    row = int(stepper.lanes.container[lane])
    stepper.touched.add(row)
    return stepper.containers.files[row].track(lane, stepper.lanes.devices[lane], NAME)


def _take(stepper: Stepper, lane: int, report: np.void) -> bool:
    """Set a report into the log; whether transitions may be others now. A card is a signal of its own."""
    changed = stepper.lanes.logs.seal(lane).insert(report)
    carded = int(report["rid"]) in stepper.cards.get(lane, ())
    if not carded or not report["events"] & SealEvent.OPENED:
        return changed
    track, at = _track(stepper, lane), stepper.sighting(lane, report)
    place = bisect_left([signal.key for signal in track.signals], (*at.key, 0))
    if any(signal.at.key == at.key for signal in track.signals[place : place + 1]):
        return changed
    track.signals.insert(place, Signal(0, at, place=None if at.quality == NO_PLACE else own_spot(at)))
    return True


def _retrack(stepper: Stepper, lane: int) -> bool:
    """Find a seal's transitions before its history again; whether the condition at its end is another."""
    lanes, track = stepper.lanes, _track(stepper, lane)
    log, base = lanes.logs.seal(lane), lanes.foundation(lane)
    until = int(base["last_t"][0]), int(base["last_rid"][0])
    frozen = [signal for signal in track.signals if signal.at.key <= log.notes.horizon]
    between = [signal for signal in track.signals if log.notes.horizon < signal.at.key <= until]
    later = [signal for signal in track.signals if signal.at.key > until]
    found, end = walk(log.stretches, log.notes.start)
    track.signals = frozen + _transitions(stepper, lane, found, between) + later
    columns = ("seal_word", "seal_level", "seal_dirty")
    if tuple(int(base[column][0]) for column in columns) == tuple(int(value) for value in end):
        return False
    for column, value in zip(columns, end, strict=True):
        base[column] = value
    lanes.found_on(lane, base)
    return True


def _transitions(
    stepper: Stepper, lane: int, found: list[tuple[int, int]], known: list[Signal]
) -> list[Signal]:
    """Signals of the log's transitions; what was known about their reports is kept, and so are cards."""
    log = stepper.lanes.logs.seal(lane)
    firsts = log.stretches["first"]
    by_key = {signal.at.key: signal for signal in known}
    made: dict[Key, Signal] = {}
    for number, word in found:
        key = int(firsts["t"][number]), int(firsts["rid"][number])
        signal = by_key.get(key) or _signal(log, number, stepper.sighting(lane, firsts[number]))
        signal.word = word
        made[key] = signal
    keys, words = list(made), [word for _, word in found]
    for key, signal in by_key.items():
        if signal.at.card_id is not None and signal.at.seal_events & SealEvent.OPENED:
            place = bisect_right(keys, key) - 1
            word = words[place] if place >= 0 else log.notes.start.word
            signal.word = word | int(Condition.CARD)
            made[key] = signal
    return [made[key] for key in sorted(made)]


def _signal(log: SealLog, number: int, at: Sighting) -> Signal:
    """A transition with the place of its report, else with those that the log knows around it."""
    if at.quality == PLAUSIBLE:
        return Signal(0, at, place=own_spot(at))
    firsts = log.stretches["first"]
    placed = np.flatnonzero(firsts["quality"] == PLAUSIBLE)
    if not placed.size:
        return Signal(0, at)
    earlier, later = placed[placed < number], placed[placed > number]
    place = fix_of(firsts[int(earlier[-1])]) if earlier.size else None
    after = fix_of(firsts[int(later[0])]) if later.size else None
    return Signal(0, at, place=place, before=place, after=after)


def _pulse(stepper: Stepper, lane: int, report: np.void) -> None:
    """Judge one report from before the log's horizon beside the transitions that are left of that time."""
    track, at = _track(stepper, lane), stepper.sighting(lane, report)
    place = bisect_left([signal.key for signal in track.signals], (*at.key, 0))
    if any(signal.at.key == at.key for signal in track.signals[place : place + 2]):
        return  # a copy
    before = track.signals[place - 1].word if place else track.base
    level = at.seal_state != 0
    said, _ = word_after(
        int(spoken_bits(at.seal_events)), at.seal_state, SealWord(before, level, dirty=False)
    )
    card = int(Condition.CARD) if at.card_id and at.seal_events & SealEvent.OPENED else 0
    rising = said.word & BREACH & ~before
    if not rising and not card:
        return
    spot = None if at.quality == NO_PLACE else own_spot(at)
    pulse = Signal(PULSE, at, word=before | rising | card, place=spot)
    if level and _join(track, place, pulse):
        return
    fall = Signal(FALL, at, order=1, word=before & ~int(Condition.CARD))
    track.signals[place:place] = [pulse, fall]


def _join(track: Track, place: int, pulse: Signal) -> bool:
    """Make a pulse part of an equal one beside it."""
    after = track.signals[place] if place < len(track.signals) else None
    if after is not None and after.code == PULSE and after.word == pulse.word:
        track.signals[place] = pulse
        return True
    last = track.signals[place - 2 : place] if place > 1 else []
    if last and last[1].code == FALL and last[0].word == pulse.word:
        track.signals[place - 1] = msgspec.structs.replace(last[1], at=pulse.at)
        return True
    return False
