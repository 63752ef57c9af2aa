"""The gateway's TCP ports on real sockets, with a real log behind them."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from sealtrail.runtime.embedded_nats import EmbeddedNats
from tests.gateway.brokers import eventually
from tests.gateway.listeners.gate import HERE, Clock, Device, OpenGate

LOCK_EVENT = b"(2050018634,P45,051124,204046,9.861502,N,83.950336,W,A,1,0,1,1,0012260888,0,0,7)"
ANY_PORT = {"port": 0}


def line(sequence: int, device: str = "d1", **more: object) -> bytes:
    report = {"device_id": device, "sequence": sequence, "occurred_at": "2026-11-20T10:00:00Z", **more}
    return json.dumps(report).encode() + b"\n"


async def test_lock_event_is_answered_and_logged(open_gate: OpenGate) -> None:
    """A lock event cut at every byte is one reading, and its acknowledgement names its index."""
    gate = await open_gate(listen={"jt701": ANY_PORT})
    device = await Device.connected(gate.port("jt701"))
    for byte in LOCK_EVENT:
        await device.send(bytes([byte]))
    assert await device.heard(b")") == b"(P69,0,7)"
    (reading,) = await gate.readings()
    assert (reading.device_id, reading.card_id) == ("2050018634", "0012260888")
    await device.close()


async def test_frames_in_one_read_are_answered_in_order(open_gate: OpenGate) -> None:
    """Many reports in one write: each has its line of answer, in order, refused ones by name."""
    gate = await open_gate(listen={"json": ANY_PORT})
    device = await Device.connected(gate.port("json"))
    await device.send(
        b"".join(line(n) for n in range(500)) + line(500, light_lux="much") + b"\n\n" + line(501)
    )
    answers = [json.loads(await device.heard(b"\n")) for _ in range(502)]
    assert answers[:500] == [{"stored": True, "sequence": n} for n in range(500)]
    assert answers[500:] == [{"refused": "bad_value"}, {"stored": True, "sequence": 501}]
    assert len(await gate.readings()) == 501
    assert gate.outcomes() == {"accepted": 501, "quarantined": 1, "duplicate": 0}
    assert gate.count("door_answers_total", family="json") == 502
    await device.close()


async def test_nothing_is_answered_before_the_log_has_it(
    open_gate: OpenGate, nats_server: EmbeddedNats
) -> None:
    """With the log stopped under load nothing is answered, memory is bounded; all arrives when it is back."""
    bounds = {"max_pending_per_connection": 50, "max_pending_messages": 200}
    gate = await open_gate(listen={"json": ANY_PORT}, doors=bounds)
    devices = [await Device.connected(gate.port("json")) for _ in range(10)]
    await devices[0].send(line(0, "first"))
    await devices[0].heard(b"\n")
    await asyncio.to_thread(nats_server.stop)
    reports = {n: b"".join(line(m, f"d{n}") for m in range(2_000)) for n in range(10)}
    sending = asyncio.gather(*(each.send(reports[n]) for n, each in enumerate(devices)))
    intake = gate.listeners.intakes[0]
    await eventually(lambda: not intake.has_room)
    assert intake.unsettled <= 210  # a connection may be in the middle of what it had begun
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(devices[1].reader.readexactly(1), 0.3)
    await asyncio.to_thread(nats_server.start)
    for n, each in enumerate(devices):
        answers = [json.loads(await each.heard(b"\n")) for _ in range(2_000)]
        assert [answer.get("sequence") for answer in answers] == list(range(2_000)), n
    await sending
    assert len({(r.device_id, r.sequence) for r in await gate.readings()}) == 20_001
    assert gate.all_settled()


async def test_what_a_connection_leaves_is_kept(open_gate: OpenGate) -> None:
    """What was sent before the connection ended is logged, the incomplete frame at its end quarantined."""
    gate = await open_gate(listen={"json": ANY_PORT})
    device = await Device.connected(gate.port("json"))
    await device.send(line(1) + line(2) + b'{"device_id":')
    await device.close()
    await eventually(lambda: gate.outcomes() == {"accepted": 2, "quarantined": 1, "duplicate": 0})
    (kept,) = await gate.refusals()
    assert (kept.reason, kept.payload, kept.family, kept.topic) == (
        "cut_off",
        b'{"device_id":',
        "json",
        "tcp/json/d1",
    )


async def test_half_closed_connection_gets_its_answers(open_gate: OpenGate) -> None:
    """A device that sends all, closes its side and listens, hears every answer before the end."""
    gate = await open_gate(listen={"json": ANY_PORT})
    device = await Device.connected(gate.port("json"))
    await device.send(b"".join(line(n) for n in range(1_000)))
    device.writer.write_eof()
    assert (await device.closed()).count(b"stored") == 1_000


async def test_stream_that_cant_be_followed_ends(open_gate: OpenGate) -> None:
    """A giant length field closes the connection, and its bytes are in the quarantine by name."""
    gate = await open_gate(listen={"jt701": ANY_PORT})
    device = await Device.connected(gate.port("jt701"))
    giant = b"$\x12\x34\x56\x78\x90\x01\x11\xff\xff" + b"x" * 90
    await device.send(LOCK_EVENT + giant)
    assert await device.closed() == b"(P69,0,7)"
    (kept,) = await gate.refusals()
    assert (kept.reason, kept.payload) == ("frame_too_long", giant)
    assert gate.count("door_refused_total", reason="frame_too_long") == 1
    await eventually(lambda: gate.count("door_connections") == 0)


async def test_noise_before_a_frame_costs_only_itself(open_gate: OpenGate) -> None:
    """Garbage before a start mark is quarantined; the frame after it is read."""
    gate = await open_gate(listen={"jt701": ANY_PORT})
    device = await Device.connected(gate.port("jt701"))
    await device.send(b"\xff\x00garbage" + LOCK_EVENT)
    assert await device.heard(b")") == b"(P69,0,7)"
    (kept,) = await gate.refusals()
    assert kept.payload == b"\xff\x00garbage"
    await device.close()


async def test_time_outs(open_gate: OpenGate) -> None:
    """Who doesn't name itself and who falls silent is cut, also when bytes dribble in; who speaks is not."""
    clock = Clock()
    gate = await open_gate(
        listen={"json": ANY_PORT}, doors={"login_timeout_s": 30, "idle_timeout_s": 100}, monotonic=clock
    )
    nameless = await Device.connected(gate.port("json"))
    dribbling = await Device.connected(gate.port("json"))
    speaking = await Device.connected(gate.port("json"))
    await dribbling.send(line(1, "dribbling"))
    await dribbling.heard(b"\n")
    await speaking.send(line(1, "speaking"))
    await speaking.heard(b"\n")
    await eventually(lambda: gate.count("door_connections") == 3)
    clock.now_s += 40
    gate.listeners.sweep()
    assert await nameless.closed() == b""
    for _ in range(4):
        clock.now_s += 20
        received = gate.count("door_bytes_total")
        await dribbling.send(b"{")
        await speaking.send(line(2, "speaking"))
        await speaking.heard(b"\n")
        await eventually(lambda before=received: gate.count("door_bytes_total") > before + 50)  # type: ignore[misc]
        gate.listeners.sweep()
    assert await dribbling.closed() == b""
    assert [(kept.reason, kept.payload) for kept in await gate.refusals()] == [("idle_timeout", b"{{{{")]
    assert gate.count("door_refused_total", reason="login_timeout") == 1
    assert gate.count("door_refused_total", reason="idle_timeout") == 1
    assert gate.count("door_connections") == 1
    await speaking.close()


