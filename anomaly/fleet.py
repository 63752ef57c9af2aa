"""What watchers see: all devices at once, by what has arrived and by the log's own clock.

A rule of the catalogue's `RULES` judges reports in event-time order and is
judged again where a late one arrives. A watcher judges what can't be judged so:
that nothing arrives, that two devices of one trip are apart. It keeps columns
of its own (`Lanes.watch`, once, never replayed) and files signals too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anomaly.containers import Containers
from anomaly.lanes import Lanes
from anomaly.plans import Plans
from anomaly.reports import Sighting, sighting
from anomaly.rules.rule import Signal, Track
from anomaly.sensors import Sensors
from anomaly.sphere import Ints, Structured
from sealtrail.runtime.settings.anomaly import AnomalySettings


@dataclass(slots=True)
class Fleet:
    """All devices of one partition, and where a watcher's signals go.

    ``emit(lane, rule's name, signal)`` appends a signal and has the container looked at.
    """

    lanes: Lanes
    containers: Containers
    plans: Plans
    settings: AnomalySettings
    now_ms: int
    deaf_until_ms: int  # up to here the log itself may have missed what was sent
    sensors: Sensors
    emit: Callable[[int, str, Signal], None]
    touch: Callable[[int], None]  # row of a container that is to be looked at

    @property
    def size(self) -> int:
        """How many lanes there are: arrays of `lanes` are longer."""
        return len(self.lanes)

    def plans_at(self, lanes: Ints, at_ms: Ints) -> Structured:
        """The plan (dtype `plans.PLAN`) that holds for each lane at each time."""
        return self.containers.plans_at(self.lanes.container[lanes], at_ms)

    def track(self, lane: int, rule: str) -> Track:
        """A watcher's signals of one lane so far."""
        row = int(self.lanes.container[lane])
        return self.containers.files[row].track(lane, self.lanes.devices[lane], rule)

    def history(self, lane: int) -> Structured:
        """A lane's newest reports in event-time order, judged (dtype `reports.REPORT`)."""
        return self.lanes.history_of(lane)

    def sighting(self, lane: int, report: np.void) -> Sighting:
        """A report as it is kept for evidence."""
        return sighting(report, self.lanes.devices[lane])
