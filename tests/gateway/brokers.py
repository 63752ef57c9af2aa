"""The brokers that a session must work on unchanged, behind one face."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

import pytest
from pydantic import SecretStr

from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.settings.gateway import GatewaySettings, MqttSettings
from sealtrail.runtime.settings.nats import NatsSettings
from tests.gateway.publisher import Publisher
from tests.parts.mosquitto import Mosquitto, running_mosquitto

DEADLINE_S = 20.0
AS_ROOT = "user root\n"  # else it could not write its folder where the tests run as root


class Broker(Protocol):
    """A broker that can be talked to, killed and started again with its sessions kept."""

    keeps_through_kill: bool
    client: Literal["own", "paho"]

    def mqtt(self) -> MqttSettings:
        """Where it is, for a gateway whose session is a ``client``."""
        ...

    def kill(self) -> None: ...

    def start(self) -> None: ...


class NatsBroker:
    """The embedded NATS server."""

    keeps_through_kill = True

    def __init__(self, server: EmbeddedNats) -> None:
        self.client: Literal["own", "paho"] = "own"
        self.server = server

    def mqtt(self) -> MqttSettings:
        endpoint = self.server.endpoint
        if endpoint is None:
            raise AssertionError("the server has been started")
        return MqttSettings(
            client=self.client,
            host=endpoint.host,
            port=endpoint.mqtt_port,
            username=endpoint.mqtt_user,
            password=SecretStr(endpoint.mqtt_password),
        )

    def kill(self) -> None:
        endpoint = self.server.endpoint
        if endpoint is None:
            raise AssertionError("the server has been started")
        os.kill(endpoint.pid, signal.SIGKILL)
        until(lambda: not self.server.alive())

    def start(self) -> None:
        self.server.start()


class MosquittoBroker:
    """Mosquitto, which writes its sessions when it ends in order; a kill costs what it held."""

    keeps_through_kill = False

    def __init__(self, broker: Mosquitto) -> None:
        self.client: Literal["own", "paho"] = "own"
        self._broker = broker

    def mqtt(self) -> MqttSettings:
        return MqttSettings(client=self.client, host=self._broker.host, port=self._broker.port)

    def kill(self) -> None:
        self._broker.kill()

    def start(self) -> None:
        self._broker.start()


def until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Polls until the condition holds; fails after the deadline."""
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s, "the condition never held"
        time.sleep(0.02)


async def eventually(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """As `until`, for a running event loop."""
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s, "the condition never held"
        await asyncio.sleep(0.02)


def gateway_settings(broker: Broker, **changes: object) -> GatewaySettings:
    """Settings of a gateway at that broker."""
    return GatewaySettings.model_validate({"mqtt": broker.mqtt(), **changes})


def publisher(broker: Broker, client_id: str = "a-device") -> Publisher:
    """A connected publisher at that broker."""
    mqtt = broker.mqtt()
    return Publisher(mqtt.host, mqtt.port, client_id, mqtt.username, mqtt.password.get_secret_value())


@pytest.fixture
def nats_broker(tmp_path: Path) -> Iterator[NatsBroker]:
    """The embedded server in a fresh folder, with a short wait for acknowledgements.

    NATS delivers what a lost connection left unacknowledged only when that wait
    is over, whenever the session comes back.
    """
    server = EmbeddedNats(tmp_path / "nats", NatsSettings(mqtt_ack_wait_s=4))
    server.start()
    try:
        yield NatsBroker(server)
    finally:
        server.stop()


@pytest.fixture
def mosquitto_broker(tmp_path: Path) -> Iterator[MosquittoBroker]:
    """A Mosquitto that keeps its sessions on disk."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with running_mosquitto(folder, persistent=True, lines=AS_ROOT) as broker:
        yield MosquittoBroker(broker)


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn."""
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found
