"""What is remembered of sensor series and learned models, beside the lanes and once.

Only devices that are on a trip and report a quantity have a row here (`Pool`); the
lanes' watchers' columns say which. Which model judges a device is found once for each
trip, and again when a decision about models has come.
"""

from __future__ import annotations

import msgspec
import numpy as np

from anomaly.models.features import new_states
from anomaly.models.model import Model
from anomaly.models.shelf import Shelf
from anomaly.pool import Pool
from anomaly.reports import Sighting
from anomaly.sphere import Ints, Structured
from anomaly.streams.jumps import JUMPS
from sealtrail.contract.model import ModelEvent

FAMILIES_KEPT = 1 << 12
"""Families that are told apart; devices of more are judged by no model."""


class Held(msgspec.Struct, frozen=True):
    """A model as it is named in alerts."""

    name: str
    version: int
    sha256: str
    calibrated: bool
    budget: float


class Pending(msgspec.Struct):
    """One device's unusual reports in a row, of quantities that belong together or under a model."""

    first: Sighting
    numbers: dict[str, float]  # what the first of them shows
    at_ms: int = 0  # of the newest of them
    bits: int = 0  # of the newest values: which were unusual
    told: bool = False


class PoolKept(msgspec.Struct, array_like=True):
    rows: bytes
    free: list[int]


class SensorsKept(msgspec.Struct, array_like=True):
    """What snapshots hold of `Sensors`."""

    decisions: list[ModelEvent]
    generation: int
    families: list[str]
    held: list[Held]
    series: PoolKept
    models: dict[int, PoolKept]
    pending: list[tuple[int, int, Pending]]


class Sensors:
    """Of one partition. Numbers of families and models begin with 1; 0 is none."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.generation = 0  # changes with each decision about models
        self.series = Pool(np.zeros(1, JUMPS))
        self.held: list[Held] = []
        self.models: dict[int, tuple[Model, Pool]] = {}
        self.pending: dict[tuple[int, int], Pending] = {}  # by lane and group
        self._swept_ms = 0
        self._families: dict[str, int] = {}
        self._numbers: dict[Held, int] = {}

    def take(self, event: ModelEvent) -> None:
        """Take a decision in; trips under way ask again for their model. Raises as `Shelf.take` does."""
        if self.shelf.take(event):
            self.generation += 1

    def is_due(self, now_ms: int, every_ms: int) -> bool:
        """Whether it is time to look for what is to be forgotten; then not again for ``every_ms``."""
        due = now_ms - self._swept_ms >= every_ms
        if due:
            self._swept_ms = now_ms
        return due

    def family_number(self, family: str) -> int:
        """Number of a family, new or known; 0 where there are too many."""
        known = self._families.get(family)
        if known is None:
            if len(self._families) >= FAMILIES_KEPT:
                return 0
            known = self._families[family] = len(self._families) + 1
        return known

    def family_of(self, number: int) -> str:
        """The family of a number; empty for 0."""
        return "" if number == 0 else list(self._families)[number - 1]

    def model_for(self, family: int, lane: str, began_ms: int) -> int:
        """Number of the model of a trip that began at a time, for its devices of a family; 0: none."""
        event = self.shelf.held(self.family_of(family), lane, began_ms) if family else None
        if event is None:
            return 0
        model = self.shelf.model(event.sha256)
        held = Held(event.name, event.version, event.sha256, model.calibrated, model.budget)
        number = self._numbers.get(held)
        if number is None:
            self.held.append(held)
            number = self._numbers[held] = len(self.held)
        if number not in self.models:
            self.models[number] = model, Pool(_moments(model))
        return number

    def release(self, series: Ints, models: Ints, states: Ints) -> None:
        """Rows of series, and of models' states, that are needed no more."""
        self.series.take_back(series)
        for number in np.unique(models[models > 0]).tolist():
            if number in self.models:
                self.models[number][1].take_back(states[models == number])

    @property
    def kept(self) -> SensorsKept:
        on_shelf = {event.sha256 for event in self.shelf.events if event.blob}
        return SensorsKept(
            decisions=self.shelf.events,
            generation=self.generation,
            families=list(self._families),
            held=self.held,
            series=_kept(self.series),
            models={
                number: _kept(pool)
                for number, (_, pool) in self.models.items()
                if self.held[number - 1].sha256 in on_shelf
            },
            pending=[(lane, group, each) for (lane, group), each in self.pending.items()],
        )

    def restore(self, kept: SensorsKept) -> None:
        """Be as `kept` says. Raises `InvalidModelError`, ValueError or IndexError for what can't be."""
        self.shelf = Shelf(kept.decisions)
        self.generation = kept.generation
        self._families = {family: number for number, family in enumerate(kept.families, 1)}
        self.held = kept.held
        self._numbers = {held: number for number, held in enumerate(kept.held, 1)}
        self.series.restore(np.frombuffer(kept.series.rows, JUMPS), kept.series.free)
        for number, each in kept.models.items():
            model = self.shelf.model(kept.held[number - 1].sha256)
            pool = Pool(_moments(model))
            pool.restore(np.frombuffer(each.rows, pool.rows.dtype), each.free)
            self.models[number] = model, pool
        self.pending = {(lane, group): each for lane, group, each in kept.pending}


def _moments(model: Model) -> Structured:
    """A device's row under a model: its state before and after the newest moment, and the values then."""
    state = new_states(1, model.layout)
    channels = len(model.layout.channels)
    row = np.zeros(1, [("before", state.dtype), ("after", state.dtype), ("values", "f8", (channels,))])
    row["before"] = row["after"] = state
    return row


def _kept(pool: Pool) -> PoolKept:
    return PoolKept(pool.rows[: pool.used].tobytes(), pool.free)