async def test_limits(open_gate: OpenGate) -> None:
    """Connections beyond the limit of their address are refused and counted; one that ends makes room."""
    gate = await open_gate(listen={"json": ANY_PORT}, doors={"max_connections_per_address": 3})
    devices = [await Device.connected(gate.port("json")) for _ in range(3)]
    await eventually(lambda: gate.count("door_connections") == 3)
    one_more = await Device.connected(gate.port("json"))
    assert await one_more.closed() == b""
    assert gate.count("door_refused_total", reason="too_many_from_address") == 1
    await devices[0].close()
    await eventually(lambda: gate.listeners.limits.count == 2)
    again = await Device.connected(gate.port("json"))
    await again.send(line(1))
    assert b"stored" in await again.heard(b"\n")
    for device in (*devices[1:], again):
        await device.close()


async def test_thousand_connections(open_gate: OpenGate) -> None:
    """A thousand devices on one port are all heard and answered, and nothing is left of them."""
    gate = await open_gate(listen={"json": ANY_PORT})
    port = gate.port("json")

    async def report(number: int) -> bytes:
        device = await Device.connected(port)
        await device.send(line(number, f"d{number}"))
        answer = await device.heard(b"\n")
        await device.close()
        return answer

    answers = await asyncio.gather(*(report(number) for number in range(1_000)))
    assert [json.loads(answer)["sequence"] for answer in answers] == list(range(1_000))
    await eventually(lambda: gate.listeners.limits.count == 0)
    assert gate.listeners.intakes[0].unsettled == 0


