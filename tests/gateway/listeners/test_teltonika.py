"""Teltonika devices on real sockets, with a real log behind them."""

from __future__ import annotations

from sealtrail.contract.clock import iso
from tests.gateway.listeners.gate import Device, OpenGate, datagrams_to

LOGIN = b"\0\x0f356307042441013"
TWO_RECORDS = bytes.fromhex(
    "000000000000004308020000016b40d57b480100000000000000000000000000000001010101000000000000016b40d5c19801"
    "0000000000000000000000000000000101010101000000020000252c"
)
DATAGRAM = bytes.fromhex(
    "0049cafe0122000f33353734353430373237313339373508010000015d3766f6a800003eef961ec6215e0063006d0900310007"
    "0401000200f001c8000242381c18003201c7000000e10001"
)


async def test_over_tcp(open_gate: OpenGate) -> None:
    """Login and records are acknowledged, a damaged frame isn't, and a repetition is no new report."""
    gate = await open_gate(listen={"teltonika": {"port": 0}})
    device = await Device.connected(gate.port("teltonika"))
    await device.send(LOGIN)
    assert await device.heard(b"\1") == b"\1"
    await device.send(b"\xff" + TWO_RECORDS[:-1] + b"\0" + TWO_RECORDS + TWO_RECORDS)
    assert await device.heard(b"\2") == b"\0\0\0\2"
    assert await device.heard(b"\2") == b"\0\0\0\2"
    readings = await gate.readings()
    assert {reading.device_id for reading in readings} == {"356307042441013"}
    assert len({reading.reading_id for reading in readings}) == 2
    assert {iso(reading.occurred_at_ms) for reading in readings} == {
        "2019-06-10T10:01:01.000Z",
        "2019-06-10T10:01:19.000Z",
    }
    await device.close()


async def test_over_udp(open_gate: OpenGate) -> None:
    """A datagram names its device and is answered with its packet ids once the log has the record."""
    gate = await open_gate(listen={"teltonika": {"port": 0, "udp": True}})
    transport, device = await datagrams_to(gate, "teltonika")
    transport.sendto(DATAGRAM)
    assert await device.next() == bytes.fromhex("0005cafe012201")
    (reading,) = await gate.readings()
    assert reading.device_id == "357454072713975"
    transport.close()
