"""Hostile bytes at every port at once, on real sockets with a real log behind them."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from tests.gateway.brokers import eventually
from tests.gateway.listeners.gate import HERE, Device, Gate, OpenGate
from tests.gateway.listeners.test_tcp import line
from tests.gateway.listeners.test_tls_and_proxy import CLIENT_HELLO

STRANGERS = {
    "tls": CLIENT_HELLO,
    "http": b"GET /admin HTTP/1.1\r\nHost: gateway\r\nUser-Agent: scanner\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "mqtt": b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04scan",
    "rdp": bytes.fromhex("030000130ee000000000000100080003000000"),
    "zeros": bytes(9_000),
    "ones": b"\xff" * 9_000,
    "marks": b"\x78\x78\x79\x79\x7e\x24(+##S," * 700,
}
GIANTS = {
    "gt06": b"\x79\x79\xff\xff\x01" * 1_000,  # one such mark is chance, and noise
    "json": b"{" + b" " * 70_000,
    "jt701": b"$" + b"1" * 70_000,
    "jt808": b"\x7e" + b"1" * 9_000,
    "niot": b"\x58\x58\x80\xff\xff",
    "queclink": b"+RESP:GTFRI," + b"1" * 9_000,
    "eseal": b"##S,eSeal," + b"1" * 9_000,
    "teltonika": bytes(4) + b"\x7f\xff\xff\xff",
}
FAMILIES = sorted(GIANTS)
ALL = {family: {"port": 0} for family in FAMILIES}


async def said(port: int, data: bytes) -> None:
    """Connects, says it, hangs up."""
    device = await Device.connected(port)
    with contextlib.suppress(ConnectionError):
        await device.send(data)
        device.writer.write_eof()
    await device.closed()


async def good_device_is_heard(gate: Gate, number: int) -> None:
    """A device of the JSON family on a port beside is answered."""
    device = await Device.connected(gate.port("json"))
    await device.send(line(number))
    assert b"stored" in await device.heard(b"\n")


async def test_strangers_at_every_port(open_gate: OpenGate) -> None:
    """Scanners and other protocols at any port are quarantined to the last byte; none stays."""
    gate = await open_gate(listen=ALL)
    await asyncio.gather(
        *(said(gate.port(family), data) for family in FAMILIES for data in STRANGERS.values())
    )
    await good_device_is_heard(gate, 1)
    await Device.close_all()
    await eventually(lambda: gate.listeners.limits.count == 0)
    await eventually(gate.all_settled)
    kept = await gate.refusals()
    assert {message.family for message in kept} >= set(FAMILIES) - {"teltonika"}  # FF is its ping
    everything = sum(len(message.payload) for message in kept)
    sent = sum(map(len, STRANGERS.values())) * len(FAMILIES)
    filler = 9_000 + 10 * len(FAMILIES)  # zeros of queclink, line ends
    pings = 9_000  # FF of teltonika
    assert sent - filler - pings <= everything <= sent
    assert len(kept) < 40 * len(FAMILIES)  # noise is entered in pieces, not by the byte


async def test_giant_lengths_at_every_port(open_gate: OpenGate) -> None:
    """A frame that never ends, or says that it is huge, ends its connection by name and nothing else."""
    gate = await open_gate(listen=ALL)
    for family, data in GIANTS.items():
        device = await Device.connected(gate.port(family))
        with contextlib.suppress(ConnectionError):
            await device.send(data)
        assert await device.closed() == b"", family
    for family in FAMILIES:
        await eventually(lambda family=family: gate.count("door_refused_total", family=family) == 1)  # type: ignore[misc]  # bound at once
    await good_device_is_heard(gate, 2)
    reasons = {message.family: message.reason for message in await gate.refusals()}
    assert set(reasons) == set(FAMILIES)
    assert set(reasons.values()) <= {"frame_too_long", "bad_length", "too_large", "no_start_mark"}


async def test_datagrams_do_not_starve_a_connection(open_gate: OpenGate) -> None:
    """While a port is flooded with datagrams, a device on another port is answered, and all is counted."""
    gate = await open_gate(listen={"queclink": {"port": 0, "udp": True}, "json": {"port": 0}})
    address = (HERE, gate.listeners.udp["queclink"].port)
    over = asyncio.Event()

    async def flood() -> int:
        sent = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mad:
            mad.setblocking(False)
            while not over.is_set():
                with contextlib.suppress(BlockingIOError):
                    mad.sendto(b"\xff" * 512, address)
                    sent += 1
                if sent % 50 == 0:
                    await asyncio.sleep(0)
        return sent

    mad = asyncio.create_task(flood())
    device = await Device.connected(gate.port("json"))
    try:
        for number in range(50):
            await device.send(line(number))
            assert b"stored" in await device.heard(b"\n")
    finally:
        over.set()
    assert await mad > 50
    await eventually(gate.all_settled)
    heard = gate.count("door_messages_total", door="udp") + gate.count("door_refused_total", door="udp")
    assert 0 < heard <= mad.result()
