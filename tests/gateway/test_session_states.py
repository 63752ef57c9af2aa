"""How the session behaves towards brokers that refuse it or aren't there."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.paho_session import PahoSession, Retry
from gateway.session import SessionState
from sealtrail.contract.errors import SettingsError
from sealtrail.runtime import embedded_nats
from sealtrail.runtime.settings.gateway import GatewaySettings, MqttSettings
from tests.gateway.brokers import NatsBroker, eventually, gateway_settings
from tests.parts.mosquitto import free_port

QUICK = Retry(first_s=0.05, cap_s=0.2, refused_s=0.2)


async def states_of(settings: GatewaySettings, wanted: SessionState) -> list[tuple[SessionState, str]]:
    """Opens a session until it has been in the wanted state and tried a few times more."""
    states: list[tuple[SessionState, str]] = []
    session = PahoSession(settings, lambda state, why: states.append((state, why)), QUICK)
    await session.open()
    try:
        await eventually(lambda: wanted in [state for state, _ in states])
        await asyncio.sleep(1.0)  # several tries at these waiting times
    finally:
        await session.close()
    return states


async def test_wrong_password_is_named_once(nats_broker: NatsBroker) -> None:
    """Refused credentials have a state of their own, which is one transition however often it is tried."""
    mqtt = nats_broker.mqtt().model_copy(update={"password": SecretStr("wrong")})
    states = await states_of(GatewaySettings(mqtt=mqtt), SessionState.CREDENTIALS_REFUSED)
    assert [state for state, _ in states] == [SessionState.CREDENTIALS_REFUSED, SessionState.CLOSED]


async def test_refused_subscription_is_named(
    nats_broker: NatsBroker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker that forbids reading the device topics gives a named state, not silence."""
    config = embedded_nats._config  # noqa: SLF001 - permissions have no setting

    def forbidding(*arguments: Any) -> str:
        return re.sub(
            r'user: ("[^"]+")\s+password: ("[^"]+")',
            r'users: [{user: \1, password: \2, permissions: {subscribe: {deny: ["sealtrail.*.*.up"]}}}]',
            config(*arguments),
        )

    monkeypatch.setattr(embedded_nats, "_config", forbidding)
    nats_broker.server.stop()
    nats_broker.server.start()
    states = await states_of(gateway_settings(nats_broker), SessionState.SUBSCRIPTION_REFUSED)
    assert [state for state, _ in states] == [SessionState.SUBSCRIPTION_REFUSED, SessionState.CLOSED]
    assert "sealtrail/+/+/up" in states[0][1]


async def test_absent_broker_is_lost_once() -> None:
    """A broker that isn't there is one transition however often it is tried."""
    settings = GatewaySettings(mqtt=MqttSettings(host="127.0.0.1", port=free_port()))
    states = await states_of(settings, SessionState.LOST)
    assert [state for state, _ in states] == [SessionState.LOST, SessionState.CLOSED]
    assert "refused" in states[0][1]


async def test_silent_server_is_given_up() -> None:
    """Something that accepts connections and says nothing doesn't hold the session at shutdown."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = GatewaySettings(mqtt=MqttSettings(host="127.0.0.1", port=silent.getsockname()[1]))
        session = PahoSession(settings, lambda *_: None, QUICK)
        await session.open()
        await asyncio.wait_for(session.close(), 3)


async def test_server_that_speaks_something_else_is_lost() -> None:
    """Bytes that are no MQTT end the connection with a name instead of an exception."""

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = GatewaySettings(mqtt=MqttSettings(host="127.0.0.1", port=port))
        states = await states_of(settings, SessionState.LOST)
    assert [state for state, _ in states] == [SessionState.LOST, SessionState.CLOSED]


def test_no_broker_configured_says_what_to_do() -> None:
    """Without a host the session refuses by the setting's name."""
    with pytest.raises(SettingsError, match=r"gateway\.mqtt\.host"):
        PahoSession(GatewaySettings(), lambda *_: None)


async def test_missing_tls_files_are_a_setting_error(tmp_path: Path) -> None:
    """A CA file that isn't there is found before the first connection."""
    mqtt = MqttSettings(host="127.0.0.1", tls=True, tls_ca=tmp_path / "no.pem")
    with pytest.raises(SettingsError, match="TLS"):
        PahoSession(GatewaySettings(mqtt=mqtt), lambda *_: None)
