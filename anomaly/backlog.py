"""Reports older than the history: their seal events are judged at their own time.

The history is gone, so such a report is set among the seal's kept transitions
as a pulse: the condition it reports, and at once what held before it. It is
judged against the custody log of its own time. What can't be done any more: a
position this old opens no deviation and is not tried for plausibility, and a
condition that several such reports share is recognised as one only where their
device reports a seal state (a level) and nothing lies between them.
"""

from __future__ import annotations

from bisect import bisect_left

import msgspec
import numpy as np

from anomaly.reports import NO_PLACE
from anomaly.rules.rule import Signal, Track
from anomaly.rules.seal_custody import BREACH, NAME, Condition, words_of
from anomaly.rules.seal_opened import own_spot
from anomaly.sphere import Bools, Structured
from anomaly.step import Stepper
from sealtrail.contract.reading import SealEvent, SealState

BREACH_EVENTS = int(SealEvent.CUT | SealEvent.OPENED | SealEvent.TAMPERED)
PULSE, FALL = 1, 2
"""Codes of signals made here; those of the step have 0."""


def says_breach(reports: Structured) -> Bools:
    """Whether reports say anything that can be a breach; the rest of them is only recorded."""
    states = np.isin(reports["state"], (SealState.UNLOCKED, SealState.OPEN, SealState.CUT))
    found: Bools = states | ((reports["events"] & BREACH_EVENTS) != 0)
    return found


def judge_old(stepper: Stepper, lane: int, reports: Structured) -> None:
    """Judge one report (shape (1,)) that is older than its lane's history."""
    row = int(stepper.lanes.container[lane])
    file = stepper.containers.files[row]
    track = file.track(lane, stepper.lanes.keys[lane][1], NAME)
    at = stepper.sighting(lane, reports[0])
    place = bisect_left([signal.key for signal in track.signals], (*at.key, 0))
    if any(signal.at.key == at.key for signal in track.signals[place : place + 2]):
        return  # a copy
    before = track.signals[place - 1].word if place else track.base
    events, state = reports["events"].astype(np.int64), reports["state"].astype(np.int64)
    level = (state != SealState.UNKNOWN).astype(np.int64)
    word = int(words_of(events, state, np.array([before]), level)[0])
    card = int(Condition.CARD) if at.card_id and at.seal_events & SealEvent.OPENED else 0
    rising = word & BREACH & ~before
    if not rising and not card:
        return
    spot = None if at.quality == NO_PLACE else own_spot(at)
    pulse = Signal(PULSE, at, word=before | rising | card, place=spot)
    if level[0] and _join(track, place, pulse):
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
