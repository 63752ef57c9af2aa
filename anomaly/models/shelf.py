"""`Shelf`: the accepted models that a judgement has heard of, and which one holds for a trip.

Filled by the model events of its partition, asked with the time at which a trip
began; its events are all that a snapshot needs to keep of it::

    shelf.take(event)                               # each ModelEvent of the log, in any order
    model = shelf.at(family, trip.lane, began_ms)   # None: no model, nothing to say
    states, features = step(states, values, at_ms, longitude_deg, model.layout)
    scores = model.score(features)                  # NaN: not ready
    model.alarming(scores), model.tail.probability(scores), model.strangest(features[row])
"""

from __future__ import annotations

from collections.abc import Iterable

from anomaly.models.blob import decode, sha256_of
from anomaly.models.model import Model
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import ModelEvent, ModelEventKind, holding_at

KEPT = 256
"""Decisions that are remembered; of more the oldest go, and with them the models of trips that old."""


class Shelf:
    """Bounded; equal sets of events make equal shelves, whatever their order."""

    def __init__(self, events: Iterable[ModelEvent] = (), kept: int = KEPT) -> None:
        self._kept = kept
        self._events: dict[str, ModelEvent] = {}
        self._models: dict[str, Model] = {}  # by the hash of their bytes
        for event in events:
            self.take(event)

    @property
    def events(self) -> list[ModelEvent]:
        """What is remembered, oldest decision first."""
        return sorted(self._events.values(), key=_order)

    def take(self, event: ModelEvent) -> bool:
        """Takes a decision in; False for one that is known, or too old to be kept.

        Raises `InvalidModelError` for bytes that are no model, or not the one that the event
        speaks of (``another_model``): nothing is then taken.
        """
        if event.event_id in self._events:
            return False
        if event.kind is ModelEventKind.ACCEPTED and event.sha256 not in self._models:
            self._models[event.sha256] = _sound(event)
        self._events[event.event_id] = event
        if len(self._events) > self._kept:
            self._forget()
        return event.event_id in self._events

    def at(self, family: str, lane: str, began_ms: int) -> Model | None:
        """The model for a trip on that lane that began at that time, of its devices of that family."""
        held = self.held(family, lane, began_ms)
        return None if held is None else self._models[held.sha256]

    def held(self, family: str, lane: str, began_ms: int) -> ModelEvent | None:
        """The acceptance of that model."""
        return holding_at(self._events.values(), family, lane, began_ms)

    def model(self, sha256: str) -> Model:
        """The model of an acceptance that is remembered, by the hash of its bytes."""
        return self._models[sha256]

    def _forget(self) -> None:
        oldest = min(self._events.values(), key=_order)
        del self._events[oldest.event_id]
        used = {event.sha256 for event in self._events.values() if event.kind is ModelEventKind.ACCEPTED}
        self._models = {sha256: model for sha256, model in self._models.items() if sha256 in used}


def _order(event: ModelEvent) -> tuple[int, str]:
    return event.occurred_at_ms, event.event_id


def _sound(event: ModelEvent) -> Model:
    model = decode(event.blob)
    if sha256_of(event.blob) != event.sha256 or (model.family, model.lane) != (event.family, event.lane):
        raise InvalidModelError("another_model", f"{event.event_id} carries other bytes than it names")
    return model
