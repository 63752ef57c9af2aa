"""Devices of containers ("lanes") in struct-of-arrays: state, checkpoints and recent history.

A lane is one device reporting for one container. Its ``count`` reports of
recent time are in event-time order, and its rules' state is kept three times:
``live`` after all of them, ``mid`` after the first ``middle`` of them, ``base`` before them.
So a late report costs a replay from a checkpoint, and reports in order cost one step and no copying.
What is folded into ``base`` goes into the lane's seal log and its path log (logs.py).

A report in order needs only ``live`` and room in the ``tail``, where the newest
few reports are. All else is packed (trains.py): it is most of a device, and is
looked at when a late report comes. ``early`` are the first ``packed`` reports.

While a lane's reports come late or in bursts, what leaves its history is kept as
blocks (past.py) before that, so that each report of a backlog is judged by every
rule. A fleet that is small enough for it always keeps an ``allowance`` that way,
because the first late report of all tells too late how much should have been kept.
The state before all that is kept is the lane's ``foundation``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.logs import Logs
from anomaly.past import WIDE, Block, Past
from anomaly.reports import CLOCKLESS, REPORT
from anomaly.rows import copied, join, put, take
from anomaly.sphere import Bools, Ints, Structured
from anomaly.trains import pack, split, unpack
from sealtrail.runtime.settings.anomaly import AnomalySettings

FIRST_CAPACITY = 64
LEAST_SHARE = 4
"""An allowance of fewer histories than this isn't worth its upkeep."""
TAIL = 4
"""So many reports of each lane aren't packed, at most."""
CHUNK = 4096
"""So many states are unpacked at a time where all are looked through."""

CHECKPOINTS = ("mid", "base")


class _Laid(NamedTuple):
    """A lane's history as it was judged again."""

    lane: int
    base: Structured
    mid: Structured
    reports: list[Structured]
    middle: int


