"""A batch of messages becomes readings, refusals and exact counts."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.batch import AT_ONCE, Batch, BatchDecoder
from gateway.chunks import rounds
from gateway.decoders import decoders
from gateway.pieces import MAX_CHUNK_BYTES
from gateway.recent import Recent
from gateway.session import Delivery
from sealtrail.contract.codec import decode_quarantined, decode_readings, encode_tallies
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading
from sealtrail.contract.subjects import partition_of, readings_subject
from sealtrail.runtime.settings.gateway import GatewaySettings

NOW_MS = 1_795_000_000_000
PARTITIONS = 4


def report(sequence: int, **values: object) -> bytes:
    return json.dumps({"sequence": sequence, "occurred_at": "2026-11-18T07:06:40Z", **values}).encode()


def decode(
    *messages: tuple[str, bytes],
    containers: Mapping[str, str] | None = None,
    known: Recent | None = None,
    max_payload_bytes: int = 65_536,
) -> Batch:
    decoder = BatchDecoder(decoders(), PARTITIONS, max_payload_bytes)
    deliveries: list[Delivery] = [(topic, payload, 1) for topic, payload in messages]
    return decoder.decode(deliveries, NOW_MS, containers or {}, Recent(0) if known is None else known)


def up(device_id: str, family: str = "json") -> str:
    return f"sealtrail/{family}/{device_id}/up"


def messages_in(batch: Batch) -> int:
    return batch.accepted.total() + batch.duplicate.total() + batch.quarantined.total()


def refusals(batch: Batch) -> list[tuple[str, str, str]]:
    return [
        (message.family, message.device_id, message.reason)
        for messages in batch.refused.values()
        for message in messages
    ]


def test_refused_topics_keep_no_batch_alive() -> None:
    """A flood on a topic that is refused each time leaves nothing of it in memory."""
    decoder = BatchDecoder(decoders(), PARTITIONS, 65_536)
    payload = b"garbage of its own"
    before = sys.getrefcount(payload)
    for _ in range(100):
        decoder.decode([("sealtrail/nosuch/D1/up", payload, 1)], NOW_MS, {}, Recent(0))
    gc.collect()
    assert sys.getrefcount(payload) == before


def test_reading_goes_to_its_containers_partition() -> None:
    """A paired device's reading is stamped with its container and lies in the container's partition."""
    batch = decode((up("d1"), report(1)), (up("d2"), report(1)), containers={"d1": "MSKU1234565"})
    (paired,) = batch.readings[partition_of("MSKU1234565", PARTITIONS)]
    assert (paired.device_id, paired.container_id) == ("d1", "MSKU1234565")
    assert [reading.container_id for reading in batch.readings[partition_of("d2", PARTITIONS)]][-1] is None


def test_order_within_a_partition_is_the_order_of_arrival() -> None:
    """Readings of one device stay in the order in which their messages came."""
    batch = decode(*((up("d1"), report(sequence)) for sequence in (5, 3, 9, 4)))
    (readings,) = batch.readings.values()
    assert [reading.sequence for reading in readings] == [5, 3, 9, 4]


def test_repetition_within_a_batch_is_a_duplicate() -> None:
    """Of two copies in one batch the first is kept and the second counted."""
    batch = decode((up("d1"), report(1)), (up("d1"), report(1)))
    assert (batch.accepted["json"], batch.duplicate["json"]) == (1, 1)
    assert batch.new_readings["json"] == batch.known_readings["json"] == 1


def test_confirmed_reading_is_a_duplicate_and_a_failed_one_is_not() -> None:
    """Only what the log has confirmed, or is being appended, makes a later copy a duplicate."""
    recent = Recent(1_000)
    first = decode((up("d1"), report(1)), known=recent)
    assert decode((up("d1"), report(1)), known=recent).accepted["json"] == 1
    recent.hold(first.reading_ids)
    assert decode((up("d1"), report(1)), known=recent).duplicate["json"] == 1
    recent.hold(set())
    assert decode((up("d1"), report(1)), known=recent).accepted["json"] == 1
    recent.hold(first.reading_ids)
    recent.confirm()
    assert decode((up("d1"), report(1)), known=recent).duplicate["json"] == 1


def test_message_with_one_new_reading_is_accepted() -> None:
    """An upload of several reports counts as accepted when any of them is new."""
    both = b"[" + report(1) + b"," + report(2) + b"]"
    batch = decode((up("d1"), report(1)), (up("d1"), both))
    assert (batch.accepted["json"], batch.duplicate["json"]) == (2, 0)
    assert (batch.new_readings["json"], batch.known_readings["json"]) == (2, 1)


@pytest.mark.parametrize(
    ("topic", "reason", "label"),
    [
        ("sealtrail/json/d1/down", "bad_topic", "unknown"),
        ("sealtrail/json/up", "bad_topic", "unknown"),
        ("other/json/d1/up", "bad_topic", "unknown"),
        ("sealtrail/json//up", "bad_topic", "json"),
        ("sealtrail/json/d 1/up", "bad_topic", "json"),
        ("sealtrail/json/d1*/up", "bad_topic", "json"),
        ("sealtrail/json/.d1/up", "bad_topic", "json"),
        ("sealtrail/json/d..1/up", "bad_topic", "json"),
        ("sealtrail/json/é/up", "bad_topic", "json"),
        (f"sealtrail/json/{'d' * 65}/up", "bad_topic", "json"),
        ("sealtrail/nobody/d1/up", "unknown_family", "unknown"),
        ("sealtrail/JSON/d1/up", "unknown_family", "unknown"),
        ("", "bad_topic", "unknown"),
        ("/" * 60_000, "bad_topic", "unknown"),
    ],
)
def test_refused_topics_are_named(topic: str, reason: str, label: str) -> None:
    """A topic that isn't a device's is quarantined by name under a family that we know or ``unknown``."""
    batch = decode((topic, report(1)))
    assert dict(batch.quarantined) == {(label, reason): 1}
    assert not batch.readings


@pytest.mark.parametrize("device_id", ["d", "d" * 64, "ST-00_1", "a.b.c"])
def test_sound_device_ids_are_accepted(device_id: str) -> None:
    """Letters, digits, dash, underscore and inner dots make an identity, up to 64 of them."""
    assert decode((up(device_id), report(1))).accepted["json"] == 1


def test_quarantined_message_keeps_all_that_is_needed_to_try_again() -> None:
    """The entry has time, topic, family, device, reason, detail and the bytes as received."""
    batch = decode((up("d1"), b"\xff\x00garbage"))
    (entry,) = batch.refused["json"]
    assert (entry.received_at_ms, entry.topic, entry.family, entry.device_id) == (
        NOW_MS,
        up("d1"),
        "json",
        "d1",
    )
    assert entry.payload == b"\xff\x00garbage"
    assert entry.reason


def test_backlog_of_a_week_fits_one_message() -> None:
    """2,000 reports of a dead zone in one array aren't too much for the limit as it is set."""
    report = {"sequence": 0, "occurred_at": "2026-11-23T06:30:00Z", "seal": {"state": "sealed"}}
    backlog = json.dumps([{**report, "sequence": number} for number in range(2_000)]).encode()
    batch = decode((up("d1"), backlog), max_payload_bytes=GatewaySettings().max_payload_bytes)
    assert (batch.new_readings["json"], dict(batch.refused)) == (2_000, {})


