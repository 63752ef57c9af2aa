"""Logins at the real NATS server, answered by the real access service."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import aiomqtt
import pytest

from sealtrail.contract.device import DeviceState, Suspicion
from sealtrail.contract.subjects import subscriber_topic
from sealtrail.contract.trip import TripEvent
from sealtrail.runtime.devices import DeviceRegistry, LoginBook
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.log import Log
from sealtrail.runtime.nats_endpoint import Endpoint
from tests.gateway.access.desk import (
    OPEN,
    Desk,
    client,
    enter,
    gets_in,
    heard_until,
    identity_events,
    left_alone,
    subscribe,
    until_in,
    within,
)
from tests.gateway.brokers import until
from tests.parts.mqtt_packet import remaining_length, text

ALERT = subscriber_topic("customs", "MSCU6639871")


def _gateway(endpoint: Endpoint, identifier: str = "gateway") -> aiomqtt.Client:
    return client(endpoint.mqtt_port, endpoint.mqtt_user, endpoint.mqtt_password, identifier)


async def test_device_reports_as_itself_only(desk: Desk, endpoint: Endpoint, open_log: Log) -> None:
    """A device reports and hears its answers; what it says under another name or topic reaches nobody."""
    assert desk.ready()
    port = endpoint.mqtt_port
    await enter(open_log, "KE.0001")
    await until_in(port, "KE.0001")
    async with _gateway(endpoint) as gateway, client(port, "KE.0001") as device:
        await gateway.subscribe("sealtrail/#", qos=1)
        await device.subscribe("sealtrail/json/KE.0001/down", qos=1)
        for topic in (
            "sealtrail/json/KE-0002/up",
            "sealtrail/jt701/KE.0001/up",
            "sealtrail/json/KE.0001/down",
            "sealtrail/alerts/KE.0001/up",
            ALERT,
        ):
            await device.publish(topic, b"forged", qos=1)
        await device.publish("sealtrail/json/KE.0001/up", b"own", qos=1)
        await gateway.publish("sealtrail/json/KE.0001/down", b"answer", qos=1)
        assert await heard_until(gateway, b"own") == []
        async with within():
            answer = await anext(aiter(device.messages))
        assert answer.payload == b"answer"


async def test_topics_of_other_systems_need_a_login(desk: Desk, endpoint: Endpoint, open_log: Log) -> None:
    """A telephone may report on topics that name it, a network server on all of its family, no more."""
    assert desk.ready()
    port = endpoint.mqtt_port
    await enter(open_log, "jane-phone", family="owntracks")
    await enter(open_log, "lora", family="chirpstack", capabilities=("bridge",))
    await until_in(port, "jane-phone")
    await until_in(port, "lora")
    assert not await gets_in(port, "nobody")
    eui = "application/1/device/70b3d57ed0000007/event/up"
    async with (
        _gateway(endpoint) as gateway,
        client(port, "jane-phone") as phone,
        client(port, "lora") as bridge,
    ):
        for topic in ("owntracks/#", "application/#", "v3/#"):
            await gateway.subscribe(topic, qos=1)
        for topic in ("owntracks/john/phone", "owntracks/jane/phone/cmd", eui):
            await phone.publish(topic, b"forged", qos=1)
        await phone.publish("owntracks/jane/phone", b"own", qos=1)
        assert await heard_until(gateway, b"own") == []
        for topic in ("owntracks/jane/phone", "v3/app/devices/seal-7/up", "sealtrail/json/KE-0001/up"):
            await bridge.publish(topic, b"forged", qos=1)
        await bridge.publish(eui, b"uplink", qos=1)
        assert await heard_until(gateway, b"uplink") == []


async def test_device_hears_nothing_but_its_answers(desk: Desk, endpoint: Endpoint, open_log: Log) -> None:
    """A stolen device shows neither alerts nor what others report or are told."""
    assert desk.ready()
    await enter(open_log, "spy")
    await until_in(endpoint.mqtt_port, "spy")
    async with _gateway(endpoint) as gateway, client(endpoint.mqtt_port, "spy") as spy:
        for topic in ("sealtrail/alerts/#", "sealtrail/+/+/up", "sealtrail/json/+/down", "#"):
            codes = await spy.subscribe(topic, qos=1)
            assert not any(str(code).startswith("Granted") for code in codes), topic
        await spy.subscribe("sealtrail/json/spy/down", qos=1)
        await gateway.publish(ALERT, b"alert", qos=1)
        await gateway.publish("sealtrail/json/other/down", b"answer", qos=1)
        await gateway.publish("sealtrail/json/spy/down", b"the end", qos=1)
        assert await heard_until(spy, b"the end") == []


async def test_suspended_device_is_cut_and_stays_out(desk: Desk, endpoint: Endpoint, open_log: Log) -> None:
    """Within five seconds, without touching the broker; resumed, it gets in again; others go on."""
    assert desk.ready()
    registry = DeviceRegistry(open_log)
    for device_id in ("good", "stolen"):
        await enter(open_log, device_id)
        await until_in(endpoint.mqtt_port, device_id)
    async with client(endpoint.mqtt_port, "good") as good:
        async with within(), client(endpoint.mqtt_port, "stolen") as stolen:
            await registry.set_state("stolen", DeviceState.SUSPENDED, "test")
            with pytest.raises(aiomqtt.MqttError):
                await anext(aiter(stolen.messages))
            raise_on_exit = stolen
        del raise_on_exit
        assert not await gets_in(endpoint.mqtt_port, "stolen")
        await registry.set_state("stolen", DeviceState.ACTIVE, "test")
        await until_in(endpoint.mqtt_port, "stolen")
        await good.publish("sealtrail/json/good/up", b"still here", qos=1)


async def test_login_that_is_under_way_while_suspended_is_cut_too(
    desk: Desk, endpoint: Endpoint, open_log: Log
) -> None:
    """However the login and the suspension race, no session is left behind."""
    assert desk.ready()
    registry = DeviceRegistry(open_log)
    await enter(open_log, "racer")
    await until_in(endpoint.mqtt_port, "racer")

    async def ended() -> bytes:
        """What a connection hears until its end; on a bare socket, which notices every end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.mqtt_port)
        body = text("MQTT") + b"\x04\xc2\x00\x3c" + text("racer") * 2 + text(OPEN)
        writer.write(b"\x10" + remaining_length(len(body)) + body)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    racing = asyncio.create_task(ended())
    await registry.set_state("racer", DeviceState.SUSPENDED, "test")
    async with within():
        await racing


