"""The same promises on the real Mosquitto: its files are made from the registry and kept current."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiomqtt
import pytest

from sealtrail.contract.device import DeviceState
from sealtrail.contract.subjects import subscriber_topic
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.passwords import MADE_ITERATIONS, hash_password
from tests.gateway.access.desk import Desk, client, enter, gets_in, heard_until, subscribe, until_in, within
from tests.gateway.brokers import AS_ROOT
from tests.parts.mosquitto import running_mosquitto

ALERT = subscriber_topic("customs", "MSCU6639871")


class Field(NamedTuple):
    """A Mosquitto that follows the registry."""

    port: int
    log: Log

    def gateway(self) -> aiomqtt.Client:
        return client(self.port, "gateway", "own", "gateway")


@pytest.fixture
def field(endpoint: Endpoint, open_log: Log, tmp_path: Path) -> Iterator[Field]:
    """Mosquitto beside an access service that writes its files and tells it so."""
    files, folder = tmp_path / "files", tmp_path / "mosquitto"
    files.mkdir()
    folder.mkdir()
    pid_file = tmp_path / "mosquitto.pid"
    (files / "passwords.own").write_text(f"gateway:{hash_password('own', MADE_ITERATIONS)}\n")
    (files / "acl.own").write_text("user gateway\ntopic readwrite sealtrail/#\ntopic read #\n\n")
    desk = Desk(tmp_path, endpoint, mosquitto_dir=str(files), mosquitto_pid_file=str(pid_file))
    desk.start()
    lines = (
        f"{AS_ROOT}pid_file {pid_file}\npassword_file {files}/passwords\nacl_file {files}/acl\n"
        "allow_anonymous false\n"
    )
    try:
        with running_mosquitto(folder, lines=lines) as broker:
            yield Field(broker.port, open_log)
    finally:
        desk.kill()


async def _forge(field: Field, user: str, *topics: str) -> None:
    """Publishes where it may not; some versions of Mosquitto end the connection for it."""
    for topic in topics:
        with contextlib.suppress(aiomqtt.MqttError):
            async with client(field.port, user, identifier="forger") as forger:
                await forger.publish(topic, b"forged", qos=1)


async def test_device_may_speak_and_hear_as_itself_only(field: Field) -> None:
    """Added while Mosquitto runs; what it says as another, or to subscribers, reaches nobody."""
    await enter(field.log, "KE.0001")
    await until_in(field.port, "KE.0001")
    async with field.gateway() as gateway, client(field.port, "KE.0001") as device:
        await gateway.subscribe("sealtrail/#", qos=1)
        await device.subscribe("sealtrail/json/KE.0001/down", qos=1)
        await device.subscribe("sealtrail/#", qos=1)  # granted, and nothing is delivered
        await _forge(field, "KE.0001", "sealtrail/json/KE-0002/up", "sealtrail/alerts/KE.0001/up", ALERT)
        await device.publish("sealtrail/json/KE.0001/up", b"own", qos=1)
        await gateway.publish("sealtrail/json/other/down", b"other's", qos=1)
        await gateway.publish(ALERT, b"alert", qos=1)
        await gateway.publish("sealtrail/json/KE.0001/down", b"the end", qos=1)
        assert await heard_until(gateway, b"own") == []
        assert await heard_until(device, b"the end") == []


async def test_topics_of_other_systems_need_a_login(field: Field) -> None:
    """A telephone may report on topics that name it, a network server on all of its family, no more."""
    eui = "application/1/device/70b3d57ed0000007/event/up"
    await enter(field.log, "jane-phone", family="owntracks")
    await enter(field.log, "lora", family="chirpstack", capabilities=("bridge",))
    await until_in(field.port, "jane-phone")
    await until_in(field.port, "lora")
    async with field.gateway() as gateway, client(field.port, "jane-phone") as phone:
        for topic in ("owntracks/#", "application/#", "v3/#"):
            await gateway.subscribe(topic, qos=1)
        await _forge(field, "jane-phone", "owntracks/john/phone", eui)
        await _forge(field, "lora", "owntracks/jane/phone", "v3/app/devices/seal-7/up")
        await phone.publish("owntracks/jane/phone", b"own", qos=1)
        assert await heard_until(gateway, b"own") == []
        async with client(field.port, "lora") as bridge:
            await bridge.publish(eui, b"uplink", qos=1)
        assert await heard_until(gateway, b"uplink") == []


async def test_suspended_device_is_cut_within_seconds(field: Field) -> None:
    """Mosquitto isn't restarted, and who may speak goes on undisturbed."""
    for device_id in ("good", "stolen"):
        await enter(field.log, device_id)
        await until_in(field.port, device_id)
    async with client(field.port, "good") as good:
        stolen = client(field.port, "stolen")
        await stolen.__aenter__()
        async with within():
            await DeviceRegistry(field.log).set_state("stolen", DeviceState.SUSPENDED, "test")
            with pytest.raises(aiomqtt.MqttError):
                await anext(aiter(stolen.messages))
        assert not await gets_in(field.port, "stolen")
        await good.publish("sealtrail/json/good/up", b"still here", qos=1)


async def test_subscriber_hears_its_own_alerts_only(field: Field) -> None:
    """And what it says reaches nobody."""
    user = await subscribe(field.log, "customs")
    await until_in(field.port, user)
    async with field.gateway() as gateway, client(field.port, user) as customs:
        await gateway.subscribe("sealtrail/#", qos=1)
        await customs.subscribe("sealtrail/#", qos=1)
        await _forge(field, user, "sealtrail/json/KE-1/up", "sealtrail/json/customs@alerts/up", ALERT)
        await gateway.publish(subscriber_topic("insurer", "MSCU6639871"), b"other's", qos=1)
        await gateway.publish("sealtrail/json/KE-1/up", b"report", qos=1)
        await gateway.publish(ALERT, b"own", qos=1)
        assert await heard_until(customs, b"own") == []
        assert b"forged" not in [payload for _, payload in await heard_until(gateway, b"own")]
