"""Where a container was at a time, by the fixes of all of its devices that are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.lanes import Lanes
from anomaly.reports import PLAUSIBLE
from anomaly.rules.rule import Spot
from anomaly.rules.spots import earliest, latest
from anomaly.sphere import DEGREE_E7, Structured


def around(lanes: Lanes, of: Sequence[int], at_ms: int) -> tuple[Spot | None, Spot | None]:
    """The last plausible fix up to a time and the first after it, of any of a container's lanes."""
    before: list[Spot] = []
    after: list[Spot] = []
    for lane in of:
        reports = lanes.history_of(lane)
        fixes = reports[reports["quality"] == PLAUSIBLE]
        place = int(np.searchsorted(fixes["t"], at_ms, side="right"))
        if place:
            before.append(_spot(fixes[place - 1 : place]))
        if place < len(fixes):
            after.append(_spot(fixes[place : place + 1]))
    return latest(*before), earliest(*after)


def _spot(row: Structured) -> Spot:
    latitude, longitude = int(row["lat"][0]) / DEGREE_E7, int(row["lon"][0]) / DEGREE_E7
    return Spot(latitude, longitude, round(float(row["unc"][0]), 1), int(row["t"][0]))