class Lanes:
    """Index and arrays of all lanes; grows by doubling."""

    def __init__(
        self, state: np.dtype[np.void], watch: np.dtype[np.void], settings: AnomalySettings, history: int
    ) -> None:
        self.history = history
        self.least = history // 2  # so many newest reports are always kept, if there are
        self.pasts: dict[int, Past] = {}
        self.settings = settings
        self.logs = Logs(settings)
        self.state = state
        self.containers: list[str] = []  # key of each lane's container, or of its device where it has none
        self.devices: list[str] = []
        self._first: dict[str, int] = {}  # of each device
        self._further: dict[tuple[str, str], int] = {}  # of devices that have reported for several containers
        self.container: NDArray[Any] = np.zeros(FIRST_CAPACITY, np.int32)
        self.count: NDArray[Any] = np.zeros(FIRST_CAPACITY, np.int32)
        self.middle: NDArray[Any] = np.zeros(FIRST_CAPACITY, np.int32)
        self.packed: NDArray[Any] = np.zeros(FIRST_CAPACITY, np.int32)
        self.watch = np.zeros(FIRST_CAPACITY, watch)
        self.live = np.zeros(FIRST_CAPACITY, state)
        self.tail = np.zeros((FIRST_CAPACITY, TAIL), REPORT)
        self.mid: list[bytes] = []
        self.base: list[bytes] = []
        self.early: list[bytes] = []
        self._laid: list[_Laid] = []
        self._nothing = pack(np.zeros(1, state), [1])[0]

    def __len__(self) -> int:
        return len(self.devices)

    def find(self, key: str, device_id: str) -> int | None:
        """The lane of a device that reports for a container; None: there is none yet."""
        lane = self._first.get(device_id)
        if lane is None or self.containers[lane] == key:
            return lane
        return self._further.get((key, device_id))

    def add(self, key: str, device_id: str, container: int) -> int:
        """A new lane of a container's row."""
        lane = len(self)
        if lane == len(self.container):
            self.reserve(2 * lane)
            for each in list(self.pasts):
                self.trim(each)
        self._name(key, device_id)
        self.logs.add_lane()
        self.mid.append(self._nothing)
        self.base.append(self._nothing)
        self.early.append(b"")
        self.container[lane] = container
        return lane

    def _name(self, key: str, device_id: str) -> None:
        lane = len(self.devices)
        if self._first.setdefault(device_id, lane) != lane:
            self._further[key, device_id] = lane
        self.containers.append(key)
        self.devices.append(device_id)

    def name(self, containers: Iterable[str], devices: Iterable[str]) -> None:
        """Give lanes that are restored their names."""
        for key, device_id in zip(containers, devices, strict=True):
            self._name(key, device_id)

    @property
    def allowance(self) -> int:
        """So many reports of each lane are always kept, blocks and history together: its share of all."""
        share = self.settings.history_reports_spare // max(1, len(self))
        share = min(share, self.settings.history_reports_busy)
        return share if share >= LEAST_SHARE * self.history else 0

    def reserve(self, capacity: int) -> None:
        """Make room for ``capacity`` lanes."""
        for name in ("container", "count", "middle", "packed", "tail", "watch", "live"):
            old = getattr(self, name)
            if capacity > len(old):
                new = np.zeros((capacity, *old.shape[1:]), old.dtype)
                new[: len(old)] = old
                setattr(self, name, new)

    # -- what is known of lanes ---------------------------------------------------

    def newer(self, lanes: Ints, reports: Structured) -> Bools:
        """Whether each report is newer than all its lane has: by time, then identity."""
        last_t, last_rid = self.live["last_t"][lanes], self.live["last_rid"][lanes]
        same = reports["t"] == last_t
        empty = self.count[lanes] == 0
        result: Bools = empty | (reports["t"] > last_t) | (same & (reports["rid"] > last_rid))
        return result

    def older(self, lanes: Ints, reports: Structured) -> Bools:
        """Whether each report is older than all that is kept of its lane."""
        base = self.checkpoints("base", lanes.tolist())
        last_t, last_rid = base["last_t"].copy(), base["last_rid"].copy()
        if self.pasts:
            for i, lane in enumerate(lanes.tolist()):
                if lane in self.pasts:
                    last_t[i], last_rid[i] = self.foundation_key(lane)
        same = reports["t"] == last_t
        result: Bools = (reports["t"] < last_t) | (same & (reports["rid"] <= last_rid))
        return result

    def known(self, lanes: Ints, reports: Structured) -> Bools:
        """Whether each report is in its lane's history already."""
        live = self.live["last_t"][lanes], self.live["last_rid"][lanes]
        found: Bools = (self.count[lanes] > 0) & (live[0] == reports["t"]) & (live[1] == reports["rid"])
        asked = np.flatnonzero(~found)
        for i, held in zip(asked, self._held(lanes[asked], reports["rid"][asked]), strict=True):
            past = self.pasts.get(int(lanes[i])) if not held else None
            found[i] = held
            if past is not None:
                key = int(reports["t"][i]), int(reports["rid"][i])
                found[i] = past.holds(key, whenever=bool(reports["flags"][i] & CLOCKLESS))
        return found

    def _held(self, lanes: Ints, rids: Structured) -> Bools:
        """Whether lanes have reports of such identities after their pasts."""
        different, places = np.unique(lanes, return_inverse=True)
        early, sizes = unpack([self.early[lane] for lane in different.tolist()], REPORT)
        of = np.repeat(np.arange(len(different)), sizes)
        alike = np.isin(early["rid"], rids)
        pairs = set(zip(of[alike].tolist(), early["rid"][alike].tolist(), strict=True))
        in_early = [pair in pairs for pair in zip(places.tolist(), rids.tolist(), strict=True)]
        same = self.tail["rid"][lanes] == rids[:, None]
        same &= np.arange(TAIL) < (self.count[lanes] - self.packed[lanes])[:, None]
        result: Bools = same.any(axis=1) | np.array(in_early, bool)
        return result

    def checkpoints(self, name: str, lanes: Sequence[int]) -> Structured:
        """States of lanes at one of their `CHECKPOINTS`: copies."""
        trains = getattr(self, name)
        return unpack([trains[lane] for lane in lanes], self.state)[0]

    def foundation(self, lane: int) -> Structured:
        """State before all that is kept of a lane's reports: one row."""
        past = self.pasts.get(lane)
        return past.blocks[0].state if past is not None and past.blocks else self.checkpoints("base", [lane])

    def found_on(self, lane: int, state: Structured) -> None:
        """The state before all that is kept of a lane's reports is another now."""
        past = self.pasts.get(lane)
        if past is not None and past.blocks:
            past.blocks[0].state = state
        else:
            [self.base[lane]] = pack(state, [1])

    def foundation_key(self, lane: int) -> tuple[int, int]:
        """Time and identity of the last report before all that is kept of a lane."""
        state = self.foundation(lane)
        return int(state["last_t"][0]), int(state["last_rid"][0])

    def history_of(self, lane: int) -> Structured:
        """All that is kept of a lane's reports, oldest first: a copy."""
        past = self.pasts.get(lane)
        older = [block.reports for block in past.blocks] if past is not None else []
        return join((*older, *self._recent([lane])))

    def _recent(self, lanes: Sequence[int]) -> list[Structured]:
        """Reports of lanes after their pasts: copies."""
        early, sizes = unpack([self.early[lane] for lane in lanes], REPORT)
        ends = np.cumsum(sizes).tolist()
        tails = (self.count[lanes] - self.packed[lanes]).tolist()
        return [
            join((early[end - size : end], self.tail[lane, :number]))
            for lane, end, size, number in zip(lanes, ends, sizes.tolist(), tails, strict=True)
        ]

    def each_state(self) -> Iterator[Structured]:
        """All states that are kept of all lanes, in parts that may be written."""
        yield self.live[: len(self)]
        for name in CHECKPOINTS:
            trains = getattr(self, name)
            for begin in range(0, len(self), CHUNK):
                part = slice(begin, min(begin + CHUNK, len(self)))
                states, _ = unpack(trains[part], self.state)
                before = states.tobytes()
                yield states
                if states.tobytes() != before:
                    trains[part] = pack(states, [1] * len(states))
        for past in self.pasts.values():
            for block in past.blocks:
                yield block.state

    # -- reports in order ---------------------------------------------------------

    def append(self, lanes: Ints, reports: Structured) -> None:
        """Keep the reports just judged, one for each of different lanes, newest of their lanes.

        Their rules' state is in ``live`` already. There is always room: a tail
        that becomes full is packed, and a history that does is folded at once.
        """
        count = self.count[lanes]
        place = count - self.packed[lanes]
        put(self.tail, (lanes, place), reports)
        count += 1
        self.count[lanes] = count
        halfway = (count == self.least) & (self.middle[lanes] == 0)
        full = count >= self.history
        to_pack = halfway | full | (place == TAIL - 1)
        if to_pack.any():
            self._pack_tails(lanes[to_pack])
        if halfway.any():
            self._checkpoint(lanes[halfway])
        if full.any():
            self.fold(lanes[full])

    def _pack_tails(self, lanes: Ints) -> None:
        sizes = self.count[lanes] - self.packed[lanes]
        reports = take(take(self.tail, lanes), np.arange(TAIL) < sizes[:, None])
        for lane, train in zip(lanes.tolist(), pack(reports, sizes), strict=True):
            self.early[lane] += train
        self.packed[lanes] = self.count[lanes]

    def _checkpoint(self, lanes: Ints) -> None:
        """Make the state after all of the history the middle one."""
        for lane, train in zip(lanes.tolist(), pack(take(self.live, lanes), [1] * len(lanes)), strict=True):
            self.mid[lane] = train
        self.middle[lanes] = self.count[lanes]

    def fold(self, lanes: Ints) -> None:
        """Take the older part out of full histories: into the lane's past, else it is given up."""
        middles, allowance = self.middle[lanes], self.allowance
        put_away: list[int] = []
        for lane, middle in zip(lanes.tolist(), middles.tolist(), strict=True):
            reports, self.early[lane] = split(self.early[lane], middle, REPORT)
            past, before = self.pasts.get(lane), self.base[lane]
            self.base[lane] = self.mid[lane]
            if past is None and not allowance and self.history - middle >= self.least:
                self.logs.log(lane, reports, middle)
                continue
            if past is None:
                past = self.pasts[lane] = Past()
            past.push(Block.packed(before, reports, middle, self.state))
            past.grow_quiet(middle, 4 * self.history)
            put_away.append(lane)
        self.count[lanes] -= middles
        self.packed[lanes] = self.count[lanes]
        self._checkpoint(lanes)
        for lane in put_away:
            self.trim(lane)

    # -- late reports -------------------------------------------------------------

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
        while past.blocks and surplus >= past.blocks[0].size:
            given_up = past.pop_oldest()
            surplus -= given_up.size
            self.logs.log(lane, given_up.leaving, given_up.size)
        if not past.blocks and not past.keep:
            del self.pasts[lane]

    def blocks(self, lanes: Sequence[int]) -> list[list[Block]]:
        """All that is kept of lanes as blocks; the last has no reports and the state after all."""
        bases, mids = (self.checkpoints(name, lanes) for name in ("base", "mid"))
        result: list[list[Block]] = []
        for i, (lane, recent) in enumerate(zip(lanes, self._recent(lanes), strict=True)):
            count, middle, past = len(recent), int(self.middle[lane]), self.pasts.get(lane)
            found = list(past.blocks) if past is not None else []
            if count:
                found.append(Block(copied(bases[i : i + 1]), recent[: middle or count]))
            if 0 < middle < count:
                found.append(Block(copied(mids[i : i + 1]), recent[middle:count]))
            found.append(Block(copied(self.live[lane : lane + 1]), recent[:0]))
            result.append(found)
        return result

    def lay(self, lane: int, blocks: list[Block], same: int) -> None:
        """Keep a lane's history as it was judged again: the newest blocks in the history, others before it.

        The first ``same`` blocks are as they were, and before it. Call `pack_laid` when all are laid.
        """
        *blocks, end = blocks
        blocks = [block for block in blocks if block.size]
        count, cut = 0, len(blocks)
        while cut and count + blocks[cut - 1].size < self.history:
            cut -= 1
            count += len(blocks[cut].reports)
        if cut or lane in self.pasts:
            self.pasts.setdefault(lane, Past()).replace(min(same, cut), blocks[same:cut])
        newest, middle, mid = blocks[cut:], 0, end.state
        put(self.live, slice(lane, lane + 1), end.state)
        ends = np.cumsum([block.size for block in newest[:-1]])
        if len(ends):
            nearest = int(np.argmin(np.abs(ends - self.least)))
            middle, mid = int(ends[nearest]), newest[nearest + 1].state
        elif count >= self.least:
            middle, mid = count, end.state
        self._laid.append(_Laid(lane, newest[0].state, mid, [block.reports for block in newest], middle))
        self.count[lane], self.packed[lane], self.middle[lane] = count, count, middle
        self.trim(lane)

    def pack_laid(self) -> None:
        """Pack all histories that were laid; to be called before anything else is done."""
        laid, self._laid = self._laid, []
        if not laid:
            return
        states = pack(
            join([state for each in laid for state in (each.base, each.mid)]), [1] * (2 * len(laid))
        )
        sizes = [size for each in laid for size in (each.middle, int(self.count[each.lane]) - each.middle)]
        runs = pack(join([part for each in laid for part in each.reports]), sizes)
        for number, each in enumerate(laid):
            place = 2 * number
            self.base[each.lane], self.mid[each.lane] = states[place : place + 2]
            self.early[each.lane] = runs[place] + runs[place + 1]
