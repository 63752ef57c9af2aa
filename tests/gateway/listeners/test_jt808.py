"""JT/T 808 terminals and NIOT e-seals on real sockets, with a real log behind them."""

from __future__ import annotations

from gateway.decoders._jt808_frame import Frame, parse
from sealtrail.contract.reading import SealEvent
from tests.gateway.decoders.jt808_frames import framed, item, location
from tests.gateway.decoders.test_niot import FRAME, SEAL, changed
from tests.gateway.listeners.gate import Device, OpenGate

CUT = framed(0x0200, location(item(0x60, b"\x00\x11") + item(0x14, bytes.fromhex("7d7e0102"))), serial=9)


async def answer(device: Device) -> Frame:
    """The next answer, both marks included."""
    return parse(await device.heard(b"\x7e") + await device.heard(b"\x7e"))


async def test_over_tcp(open_gate: OpenGate) -> None:
    """Registration, authentication and a cut are answered in order; the log has the cut by then."""
    gate = await open_gate(listen={"jt808": {"port": 0}})
    device = await Device.connected(gate.port("jt808"))
    await device.send(
        framed(0x0100, bytes(37), serial=1) + framed(0x0102, b"013812345678", serial=2) + CUT[:9]
    )
    answers = [await answer(device), await answer(device)]
    assert [each.message_id for each in answers] == [0x8100, 0x8001]
    await device.send(CUT[9:])
    assert (await answer(device)).body == bytes.fromhex("0009020000")
    (reading,) = await gate.readings()
    assert (reading.device_id, reading.seal_events) == ("013812345678", SealEvent.CUT)
    await device.close()


async def test_niot_over_tcp(open_gate: OpenGate) -> None:
    """A tampered e-seal is answered once the log has its report."""
    gate = await open_gate(listen={"niot": {"port": 0}})
    device = await Device.connected(gate.port("niot"))
    frame = changed((SEAL, "005e"))
    await device.send(frame + FRAME)
    assert (await device.heard(b"\x0d"))[5] == frame[-2]
    assert (await device.heard(b"\x0d"))[5] == FRAME[-2]
    readings = await gate.readings()
    assert {reading.seal_events for reading in readings} == {SealEvent.TAMPERED.value, SealEvent.NONE.value}
    await device.close()
