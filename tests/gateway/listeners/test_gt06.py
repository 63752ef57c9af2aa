"""GT06 devices on real sockets, with a real log behind them."""

from __future__ import annotations

from sealtrail.contract.reading import SealEvent
from tests.gateway.listeners.gate import Device, OpenGate

LOGIN = bytes.fromhex("78780d01086471700328358100093f040d0a")
TAMPER = bytes.fromhex(
    "78782da41a0509160203cf05be31f80c306530001c0010012ed000007ef40000000006428b074205041302ff0009389c0d0a"
)
HEARTBEAT = bytes.fromhex("78780a130604ea04000006bc8a0d0a")


async def test_over_tcp(open_gate: OpenGate) -> None:
    """Login, heartbeat and alarm in one write are answered in order; the log has the alarm by then."""
    gate = await open_gate(listen={"gt06": {"port": 0}})
    device = await Device.connected(gate.port("gt06"))
    await device.send(LOGIN + HEARTBEAT + TAMPER[:7])
    assert (await device.heard(b"\r\n"))[:6].hex() == "787805010009"
    assert (await device.heard(b"\r\n"))[:6].hex() == "787805130006"
    await device.send(TAMPER[7:])
    assert (await device.heard(b"\r\n"))[:6].hex() == "787805a40009"
    readings = await gate.readings()
    assert {reading.device_id for reading in readings} == {"864717003283581"}
    assert any(reading.seal_events == SealEvent.TAMPERED for reading in readings)
    await device.close()
