"""OwnTracks: kinds of messages, identity, values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.decoders.owntracks import DECODER, NOTHING
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
LOCATION = {"_type": "location", "lat": 46.07, "lon": 11.15, "tst": 1_795_415_000, "tid": "CS"}


def decoded(device_id: str | None = "jane-phone", **message: Any) -> list[Reading]:
    """Readings of a location with other fields."""
    found = {name: value for name, value in {**LOCATION, **message}.items() if value is not None}
    return DECODER.decode(json.dumps(found).encode(), device_id, RECEIVED_AT_MS)


@pytest.mark.parametrize(
    ("device_id", "topic", "tid", "named"),
    [
        ("jane-phone", None, "CS", "jane-phone"),
        ("jane-phone", "owntracks/jane/phone", "CS", "jane-phone"),
        (None, "owntracks/jane/phone", "CS", "jane-phone"),
        (None, "owntracks/jane/phone/event", None, "jane-phone"),
        (None, None, "CS", "CS"),
    ],
)
def test_identity(device_id: str | None, topic: str | None, tid: str | None, named: str) -> None:
    """The transport's identity comes first, then the topic in the message, then the two characters."""
    (reading,) = decoded(device_id, topic=topic, tid=tid)
    assert reading.device_id == named


@pytest.mark.parametrize(
    ("device_id", "topic", "tid", "reason"),
    [
        ("jane-phone", "owntracks/joe/phone", "CS", "identity_mismatch"),
        (None, "owntracks/jane doe/phone", "CS", "bad_identity"),
        (None, None, "a b", "bad_identity"),
        (None, None, None, "no_identity"),
    ],
)
def test_identity_refused(device_id: str | None, topic: str | None, tid: str | None, reason: str) -> None:
    """Another device's message, a name that can't be one and no name at all are refused by name."""
    with pytest.raises(DecodeError) as refusal:
        decoded(device_id, topic=topic, tid=tid)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("kind", sorted(NOTHING))
def test_other_messages_report_nothing(kind: str) -> None:
    """A last will, a card, a waypoint and the like are no reports."""
    assert decoded(_type=kind) == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"_type": "encrypted", "data": "x"}, "encrypted"),
        ({"_type": "?"}, "unknown_type"),
        ({}, "unknown_type"),
    ],
)
def test_refused_by_name(message: dict[str, Any], reason: str) -> None:
    """Encrypted and unknown messages are refused by name."""
    with pytest.raises(DecodeError) as refusal:
        DECODER.decode(json.dumps(message).encode(), "jane-phone", RECEIVED_AT_MS)
    assert refusal.value.reason == reason


def test_values() -> None:
    """Every value has its unit; zero is zero, negative speed unknown, missing is missing."""
    (reading,) = decoded(acc=0, alt=-5, vel=0, cog=359, batt=0, bs=2)
    assert (reading.accuracy_m, reading.altitude_m, reading.speed_kmh) == (0.0, -5.0, 0.0)
    assert (reading.course_deg, reading.battery_pct, reading.flags) == (359.0, 0.0, Flag.CHARGING)
    (reading,) = decoded(vel=-1, batt=101)
    assert (reading.speed_kmh, reading.battery_pct, reading.accuracy_m) == (None, None, None)


@pytest.mark.parametrize("event", ["enter", "leave"])
@pytest.mark.parametrize("lat", [46.07, 146.07, None])
def test_transition(event: str, lat: float | None) -> None:
    """Entering or leaving a region is an event at its own time, whatever the position."""
    (reading,) = decoded(_type="transition", event=event, desc="Port", lat=lat)
    wanted = SealEvent.GEOFENCE_ENTERED if event == "enter" else SealEvent.GEOFENCE_LEFT
    assert reading.seal_events == wanted
    assert iso(reading.occurred_at_ms) == "2026-11-23T06:23:20.000Z"
    assert (reading.fix_kind == FixKind.GNSS) == (lat == 46.07)
    assert reading.extra is not None
    assert reading.extra["desc"] == "Port"


def test_a_copy_is_the_same_report() -> None:
    """The message's own time and topic are no content: sent twice, it is one report."""
    (first,) = decoded(created_at=1)
    (again,) = decoded(created_at=2, topic="owntracks/jane/phone")
    (other,) = decoded(lat=46.08)
    assert first.reading_id == again.reading_id != other.reading_id
