"""Topics of the gateway's own doors: nobody on MQTT can write one, and the quarantine knows them again."""

from __future__ import annotations

from gateway.batch import BatchDecoder
from gateway.decoders import decoders
from gateway.topics import door_topic, is_door_topic

REPORT = b'{"sequence":1,"occurred_at":"2026-11-20T10:00:00Z"}'


def decoded(
    topic: str, token: int, payload: bytes = REPORT
) -> tuple[list[str], list[tuple[str, str, str, str]]]:
    """(devices of the readings, topic, family, device and reason of the refusals)."""
    batch = BatchDecoder(decoders(), 4, 1_000).decode([(topic, payload, token)], 1_795_000_000_000, {}, set())
    devices = [reading.device_id for readings in batch.readings.values() for reading in readings]
    refused = [m for messages in batch.refused.values() for m in messages]
    assert list(batch.refusals.values()) == ([m.reason for m in refused] if token < 0 else [])
    return devices, [(m.topic, m.family, m.device_id, m.reason) for m in refused]


def test_door_and_broker() -> None:
    """The same topic is a device's at a door and nobody's on MQTT, whatever the broker lets through."""
    topic = door_topic("tcp", "json", "d1")
    assert decoded(topic, -1) == (["d1"], [])
    devices, (refused,) = decoded(topic, 1)
    assert (devices, refused) == ([], (topic, "", "", "bad_topic"))
    assert not is_door_topic(*refused[:3])


def test_refused_at_the_door() -> None:
    """A reason that the door gives is the message's, its topic is plain, and a retry finds its way."""
    _, (refused,) = decoded(door_topic("tls", "json", "d1", "suspended_device", "a? b/c"), -1)
    assert refused == ("tls/json/d1", "json", "d1", "suspended_device")
    assert is_door_topic(*refused[:3])
    assert decoded(refused[0], -1) == (["d1"], [])


def test_message_of_nobody() -> None:
    """A message that names a device of which the door knows nothing isn't believed."""
    named = b'{"device_id":"d1","occurred_at":"2026-11-20T10:00:00Z"}'
    devices, (refused,) = decoded(door_topic("tcp", "json", ""), -1, named)
    assert (devices, refused[3]) == ([], "no_identity")
