"""One conformance suite over all channels, on real receivers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import aiomqtt
import pytest
import pytest_asyncio

from alerts.channels import Channel, Notification, Verdict
from alerts.mqtt import Broker, MqttChannel, broker_of, topic_of
from alerts.webhook import WebhookChannel
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.public.subscriber import Subscriber
from sealtrail.runtime.background import Background
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.settings.alerts import AlertMqttSettings, WebhookSettings
from sealtrail.runtime.settings.gateway import MqttSettings
from tests.alerts.receiver import SECRET, Receiver
from tests.alerts.samples import subscriber, until
from tests.parts.mosquitto import Mosquitto

TIMEOUT_S = 2.0


class Case(NamedTuple):
    """A channel, a subscriber behind it, and what that subscriber has heard."""

    channel: Channel
    subscriber: Subscriber
    heard: list[bytes]
    stop: Callable[[], None]


async def _listen(broker: Broker, heard: list[bytes], ready: asyncio.Event) -> None:
    async with aiomqtt.Client(
        broker.host, broker.port, username=broker.username, password=broker.password
    ) as client:
        await client.subscribe("sealtrail/alerts/customs/+", qos=1)
        ready.set()
        async for message in client.messages:
            assert not message.retain
            heard.append(bytes(message.payload))


async def _mqtt_case(broker: Broker, stop: Callable[[], None]) -> tuple[Case, asyncio.Task[None]]:
    heard: list[bytes] = []
    ready = asyncio.Event()
    listening = asyncio.create_task(_listen(broker, heard, ready))
    await asyncio.wait_for(ready.wait(), 10)
    channel = MqttChannel(broker, "sealtrail-alerts-test", TIMEOUT_S, Background())
    return Case(channel, subscriber(channels={"mqtt": True}), heard, stop), listening


class _Heard(list[bytes]):
    """The bodies at an HTTP receiver, seen as a list."""

    def __init__(self, receiver: Receiver) -> None:
        super().__init__()
        self._receiver = receiver

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204 - list's own
        return iter([request.body for request in self._receiver.requests])

    def __len__(self) -> int:
        return len(self._receiver.requests)


@pytest_asyncio.fixture(params=["webhook", "mosquitto", "nats"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    """Every channel in turn."""
    listening = None
    if request.param == "webhook":
        receiver: Receiver = request.getfixturevalue("receiver")
        found = Case(
            WebhookChannel(WebhookSettings(allow_private_addresses=True, timeout_s=TIMEOUT_S), wall_clock_ms),
            subscriber(channels={"webhook": {"url": receiver.url, "secret": SECRET}}),
            _Heard(receiver),
            receiver.stop,
        )
    elif request.param == "mosquitto":
        mosquitto: Mosquitto = request.getfixturevalue("mosquitto")
        broker = Broker(mosquitto.host, mosquitto.port, None, None, None)
        found, listening = await _mqtt_case(broker, mosquitto.stop)
    else:
        server: EmbeddedNats = request.getfixturevalue("nats_server")
        endpoint = server.endpoint
        assert endpoint is not None
        broker = Broker(endpoint.host, endpoint.mqtt_port, endpoint.mqtt_user, endpoint.mqtt_password, None)
        found, listening = await _mqtt_case(broker, server.stop)
    await found.channel.open()
    yield found
    await found.channel.close()
    if listening is not None:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def note(number: int) -> Notification:
    return Notification(f"key-{number}", "MSCU6639870", json.dumps({"number": number}).encode())


async def test_delivered_means_received_whole(case: Case) -> None:
    """What is called delivered has reached the subscriber, byte for byte."""
    outcome = await case.channel.attempt(case.subscriber, note(1))
    assert outcome.verdict is Verdict.DELIVERED
    await until(lambda: len(case.heard) == 1)
    assert list(case.heard) == [note(1).body]


async def test_many_at_once(case: Case) -> None:
    """Attempts may run side by side; each of them arrives."""
    outcomes = await asyncio.gather(
        *(case.channel.attempt(case.subscriber, note(number)) for number in range(50))
    )
    assert {outcome.verdict for outcome in outcomes} == {Verdict.DELIVERED}
    await until(lambda: len(case.heard) == 50)
    assert sorted(case.heard) == sorted(note(number).body for number in range(50))


async def test_a_receiver_that_is_gone_is_an_outcome(case: Case) -> None:
    """Without its peer an attempt ends in RETRY within its time limit; it never raises, never hangs."""
    assert (await case.channel.attempt(case.subscriber, note(1))).verdict is Verdict.DELIVERED
    case.stop()
    async with asyncio.timeout(TIMEOUT_S + 3):
        outcome = await case.channel.attempt(case.subscriber, note(2))
    assert outcome.verdict is Verdict.RETRY
    assert outcome.name


async def test_closing_twice_is_harmless(case: Case) -> None:
    """A channel can be closed in any state."""
    await case.channel.close()
    await case.channel.close()


async def test_mqtt_comes_back_after_its_broker(mosquitto: Mosquitto) -> None:
    """After a restart of the broker the channel connects again by itself."""
    channel = MqttChannel(
        Broker(mosquitto.host, mosquitto.port, None, None, None), "sealtrail-alerts-test", 5.0, Background()
    )
    await channel.open()
    who = subscriber(channels={"mqtt": True})
    assert (await channel.attempt(who, note(1))).verdict is Verdict.DELIVERED
    mosquitto.restart()
    verdicts = []

    async def again() -> None:
        while Verdict.DELIVERED not in verdicts:
            verdicts.append((await channel.attempt(who, note(2))).verdict)

    await asyncio.wait_for(again(), 20)
    await channel.close()


async def test_without_a_broker_mqtt_says_so() -> None:
    """A subscriber by MQTT where no broker is set up waits, and the ledger says for what."""
    channel = MqttChannel(None, "x", 1.0, Background())
    await channel.open()
    outcome = await channel.attempt(subscriber(channels={"mqtt": True}), note(1))
    await channel.close()
    assert (outcome.verdict, outcome.name) == (Verdict.RETRY_SLOWLY, "no_broker")


def test_the_gateways_broker_is_the_default() -> None:
    """Without a host of their own, alerts use the gateway's broker, user and password."""
    gateway = MqttSettings.model_validate(
        {"host": "mqtt.example", "port": 1884, "username": "u", "password": "p"}
    )
    assert broker_of(AlertMqttSettings(), gateway) == Broker("mqtt.example", 1884, "u", "p", None)
    own = AlertMqttSettings.model_validate({"host": "other.example", "port": 1885})
    assert broker_of(own, gateway) == Broker("other.example", 1885, None, None, None)
    assert broker_of(AlertMqttSettings(), MqttSettings()) is None


def test_topics_hold_no_wildcards() -> None:
    """An identifier can't widen or split the topic it is published on."""
    assert topic_of("customs", "MSCU6639870") == "sealtrail/alerts/customs/MSCU6639870"
    assert topic_of("customs", "a/b+#.~ ü") == "sealtrail/alerts/customs/a%2Fb%2B%23%2E%7E%20%C3%BC"
    assert topic_of("customs", "") == "sealtrail/alerts/customs/unknown"