async def test_new_password_ends_the_old_session(desk: Desk, endpoint: Endpoint, open_log: Log) -> None:
    """Who was in with the old password is cut, and it opens nothing any more."""
    assert desk.ready()
    port = endpoint.mqtt_port
    user = await subscribe(open_log, "customs", "old")
    await until_in(port, user, "old")
    async with within(), client(port, user, "old") as listener:
        await subscribe(open_log, "customs", "new")
        with pytest.raises(aiomqtt.MqttError):
            await anext(aiter(listener.messages))
    assert not await gets_in(port, user, "old")
    assert await gets_in(port, user, "new")


async def test_subscriber_hears_its_own_alerts_only(desk: Desk, endpoint: Endpoint, open_log: Log) -> None:
    """It can neither hear of others' alerts or devices, nor say anything; removed, it is cut."""
    assert desk.ready()
    port = endpoint.mqtt_port
    user = await subscribe(open_log, "customs")
    await subscribe(open_log, "insurer")
    await until_in(port, user)
    async with within(15), _gateway(endpoint) as gateway, client(port, user) as customs:
        await gateway.subscribe("sealtrail/#", qos=1)
        await customs.subscribe("sealtrail/alerts/customs/#", qos=1)
        await customs.publish("sealtrail/json/KE-1/up", b"forged", qos=1)
        await customs.publish(ALERT, b"forged", qos=1)
        await gateway.publish(subscriber_topic("insurer", "MSCU6639871"), b"other's", qos=1)
        await gateway.publish(ALERT, b"own", qos=1)
        assert await heard_until(customs, b"own") == []
        assert [payload for _, payload in await heard_until(gateway, b"own")] == [b"other's"]
        await LoginBook(open_log).remove("customs")
        with pytest.raises(aiomqtt.MqttError):
            await anext(aiter(customs.messages))


