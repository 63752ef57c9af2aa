"""Datagrams, on a real socket with a real log behind it."""

from __future__ import annotations

import asyncio

from gateway.listeners.wires import wires
from sealtrail.runtime.embedded_nats import EmbeddedNats
from tests.gateway.brokers import eventually
from tests.gateway.listeners.gate import OpenGate, datagrams_to
from tests.shared import shared_rows


def frames() -> list[bytes]:
    """Position reports of the vectors, as they stand on the wire."""
    rows = shared_rows("vectors/traccar/gl200.jsonl")
    return [
        row["frame"].rstrip("$").encode() + b"$" for row in rows if row["frame"].startswith("+RESP:GTFRI")
    ]


async def test_datagrams_are_logged_and_answered(open_gate: OpenGate) -> None:
    """Each datagram is heard whole; garbage goes into the quarantine; both doors of a family count apart."""
    assert wires()["queclink"].udp
    gate = await open_gate(listen={"queclink": {"port": 0, "udp": True}})
    transport, _ = await datagrams_to(gate, "queclink")
    sent = frames()
    for frame in sent:
        transport.sendto(frame)
    transport.sendto(b"garbage")
    await eventually(lambda: gate.count("door_messages_total", door="udp") == len(sent) + 1)
    await eventually(gate.all_settled)
    assert gate.outcomes()["quarantined"] == len(await gate.refusals())
    assert b"garbage" in [kept.payload for kept in await gate.refusals()]
    assert len(await gate.readings()) > len(sent) / 2
    transport.close()


async def test_flood_of_one_address_is_bounded(open_gate: OpenGate, nats_server: EmbeddedNats) -> None:
    """With the log away the datagrams of one address are held up to a bound; the others are counted."""
    gate = await open_gate(
        listen={"queclink": {"port": 0, "udp": True}}, doors={"max_pending_per_connection": 20}
    )
    await asyncio.to_thread(nats_server.stop)
    transport, _ = await datagrams_to(gate, "queclink")
    for _ in range(300):
        transport.sendto(frames()[0])
    await eventually(lambda: gate.count("door_refused_total", reason="too_many_from_address") == 280)
    assert sum(intake.unsettled for intake in gate.listeners.intakes) == 20
    await asyncio.to_thread(nats_server.start)
    await eventually(gate.all_settled)
    transport.sendto(frames()[1])
    await eventually(lambda: gate.count("door_messages_total", door="udp") == 21)
    transport.close()
