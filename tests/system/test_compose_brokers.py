"""The brokers' configuration, on the real brokers: who may say and hear what."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import aiomqtt
import httpx
import nats
import pytest

from sealtrail.contract.subjects import LOG_SUBJECTS, device_down_topic, device_up_topic, subscriber_topic
from sealtrail.runtime.embedded_nats import binary
from sealtrail.runtime.settings.gateway import GatewaySettings
from tests.parts.mosquitto import find_mosquitto
from tests.system.compose_parts import (
    DEPLOY,
    mosquitto_of_the_project,
    nats_files,
    nats_of_the_project,
    running,
)
from tests.system.compose_project import SECRETS, absent, resolve

UP = device_up_topic("json", "seal-1")
DOWN = device_down_topic("json", "seal-1")
ALERT = subscriber_topic("customs", "MSCU6639871")


class Broker(NamedTuple):
    """A running broker and how to trust it."""

    port: int
    tls: ssl.SSLContext | None = None

    def client(self, user: str, identifier: str, password: str | None = None) -> aiomqtt.Client:
        secret = {"gateway": SECRETS["MQTT_PASSWORD"], "device": SECRETS["DEVICE_PASSWORD"]}[user]
        return aiomqtt.Client(
            "127.0.0.1",
            self.port,
            username=user,
            password=secret if password is None else password,
            identifier=identifier,
            timeout=5,
            tls_context=self.tls,
        )


def _environment(part: str) -> dict[str, str]:
    project, complaint = resolve(SECRETS)
    assert complaint == ""
    environment: dict[str, str] = project["services"][part]["environment"]
    return environment


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Either broker, started from the project's own configuration."""
    if request.param == "nats":
        with nats_of_the_project(tmp_path, _environment("nats")) as ports:
            yield Broker(ports.mqtt)
        return
    if find_mosquitto() is None or shutil.which("mosquitto_passwd") is None:
        absent("mosquitto: not on this machine")
    with mosquitto_of_the_project(tmp_path, _environment("mosquitto")) as port:
        yield Broker(port)


async def _heard(client: aiomqtt.Client, until: str) -> AsyncIterator[str]:
    """Topics of what a client hears, up to the message that was sent last."""
    async with asyncio.timeout(10):
        async for message in client.messages:
            if message.payload == until.encode():
                return
            yield message.topic.value


async def test_device_reports_and_is_answered(broker: Broker) -> None:
    """The whole conversation of a device with the gateway, at QoS 1."""
    async with broker.client("gateway", "gateway") as gateway, broker.client("device", "seal-1") as device:
        await gateway.subscribe("sealtrail/+/+/up", qos=1)
        await device.subscribe(DOWN, qos=1)
        await device.publish(UP, b"report", qos=1)
        async with asyncio.timeout(10):
            report = await anext(aiter(gateway.messages))
            assert (report.topic.value, report.payload) == (UP, b"report")
            await gateway.publish(DOWN, b"answer", qos=1)
            answer = await anext(aiter(device.messages))
            assert (answer.topic.value, answer.payload) == (DOWN, b"answer")


async def test_session_may_subscribe_to_several_patterns(broker: Broker) -> None:
    """NATS refuses a subscription when the windows of a session's subscriptions exceed 65,535 in all."""
    async with broker.client("gateway", "gateway") as client:
        for pattern in ("sealtrail/+/+/up", "sealtrail/+/+/down", "sealtrail/alerts/customs/#"):
            granted = await client.subscribe(pattern, qos=1)
            assert [str(code) for code in granted or ()] == ["Granted QoS 1"], pattern


async def test_device_can_say_nothing_else(broker: Broker) -> None:
    """Alerts, answers to other devices and arbitrary topics from a device reach nobody."""
    forbidden = (ALERT, subscriber_topic("customs", "up"), DOWN, "sealtrail/x", "anything")
    async with broker.client("gateway", "gateway") as gateway:
        await gateway.subscribe("sealtrail/#", qos=1)
        for index, topic in enumerate(forbidden):
            with contextlib.suppress(aiomqtt.MqttError):  # a broker may refuse or just not pass it on
                async with broker.client("device", f"seal-{index}") as device:
                    await device.publish(topic, b"forged", qos=1)
        async with broker.client("device", "last") as device:
            await device.publish(UP, b"the end", qos=1)
        assert [topic async for topic in _heard(gateway, "the end")] == []