@pytest.mark.parametrize(("user", "password"), [("known", "wrong"), ("unknown", "open"), ("known", "")])
async def test_others_stay_out(
    desk: Desk, endpoint: Endpoint, open_log: Log, user: str, password: str
) -> None:
    """Wrong password, unknown name, no password."""
    assert desk.ready()
    await enter(open_log, "known")
    await until_in(endpoint.mqtt_port, "known")
    assert not await gets_in(endpoint.mqtt_port, user, password)


async def test_without_the_service_sessions_stay_and_logins_wait_for_it(
    desk: Desk, endpoint: Endpoint, open_log: Log
) -> None:
    """A crash of the access service logs nobody out; who comes meanwhile gets in when it is back."""
    registry = DeviceRegistry(open_log)
    for device_id in ("early", "late", "stolen"):
        await enter(open_log, device_id)
        await until_in(endpoint.mqtt_port, device_id)
    async with client(endpoint.mqtt_port, "early") as early, within(40):
        async with left_alone(client(endpoint.mqtt_port, "stolen")) as stolen:
            desk.kill()
            await registry.set_state("stolen", DeviceState.SUSPENDED, "test")
            await early.publish("sealtrail/json/early/up", b"still here", qos=1)
            begun_s = time.monotonic()
            assert not await gets_in(endpoint.mqtt_port, "late")
            assert time.monotonic() - begun_s < 10
            await asyncio.to_thread(desk.start)
            await until_in(endpoint.mqtt_port, "late")
            async with within():
                with pytest.raises(aiomqtt.MqttError):  # suspended while nobody looked
                    await anext(aiter(stolen.messages))
        await early.publish("sealtrail/json/early/up", b"still here", qos=1)


async def test_after_a_restart_of_the_server_everybody_gets_in_again(
    desk: Desk, endpoint: Endpoint, open_log: Log, nats_server: EmbeddedNats
) -> None:
    """The access service finds the server again by itself."""
    await enter(open_log, "KE-0001")
    await until_in(endpoint.mqtt_port, "KE-0001")
    os.kill(endpoint.pid, signal.SIGKILL)
    until(lambda: not nats_server.alive())
    await asyncio.to_thread(nats_server.start)
    async with within(15):
        while not await gets_in(endpoint.mqtt_port, "KE-0001"):
            await asyncio.sleep(0.1)
    assert desk.ready()


async def test_two_that_both_go_on_speaking_are_told(desk: Desk, endpoint: Endpoint, open_log: Log) -> None:
    """Two connections under one device's login, each reporting: an event on the log says from where."""
    assert desk.ready()
    port = endpoint.mqtt_port
    await enter(open_log, "KE-0001")
    await until_in(port, "KE-0001")
    async with client(port, "KE-0001") as one, client(port, "KE-0001", identifier="copy") as other:

        async def told() -> list[TripEvent]:
            for device in (one, other):
                await device.publish("sealtrail/json/KE-0001/up", b"report", qos=1)
            return await identity_events(open_log)

        async with within(30):
            while not (events := await told()):
                await asyncio.sleep(0.1)
    (event,) = events
    assert (event.device_id, event.suspicion) == ("KE-0001", Suspicion.SECOND_SESSION.value)
    assert {event.evidence["client_id"], event.evidence["other_client_id"]} == {"KE-0001", "copy"}
