"""Judging path logs again where late reports were set into them, all places at once.

From the last report before a new one that settles the state of the position and
the route rule, to the first after it that settles it as before: what follows is
then as it was. Where none does, the state at the history's beginning is another
and the history is judged again. Reports left out of the log between two others
(thinning.py) count as what they were: a report inside, or one outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from anomaly.custody import Segment, changed_from
from anomaly.reports import HOME, NO_PLACE, PLAUSIBLE, REPORT, UNSURE, vectors_of
from anomaly.rows import put, take
from anomaly.rules.catalogue import RETRACED
from anomaly.rules.rule import Signal
from anomaly.sphere import Bools, Ints, Structured
from anomaly.step import STATE, Stepper

POINTERS = frozenset({"route_leg"})
"""Columns that lead to the same verdicts whatever they are."""
_COLUMNS = tuple(name for rule in RETRACED for name, _ in rule.state if name not in POINTERS)
_BEGINS = np.zeros(256, bool)
_BEGINS[HOME:UNSURE] = True
_ENDS = _BEGINS.copy()
_ENDS[UNSURE] = True


@dataclass(slots=True, eq=False)
class _Stretch:
    """Entries of one lane's log to judge again: those behind ``begin`` up to ``end``."""

    lane: int
    begin: int  # entry that settles the state; -1: from nothing
    end: int
    tries: int = 0
    settled: bool = False  # the state after it is what it was
    reports: Structured = field(default_factory=lambda: np.zeros(0, REPORT))
    state: Structured = field(default_factory=lambda: np.zeros(1, STATE))
    signals: dict[str, list[Signal]] = field(default_factory=dict)


def retrace(stepper: Stepper, fresh: Mapping[int, Bools]) -> list[int]:
    """Judge lanes' logs again around new entries; the lanes whose state at their base is another now.

    Signals, marks and the bases are brought in line; their histories are the caller's to judge.
    """
    lanes = stepper.lanes
    old_ends = {
        lane: _ENDS[lanes.logs.path(lane).entries["report"]["mark"]] & ~new for lane, new in fresh.items()
    }
    done: list[_Stretch] = []
    todo = [stretch for lane in sorted(fresh) for stretch in _stretches(stepper, lane, fresh[lane])]
    while todo:
        _judge(stepper, todo)
        open_ended = [stretch for stretch in todo if not _is_settled(stepper, stretch, old_ends)]
        done += [stretch for stretch in todo if stretch not in open_ended]
        todo = _extended(open_ended, done, old_ends)
    return [stretch.lane for stretch in done if _keep(stepper, stretch)]


def retrace_plan(stepper: Stepper, row: int, before: list[Segment]) -> None:
    """Judge the logs of a container again from the first report on for which another plan holds now.

    What was left out since then says nothing any more. The history is the caller's to judge.
    """
    custody = stepper.containers.files[row].custody
    changed_ms = changed_from(before, custody.segments if custody is not None else [])
    for lane in stepper.containers.files[row].lanes if changed_ms is not None else ():
        entries = stepper.lanes.logs.path(lane).entries
        fresh = entries["report"]["t"] >= changed_ms
        if fresh.any():
            entries["hidden"][fresh & (entries["hidden"] != 0)] = UNSURE
            retrace(stepper, {lane: fresh})


def _stretches(stepper: Stepper, lane: int, fresh: Bools) -> list[_Stretch]:
    """Around each run of new entries: from the last settled entry before it to the first after it."""
    size, places = len(fresh), np.arange(len(fresh))
    marks = stepper.lanes.logs.path(lane).entries["report"]["mark"]
    begins = np.maximum.accumulate(np.where(_BEGINS[marks] & ~fresh, places, -1))
    ends = np.minimum.accumulate(np.where(_ENDS[marks] & ~fresh, places, size - 1)[::-1])[::-1]
    found: list[_Stretch] = []
    for begin, end in sorted({(int(begins[i]), int(ends[i])) for i in np.flatnonzero(fresh)}):
        if found and begin < found[-1].end:
            found[-1].end = max(found[-1].end, end)
        else:
            found.append(_Stretch(lane, begin, end))
    return found


