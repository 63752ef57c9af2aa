"""What is known of all devices before their histories: a seal log and a path log of each, within bounds.

Reports that leave the histories wait, and both logs are reduced once they have
grown enough, those of many devices at once: so it is cheap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.path_log import PathLog, PathLogNotes, absorbed
from anomaly.rows import join, take
from anomaly.seal_log import STRETCH, SealLog, SealLogNotes, join_all, silent
from anomaly.shelf import Shelf, ShelfKept
from anomaly.sphere import Ints, Structured
from anomaly.thinning import ENTRY, thin
from anomaly.trains import pack
from anomaly.waiting import Waiting
from sealtrail.runtime.settings.anomaly import AnomalySettings

LogsKept = tuple[tuple[list[bytes], bytes], ShelfKept[SealLogNotes], ShelfKept[PathLogNotes]]


class Logs:
    """Logs of all lanes."""

    def __init__(self, settings: AnomalySettings) -> None:
        self._settings = settings
        self._waiting = Waiting()
        self.seals = Shelf(STRETCH, SealLogNotes, SealLog, self._waiting)
        self.paths = Shelf(ENTRY, PathLogNotes, PathLog, self._waiting)
        self.stretches_kept = settings.seal_stretches_kept, settings.seal_stretches_kept_busy
        self._seals_due: set[int] = set()
        self._paths_due: set[int] = set()
        self._coming: list[tuple[int, Structured | bytes, int]] = []

    def add_lane(self) -> None:
        """A new device."""
        for each in (self._waiting, self.seals, self.paths):
            each.add_lane()

    def log(self, lane: int, reports: Structured | bytes, number: int) -> None:
        """Take so many reports (no view, or a train of them) that leave a lane's history."""
        self._coming.append((lane, reports, number))

    def _take_in(self) -> None:
        """Have all that has come wait, and see which logs have grown enough to be reduced."""
        if not self._coming:
            return
        of, parts, numbers = zip(*self._coming, strict=True)
        self._coming.clear()
        trains, rows = list(parts), [i for i, each in enumerate(parts) if not isinstance(each, bytes)]
        if rows:
            packed = pack(join([parts[i] for i in rows]), [numbers[i] for i in rows])
            for i, train in zip(rows, packed, strict=True):
                trains[i] = train
        lanes, sizes = np.array(of), np.array(numbers)
        self._waiting.add(list(of), trains, sizes)
        for shelf in (self.seals, self.paths):
            shelf.add(lanes, sizes)
        lanes = np.unique(lanes)
        kept, kept_busy = self.stretches_kept
        self._seals_due.update(self.seals.larger(lanes, 2 * kept, kept_busy))
        self.note_paths(lanes)

    def note_paths(self, lanes: Ints) -> None:
        """See whether path logs have grown enough to be thinned at the end of the message."""
        kept, kept_busy = self._settings.path_reports_kept, self._settings.path_reports_kept_busy
        self._paths_due.update(self.paths.larger(lanes, 2 * kept - 1, kept_busy - 1))

    def seal(self, lane: int) -> SealLog:
        """A lane's seal log, to be read and written until the end of the message."""
        self._take_in()
        return self.seals[lane]

    def path(self, lane: int) -> PathLog:
        """A lane's path log, likewise."""
        self._take_in()
        return self.paths[lane]

    def open(self, lanes: Sequence[int]) -> None:
        """Have lanes' logs ready."""
        self._take_in()
        self.seals.open(lanes)
        self.paths.open(lanes)

    def reduce(self) -> None:
        """Bring the logs that have grown within their bounds, and pack all; at the end of each message."""
        self._take_in()
        changed = self.close()
        if self._seals_due:
            changed += self._join(sorted(self._seals_due))
            self._seals_due.clear()
        if self._paths_due:
            changed += self._thin(sorted(self._paths_due))
            self._paths_due.clear()
        changed += self.close()
        lanes = np.array(changed, np.int64)
        number = np.minimum(self.seals.taken[lanes], self.paths.taken[lanes])
        lanes, firsts = np.unique(lanes[number > 0], return_index=True)
        number = number[number > 0][firsts]
        if lanes.size:
            self._waiting.drop(lanes, number)
            for shelf in (self.seals, self.paths):
                shelf.taken[lanes] -= number

    def close(self) -> list[int]:
        """Pack all that is open; which lanes' that was."""
        return self.seals.close() + self.paths.close()

    def _join(self, due: list[int]) -> list[int]:
        """Join equal stretches of seal logs, none of them open."""
        shelf, (kept, kept_busy) = self.seals, self.stretches_kept
        stretches, of = shelf.rows(due)
        reports, reports_of = self._waiting.behind(due, shelf.taken[due])
        alone = np.array([shelf.is_busy(lane) for lane in due])
        alone[of[silent(stretches["first"])]] = True
        alone[reports_of[silent(reports)]] = True
        if not alone.all():
            left, reports_left = ~alone[of], ~alone[reports_of]
            stretches, of = join_all(
                take(stretches, left), of[left], take(reports, reports_left), reports_of[reports_left], kept
            )
            sizes = np.bincount(of, minlength=len(due))
            lanes = [lane for lane, each in zip(due, alone, strict=True) if not each]
            self._reduced(shelf, lanes, stretches, sizes[~alone])
            for lane in np.array(due)[sizes > kept].tolist():
                shelf[lane].give_up(kept)
        others = np.array(due)[alone].tolist()
        shelf.open(others)
        for lane in others:
            shelf[lane].keep_within(kept, kept_busy)
        return due

    def _thin(self, due: list[int]) -> list[int]:
        """Thin path logs, none of them open."""
        shelf, settings = self.paths, self._settings
        most = settings.path_reports_kept_busy
        kept = np.array([most if shelf.is_busy(lane) else settings.path_reports_kept for lane in due])
        reports, reports_of = self._waiting.behind(due, shelf.taken[due])
        entries, of = thin(*absorbed(*shelf.rows(due), reports, reports_of), kept, settings)
        sizes = np.bincount(of, minlength=len(due))
        self._reduced(shelf, due, entries, sizes)
        for lane in np.array(due)[sizes > most + most // 2].tolist():
            shelf[lane].give_up(most)
        return due

    def _reduced(
        self,
        shelf: Shelf[SealLog, SealLogNotes] | Shelf[PathLog, PathLogNotes],
        lanes: list[int],
        rows: Structured,
        sizes: Ints,
    ) -> None:
        """Keep logs as they are now, all that waited for them among it."""
        shelf.put(lanes, rows, sizes)
        shelf.added[lanes], shelf.taken[lanes] = 0, self._waiting.size[lanes]
        for lane in lanes if shelf.notes else ():
            if (notes := shelf.notes.get(lane)) is not None:
                notes.busy = False

    @property
    def kept(self) -> LogsKept:
        """All of it, for `restore`."""
        self._take_in()
        self.close()
        return self._waiting.kept, self.seals.kept, self.paths.kept

    def restore(self, kept: LogsKept) -> None:
        """What `kept` was."""
        waiting, seals, paths = kept
        self._waiting.restore(waiting)
        self.seals.restore(seals)
        self.paths.restore(paths)
