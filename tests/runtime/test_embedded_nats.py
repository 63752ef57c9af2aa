"""The embedded server: starts anywhere, is taken over, comes back where it was."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from sealtrail.contract import subjects
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime import embedded_nats
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.log import Log
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.settings.nats import NatsSettings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedNats]:
    """A started server in a folder of its own."""
    nats = EmbeddedNats(tmp_path, NatsSettings())
    nats.start()
    yield nats
    nats.stop()


def _settings(endpoint: Endpoint) -> NatsSettings:
    return NatsSettings(url=endpoint.url, user=endpoint.user, password=SecretStr(endpoint.password))


def test_two_servers_side_by_side(server: EmbeddedNats, tmp_path: Path) -> None:
    """Free ports and own folders: a second system on the machine is no problem."""
    other = EmbeddedNats(tmp_path / "other", NatsSettings())
    try:
        endpoint = other.start()
        assert server.endpoint is not None
        assert endpoint.client_port != server.endpoint.client_port
    finally:
        other.stop()


def test_a_port_taken_in_between_is_left_to_whoever_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that was free when it was chosen, and isn't at the start, costs another try, not the start."""
    with socket.socket() as client_taken, socket.socket() as mqtt_taken:
        for taken in (client_taken, mqtt_taken):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
        choices = iter([client_taken.getsockname()[1], None, None, mqtt_taken.getsockname()[1]])
        free_port = embedded_nats.free_port
        monkeypatch.setattr(embedded_nats, "free_port", lambda host: next(choices, None) or free_port(host))
        nats = EmbeddedNats(tmp_path, NatsSettings())
        try:
            endpoint = nats.start()
            assert nats.alive()
            taken_ports = {taken.getsockname()[1] for taken in (client_taken, mqtt_taken)}
            assert not taken_ports & {endpoint.client_port, endpoint.mqtt_port}
            assert next(choices, "used up") == "used up"
        finally:
            nats.stop()


def test_a_running_server_is_taken_over(server: EmbeddedNats, tmp_path: Path) -> None:
    """The parent that comes after a crashed one uses the server that still runs."""
    heir = EmbeddedNats(tmp_path, NatsSettings())
    endpoint = heir.start()
    assert heir.taken_over
    assert endpoint == server.endpoint
    assert heir.alive()


def test_a_hanging_server_is_replaced(server: EmbeddedNats, tmp_path: Path) -> None:
    """A server that runs but doesn't answer is ended first, so that two never share a folder."""
    assert server.endpoint is not None
    hanging = server.endpoint.pid
    os.kill(hanging, signal.SIGSTOP)
    heir = EmbeddedNats(tmp_path, NatsSettings())
    try:
        assert heir.start().pid != hanging
        assert not heir.taken_over
    finally:
        heir.stop()


async def test_a_killed_server_comes_back_with_everything(server: EmbeddedNats, tmp_path: Path) -> None:
    """After kill -9: same ports, same password, every acknowledged batch."""
    assert server.endpoint is not None
    before = server.endpoint
    log = await Log.connect(_settings(before), "test")
    await log.declare()
    sequence = await log.append(subjects.readings_subject(0), b"kept")
    os.kill(before.pid, signal.SIGKILL)
    heir = EmbeddedNats(tmp_path, NatsSettings())
    try:
        after = heir.start()
        assert (after.client_port, after.mqtt_port, after.password) == (
            before.client_port,
            before.mqtt_port,
            before.password,
        )
        reader = log.reader(subjects.LOG_STREAM, "sealtrail.log.*.*", sequence)
        messages = await reader.take(wait_s=10)
        assert [message.data for message in messages] == [b"kept"]
        await reader.close()
    finally:
        await log.close()
        heir.stop()


def test_it_comes_back_only_where_its_clients_look(server: EmbeddedNats) -> None:
    """While another program has its port it isn't started elsewhere, where nobody would find it."""
    endpoint = server.endpoint
    assert endpoint is not None
    os.kill(endpoint.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server.alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    with socket.create_server((endpoint.host, endpoint.client_port)):
        with pytest.raises(UnavailableError, match=str(endpoint.client_port)):
            server.start()
        assert not server.alive()
    assert server.start().client_port == endpoint.client_port
