"""One step of all rules over one report of each of many devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anomaly.containers import Containers
from anomaly.custody import Segment
from anomaly.lanes import Lanes
from anomaly.neighbourhood import Neighbourhood
from anomaly.reports import MATTERS, Sighting, sighting
from anomaly.rules.catalogue import NOTED, RETRACED, RULES, WATCHERS
from anomaly.rules.rule import Rows, Rule, Signal
from anomaly.sphere import Floats, Ints, Structured
from sealtrail.runtime.settings.anomaly import AnomalySettings

STATE: np.dtype[Any] = np.dtype(
    [("last_t", "i8"), ("last_rid", "u8"), *(column for rule in RULES for column in rule.state)]
)

WATCH: np.dtype[Any] = np.dtype(
    [("heard_ms", "i8"), *(column for watcher in WATCHERS for column in watcher.state)]
)
"""Columns of watchers; ``heard_ms``: when the newest report of the device was received, 0 for never."""

NUMBERS_KEPT, NUMBER_LENGTH = 1 << 16, 64
RETRACED_NAMES = frozenset(rule.name for rule in RETRACED)


class Stepper:
    """Runs the rules and files their signals; notes which containers were touched."""

    def __init__(self, lanes: Lanes, containers: Containers, settings: AnomalySettings) -> None:
        self.lanes = lanes
        self.containers = containers
        self.settings = settings
        self.cards: dict[int, dict[int, str]] = {}  # lane -> reading id -> card
        self.seal_numbers: dict[int, str] = {}  # `number_hash` -> number of seals that no plan names
        self.neighbourhood = Neighbourhood()
        self.touched: set[int] = set()  # rows of containers

    def run(self, lanes: Ints, state: Structured, reports: Structured, vectors: Floats) -> None:
        """Judge; ``state`` and ``reports`` are written in place, ``lanes`` are all different."""

        def file(row: int, rule: str, signal: Signal) -> None:
            self.file_signal(int(lanes[row]), rule, signal)

        self.step(RULES, lanes, state, reports, vectors, file)

    def step(
        self,
        rules: tuple[Rule, ...],
        lanes: Ints,
        state: Structured,
        reports: Structured,
        vectors: Floats,
        file: Callable[[int, str, Signal], None],
    ) -> None:
        """One step of some rules, whose signals go to ``file``; a lane may occur more than once."""
        containers = self.lanes.container[lanes]
        said: list[int] = []

        def seen(row: int) -> Sighting:
            return self.sighting(int(lanes[row]), reports[row])

        def segment(row: int) -> Segment | None:
            return self.containers.segment_at(int(containers[row]), int(reports["t"][row]))

        def carded(row: int) -> bool:
            return int(reports["rid"][row]) in self.cards.get(int(lanes[row]), ())

        def emit(row: int, rule: str, signal: Signal) -> None:
            file(row, rule, signal)
            if rule in RETRACED_NAMES:
                said.append(row)

        plan = self.containers.plans_at(containers, reports["t"])
        rows = Rows(
            state=state,
            reports=reports,
            vectors=vectors,
            plan=plan,
            corridor=plan["corridor"].astype(np.int64),
            settings=self.settings,
            plans=self.containers.plans,
            sighting_of=seen,
            segment_of=segment,
            carded=carded,
            emit=emit,
        )
        for rule in rules:
            rule.step(rows)
        if said:
            reports["mark"][said] = MATTERS
        state["last_t"], state["last_rid"] = reports["t"], reports["rid"]

    def sighting(self, lane: int, report: np.void) -> Sighting:
        """A report's row with its device and card."""
        card = self.cards.get(lane, {}).get(int(report["rid"])) if self.cards else None
        return sighting(report, self.lanes.devices[lane], card)

    def file_signal(self, lane: int, rule: str, signal: Signal) -> None:
        """Append a signal to its track; signals of a lane come in event-time order."""
        row = int(self.lanes.container[lane])
        self.containers.files[row].track(lane, self.lanes.devices[lane], rule).signals.append(signal)
        self.touched.add(row)
        self.note_signals(row, rule, (signal,))

    def note_signals(self, row: int, rule: str, signals: tuple[Signal, ...]) -> None:
        """Tell the neighbourhood of a container's signals."""
        for note in NOTED[rule](signals, row) if rule in NOTED else ():
            self.neighbourhood.note(note)
            others = self.neighbourhood.others(note)
            if len(others) + 1 >= self.settings.neighbours_least:
                self.touched.update(others)

    def keep_number(self, number: int, text: str) -> None:
        """Remember what a seal's number is in full; the oldest of too many is forgotten."""
        self.seal_numbers[number] = text[:NUMBER_LENGTH]
        while len(self.seal_numbers) > NUMBERS_KEPT:
            del self.seal_numbers[next(iter(self.seal_numbers))]

    def forget_cards(self) -> None:
        """Cards are kept as long as their reports are in the history."""
        for lane, cards in list(self.cards.items()):
            if len(cards) > self.lanes.history:
                kept = set(self.lanes.history_of(lane)["rid"].tolist())
                self.cards[lane] = {rid: card for rid, card in cards.items() if rid in kept}
