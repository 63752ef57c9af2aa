"""Judging devices again, late reports in their places, all devices at once.

Each device's history is a row of blocks, each with the state before it. A block
with late reports is judged again from its beginning, and so are those behind it
up to the first that begins as it did before, in all columns of state that still
matter (`alike`): what follows is then as it was, but for further late reports, to
whose block the judging jumps.
So a late report costs the reports around it, not all that came after it, as
long as the rules' states forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from anomaly.lanes import Lanes
from anomaly.past import BLOCK_REPORTS, Block, Key, block_of
from anomaly.reports import NO_PLACE, PLAUSIBLE, REPORT, vectors_of
from anomaly.rows import copied, join, put, take
from anomaly.rules.catalogue import RULES
from anomaly.rules.rule import Signal
from anomaly.sphere import Ints, Structured
from anomaly.step import STATE, Stepper

_ONLY_WHILE = tuple(pair for rule in RULES for pair in getattr(rule, "only_while", ()))
"""Of rules: a column, and columns that matter only while it isn't zero."""

FOREVER: Key = (1 << 63, 0)
FIRST_POOL = 256


@dataclass(slots=True, eq=False)
class _Run:
    """A stretch of time judged again: behind ``after``, up to ``until``; and what was said in it."""

    after: Key
    until: Key = FOREVER
    signals: dict[str, list[Signal]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Job:
    """One lane to judge again."""

    lane: int
    blocks: list[Block]  # as they were; the last is the end, without reports
    in_past: int  # how many of them lie before the ring
    late: dict[int, Structured]  # by number of the block, ascending; empty: judge the block again
    todo: list[int]  # numbers of such blocks that are still to come, descending
    at: int = -1  # number of the block that is being judged
    judged: list[Block] = field(default_factory=list)  # as they are now, all before `at`
    runs: list[_Run] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)  # places in the pool where blocks are to begin


def replay(stepper: Stepper, targets: Mapping[int, Structured | None]) -> None:
    """Judge lanes again, each with its late reports, in order (none: because its foundation has changed)."""
    lanes = sorted(targets)
    _replay(
        stepper,
        [
            _job(stepper.lanes, lane, blocks, targets[lane])
            for lane, blocks in zip(lanes, stepper.lanes.blocks(lanes), strict=True)
        ],
    )


def replay_since(stepper: Stepper, targets: Mapping[int, int]) -> None:
    """Judge lanes again from a moment on (ms, by lane) from which the rules look up something else."""
    lanes = sorted(targets)
    jobs = []
    for lane, blocks in zip(lanes, stepper.lanes.blocks(lanes), strict=True):
        first = max(0, block_of(blocks, (targets[lane], 0)))
        late = {number: np.zeros(0, REPORT) for number in range(first, len(blocks) - 1)}
        if late:
            jobs.append(_Job(lane, blocks, _in_past(stepper.lanes, lane), late, sorted(late, reverse=True)))
    _replay(stepper, jobs)


def _replay(stepper: Stepper, jobs: list[_Job]) -> None:
    if jobs:
        _Rounds(stepper, jobs).run()
        for job in jobs:
            _keep(stepper, job)
        stepper.lanes.pack_laid()


def _in_past(lanes: Lanes, lane: int) -> int:
    """How many blocks of a lane lie before its ring."""
    past = lanes.pasts.get(lane)
    return len(past.blocks) if past is not None else 0


def _job(lanes: Lanes, lane: int, blocks: list[Block], extra: Structured | None) -> _Job:
    """Plan one lane's replay, and see to it that enough of the lane is kept from now on."""
    in_past = _in_past(lanes, lane)
    if extra is None:
        return _Job(lane, blocks, in_past, {0: np.zeros(0, REPORT)}, [0])
    places = [block_of(blocks, key) for key in zip(extra["t"].tolist(), extra["rid"].tolist(), strict=True)]
    of = np.maximum(places, 0)
    late = {number: take(extra, of == number) for number in np.unique(of).tolist()}
    newer = sum(block.size for block in blocks[int(of[0]) + 1 :])
    newer += int(np.count_nonzero(blocks[int(of[0])].reports["t"] >= extra["t"][0]))
    lanes.expect_late(lane, newer + len(extra))
    return _Job(lane, blocks, in_past, late, sorted(late, reverse=True))