async def test_device_cannot_listen_to_alerts_or_other_reports(broker: Broker) -> None:
    """A stolen device password shows neither who is warned of what nor where others are."""
    async with broker.client("gateway", "gateway") as gateway, broker.client("device", "spy") as spy:
        for topic in ("sealtrail/alerts/#", "sealtrail/+/+/up", "#"):
            with contextlib.suppress(aiomqtt.MqttError):
                await spy.subscribe(topic, qos=1)
        await spy.subscribe(DOWN, qos=1)
        await gateway.publish(ALERT, b"alert", qos=1)
        await gateway.publish(UP, b"report", qos=1)
        await gateway.publish(DOWN, b"the end", qos=1)
        assert [topic async for topic in _heard(spy, "the end")] == []


@pytest.mark.parametrize("user", ["device", "gateway"])
async def test_wrong_password_is_refused(broker: Broker, user: str) -> None:
    """Nobody gets in with a password that isn't theirs."""
    with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori"):
        await broker.client(user, "x", password="wrong").__aenter__()


async def test_what_devices_publish_never_reaches_the_log(tmp_path: Path) -> None:
    """The MQTT topic ``sealtrail/log/0/readings`` of a device or the gateway is not the log's subject."""
    with nats_of_the_project(tmp_path, _environment("nats")) as ports:
        log = await nats.connect(
            f"nats://127.0.0.1:{ports.client}", user="sealtrail", password=SECRETS["NATS_PASSWORD"]
        )
        stream = log.jetstream()
        await stream.add_stream(name="LOG", subjects=[LOG_SUBJECTS])
        for user in ("device", "gateway"):
            async with Broker(ports.mqtt).client(user, user) as client:
                for topic in ("sealtrail/log/0/readings", "sealtrail/log/0/up"):
                    await client.publish(topic, b"forged", qos=1)
        assert (await stream.stream_info("LOG")).state.messages == 0
        await log.close()


def test_nats_writes_to_disk_before_it_acknowledges(tmp_path: Path) -> None:
    """The running server syncs always, and its window holds more than a gateway's two batches in hand."""
    with nats_of_the_project(tmp_path, _environment("nats")) as ports:
        monitoring = f"http://127.0.0.1:{ports.monitoring}"
        assert httpx.get(f"{monitoring}/healthz").json() == {"status": "ok"}
        state = httpx.get(f"{monitoring}/varz").json()
        assert state["jetstream"]["config"]["sync_always"] is True
        assert state["mqtt"]["max_ack_pending"] > 2 * GatewaySettings().batch_messages


@pytest.mark.parametrize("listener", ["mqtt-plain.conf", "mqtt-tls.conf"])
def test_nats_accepts_a_password_of_digits(tmp_path: Path, listener: str) -> None:
    """Compose quotes the passwords, since the server would read 12345 as a number and refuse it."""
    digits = dict.fromkeys(SECRETS, "12345") | {"ACCESS_ISSUER": SECRETS["ACCESS_ISSUER"]}
    project, _ = resolve(digits)
    if listener == "mqtt-tls.conf":
        _certificate(tmp_path)
    config, _ports = nats_files(tmp_path, listener)
    environment = project["services"]["nats"]["environment"]
    check = subprocess.run(
        [binary(), "-t", "-c", str(config)], env=environment, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


def _certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 where the configuration looks for it; returns it, its own CA."""
    openssl = shutil.which("openssl")
    if openssl is None:
        absent("openssl: not on this machine")
    place = folder / "tls"
    place.mkdir()
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(place / "server.key"), "-out", str(place / "server.pem"), "-days", "2"),
            *("-subj", "/CN=nats", "-addext", "subjectAltName=DNS:nats,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return place / "server.pem"


async def test_mqtt_with_tls(tmp_path: Path) -> None:
    """With the TLS listener a client that trusts the certificate gets in, one without TLS doesn't."""
    trusted = ssl.create_default_context(cafile=_certificate(tmp_path))
    with nats_of_the_project(tmp_path, _environment("nats"), "mqtt-tls.conf") as ports:
        async with Broker(ports.mqtt, trusted).client("device", "seal-1") as device:
            await device.publish(UP, b"report", qos=1)
        with pytest.raises(aiomqtt.MqttError):
            await Broker(ports.mqtt).client("device", "seal-2").__aenter__()


def test_mosquitto_refuses_to_start_without_passwords(tmp_path: Path) -> None:
    """The start script says which variable is missing and starts nothing."""
    log = tmp_path / "log"
    with running([str(DEPLOY / "mosquitto-start.sh"), "/nowhere"], {"DEVICE_PASSWORD": "x"}, log) as process:
        assert process.wait(10) != 0
    assert "MQTT_PASSWORD" in log.read_text()
