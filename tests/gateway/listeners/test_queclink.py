"""Queclink devices on real sockets, with a real log behind them."""

from __future__ import annotations

from sealtrail.contract.reading import Flag, SealEvent
from tests.gateway.listeners.gate import Device, OpenGate, datagrams_to

TAMPER = (
    b"+RESP:GTTSW,1A0100,135790246811220,,1,0,0,4.3,92,70.0,121.354335,31.222073,20261123062900,"
    b"0460,0000,18d8,6141,00,20261123062901,11F0$"
)
HEARTBEAT = b"+ACK:GTHBD,1A0401,135790246811220,,20261123062902,11F1$"


async def test_over_tcp(open_gate: OpenGate) -> None:
    """Heartbeat and report in one write are answered in order; the copy from memory is no second event."""
    gate = await open_gate(listen={"queclink": {"port": 0}})
    device = await Device.connected(gate.port("queclink"))
    await device.send(HEARTBEAT + TAMPER + b"\r\n")
    assert await device.heard(b"$") == b"+SACK:GTHBD,1A0401,11F1$"
    assert await device.heard(b"$") == b"+SACK:11F0$"
    await device.send(TAMPER.replace(b"+RESP", b"+BUFF"))
    assert await device.heard(b"$") == b"+SACK:11F0$"
    (reading,) = await gate.readings()
    assert (reading.device_id, reading.seal_events) == ("135790246811220", SealEvent.TAMPERED)
    assert not reading.flags & Flag.BUFFERED
    await device.close()


async def test_over_udp(open_gate: OpenGate) -> None:
    """A datagram is answered to where it came from once the log has its report."""
    gate = await open_gate(listen={"queclink": {"port": 0, "udp": True}})
    transport, device = await datagrams_to(gate, "queclink")
    transport.sendto(TAMPER)
    assert await device.next() == b"+SACK:11F0$"
    assert len(await gate.readings()) == 1
    transport.close()
