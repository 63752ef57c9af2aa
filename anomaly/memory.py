"""All that the judgement of one partition remembers; what snapshots hold."""

from __future__ import annotations

from collections import Counter

from anomaly.containers import Containers
from anomaly.lanes import Lanes
from anomaly.plans import Plans
from anomaly.sensors import Sensors
from anomaly.step import STATE, WATCH, Stepper
from sealtrail.runtime.settings.anomaly import AnomalySettings

OUTAGES_KEPT = 64
"""The newest times in which the log itself stood still."""


class Memory:
    """Event-time state of the containers of one partition."""

    def __init__(self, settings: AnomalySettings) -> None:
        self.settings = settings
        self.plans = Plans(settings.leg_max_m)
        self.containers = Containers(self.plans, settings.custody_events_kept)
        self.use_history(settings.history_reports)
        self.sensors = Sensors()
        self.now_ms = 0  # newest receipt, recording or tick seen: the log's own clock
        self.swept_ms = 0  # the log's own clock when overdue containers were last looked for
        self.ticked_ms = 0  # the newest tick
        self.tick_gap_ms = 0  # usual time between ticks
        self.outages: list[tuple[int, int]] = []  # (from, until) in which it may have missed what was sent
        self.departures: list[tuple[int, str, str]] = []  # heap of (from_ms, container, trip)
        self.parts_used = 0  # of plans, when what nothing refers to was forgotten last
        self.refused: Counter[str] = Counter()

    @property
    def deaf_until_ms(self) -> int:
        """Up to here the log itself may have missed what was sent."""
        return self.outages[-1][1] if self.outages else 0

    def use_history(self, reports: int) -> None:
        """Begin with no devices and room for so many reports of each."""
        self.lanes = Lanes(STATE, WATCH, self.settings, reports)
        self.stepper = Stepper(self.lanes, self.containers, self.settings)
