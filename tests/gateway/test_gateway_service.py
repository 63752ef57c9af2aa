"""The whole gateway on real parts: what devices publish is in the log, exactly counted, whatever fails."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealtrail.contract.subjects import PAIRINGS_BUCKET
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.settings.nats import NatsSettings
from tests.gateway.brokers import Broker, MosquittoBroker, NatsBroker, eventually, publisher, until
from tests.gateway.door import Door, connected, logged_readings, logged_refusals
from tests.parts.nats import settings_of

Message = tuple[str, bytes]


def report(device: int, sequence: int) -> Message:
    payload = {"sequence": sequence, "occurred_at": "2026-11-20T10:00:00Z", "seal": {"state": "sealed"}}
    return f"sealtrail/json/d{device}/up", json.dumps(payload).encode()


def garbage(dice: random.Random) -> Message:
    topic = dice.choice(
        ["sealtrail/json/d1/up", "sealtrail/jt701/d1/up", "sealtrail/nobody/d1/up", "sealtrail/json/d~1/up"]
    )
    return topic, b"\xfe" + dice.randbytes(dice.randrange(200))


def nats_of(server: EmbeddedNats) -> NatsSettings:
    assert server.endpoint is not None
    return settings_of(server.endpoint)


@pytest.fixture
def log_settings(nats_broker: NatsBroker) -> NatsSettings:
    """The log's server (and, where the broker under test is NATS, the same)."""
    return nats_of(nats_broker.server)


@pytest.fixture
def door(tmp_path: Path, log_settings: NatsSettings, broker: Broker) -> Iterator[Door]:
    """A running gateway between the broker under test and the log."""
    door = Door(tmp_path / "state", log_settings, broker.mqtt())
    door.start()
    try:
        yield door
    finally:
        door.kill()


def publish(broker: Broker, messages: list[Message]) -> None:
    with publisher(broker) as device:
        device.publish(messages)


async def test_good_and_garbage_are_all_accounted_for(
    door: Door, broker: Broker, log_settings: NatsSettings
) -> None:
    """Good reports, repetitions and garbage mixed: each is in the log or in quarantine, and counted once."""
    dice = random.Random(7)
    good = [report(n % 20, n) for n in range(2_000)]
    bad = [garbage(dice) for _ in range(500)]
    mixed = good + good[:100] + bad
    dice.shuffle(mixed)
    await asyncio.to_thread(publish, broker, mixed)
    await eventually(lambda: door.settled(len(mixed)))
    counts = door.counts()
    assert (counts["accepted"], counts["duplicate"], counts["quarantined"]) == (2_000, 100, 500)
    async with connected(log_settings) as log:
        readings = await logged_readings(log)
        assert sorted(reading.sequence or 0 for reading in readings) == list(range(2_000))
        refused = await logged_refusals(log)
        assert sorted((message.topic, message.payload) for message in refused) == sorted(bad)


async def test_pairing_stamps_later_readings(door: Door, broker: Broker, log_settings: NatsSettings) -> None:
    """A pairing made while the gateway runs puts its container on the readings that follow."""
    await asyncio.to_thread(publish, broker, [report(1, 1)])
    async with connected(log_settings) as log:
        await eventually(lambda: door.settled(1))
        await (await log.bucket(PAIRINGS_BUCKET)).put("d1", b"MSKU1234565")
        for sequence in range(2, 100):  # the watch tells the gateway soon, not at once
            await asyncio.to_thread(publish, broker, [report(1, sequence)])
            await eventually(lambda count=sequence: door.settled(count))  # type: ignore[misc]
            readings = await logged_readings(log)
            if readings[-1].container_id:
                break
    assert readings[0].container_id is None
    assert readings[-1].container_id == "MSKU1234565"


