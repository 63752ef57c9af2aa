"""How the session behaves towards brokers that refuse it or aren't there."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr

from gateway.course import Retry
from gateway.session import SessionState
from gateway.sessions import SESSIONS, mqtt_session
from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.settings.gateway import GatewaySettings, MqttSettings
from tests.gateway.brokers import NatsBroker, eventually, gateway_settings
from tests.gateway.publisher import Publisher
from tests.parts.mosquitto import running_mosquitto
from tests.parts.ports import free_port

QUICK = Retry(first_s=0.05, cap_s=0.2, refused_s=0.2)
Client = Literal["own", "paho"]


@pytest.fixture(params=sorted(SESSIONS), autouse=True)
def client(request: pytest.FixtureRequest) -> Client:
    """Each implementation in turn."""
    found: Client = request.param
    return found


@pytest.fixture
def nats(nats_broker: NatsBroker, client: Client) -> NatsBroker:
    """The embedded server, for a session of that implementation."""
    nats_broker.client = client
    return nats_broker


async def states_of(settings: GatewaySettings, wanted: SessionState) -> list[tuple[SessionState, str]]:
    """Opens a session until it has been in the wanted state and tried a few times more."""
    states: list[tuple[SessionState, str]] = []
    session = mqtt_session(settings, lambda state, why: states.append((state, why)), QUICK)
    await session.open()
    try:
        await eventually(lambda: wanted in [state for state, _ in states])
        await asyncio.sleep(1.0)  # several tries at these waiting times
    finally:
        await session.close()
    return states


async def test_wrong_password_is_named_once(nats: NatsBroker) -> None:
    """Refused credentials have a state of their own, which is one transition however often it is tried."""
    mqtt = nats.mqtt().model_copy(update={"password": SecretStr("wrong")})
    states = await states_of(GatewaySettings(mqtt=mqtt), SessionState.CREDENTIALS_REFUSED)
    assert [state for state, _ in states] == [SessionState.CREDENTIALS_REFUSED, SessionState.CLOSED]


async def test_refused_subscription_is_named(nats: NatsBroker) -> None:
    """A login that may not read the device topics, such as a device's, is a named state, not silence."""
    endpoint = nats.server.endpoint
    assert endpoint is not None
    mqtt = nats.mqtt().model_copy(
        update={"username": endpoint.device_user, "password": SecretStr(endpoint.device_password)}
    )
    states = await states_of(GatewaySettings(mqtt=mqtt), SessionState.SUBSCRIPTION_REFUSED)
    assert [state for state, _ in states] == [SessionState.SUBSCRIPTION_REFUSED, SessionState.CLOSED]
    assert "sealtrail/+/+/up" in states[0][1]


async def test_absent_broker_is_lost_once(client: Client) -> None:
    """A broker that isn't there is one transition however often it is tried."""
    settings = GatewaySettings(mqtt=MqttSettings(client=client, host="127.0.0.1", port=free_port()))
    states = await states_of(settings, SessionState.LOST)
    assert [state for state, _ in states] == [SessionState.LOST, SessionState.CLOSED]
    assert "refused" in states[0][1]


async def test_silent_server_is_given_up(client: Client) -> None:
    """Something that accepts connections and says nothing doesn't hold the session at shutdown."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = GatewaySettings(
            mqtt=MqttSettings(client=client, host="127.0.0.1", port=silent.getsockname()[1])
        )
        session = mqtt_session(settings, lambda *_: None, QUICK)
        await session.open()
        await asyncio.wait_for(session.close(), 3)


async def test_server_that_speaks_something_else_is_lost(client: Client) -> None:
    """Bytes that are no MQTT end the connection with a name instead of an exception."""

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = GatewaySettings(mqtt=MqttSettings(client=client, host="127.0.0.1", port=port))
        states = await states_of(settings, SessionState.LOST)
    assert [state for state, _ in states] == [SessionState.LOST, SessionState.CLOSED]


def test_no_broker_configured_says_what_to_do(client: Client) -> None:
    """Without a host the session refuses by the setting's name."""
    with pytest.raises(SettingsError, match=r"gateway\.mqtt\.host"):
        mqtt_session(GatewaySettings(mqtt=MqttSettings(client=client)), lambda *_: None)


