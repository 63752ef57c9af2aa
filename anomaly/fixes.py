"""Where a container was at a time, by the fixes of all of its devices that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from anomaly.lanes import Lanes
from anomaly.reports import PLAUSIBLE
from anomaly.rows import take
from anomaly.rules.rule import Spot
from anomaly.rules.spots import earliest, fix_of, latest
from anomaly.sphere import Structured


class Fixes:
    """Plausible fixes of some lanes, looked through once, and only if they are asked for."""

    def __init__(self, lanes: Lanes, of: Sequence[int]) -> None:
        self._lanes, self._of = lanes, of

    @cached_property
    def _by_lane(self) -> list[Structured]:
        histories = [self._lanes.history_of(lane) for lane in self._of]
        return [take(reports, reports["quality"] == PLAUSIBLE) for reports in histories]

    def around(self, at_ms: int) -> tuple[Spot | None, Spot | None]:
        """The last fix up to a time and the first after it, of any of the lanes."""
        before: list[Spot] = []
        after: list[Spot] = []
        for fixes in self._by_lane:
            place = int(np.searchsorted(fixes["t"], at_ms, side="right"))
            if place:
                before.append(fix_of(fixes[place - 1]))
            if place < len(fixes):
                after.append(fix_of(fixes[place]))
        return latest(*before), earliest(*after)