async def test_sigterm_ends_in_order_and_loses_nothing(
    door: Door, broker: Broker, log_settings: NatsSettings
) -> None:
    """Stopped under load the gateway ends with code 0 within seconds, and its successor has all of it."""
    messages = [report(n % 20, n) for n in range(8_000)]
    publishing = asyncio.create_task(asyncio.to_thread(publish, broker, messages))
    await eventually(lambda: door.counts()["received"] > 0)
    begun_s = time.monotonic()
    assert await asyncio.to_thread(door.stop) == 0
    assert time.monotonic() - begun_s < 8
    await asyncio.to_thread(door.start)
    await publishing
    await _all_there(log_settings, range(8_000))


async def _all_there(settings: NatsSettings, sequences: range) -> None:
    deadline_s = time.monotonic() + 40
    async with connected(settings) as log:
        while True:
            found = {reading.sequence for reading in await logged_readings(log)}
            if found == set(sequences):
                return
            assert time.monotonic() < deadline_s, f"{len(set(sequences) - found)} readings are missing"
            await asyncio.sleep(0.2)


@pytest.mark.slow
async def test_killed_gateway_loses_nothing(door: Door, broker: Broker, log_settings: NatsSettings) -> None:
    """Killed several times under load, the gateway loses no message whose PUBACK the publisher saw."""
    messages = [report(n % 50, n) for n in range(12_000)]
    publishing = threading.Thread(target=publish, args=(broker, messages))
    publishing.start()
    for _ in range(4):
        await eventually(lambda: door.counts()["accepted"] > 0 or not publishing.is_alive())
        await asyncio.to_thread(door.kill)
        await asyncio.to_thread(door.start)
    await asyncio.to_thread(publishing.join)
    await _all_there(log_settings, range(12_000))


@pytest.mark.slow
async def test_log_that_stops_holds_messages_back_and_loses_none(
    tmp_path: Path, nats_broker: NatsBroker, mosquitto_broker: MosquittoBroker
) -> None:
    """While the log is down nothing is acknowledged or dropped, memory is bounded; all arrives afterwards."""
    door = Door(
        tmp_path / "state", nats_of(nats_broker.server), mosquitto_broker.mqtt(), max_pending_messages=1_000
    )
    door.start()
    try:
        await asyncio.to_thread(publish, mosquitto_broker, [report(1, 0)])
        await eventually(lambda: door.settled(1))
        await asyncio.to_thread(nats_broker.server.stop)
        await asyncio.to_thread(publish, mosquitto_broker, [report(n % 9, n) for n in range(1, 9_000)])
        await eventually(lambda: not door.ready())
        assert door.counts()["received"] <= 1_001
        assert door.counts()["accepted"] == 1
        await asyncio.to_thread(nats_broker.server.start)
        await eventually(door.ready)
        await eventually(lambda: door.settled(9_000))
        await _all_there(nats_of(nats_broker.server), range(9_000))
    finally:
        door.kill()


@pytest.mark.slow
async def test_killed_nats_loses_nothing(tmp_path: Path, nats_broker: NatsBroker) -> None:
    """Broker and log killed together under load: every acknowledged report is in the log afterwards."""
    door = Door(tmp_path / "state", nats_of(nats_broker.server), nats_broker.mqtt())
    door.start()
    try:
        acknowledged: set[int] = set()
        for attempt in range(3):
            begin = attempt * 5_000
            device = publisher(nats_broker, f"device-{attempt}")
            killer = threading.Timer(0.5, nats_broker.kill)
            killer.start()
            try:
                device.publish([report(n % 9, n) for n in range(begin, begin + 5_000)])
            except OSError:
                pass
            finally:
                device.close()
            killer.join()
            acknowledged |= {begin + index for index in device.acknowledged}
            await asyncio.to_thread(nats_broker.start)
        assert acknowledged
        until(door.ready)
        deadline_s = time.monotonic() + 40
        async with connected(nats_of(nats_broker.server)) as log:
            while acknowledged - {reading.sequence for reading in await logged_readings(log)}:
                assert time.monotonic() < deadline_s, "acknowledged reports are missing"
                await asyncio.sleep(0.2)
    finally:
        door.kill()