class _Rounds:
    """Judges jobs side by side: in each round one report of each that isn't done."""

    def __init__(self, stepper: Stepper, jobs: list[_Job]) -> None:
        self._stepper = stepper
        self._jobs = jobs
        self._least = stepper.lanes.least
        self._pool = np.zeros(FIRST_POOL, REPORT)
        self._vectors = np.zeros((FIRST_POOL, 3))
        self._used = 0
        self._state = np.zeros(len(jobs), STATE)
        self._cursor = np.zeros(len(jobs), np.int64)  # place in the pool of each job's next report
        self._stop = np.zeros(len(jobs), np.int64)  # where something is to be done before going on
        self._begun = np.zeros(len(jobs), np.int64)  # where its block begins

    def run(self) -> None:
        """Judge all jobs to their ends."""
        of = np.array([job.lane for job in self._jobs])
        active = np.array([n for n, job in enumerate(self._jobs) if self._jump(n, job)], np.int64)
        while active.size:
            self._round(of[active], active)
            due = active[self._cursor[active] == self._stop[active]]
            done = [n for n in due.tolist() if not self._go_on(n, self._jobs[n])]
            if done:
                active = active[~np.isin(active, done)]

    def _round(self, lanes: Ints, active: Ints) -> None:
        jobs, places = self._jobs, self._cursor[active]
        reports, state = take(self._pool, places), take(self._state, active)

        def file(row: int, rule: str, signal: Signal) -> None:
            jobs[int(active[row])].runs[-1].signals.setdefault(rule, []).append(signal)

        self._stepper.step(RULES, lanes, state, reports, self._vectors[places], file)
        put(self._pool, places, reports)
        put(self._state, active, state)
        self._cursor[active] = places + 1

    def _jump(self, n: int, job: _Job) -> bool:
        """Go to the next block with late reports; False: all is done."""
        if not job.todo:
            job.judged += job.blocks[job.at + 1 :]
            return False
        following = job.todo[-1]
        job.judged += job.blocks[job.at + 1 : following]
        job.runs.append(_Run(job.blocks[following].key))
        put(self._state, slice(n, n + 1), job.blocks[following].state)
        return self._enter(n, job, following)

    def _enter(self, n: int, job: _Job, number: int) -> bool:
        """Begin with a block, from the state as it is now; False: it has no reports, which ends all."""
        job.at = number
        if job.todo and job.todo[-1] == number:
            job.todo.pop()
        block, late = job.blocks[number], job.late.get(number)
        job.judged.append(Block(copied(self._state[n : n + 1]), block.reports[:0]))
        reports, job.cuts = block.reports, []
        if late is not None and len(late):
            reports = join((reports, late))
            reports = take(reports, np.lexsort((reports["rid"], reports["t"])))
        size, begin = len(reports), self._used
        if not size:
            return self._leave(n, job)
        self._room_for(size)
        put(self._pool, slice(begin, begin + size), reports)
        fresh = self._pool[begin : begin + size]
        fresh["quality"] = np.where(fresh["quality"] == NO_PLACE, NO_PLACE, PLAUSIBLE)
        self._vectors[begin : begin + size] = vectors_of(fresh)
        if late is not None and len(late):
            job.cuts = _cuts(size, self._least, in_past=number < job.in_past)
        job.cuts = [begin + cut for cut in (*job.cuts, size)]
        self._cursor[n] = self._begun[n] = begin
        self._stop[n] = job.cuts.pop(0)
        return True

    def _room_for(self, size: int) -> None:
        self._used += size
        while self._used > len(self._pool):
            self._pool = join((self._pool, np.zeros_like(self._pool)))
            self._vectors = np.concatenate((self._vectors, np.zeros_like(self._vectors)))

    def _go_on(self, n: int, job: _Job) -> bool:
        """At the end of a block, or where one is cut; False: the job is done."""
        begin, end = int(self._begun[n]), int(self._cursor[n])
        job.judged[-1] = Block(job.judged[-1].state, copied(self._pool[begin:end]))
        if job.cuts:
            job.judged.append(Block(copied(self._state[n : n + 1]), self._pool[:0]))
            self._begun[n] = end
            self._stop[n] = job.cuts.pop(0)
            return True
        return self._leave(n, job)

    def _leave(self, n: int, job: _Job) -> bool:
        """Behind a block: the next one, if it begins otherwise than before; else the next late reports."""
        following = job.at + 1
        if following == len(job.blocks):
            if job.judged[-1].size:  # late reports behind all others
                job.judged.append(Block(copied(self._state[n : n + 1]), self._pool[:0]))
            return False
        state = self._state[n : n + 1]
        if following in job.late or not alike(state, job.blocks[following].state):
            return self._enter(n, job, following)
        job.runs[-1].until = int(state["last_t"][0]), int(state["last_rid"][0])
        return self._jump(n, job)


def alike(a: Structured, b: Structured) -> bool:
    """Whether two states (one row each) lead to the same verdicts whatever follows."""
    if a.tobytes() == b.tobytes():
        return True
    a = a.copy()
    for column, dependent in _ONLY_WHILE:
        if not a[column][0] and not b[column][0]:
            for name in dependent:
                a[name] = b[name]
    return a.tobytes() == b.tobytes()


def _cuts(size: int, least: int, *, in_past: bool) -> list[int]:
    """Where to cut a block of so many reports: those of a ring must fit into its halves."""
    most, wanted = (2 * BLOCK_REPORTS, BLOCK_REPORTS) if in_past else (least, least)
    if size <= most:
        return []
    pieces = -(-size // wanted)
    return [size * piece // pieces for piece in range(1, pieces)]


def _keep(stepper: Stepper, job: _Job) -> None:
    """Write down the judged history and what was said."""
    lanes, lane = stepper.lanes, job.lane
    same = min(*job.late, job.in_past)
    if job.at < job.in_past:  # nothing changed in the ring
        in_ring = len(job.blocks) - job.in_past
        lanes.pasts[lane].replace(same, job.judged[same:-in_ring])
        lanes.trim(lane)
    else:
        lanes.lay(lane, job.judged, same)
    row = int(lanes.container[lane])
    file = stepper.containers.files[row]
    for rule in RULES:
        for run in job.runs:
            made, track = run.signals.get(rule.name, []), file.tracks.get((lane, rule.name))
            if track is None and made:
                track = file.track(lane, lanes.devices[lane], rule.name)
            if track is not None:
                earlier = [signal for signal in track.signals if signal.at.key <= run.after]
                later = [signal for signal in track.signals if signal.at.key > run.until]
                track.signals = earlier + made + later
                stepper.note_signals(row, rule.name, tuple(made))
    stepper.touched.add(row)
