"""Devices of containers ("lanes") in struct-of-arrays: state, checkpoints and recent history.

A lane is one device reporting for one container. Each has its reports of
recent time in event-time order (``ring``, the first ``count`` entries valid)
and its rules' state three times: ``live`` after all of them, ``mid`` after the
first ``middle`` of them, ``base`` before them. So a late report costs a replay
from a checkpoint, and reports in order cost one step and no copying but half a
ring now and then. What is folded into ``base`` goes into the lane's seal log
and its path log.

While a lane's reports come late or in bursts, what leaves its ring is kept as
blocks (past.py) before that, so that each report of a backlog is judged by every
rule. A fleet that is small enough for it always keeps an ``allowance`` that way,
because the first late report of all tells too late how much should have been kept.
The state before all that is kept is the lane's ``foundation``.
"""

from __future__ import annotations

import numpy as np

from anomaly.past import WIDE, Block, Past
from anomaly.path_log import PathLog
from anomaly.reports import CLOCKLESS, REPORT
from anomaly.rows import copied, join, put, take
from anomaly.seal_log import SealLog, join_all
from anomaly.sphere import Bools, Ints, Structured
from anomaly.thinning import thin
from sealtrail.runtime.settings.anomaly import AnomalySettings

FIRST_CAPACITY = 64
FEW_BYTES = 1 << 16
LEAST_SHARE = 4
"""An allowance of fewer histories than this isn't worth its upkeep."""

STATES = ("live", "mid", "base")