async def test_flood_doesnt_starve_a_good_device(open_gate: OpenGate) -> None:
    """Beside devices that send garbage as fast as they can, a good one is answered soon."""
    gate = await open_gate(listen={"json": ANY_PORT, "jt701": ANY_PORT})
    flooding = [await Device.connected(gate.port(family)) for family in ("json", "json", "jt701")]

    async def flood(device: Device) -> None:
        while True:
            await device.send(b"(garbage)\n" * 1_000)

    floods = [asyncio.create_task(flood(device)) for device in flooding]
    await eventually(lambda: gate.count("messages_quarantined_total") > 1_000)
    good = await Device.connected(gate.port("json"))
    loop = asyncio.get_running_loop()
    for number in range(5):
        begun_s = loop.time()
        await good.send(line(number, "good"))
        assert b"stored" in await good.heard(b"\n")
        assert loop.time() - begun_s < 3
    for task in floods:
        task.cancel()
    await asyncio.gather(*floods, return_exceptions=True)


async def test_stop_loses_nothing_that_was_received(open_gate: OpenGate) -> None:
    """What was received when the gateway is told to stop is logged, answered and accounted for."""
    gate = await open_gate(listen={"json": ANY_PORT}, doors={"max_pending_per_connection": 10})
    device = await Device.connected(gate.port("json"))
    await device.send(b"".join(line(n) for n in range(100)))
    await eventually(lambda: gate.count("door_bytes_total") > 0)
    await gate.stop()
    answered = (await device.closed()).count(b"stored")
    readings = await gate.readings()
    assert len(readings) >= answered > 0
    assert gate.all_settled()


async def test_port_that_is_taken(open_gate: OpenGate) -> None:
    """A port that another program has is told by its name."""
    with socket.create_server((HERE, 0)) as taken, pytest.raises(Exception, match=r"gateway\.listen\.json"):
        await open_gate(listen={"json": {"port": taken.getsockname()[1]}})


@pytest.mark.parametrize(
    ("listen", "told"),
    [
        ({"morse": {}}, "gateway.listen.morse"),
        ({"json": {"udp": True}}, "gateway.listen.json.udp"),
        ({"json": {}, "sealtrail": {}}, "has a section already"),
        ({"json": {"tls_key": "k"}}, "without tls_cert"),
        ({"json": {"tls_cert": "nowhere.pem"}}, "can't be used"),
        ({"ttn": {}}, "no port of its own"),
    ],
)
async def test_sections_that_cant_be(open_gate: OpenGate, listen: dict[str, object], told: str) -> None:
    """A wrong section is refused before anything is opened, by its name."""
    with pytest.raises(Exception, match=told):
        await open_gate(listen=listen)
