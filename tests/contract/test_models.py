"""Learned models on the wire, and which one holds for a trip."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from sealtrail.contract.codec import (
    Kind,
    decode_model_events,
    decode_trip_events,
    encode_model_events,
    kind_of,
)
from sealtrail.contract.errors import InvalidModelError, MalformedBatchError
from sealtrail.contract.model import ModelEvent, ModelEventKind, check_lane, check_name, holding_at, name_of
from sealtrail.contract.public.trip_file import TripFile


def event(
    version: int,
    at_ms: int,
    kind: ModelEventKind = ModelEventKind.ACCEPTED,
    lane: str = "a",
    family: str = "json",
) -> ModelEvent:
    return ModelEvent(
        event_id=f"model/{family}-{lane}.{version}/{kind.value}",
        kind=kind,
        occurred_at_ms=at_ms,
        recorded_at_ms=at_ms + 5,
        actor="J. Mwangi",
        name=name_of(family, lane),
        version=version,
        family=family,
        lane=lane,
        sha256="ab" * 32,
        blob=b"\x00\xff" if kind is ModelEventKind.ACCEPTED else b"",
    )


def test_model_events_come_back() -> None:
    """A batch of model events is a kind of its own and decodes to the same events, bytes included."""
    events = [event(1, 10), event(1, 20, ModelEventKind.WITHDRAWN)]
    batch = encode_model_events(events)
    assert kind_of(batch) is Kind.MODEL_EVENTS
    assert decode_model_events(batch) == events
    with pytest.raises(MalformedBatchError, match="wrong_kind"):
        decode_trip_events(batch)
    with pytest.raises(MalformedBatchError, match="malformed_body"):
        decode_model_events(batch[:-3])


WITHDRAWN = ModelEventKind.WITHDRAWN
EVENTS = [
    event(1, 100),
    event(2, 200),
    event(2, 300, WITHDRAWN),
    event(1, 350, WITHDRAWN),
    event(3, 400),
    event(1, 150, lane=""),
    event(1, 50, lane="b"),
    event(1, 50, family="jt701"),
]


@pytest.mark.parametrize(
    ("at_ms", "lane", "held"),
    [
        (99, "a", None),
        (100, "a", ("json-a", 1)),
        (199, "a", ("json-a", 1)),
        (200, "a", ("json-a", 2)),
        (300, "a", ("json", 1)),  # withdrawn: not back to the one before, but to that of any lane
        (399, "a", ("json", 1)),
        (400, "a", ("json-a", 3)),
        (149, "c", None),
        (150, "c", ("json", 1)),
        (150, "", ("json", 1)),
        (60, "b", ("json-b", 1)),
    ],
)
def test_a_trip_keeps_the_model_of_its_beginning(at_ms: int, lane: str, held: tuple[str, int] | None) -> None:
    """The newest acceptance at or before the trip's beginning holds, whatever is decided later."""
    found = holding_at(EVENTS, "json", lane, at_ms)
    assert (None if found is None else (found.name, found.version)) == held


def test_the_order_of_decisions_on_the_log_does_not_matter() -> None:
    """In any order, and with copies, the same model holds."""
    for order in itertools.islice(itertools.permutations(EVENTS), 0, None, 997):
        for at_ms in (120, 250, 320, 500):
            assert holding_at([*order, *order[:3]], "json", "a", at_ms) == holding_at(
                EVENTS, "json", "a", at_ms
            )


@pytest.mark.parametrize("name", ["", "JSON", "json-", "json.1", "json-a b", "json-" + "x" * 65, "-a"])
def test_names_that_are_no_names_are_refused(name: str) -> None:
    """A name is a family, or a family and a lane, and always a plain key."""
    with pytest.raises(InvalidModelError, match="bad_model_name"):
        check_name(name)


def test_lanes_are_named_as_corridors_are() -> None:
    """A lane's name makes a model's name; anything else is refused."""
    assert name_of("jt701", "Mombasa_1") == "jt701-Mombasa_1"
    assert name_of("jt701", "") == "jt701"
    for lane in ("", "a b", "a/b", "x" * 65):
        with pytest.raises(InvalidModelError, match="bad_lane_name"):
            check_lane(lane)


def test_a_trip_file_names_its_lane() -> None:
    """The lane of a plan comes through its file, and is nothing where it isn't said."""
    plan = {"trip_id": "T", "container_id": "MSKU9070323", "device_ids": ["D"]}
    trip = TripFile.model_validate(plan | {"lane": "mombasa-malaba"}).to_trip()
    assert trip.lane == "mombasa-malaba"
    assert TripFile.from_trip(trip).to_trip() == trip
    assert TripFile.model_validate(plan).to_trip() == msgspec.structs.replace(trip, lane="")
