"""Judging devices again from a checkpoint, late reports in their places, all devices at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anomaly.lanes import Lanes
from anomaly.reports import NO_PLACE, PLAUSIBLE, REPORT, vectors_of
from anomaly.rows import join, put, take
from anomaly.rules.catalogue import RULES
from anomaly.sphere import Structured
from anomaly.step import Stepper


@dataclass(slots=True)
class _Job:
    """One lane to judge again: from which checkpoint, which reports, where checkpoints go."""

    lane: int
    entries: Structured
    offset: int  # reports of the history before the first of `entries`
    base_at: int = 0  # make the state after so many entries the base; 0: leave it
    mid_at: int = 0  # the same for the middle

    @property
    def total(self) -> int:
        return self.offset + len(self.entries)


def replay(stepper: Stepper, targets: Mapping[int, Structured | None]) -> None:
    """Judge lanes again, each with its late reports (none: because the plan has changed)."""
    jobs = [_job(stepper.lanes, lane, extra) for lane, extra in sorted(targets.items())]
    if not jobs:
        return
    jobs.sort(key=lambda job: len(job.entries), reverse=True)  # those still running are the first ones
    for job in jobs:
        _drop_signals(stepper, job)
    lanes = stepper.lanes
    of = np.array([job.lane for job in jobs])
    lengths = np.array([len(job.entries) for job in jobs])
    base_at = np.array([job.base_at for job in jobs])
    mid_at = np.array([job.mid_at for job in jobs])
    state = take(lanes.base, of)
    from_middle = np.array([job.offset > 0 for job in jobs])
    put(state, from_middle, take(lanes.mid, of[from_middle]))
    entries = np.zeros((int(lengths[0]), len(jobs)), REPORT)
    for i, job in enumerate(jobs):
        put(entries, (slice(lengths[i]), i), job.entries)
    entries["quality"] = np.where(entries["quality"] == NO_PLACE, NO_PLACE, PLAUSIBLE)
    vectors = vectors_of(entries)
    for k, running in enumerate(np.searchsorted(-lengths, -np.arange(lengths[0]))):
        stepper.run(of[:running], state[:running], entries[k, :running], vectors[k, :running])
        for at, checkpoint in ((base_at, lanes.base), (mid_at, lanes.mid)):
            here = np.flatnonzero(at == k + 1)
            if here.size:
                put(checkpoint, of[here], take(state, here))
    put(lanes.live, of, state)
    for i, job in enumerate(jobs):
        _keep(lanes, job, entries[: lengths[i], i])


def _job(lanes: Lanes, lane: int, extra: Structured | None) -> _Job:
    """Plan one lane's replay: from the middle if that is before all late reports, else from the base."""
    history = lanes.ring[lane, : lanes.count[lane]]
    middle, half = int(lanes.middle[lane]), lanes.history // 2
    offset = 0
    if extra is not None and middle:
        first = (extra["t"][0], extra["rid"][0])
        offset = middle if first > (lanes.mid["last_t"][lane], lanes.mid["last_rid"][lane]) else 0
        if len(history) + len(extra) >= lanes.history and len(history) + len(extra) - half <= offset:
            offset = 0
    entries = history[offset:] if extra is None else join((history[offset:], extra))
    entries = take(entries, np.lexsort((entries["rid"], entries["t"])))
    job = _Job(lane, entries, offset)
    if job.total >= lanes.history:
        job.base_at = job.total - half - offset
    elif not offset and job.total >= half:
        job.mid_at = job.total // 2
    return job


def _drop_signals(stepper: Stepper, job: _Job) -> None:
    """Signals of what is judged again are made anew."""
    lanes = stepper.lanes
    checkpoint = (lanes.mid if job.offset else lanes.base)[job.lane]
    key = int(checkpoint["last_t"]), int(checkpoint["last_rid"])
    row = int(lanes.container[job.lane])
    file = stepper.containers.files[row]
    for rule in RULES:
        track = file.tracks.get((job.lane, rule.name))
        if track is not None:
            track.signals = [signal for signal in track.signals if signal.at.key <= key]
    stepper.touched.add(row)


def _keep(lanes: Lanes, job: _Job, entries: Structured) -> None:
    """Write the judged reports back into the history."""
    lane = job.lane
    if job.base_at:
        lanes.log(lane, join((lanes.ring[lane, : job.offset], entries[: job.base_at])))
        kept = entries[job.base_at :]
        put(lanes.ring, (lane, slice(len(kept))), kept)
        lanes.count[lane] = len(kept)
        lanes.checkpoint(np.array([lane]))
        return
    put(lanes.ring, (lane, slice(job.offset, job.total)), entries)
    lanes.count[lane] = job.total
    if not job.offset:
        lanes.middle[lane] = job.mid_at
