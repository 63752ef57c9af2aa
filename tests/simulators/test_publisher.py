"""The publisher on a real Mosquitto: every byte, in order, counted by PUBACK."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from pydantic import SecretStr

from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.settings.simulator import PublisherSettings
from simulators.publisher import Publisher
from simulators.truth import Outgoing, OutgoingKind
from tests.parts.mosquitto import Mosquitto, running_mosquitto
from tests.parts.ports import free_port
from tests.simulators.conftest import listening


def message(device: int, number: int) -> Outgoing:
    device_id = f"device-{device}"
    topic = f"sealtrail/json/{device_id}/up"
    return Outgoing(0, topic, b"%d" % number, OutgoingKind.REPORT, device_id, "C")


async def send_all(publisher: Publisher, count: int) -> None:
    for number in range(count):
        await publisher.send(message(0, number))


def by_topic(heard: list[tuple[str, bytes]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for topic, payload in heard:
        found[topic].append(int(payload))
    return found


async def test_everything_arrives_in_order_and_is_counted_by_puback(mosquitto: Mosquitto) -> None:
    """2,000 messages of 10 devices arrive once each, in each device's order, and as many are counted."""
    published: list[Outgoing] = []
    settings = PublisherSettings(port=mosquitto.port, connections=3, window=50, waiting=60)
    async with listening(mosquitto.port) as ear, Publisher(settings, published.append) as publisher:
        for number in range(200):
            for device in range(10):
                await publisher.send(message(device, number))
        await publisher.flush()
        assert len(published) == 2_000
        await ear.until(2_000)
        assert await publisher.close(5.0) == 0
    assert len(ear.heard) == 2_000
    assert all(numbers == list(range(200)) for numbers in by_topic(ear.heard).values())


async def test_a_broken_broker_costs_nothing(mosquitto: Mosquitto) -> None:
    """Killed and restarted in the middle, the broker gets every unacknowledged message again, in order."""
    published: list[Outgoing] = []
    settings = PublisherSettings(
        port=mosquitto.port, connections=2, window=20, waiting=1_000, max_backoff_s=0.3
    )
    async with Publisher(settings, published.append) as publisher:
        for number in range(100):
            await publisher.send(message(number % 4, number))
        async with asyncio.timeout(10):
            while len(published) < 20:
                await asyncio.sleep(0)
        mosquitto.kill()
        for number in range(100, 300):
            await publisher.send(message(number % 4, number))
        assert len(published) < 300
        mosquitto.start()
        async with asyncio.timeout(20):
            await publisher.flush()
        assert len(published) == 300
        assert len({sent.payload for sent in published}) == 300
    for device in range(4):
        numbers = [int(sent.payload) for sent in published if sent.device_id == f"device-{device}"]
        assert numbers == sorted(numbers)


async def test_what_is_not_acknowledged_is_not_counted(mosquitto: Mosquitto) -> None:
    """With the broker gone, nothing more is counted, and closing says how much was left."""
    published: list[Outgoing] = []
    settings = PublisherSettings(port=mosquitto.port, connections=1, max_backoff_s=0.2)
    async with Publisher(settings, published.append) as publisher:
        await publisher.send(message(0, 0))
        await publisher.flush()
        mosquitto.kill()
        for number in range(1, 31):
            await publisher.send(message(0, number))
        assert await publisher.close(0.5) == 30
    assert len(published) == 1


async def test_a_full_queue_makes_the_sender_wait(mosquitto: Mosquitto) -> None:
    """What waits is bounded: with the broker gone, the queue takes ``waiting`` messages and no more."""
    settings = PublisherSettings(port=mosquitto.port, connections=1, window=5, waiting=10, max_backoff_s=0.2)
    async with Publisher(settings, lambda _: None) as publisher:
        mosquitto.kill()
        taken = 0
        while publisher.offer(message(0, taken)):
            taken += 1
        assert taken == 10
        sending = asyncio.create_task(send_all(publisher, 20))
        done, _ = await asyncio.wait([sending], timeout=0.3)
        assert not done
        sending.cancel()


async def test_a_client_that_fails_to_close_is_closed_all_the_same(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of a disconnection takes the place of the cancellation; the connection isn't made again."""
    close = aiomqtt.Client.__aexit__

    async def failing(client: aiomqtt.Client, *error: Any) -> None:
        await close(client, *error)
        raise aiomqtt.MqttError("Disconnected during the message iteration")

    monkeypatch.setattr(aiomqtt.Client, "__aexit__", failing)
    settings = PublisherSettings(port=mosquitto.port, connections=1)
    async with asyncio.timeout(20):
        async with Publisher(settings, lambda _: None) as publisher:
            await publisher.send(message(0, 0))
            await publisher.flush()


async def test_no_broker_is_said_in_time() -> None:
    """Where nothing answers, entering gives up after the timeout and names the address."""
    settings = PublisherSettings(port=free_port(), connect_timeout_s=0.5)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{settings.port}"):
        async with Publisher(settings, lambda _: None):
            pass
    assert time.monotonic() - began < 5


async def test_stop_ends_the_wait_for_a_broker() -> None:
    """Ctrl-C while nothing answers is obeyed at once, not after the timeout."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stop.set)
    settings = PublisherSettings(port=free_port(), connect_timeout_s=60)
    with pytest.raises(UnavailableError, match="stopped before"):
        async with asyncio.timeout(5), Publisher(settings, lambda _: None, stop):
            pass


async def test_a_refused_user_is_said_at_once(tmp_path: Path) -> None:
    """A broker that refuses the user is not asked again."""
    with running_mosquitto(tmp_path, lines="") as broker:
        broker.stop()
        config = tmp_path / "mosquitto.conf"
        config.write_text(config.read_text().replace("allow_anonymous true", "allow_anonymous false"))
        broker.start()
        settings = PublisherSettings(port=broker.port, username="nobody", password=SecretStr("wrong"))
        with pytest.raises(UnavailableError):
            async with Publisher(settings, lambda _: None):
                pass