def _judge(stepper: Stepper, stretches: list[_Stretch]) -> None:
    """Run the rules over stretches, the k-th report of each in round k."""
    stretches.sort(key=lambda stretch: stretch.end - stretch.begin, reverse=True)
    lengths = np.array([stretch.end - stretch.begin for stretch in stretches])
    of = np.array([stretch.lane for stretch in stretches])
    reports = np.zeros((int(lengths[0]), len(stretches)), REPORT)
    hidden = np.zeros(reports.shape, np.int64)
    for i, stretch in enumerate(stretches):
        entries = stepper.lanes.logs.path(stretch.lane).entries[stretch.begin + 1 : stretch.end + 1]
        put(reports, (slice(lengths[i]), i), entries["report"])
        hidden[: lengths[i], i] = entries["hidden"]
        stretch.signals = {rule.name: [] for rule in RETRACED}
    reports["quality"] = np.where(reports["quality"] == NO_PLACE, NO_PLACE, PLAUSIBLE)
    vectors, state = vectors_of(reports), _seeded(stepper, stretches, of)

    def file(row: int, rule: str, signal: Signal) -> None:
        stretches[row].signals[rule].append(signal)

    for k, running in enumerate(np.searchsorted(-lengths, -np.arange(lengths[0]))):
        part = state[:running]
        if hidden[k, :running].any():
            for rule in RETRACED:
                rule.pass_over(part, hidden[k, :running], stepper.settings)
        stepper.step(RETRACED, of[:running], part, reports[k, :running], vectors[k, :running], file)
    for i, stretch in enumerate(stretches):
        stretch.reports, stretch.state = reports[: lengths[i], i], state[i : i + 1]


def _seeded(stepper: Stepper, stretches: list[_Stretch], of: Ints) -> Structured:
    """State after the entries with which stretches begin."""
    state = np.zeros(len(stretches), STATE)
    rows = np.flatnonzero([stretch.begin >= 0 for stretch in stretches])
    if rows.size:
        logs = stepper.lanes.logs
        seeds = np.array(
            [logs.path(stretches[i].lane).entries["report"][stretches[i].begin] for i in rows], REPORT
        )
        marks, part = seeds["mark"].copy(), take(state, rows)
        stepper.step(RETRACED, of[rows], part, seeds, vectors_of(seeds), lambda *_: None)
        for rule in RETRACED:
            rule.seed(part, marks)
        put(state, rows, part)
    return state


def _is_settled(stepper: Stepper, stretch: _Stretch, old_ends: Mapping[int, Bools]) -> bool:
    """Whether a stretch needn't be longer: it ends as it did, or with the log."""
    entries = stepper.lanes.logs.path(stretch.lane).entries
    old = bool(old_ends[stretch.lane][stretch.end])
    stretch.settled = old and entries["report"]["mark"][stretch.end] == stretch.reports["mark"][-1]
    return stretch.settled or stretch.end == len(entries) - 1


def _extended(
    stretches: list[_Stretch], done: list[_Stretch], old_ends: Mapping[int, Bools]
) -> list[_Stretch]:
    """Stretches made longer, ever more; those that they run into become part of them."""
    longer: list[_Stretch] = []
    for stretch in sorted(stretches, key=lambda each: (each.lane, each.begin)):
        last = longer[-1] if longer else None
        if last is not None and last.lane == stretch.lane and stretch.begin < last.end:
            last.end = max(last.end, stretch.end)
            continue
        ends = np.flatnonzero(old_ends[stretch.lane][stretch.end + 1 :]) + stretch.end + 1
        step = (1 << stretch.tries) - 1
        end = int(ends[step]) if step < len(ends) else len(old_ends[stretch.lane]) - 1
        longer.append(_Stretch(stretch.lane, stretch.begin, end, stretch.tries + 1))
    for stretch in longer:
        for other in sorted((e for e in done if e.lane == stretch.lane), key=lambda each: each.begin):
            if stretch.begin <= other.begin < stretch.end:
                stretch.end = max(stretch.end, other.end)
                done.remove(other)
    return longer


def _keep(stepper: Stepper, stretch: _Stretch) -> bool:
    """Write a stretch's verdicts down; whether the state at the lane's base is another now."""
    lanes, lane = stepper.lanes, stretch.lane
    log, base = lanes.logs.path(lane), lanes.foundation(lane)
    entries = log.entries
    inside = slice(stretch.begin + 1, stretch.end + 1)
    put(entries["report"], inside, stretch.reports)
    first, last = entries["report"][stretch.begin], entries["report"][stretch.end]
    after = (int(first["t"]), int(first["rid"])) if stretch.begin >= 0 else log.notes.horizon
    up_to = int(last["t"]), int(last["rid"])
    to_base = stretch.end == len(entries) - 1 and not stretch.settled
    if to_base:
        up_to = lanes.foundation_key(lane)
    row = int(lanes.container[lane])
    file = stepper.containers.files[row]
    for rule in RETRACED:
        made = stretch.signals[rule.name]
        track = file.track(lane, lanes.devices[lane], rule.name)
        earlier = [signal for signal in track.signals if signal.key[:2] <= after]
        later = [signal for signal in track.signals if signal.key[:2] > up_to]
        if made or len(earlier) + len(later) < len(track.signals):
            made = [signal for signal in made if signal.key[:2] > track.given_up]
            track.signals = earlier + made + later
            stepper.touched.add(row)
    if not to_base or all(np.array_equal(base[name], stretch.state[name]) for name in _COLUMNS):
        return False
    for rule in RETRACED:
        for name, _ in rule.state:
            base[name] = stretch.state[name]
    lanes.found_on(lane, base)
    return True
