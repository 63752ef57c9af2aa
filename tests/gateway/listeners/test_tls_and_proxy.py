"""TLS and the PROXY protocol on real sockets, and each where the other is expected."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from gateway.listeners.proxy_protocol import SIGNATURE, ProxyError, body_length, source_address
from tests.gateway.brokers import eventually
from tests.gateway.listeners.certificates import self_signed, trusting
from tests.gateway.listeners.gate import Device, OpenGate
from tests.gateway.listeners.test_tcp import LOCK_EVENT, line

CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(193))
PROXIED = (
    SIGNATURE
    + b"\x21\x11"
    + struct.pack(">H", 12)
    + bytes([192, 0, 2, 7, 192, 0, 2, 1])
    + b"\x12\x34\x01\x02"
)


async def test_tls_device(open_gate: OpenGate, tmp_path: Path) -> None:
    """A device that speaks TLS is heard and answered; its messages are told apart in the counts."""
    cert, key = self_signed(tmp_path)
    gate = await open_gate(listen={"json": {"port": 0, "tls_cert": str(cert), "tls_key": str(key)}})
    device = await Device.connected(gate.port("json"), ssl=trusting(cert))
    await device.send(b"".join(line(n) for n in range(300)))
    for _ in range(300):
        assert b"stored" in await device.heard(b"\n")
    assert gate.count("door_messages_total", door="tls", family="json") == 300
    await device.close()
    await eventually(lambda: gate.listeners.limits.count == 0)


async def test_plain_bytes_on_a_tls_port(open_gate: OpenGate, tmp_path: Path) -> None:
    """Plain frames on a TLS port are cut and counted, and take no place."""
    cert, key = self_signed(tmp_path)
    gate = await open_gate(listen={"json": {"port": 0, "tls_cert": str(cert), "tls_key": str(key)}})
    for _ in range(3):
        device = await Device.connected(gate.port("json"))
        await device.send(line(1))
        await device.closed()
    await eventually(lambda: gate.count("door_refused_total", reason="tls_handshake") == 3)
    assert gate.listeners.limits.count == 0


async def test_handshake_that_never_ends(open_gate: OpenGate, tmp_path: Path) -> None:
    """Who connects to a TLS port and says nothing is cut after the login time-out."""
    cert, key = self_signed(tmp_path)
    gate = await open_gate(
        listen={"json": {"port": 0, "tls_cert": str(cert), "tls_key": str(key)}},
        doors={"login_timeout_s": 0.2},
    )
    device = await Device.connected(gate.port("json"))
    await device.closed()
    await eventually(lambda: gate.count("door_refused_total", reason="tls_handshake") == 1)
    assert gate.listeners.limits.count == 0


async def test_tls_on_a_plain_port(open_gate: OpenGate) -> None:
    """A TLS greeting on a plain port ends in the quarantine, whole."""
    gate = await open_gate(listen={"jt701": {"port": 0}})
    device = await Device.connected(gate.port("jt701"))
    await device.send(CLIENT_HELLO)
    await device.close()
    await eventually(lambda: gate.count("door_messages_total") > 0 and gate.all_settled())
    await eventually(lambda: gate.listeners.limits.count == 0)
    assert b"".join(kept.payload for kept in await gate.refusals()) == CLIENT_HELLO


async def test_proxied_device(open_gate: OpenGate) -> None:
    """Behind a proxy the limit holds for the device's address, and header and frame may come in pieces."""
    gate = await open_gate(
        listen={"jt701": {"port": 0, "proxy_protocol": True}}, doors={"max_connections_per_address": 1}
    )
    device = await Device.connected(gate.port("jt701"))
    for byte in PROXIED + LOCK_EVENT:
        await device.send(bytes([byte]))
    assert await device.heard(b")") == b"(P69,0,7)"
    second = await Device.connected(gate.port("jt701"))
    await second.send(PROXIED + LOCK_EVENT)
    assert await second.closed() == b""
    assert gate.count("door_refused_total", reason="too_many_from_address") == 1
    await device.close()
    await eventually(lambda: gate.listeners.limits.count == 0)


async def test_proxied_tls(open_gate: OpenGate, tmp_path: Path) -> None:
    """The header comes before the handshake: a proxy that passes TLS through."""
    cert, key = self_signed(tmp_path)
    section = {"port": 0, "proxy_protocol": True, "tls_cert": str(cert), "tls_key": str(key)}
    gate = await open_gate(listen={"json": section})
    device = await Device.connected(gate.port("json"))
    await device.send(PROXIED)
    await device.writer.start_tls(trusting(cert), server_hostname="127.0.0.1")
    await device.send(line(1))
    assert b"stored" in await device.heard(b"\n")


async def test_device_that_passes_by_the_proxy(open_gate: OpenGate) -> None:
    """Without the header a connection is cut: nobody gets past the proxy."""
    gate = await open_gate(listen={"jt701": {"port": 0, "proxy_protocol": True}})
    device = await Device.connected(gate.port("jt701"))
    await device.send(LOCK_EVENT)
    assert await device.closed() == b""
    assert gate.count("door_refused_total", reason="no_proxy_header") == 1
    assert gate.count("door_messages_total") == 0


def test_proxy_header() -> None:
    """Addresses of both families; local and unspecified connections keep the proxy's."""
    assert source_address(PROXIED[:16], PROXIED[16:]) == "192.0.2.7"
    six = bytes.fromhex("20010db8000000000000000000000001") * 2 + b"\0\1\0\2"
    assert source_address(SIGNATURE + b"\x21\x21\x00\x24", six) == "2001:db8::1"
    assert source_address(SIGNATURE + b"\x20\x00\x00\x00", b"") is None
    assert source_address(SIGNATURE + b"\x21\x00\x00\x00", b"") is None


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n",
        SIGNATURE + b"\x11\x11\x00\x0c",
        SIGNATURE + b"\x2f\x11\x00\x0c",
        SIGNATURE + b"\x21\x11\xff\xff",
        b"",
    ],
)
def test_proxy_header_refused(head: bytes) -> None:
    """Another protocol, version or command, and a giant length, are refused by name."""
    with pytest.raises(ProxyError, match="no_proxy_header"):
        body_length(head)


def test_proxy_header_too_short_for_its_addresses() -> None:
    """A header that claims IPv4 and has no two addresses is refused."""
    with pytest.raises(ProxyError):
        source_address(PROXIED[:16], PROXIED[16:20])
