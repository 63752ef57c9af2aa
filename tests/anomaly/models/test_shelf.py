"""The shelf of models: filled by the log, asked by the beginning of a trip."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from anomaly.models.blob import encode, sha256_of
from anomaly.models.shelf import Shelf
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import ModelEvent, ModelEventKind
from tests.anomaly.models.made import model


def accepted(version: int, at_ms: int, lane: str = "", threshold: float = 5.0) -> ModelEvent:
    made = model(lane=lane, threshold=threshold)
    blob = encode(made)
    return ModelEvent(
        event_id=f"model/{made.name}.{version}/accepted", kind=ModelEventKind.ACCEPTED, occurred_at_ms=at_ms,
        recorded_at_ms=at_ms, actor="J. Mwangi", name=made.name, version=version, family="json", lane=lane,
        sha256=sha256_of(blob), blob=blob,
    )  # fmt: skip


def withdrawn(event: ModelEvent, at_ms: int) -> ModelEvent:
    return msgspec.structs.replace(
        event, event_id=f"{event.event_id}-not", kind=ModelEventKind.WITHDRAWN, occurred_at_ms=at_ms, blob=b""
    )


EVENTS = [accepted(1, 100), accepted(2, 200, threshold=7.0), accepted(1, 150, lane="a", threshold=9.0)]
EVENTS.append(withdrawn(EVENTS[1], 300))


def thresholds(shelf: Shelf) -> list[float | None]:
    found = [shelf.at("json", lane, at_ms) for lane in ("", "a") for at_ms in (50, 120, 250, 400)]
    return [None if each is None else each.threshold for each in found]


def test_a_trip_is_judged_by_the_model_of_its_beginning() -> None:
    """In whatever order the decisions come, twice, and through a snapshot: the same models hold."""
    wanted = [None, 5.0, 7.0, None, None, 5.0, 9.0, 9.0]
    for order in itertools.permutations(EVENTS):
        shelf = Shelf([*order, *order])
        assert thresholds(shelf) == wanted
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(shelf.events), type=list[ModelEvent])
        assert thresholds(Shelf(kept)) == wanted
    assert Shelf(EVENTS).at("jt701", "a", 400) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lane": "b"}, "another_model"),
        ({"sha256": "00" * 32}, "another_model"),
        ({"blob": b"x"}, "no_model_header"),
    ],
)
def test_bytes_that_are_not_what_the_event_says_are_not_taken(
    changes: dict[str, object], reason: str
) -> None:
    """Refused by name, and the shelf is as before."""
    shelf = Shelf(EVENTS[:1])
    bad = msgspec.structs.replace(accepted(9, 50, threshold=8.0), **changes)
    with pytest.raises(InvalidModelError) as caught:
        shelf.take(bad)
    assert caught.value.reason == reason
    assert shelf.events == EVENTS[:1]


def test_the_shelf_is_bounded() -> None:
    """Of more decisions than are kept the oldest go, whatever the order; one too old isn't taken."""
    events = [accepted(number, 100 * number, threshold=float(number)) for number in range(1, 9)]
    shelf, turned = Shelf(events, kept=3), Shelf(reversed(events), kept=3)
    assert shelf.events == turned.events == events[-3:]
    assert not shelf.take(events[0])
    assert shelf.at("json", "", 650) is not None
    assert shelf.at("json", "", 550) is None