def test_too_large_payload_is_kept_cut() -> None:
    """A payload over the limit is refused by name and kept to the limit."""
    batch = decode((up("d1"), b"x" * 1_001), max_payload_bytes=1_000)
    (entry,) = batch.refused["json"]
    assert (entry.reason, entry.payload) == ("payload_too_large", b"x" * 1_000)


class Buggy:
    """A decoder with a bug."""

    family = "buggy"
    aliases: tuple[str, ...] = ()
    binary = True

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        del device_id, received_at_ms
        raise ZeroDivisionError(len(frame))


def test_decoders_bug_costs_only_its_message() -> None:
    """An exception that no decoder may raise is quarantined with its name; the others are decoded."""
    decoder = BatchDecoder({**decoders(), "buggy": Buggy()}, PARTITIONS, 65_536)
    deliveries = [(up("d1", "buggy"), b"x", 1), (up("d1"), report(1), 2)]
    batch = decoder.decode(deliveries, NOW_MS, {}, Recent(0))
    assert dict(batch.quarantined) == {("buggy", "decoder_failure"): 1}
    assert "ZeroDivisionError" in batch.refused["buggy"][0].detail
    assert batch.accepted["json"] == 1


class Silent(Buggy):
    """A decoder of heartbeats, and of nothing else."""

    family = "silent"

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        del device_id, received_at_ms
        if frame != b"heartbeat":
            raise DecodeError("no_heartbeat")
        return []


