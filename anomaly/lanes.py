"""Devices of containers ("lanes") in struct-of-arrays: state, checkpoints and recent history.

A lane is one device reporting for one container. Each has its reports of
recent time in event-time order (``ring``, the first ``count`` entries valid)
and its rules' state three times: ``live`` after all of them, ``mid`` after the
first ``middle`` of them, ``base`` before them. So a late report costs a replay
from a checkpoint, and reports in order cost one step and no copying but half a
ring now and then. What is folded into ``base`` goes into the lane's seal log
and its path log.
"""

from __future__ import annotations

import numpy as np

from anomaly.path_log import PathLog
from anomaly.reports import REPORT
from anomaly.rows import join, plain, put, take
from anomaly.seal_log import SealLog
from anomaly.sphere import Bools, Ints, Structured
from anomaly.thinning import ENTRY, thin
from sealtrail.runtime.settings.anomaly import AnomalySettings

FIRST_CAPACITY = 64
FEW_BYTES = 1 << 16

STATES = ("live", "mid", "base")


class Lanes:
    """Index and arrays of all lanes; grows by doubling."""

    def __init__(
        self, state: np.dtype[np.void], watch: np.dtype[np.void], settings: AnomalySettings, history: int
    ) -> None:
        self.history = history
        self.stretches_kept = settings.seal_stretches_kept, settings.seal_stretches_kept_busy
        self.settings = settings
        self.seal_logs: list[SealLog] = []
        self.path_logs: list[PathLog] = []
        self.paths_to_thin: set[int] = set()
        self.state = state
        self.index: dict[tuple[str, str], int] = {}
        self.keys: list[tuple[str, str]] = []  # (container or device, device)
        self.container = np.zeros(FIRST_CAPACITY, np.int64)
        self.count = np.zeros(FIRST_CAPACITY, np.int64)
        self.middle = np.zeros(FIRST_CAPACITY, np.int64)
        self.watch = np.zeros(FIRST_CAPACITY, watch)
        self.live = np.zeros(FIRST_CAPACITY, state)
        self.mid = np.zeros(FIRST_CAPACITY, state)
        self.base = np.zeros(FIRST_CAPACITY, state)
        self.ring = np.zeros((FIRST_CAPACITY, history), REPORT)

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, key: str, device_id: str, container: int) -> int:
        """A new lane of a container's row."""
        lane = len(self.keys)
        if lane == len(self.container):
            self.reserve(2 * lane)
        self.keys.append((key, device_id))
        self.seal_logs.append(SealLog())
        self.path_logs.append(PathLog())
        self.index[key, device_id] = lane
        self.container[lane] = container
        return lane

    def reserve(self, capacity: int) -> None:
        """Make room for ``capacity`` lanes."""
        for name in ("container", "count", "middle", "ring", "watch", *STATES):
            old = getattr(self, name)
            if capacity > len(old):
                new = np.zeros((capacity, *old.shape[1:]), old.dtype)
                new[: len(old)] = old
                setattr(self, name, new)

    def history_of(self, lane: int) -> Structured:
        """A lane's newest reports in event-time order (dtype `REPORT`): not to be written to."""
        return self.ring[lane, : self.count[lane]]

    def newer(self, lanes: Ints, reports: Structured) -> Bools:
        """Whether each report is newer than all its lane has: by time, then identity."""
        last_t, last_rid = self.live["last_t"][lanes], self.live["last_rid"][lanes]
        same = reports["t"] == last_t
        empty = self.count[lanes] == 0
        result: Bools = empty | (reports["t"] > last_t) | (same & (reports["rid"] > last_rid))
        return result

    def known(self, lanes: Ints, reports: Structured) -> Bools:
        """Whether each report is in its lane's history already."""
        found = np.zeros(len(lanes), bool)
        step = max(1, FEW_BYTES // self.history)
        valid = np.arange(self.history)
        for start in range(0, len(lanes), step):
            part = slice(start, start + step)
            rids = self.ring["rid"][lanes[part]]
            same = (rids == reports["rid"][part][:, None]) & (valid < self.count[lanes[part]][:, None])
            found[part] = same.any(axis=1)
        return found

    def append(self, lanes: Ints, reports: Structured) -> None:
        """Keep the reports just judged, one for each of different lanes, newest of their lanes.

        Their rules' state is in ``live`` already. There is always room: a history
        that becomes full is folded at once.
        """
        count = self.count[lanes]
        put(self.ring, (lanes, count), reports)
        count += 1
        self.count[lanes] = count
        halfway = (count == self.history // 2) & (self.middle[lanes] == 0)
        if halfway.any():
            self.checkpoint(lanes[halfway])
        full = count >= self.history
        if full.any():
            self.fold(lanes[full])

    def log(self, lane: int, reports: Structured) -> None:
        """Put reports that leave the history into the lane's seal log and path log."""
        self.seal_logs[lane].append(reports, *self.stretches_kept)
        self.path_logs[lane].append(reports)
        self.note_path(lane)

    def note_path(self, lane: int) -> None:
        """See whether a path log has grown enough to be thinned at the end of the batch."""
        notes = self.path_logs[lane].notes
        if notes.added >= self._path_kept(lane) * (1 if notes.busy else 2):
            self.paths_to_thin.add(lane)

    def _path_kept(self, lane: int) -> int:
        busy = self.path_logs[lane].notes.busy
        return self.settings.path_reports_kept_busy if busy else self.settings.path_reports_kept

    def thin_paths(self) -> None:
        """Thin the path logs that have grown, all at once; once for each batch, so that it is cheap."""
        due = sorted(self.paths_to_thin)
        if not due:
            return
        self.paths_to_thin.clear()
        logs = [self.path_logs[lane] for lane in due]
        kept = np.array([self._path_kept(lane) for lane in due])
        of = np.repeat(np.arange(len(due)), [len(log.entries) for log in logs])
        entries, of = thin(join([log.entries for log in logs]), of, kept, self.settings)
        ends = np.cumsum(np.bincount(of, minlength=len(due)))
        most = self.settings.path_reports_kept_busy
        for log, begin, end in zip(logs, [0, *ends[:-1]], ends, strict=True):
            log.entries = plain(entries[begin:end]).copy().view(ENTRY)
            log.notes.added, log.notes.busy = 0, False
            if end - begin > most + most // 2:
                log.give_up(most)

    def forget_seal(self, lane: int, up_to: tuple[int, int]) -> None:
        """Give up a seal log's stretches up to a time, or to the history's beginning if that is earlier."""
        base = self.base[lane]
        self.seal_logs[lane].forget(min(up_to, (int(base["last_t"]), int(base["last_rid"]))))

    def checkpoint(self, lanes: Ints) -> None:
        """Make the state after all of the history the middle one."""
        put(self.mid, lanes, take(self.live, lanes))
        self.middle[lanes] = self.count[lanes]

    def fold(self, lanes: Ints) -> None:
        """Give up the older part of full histories: of it only the seal can be judged again from now on."""
        for lane in lanes.tolist():
            self.log(lane, plain(self.ring[lane, : self.middle[lane]]).copy().view(REPORT))
        places = np.arange(self.history)
        source = np.minimum(places + self.middle[lanes][:, None], self.history - 1)
        put(self.base, lanes, take(self.mid, lanes))
        put(self.ring, lanes, take(self.ring, (lanes[:, None], source)))
        self.count[lanes] -= self.middle[lanes]
        self.checkpoint(lanes)