class Lanes:
    """Index and arrays of all lanes; grows by doubling."""

    def __init__(
        self, state: np.dtype[np.void], watch: np.dtype[np.void], settings: AnomalySettings, history: int
    ) -> None:
        self.history = history
        self.least = history // 2  # so many newest reports are always kept, if there are
        self.pasts: dict[int, Past] = {}
        self.stretches_kept = settings.seal_stretches_kept, settings.seal_stretches_kept_busy
        self.settings = settings
        self.seal_logs: list[SealLog] = []
        self.path_logs: list[PathLog] = []
        self.paths_to_thin: set[int] = set()
        self.seals_to_join: set[int] = set()
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
            for each in list(self.pasts):
                self.trim(each)
        self.keys.append((key, device_id))
        self.seal_logs.append(SealLog())
        self.path_logs.append(PathLog())
        self.index[key, device_id] = lane
        self.container[lane] = container
        return lane

    @property
    def allowance(self) -> int:
        """So many reports of each lane are always kept, blocks and ring together: its share of all."""
        share = self.settings.history_reports_spare // max(1, len(self))
        share = min(share, self.settings.history_reports_busy)
        return share if share >= LEAST_SHARE * self.history else 0

    def reserve(self, capacity: int) -> None:
        """Make room for ``capacity`` lanes."""
        for name in ("container", "count", "middle", "ring", "watch", *STATES):
            old = getattr(self, name)
            if capacity > len(old):
                new = np.zeros((capacity, *old.shape[1:]), old.dtype)
                new[: len(old)] = old
                setattr(self, name, new)

    def newer(self, lanes: Ints, reports: Structured) -> Bools:
        """Whether each report is newer than all its lane has: by time, then identity."""
        last_t, last_rid = self.live["last_t"][lanes], self.live["last_rid"][lanes]
        same = reports["t"] == last_t
        empty = self.count[lanes] == 0
        result: Bools = empty | (reports["t"] > last_t) | (same & (reports["rid"] > last_rid))
        return result

    def older(self, lanes: Ints, reports: Structured) -> Bools:
        """Whether each report is older than all that is kept of its lane."""
        last_t, last_rid = self.base["last_t"][lanes], self.base["last_rid"][lanes]
        if self.pasts:
            for i, lane in enumerate(lanes.tolist()):
                if lane in self.pasts:
                    last_t[i], last_rid[i] = self.foundation_key(lane)
        same = reports["t"] == last_t
        result: Bools = (reports["t"] < last_t) | (same & (reports["rid"] <= last_rid))
        return result

    def foundation(self, lane: int) -> Structured:
        """State before all that is kept of a lane's reports: one row that may be written."""
        past = self.pasts.get(lane)
        return past.blocks[0].state if past is not None and past.blocks else self.base[lane : lane + 1]

    def foundation_key(self, lane: int) -> tuple[int, int]:
        """Time and identity of the last report before all that is kept of a lane."""
        state = self.foundation(lane)
        return int(state["last_t"][0]), int(state["last_rid"][0])

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
        for i in np.flatnonzero(~found) if self.pasts else ():
            past = self.pasts.get(int(lanes[i]))
            if past is not None:
                key = int(reports["t"][i]), int(reports["rid"][i])
                found[i] = past.holds(key, whenever=bool(reports["flags"][i] & CLOCKLESS))
        return found

    def history_of(self, lane: int) -> Structured:
        """All that is kept of a lane's reports, oldest first: a copy."""
        past = self.pasts.get(lane)
        older = [block.reports for block in past.blocks] if past is not None else []
        return join((*older, self.ring[lane, : self.count[lane]]))

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
        if self.seal_logs[lane].append(reports, *self.stretches_kept):
            self.seals_to_join.add(lane)
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

    def thin_logs(self) -> None:
        """Thin the logs that have grown, all at once; once for each batch, so that it is cheap."""
        if self.seals_to_join:
            join_all([self.seal_logs[lane] for lane in sorted(self.seals_to_join)], *self.stretches_kept)
            self.seals_to_join.clear()
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
            log.entries = copied(entries[begin:end])
            log.notes.added, log.notes.busy = 0, False
            if end - begin > most + most // 2:
                log.give_up(most)

    def forget_seal(self, lane: int, up_to: tuple[int, int]) -> None:
        """Give up a seal log's stretches up to a time, or to the history's beginning if that is earlier."""
        self.seal_logs[lane].forget(min(up_to, self.foundation_key(lane)))

    def checkpoint(self, lanes: Ints) -> None:
        """Make the state after all of the history the middle one."""
        put(self.mid, lanes, take(self.live, lanes))
        self.middle[lanes] = self.count[lanes]

    def fold(self, lanes: Ints) -> None:
        """Take the older part out of full rings: into the lane's past, else it is given up."""
        middles, allowance = self.middle[lanes].tolist(), self.allowance
        put_away: list[int] = []
        for lane, middle in zip(lanes.tolist(), middles, strict=True):
            reports = copied(self.ring[lane, :middle])
            past = self.pasts.get(lane)
            if past is None and not allowance and self.history - middle >= self.least:
                self.log(lane, reports)
                continue
            if past is None:
                past = self.pasts[lane] = Past()
            past.push(Block(copied(self.base[lane : lane + 1]), reports))
            past.grow_quiet(middle, 4 * self.history)
            put_away.append(lane)
        places = np.arange(self.history)
        source = np.minimum(places + self.middle[lanes][:, None], self.history - 1)
        put(self.base, lanes, take(self.mid, lanes))
        put(self.ring, lanes, take(self.ring, (lanes[:, None], source)))
        self.count[lanes] -= self.middle[lanes]
        self.checkpoint(lanes)
        for lane in put_away:
            self.trim(lane)

    def expect_late(self, lane: int, reports: int, *, coming: int = 0) -> None:
        """Keep more of a lane: so many reports came at once, or one that is older than so many others.

        ``coming``: so many of them are about to be appended, and tell nothing of quiet times.
        """
        keep = min(WIDE * reports, self.settings.history_reports_busy)
        if keep > self.least:
            self.pasts.setdefault(lane, Past()).expect(keep, coming)

    def trim(self, lane: int) -> None:
        """Give up the oldest of a lane's past that needn't be kept any longer."""
        past = self.pasts.get(lane)
        if past is None:
            return
        surplus = past.size + int(self.count[lane]) - max(past.keep, self.least, self.allowance)
        while past.blocks and surplus >= len(past.blocks[0].reports):
            given_up = past.pop_oldest()
            surplus -= len(given_up)
            self.log(lane, given_up)
        if not past.blocks and not past.keep:
            del self.pasts[lane]

    def blocks(self, lane: int) -> list[Block]:
        """All that is kept of a lane as blocks; the last has no reports and the state after all."""
        count, middle = int(self.count[lane]), int(self.middle[lane])
        past, row = self.pasts.get(lane), slice(lane, lane + 1)
        ring = copied(self.ring[lane, :count])
        found = list(past.blocks) if past is not None else []
        if count:
            found.append(Block(copied(self.base[row]), ring[: middle or count]))
        if 0 < middle < count:
            found.append(Block(copied(self.mid[row]), ring[middle:count]))
        found.append(Block(copied(self.live[row]), ring[:0]))
        return found

    def lay(self, lane: int, blocks: list[Block], same: int) -> None:
        """Keep a lane's history as it was judged again: the newest blocks in the ring, others before it.

        The first ``same`` blocks are as they were, and not in the ring.
        """
        *blocks, end = blocks
        blocks = [block for block in blocks if len(block.reports)]
        count, cut = 0, len(blocks)
        while cut and count + len(blocks[cut - 1].reports) < self.history:
            cut -= 1
            count += len(blocks[cut].reports)
        if cut or lane in self.pasts:
            self.pasts.setdefault(lane, Past()).replace(min(same, cut), blocks[same:cut])
        row, newest = slice(lane, lane + 1), blocks[cut:]
        put(self.live, row, end.state)
        put(self.base, row, newest[0].state)
        put(self.ring, (lane, slice(count)), join([block.reports for block in newest]))
        self.count[lane], self.middle[lane] = count, 0
        ends = np.cumsum([len(block.reports) for block in newest[:-1]])
        if len(ends):
            nearest = int(np.argmin(np.abs(ends - self.least)))
            put(self.mid, row, newest[nearest + 1].state)
            self.middle[lane] = ends[nearest]
        elif count >= self.least:
            self.checkpoint(np.array([lane]))
        self.trim(lane)