def test_sound_frame_without_a_reading_is_accepted_and_empty() -> None:
    """A heartbeat is an accepted message that stores nothing."""
    decoder = BatchDecoder({"silent": Silent()}, PARTITIONS, 65_536)
    batch = decoder.decode([(up("d1", "silent"), b"heartbeat", 1)], NOW_MS, {}, Recent(0))
    assert batch.accepted["silent"] == batch.empty["silent"] == 1
    assert rounds(batch) == [[("sealtrail.tallies", encode_tallies(list(batch.tallies.values())))]]
    assert [tally.empty for tally in batch.tallies.values()] == [1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([up("d1"), up("d2"), up("d1", "jt701"), up("d1", "eseal"), up("d1", "no"), "x"])
            | st.text(max_size=40),
            st.binary(max_size=60) | st.integers(0, 3).map(report),
        ),
        max_size=30,
    )
)
def test_every_message_is_counted_exactly_once(messages: list[tuple[str, bytes]]) -> None:
    """Whatever comes: accepted + duplicate + quarantined is the number of messages, and nothing raises."""
    batch = decode(*messages)
    assert messages_in(batch) == len(messages)
    assert len(refusals(batch)) == batch.quarantined.total()
    assert sum(map(len, batch.readings.values())) == batch.new_readings.total() == len(batch.reading_ids)


def test_large_batches_are_split_in_order() -> None:
    """No log message exceeds the limit; a subject's chunks lie in successive rounds, in order, complete."""
    batch = decode(*((up("d1"), report(n, seal={"number": "x" * 60})) for n in range(8_000)))
    chunks = [chunk for one in rounds(batch) for chunk in one]
    assert len(chunks) > 1
    assert all(len(data) <= MAX_CHUNK_BYTES for _, data in chunks)
    assert all(len({subject for subject, _ in one}) == len(one) for one in rounds(batch))
    subject = readings_subject(partition_of("d1", PARTITIONS))
    found = [
        reading.sequence for name, data in chunks if name == subject for reading in decode_readings(data)
    ]
    assert found == list(range(8_000))


def test_copies_far_apart_in_one_batch_are_known() -> None:
    """A report that comes again after so many others that those are encoded already counts once."""
    numbers = [*range(AT_ONCE + 10), 3, AT_ONCE + 9, *range(AT_ONCE + 10, 3 * AT_ONCE), AT_ONCE + 1]
    batch = decode(*((up(f"d{n % 9}"), report(n)) for n in numbers))
    (messages,) = rounds(batch)
    found = [reading for subject, data in messages if "log" in subject for reading in decode_readings(data)]
    assert sorted(str(reading.sequence) for reading in found) == sorted(map(str, range(3 * AT_ONCE)))
    assert (batch.accepted["json"], batch.duplicate["json"]) == (3 * AT_ONCE, 3)
    assert batch.reading_ids == {reading.reading_id for reading in found}


def test_large_refusals_are_split_too() -> None:
    """Quarantined payloads fill as many log messages as they need."""
    batch = decode(*((up("d1"), b"\xff" * 60_000) for _ in range(20)))
    chunks = [data for one in rounds(batch) for _, data in one]
    assert all(len(data) <= MAX_CHUNK_BYTES for data in chunks)
    assert sum(len(decode_quarantined(data)) for data in chunks) == 20


def test_recent_is_bounded_and_knows_the_last_half() -> None:
    """The memory of identities stays within its capacity and never forgets the newest."""
    recent = Recent(1_000)
    for begin in range(0, 10_000, 100):
        recent.hold(set(range(begin, begin + 100)))
        recent.confirm()
        assert len(recent) <= 1_100
        assert all(identity in recent for identity in range(max(0, begin - 300), begin + 100))
    assert 0 not in recent


def test_topic_with_a_part_is_the_devices_own() -> None:
    """A number behind the topic, which a NATS that divides the devices writes there, changes nothing else."""
    batch = decode((up("d1") + "/0", report(1)), (up("d1") + "/63", report(2)), (up("d1") + "/x", report(3)))
    readings = [reading for found in batch.readings.values() for reading in found]
    assert [(reading.device_id, reading.sequence) for reading in readings] == [("d1", 1), ("d1", 2)]
    assert [reason for _, _, reason in refusals(batch)] == ["bad_topic"]
