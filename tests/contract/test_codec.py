"""The wire codec: round trips, and refusals by name."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealtrail.contract import codec
from sealtrail.contract.errors import MalformedBatchError, UnknownVersionError, WireError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.reading import Reading, reading_id_of
from sealtrail.contract.trip import TripEvent, TripEventKind

times = st.integers(min_value=0, max_value=4_102_444_800_000)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)

readings = st.builds(
    Reading,
    device_id=st.text(min_size=1, max_size=20),
    family=st.just("json"),
    reading_id=st.integers(min_value=0, max_value=2**64 - 1),
    occurred_at_ms=times,
    received_at_ms=times,
    container_id=st.none() | st.text(max_size=11),
    sequence=st.none() | st.integers(min_value=0, max_value=2**53),
    fix_kind=st.integers(min_value=0, max_value=4),
    latitude_deg=numbers,
    longitude_deg=numbers,
    seal_events=st.integers(min_value=0, max_value=2**22 - 1),
    temperature_c=numbers,
    door_open=st.none() | st.booleans(),
    extra=st.none() | st.dictionaries(st.text(max_size=8), st.integers(0, 9) | st.booleans() | st.text()),
)


@given(st.lists(readings, max_size=5))
def test_readings_round_trip(batch: list[Reading]) -> None:
    """Whatever goes into a batch comes out of it, missing as missing and zero as zero."""
    assert codec.decode_readings(codec.encode_readings(batch)) == batch


@given(st.lists(st.lists(readings, max_size=3), max_size=4), st.sampled_from([0, 12, 16, 400, 70_000]))
def test_joined_batches_are_one(batches: list[list[Reading]], more: int) -> None:
    """Batches that are joined are, to the byte, one batch of all their readings, however many."""
    batches.append([Reading("D", "json", 1, 2, 3)] * more)
    joined = codec.join_readings([codec.encode_readings(each) for each in batches])
    assert joined == codec.encode_readings([reading for each in batches for reading in each])


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused_by_name(data: bytes) -> None:
    """Random bytes never raise anything but the named refusal."""
    with contextlib.suppress(WireError):
        codec.decode_readings(data)


@given(st.lists(readings, min_size=1, max_size=3), st.data())
def test_damaged_batches_decode_or_are_refused_by_name(batch: list[Reading], data: st.DataObject) -> None:
    """One changed byte in a real batch never raises anything but the named refusal."""
    encoded = bytearray(codec.encode_readings(batch))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        codec.decode_readings(bytes(encoded))


def test_unknown_version_is_refused_by_name() -> None:
    """A batch of a later version is refused as such, not as damaged."""
    batch = bytearray(codec.encode_readings([]))
    batch[2] = codec.VERSION + 1
    with pytest.raises(UnknownVersionError, match="unknown_version"):
        codec.decode_readings(bytes(batch))


def test_other_kind_is_refused_by_name() -> None:
    """Trip events are not taken for readings."""
    with pytest.raises(MalformedBatchError, match="wrong_kind"):
        codec.decode_readings(codec.encode_trip_events([]))


def test_appended_fields_are_optional() -> None:
    """A row that an older program wrote, without the newest fields, still decodes."""
    row = msgspec.msgpack.decode(
        msgspec.msgpack.encode(
            Reading(device_id="D", family="json", reading_id=1, occurred_at_ms=2, received_at_ms=3)
        )
    )
    old = codec.encode_readings([])[: codec.HEADER_BYTES] + msgspec.msgpack.encode([row[:9]])
    assert codec.decode_readings(old)[0].temperature_c is None


def test_quarantine_keeps_the_bytes() -> None:
    """A refused message comes back with exactly the bytes that were received."""
    message = QuarantinedMessage(
        received_at_ms=1,
        topic="t",
        family="f",
        device_id="d",
        reason="r",
        detail="",
        payload=bytes(range(256)),
    )
    assert codec.decode_quarantined(codec.encode_quarantined([message])) == [message]


def test_trip_events_round_trip() -> None:
    """Kinds of trip events travel by their public names."""
    event = TripEvent(event_id="e", kind=TripEventKind.ENDED, occurred_at_ms=1, recorded_at_ms=2)
    assert codec.decode_trip_events(codec.encode_trip_events([event])) == [event]


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_content_decides_identity_without_a_sequence(one: bytes, other: bytes) -> None:
    """Without a count, equal content is the same report and other content another."""
    same = reading_id_of("D", None, 5, one) == reading_id_of("D", None, 5, other)
    assert same is (one == other)


def test_sequence_decides_identity() -> None:
    """With a count, a copy that is flagged differently is still the same report."""
    assert reading_id_of("D", 7, 5, b"live") == reading_id_of("D", 7, 5, b"buffered")
    assert reading_id_of("D", 7, 5, b"") != reading_id_of("D", 8, 5, b"")