async def test_missing_tls_files_are_a_setting_error(tmp_path: Path, client: Client) -> None:
    """A CA file that isn't there is found before the first connection."""
    mqtt = MqttSettings(client=client, host="127.0.0.1", tls=True, tls_ca=tmp_path / "no.pem")
    with pytest.raises(SettingsError, match="TLS"):
        mqtt_session(GatewaySettings(mqtt=mqtt), lambda *_: None)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A fresh self-signed certificate for 127.0.0.1 and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def tls_lines(folder: Path, port: int) -> tuple[str, Path]:
    """Lines that give Mosquitto a TLS listener, and the certificate to trust."""
    cert, key = certificate(folder)
    return f"user root\nlistener {port} 127.0.0.1\ncertfile {cert}\nkeyfile {key}\n", cert


async def test_tls_moves_everything(tmp_path: Path, client: Client) -> None:
    """Over TLS thousands of messages arrive and are acknowledged on one connection."""
    port = free_port()
    lines, cert = tls_lines(tmp_path, port)
    with running_mosquitto(tmp_path, lines=lines) as broker:
        mqtt = MqttSettings(client=client, host="127.0.0.1", port=port, tls=True, tls_ca=cert)
        states: list[SessionState] = []
        session = mqtt_session(GatewaySettings(mqtt=mqtt), lambda state, _: states.append(state), QUICK)
        await session.open()
        await eventually(lambda: SessionState.SUBSCRIBED in states)
        with Publisher(broker.host, broker.port, "a-device") as device:
            await asyncio.to_thread(
                device.publish, [("sealtrail/json/d1/up", b"%d" % n + bytes(700)) for n in range(3_000)]
            )
        count = 0
        async with asyncio.timeout(20):
            while count < 3_000:
                taken = await session.take(1_000, 0.01)
                session.ack([token for _, _, token in taken])
                count += len(taken)
        await session.close()
    assert states == [SessionState.SUBSCRIBED, SessionState.CLOSED]


# paho leaves the socket of a failed handshake to the garbage collector, which warns
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_certificate_of_another_authority_is_refused(tmp_path: Path, client: Client) -> None:
    """A broker whose certificate the configured CA didn't sign is not spoken to."""
    port = free_port()
    lines, _ = tls_lines(tmp_path, port)
    other = tmp_path / "other"
    other.mkdir()
    with running_mosquitto(tmp_path, lines=lines):
        mqtt = MqttSettings(
            client=client, host="127.0.0.1", port=port, tls=True, tls_ca=certificate(other)[0]
        )
        found = await states_of(GatewaySettings(mqtt=mqtt), SessionState.LOST)
    assert "certificate verify failed" in found[0][1]


async def test_a_fault_of_ours_does_not_end_the_session(nats: NatsBroker) -> None:
    """An exception that nobody expected in the network thread is a lost connection, made again."""
    states: list[SessionState] = []
    faults = iter([RuntimeError("nobody expected this")])

    def on_state(state: SessionState, _why: str) -> None:
        states.append(state)
        if state is SessionState.SUBSCRIBED and (fault := next(faults, None)):
            raise fault

    session = mqtt_session(gateway_settings(nats), on_state, QUICK)
    await session.open()
    await eventually(lambda: states.count(SessionState.SUBSCRIBED) == 2)
    mqtt = nats.mqtt()
    with Publisher(
        mqtt.host, mqtt.port, "a-device", mqtt.username, mqtt.password.get_secret_value()
    ) as device:
        await asyncio.to_thread(device.publish, [("sealtrail/json/d1/up", b"heard")])
    taken = await asyncio.wait_for(session.take(1, 0), 10)
    await session.close()
    assert [payload for _, payload, _ in taken] == [b"heard"]
    assert states == [
        SessionState.SUBSCRIBED,
        SessionState.LOST,
        SessionState.SUBSCRIBED,
        SessionState.CLOSED,
    ]
