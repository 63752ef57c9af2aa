"""Reports by HTTP POST, on a real socket with a real log behind it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from gateway.decoders import decoders
from gateway.listeners.access import Anyone
from sealtrail.runtime.embedded_nats import EmbeddedNats
from tests.gateway.brokers import eventually
from tests.gateway.listeners.gate import Device, Gate, OpenGate
from tests.gateway.listeners.test_tcp import LOCK_EVENT

HTTP = {"enabled": True, "port": 0, "timeout_s": 2}
REPORT = {"sequence": 1, "occurred_at": "2026-11-20T10:00:00Z", "seal": {"events": ["cut"]}}


class Keys(Anyone):
    """Lets those in who know the key, and says when one device has had enough."""

    def admit(self, family: str, device_id: str, secret: bytes, now_ms: int) -> str | None:
        assert (family, now_ms > 0) == ("json", True)
        if device_id == "eager":
            return "rate_limited"
        return None if secret == b"open" else "unknown_device"


def client(gate: Gate) -> httpx.AsyncClient:
    assert gate.listeners.http is not None
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{gate.listeners.http.port}", trust_env=False)


async def test_report_is_stored_before_the_answer(open_gate: OpenGate) -> None:
    """202 comes when the log has the report, of one device or of the device that the message names."""
    gate = await open_gate(http=HTTP)
    async with client(gate) as http:
        assert (await http.post("/v1/devices/json/d1", json=REPORT)).status_code == 202
        (reading,) = await gate.readings()
        assert (reading.device_id, reading.sequence) == ("d1", 1)
        batch = [{**REPORT, "sequence": n} for n in range(5)]
        assert (await http.post("/v1/devices/json/d2", json=batch)).status_code == 202
        assert (await http.post("/v1/json", json={**REPORT, "device_id": "d3"})).status_code == 202
        assert (await http.post("/v1/jointech", content=LOCK_EVENT)).status_code == 202
    assert [r.device_id for r in await gate.readings()] == ["d1", *["d2"] * 5, "d3", "2050018634"]
    assert gate.all_settled()


async def test_refusals_have_names(open_gate: OpenGate) -> None:
    """What is refused is told by name, and stands in the quarantine where there is something to keep."""
    gate = await open_gate(http=HTTP, max_payload_bytes=1_000)
    async with client(gate) as http:

        async def told(path: str, content: bytes) -> tuple[int, str]:
            response = await http.post(path, content=content)
            return response.status_code, response.json()["refused"]

        assert await told("/v1/devices/json/d1", b"{") == (422, "malformed_json")
        assert await told("/v1/json", json.dumps(REPORT).encode()) == (422, "no_identity")
        assert await told("/v1/devices/json/d~1", b"{}") == (400, "bad_identity")
        assert await told("/v1/devices/morse/d1", b"...") == (404, "unknown_family")
        assert await told("/v1/devices/json/d1", b" " * 2_000) == (413, "payload_too_large")
        assert (await http.get("/v1/json")).status_code == 405
        assert (await http.post("/elsewhere")).status_code == 404
    kept = [(m.reason, m.topic) for m in await gate.refusals()]
    assert kept == [
        ("malformed_json", "http/json/d1"),
        ("no_identity", "http/json/"),
        ("bad_identity", "http/json/"),
    ]


async def test_who_may_speak(open_gate: OpenGate) -> None:
    """Bearer token and basic password reach `Access`; a refused device's message is kept by its reason."""
    gate = await open_gate(http=HTTP, access=Keys())
    path = "/v1/devices/json/d1"
    async with client(gate) as http:
        assert (await http.post(path, json=REPORT)).status_code == 401
        wrong = await http.post(path, json=REPORT, headers={"Authorization": "Bearer shut"})
        assert (wrong.status_code, wrong.json()["refused"]) == (403, "unknown_device")
        assert (await http.post(path, json=REPORT, auth=("other", "open"))).json()[
            "refused"
        ] == "identity_mismatch"
        eager = await http.post("/v1/devices/json/eager", json=REPORT)
        assert (eager.status_code, "Retry-After" in eager.headers) == (429, True)
        assert await gate.readings() == []
        right = {"Authorization": "Bearer open"}
        assert (await http.post(path, json=REPORT, headers=right)).status_code == 202
        assert (await http.post(path, json=REPORT, auth=("d1", "open"))).status_code == 202
    assert gate.outcomes() == {"accepted": 1, "duplicate": 1, "quarantined": 4}


async def test_log_that_is_away(open_gate: OpenGate, nats_server: EmbeddedNats) -> None:
    """Without the log nothing is confirmed and memory is bounded: 503 with a time to come back."""
    gate = await open_gate(http={**HTTP, "max_pending_messages": 5, "timeout_s": 0.5})
    async with client(gate) as http:
        await asyncio.to_thread(nats_server.stop)
        posts = [http.post("/v1/devices/json/d1", json={**REPORT, "sequence": n}) for n in range(20)]
        answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["refused"] for answer in answers} == {"full", "log_unavailable"}
        assert all("Retry-After" in answer.headers for answer in answers)
        assert gate.listeners.intakes[0].unsettled == 5
        await asyncio.to_thread(nats_server.start)
        await eventually(gate.all_settled)
        assert (await http.post("/v1/devices/json/d1", json={**REPORT, "sequence": 99})).status_code == 202
    assert len(await gate.readings()) == 6


async def test_slow_body(open_gate: OpenGate) -> None:
    """A body that doesn't arrive in time ends the request, and takes no place."""
    gate = await open_gate(http={**HTTP, "timeout_s": 0.3})
    assert gate.listeners.http is not None
    device = await Device.connected(gate.listeners.http.port)
    await device.send(b"POST /v1/devices/json/d1 HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    assert b"408" in await device.heard(b"\r\n")


async def test_connections_without_a_request(open_gate: OpenGate) -> None:
    """Who connects and says nothing, or never ends a header, before or after a request, is cut."""
    gate = await open_gate(http={**HTTP, "timeout_s": 0.3, "max_connections": 5})
    assert gate.listeners.http is not None
    post = b"POST /v1/devices/json/d1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    for begun in (b"", b"POST /v1/json HTTP/1.1\r\nX: ", post + b"POST "):
        device = await Device.connected(gate.listeners.http.port)
        await device.send(begun)
        answer = await device.closed()
        assert (b"422" in answer) == (begun.startswith(post))
    async with client(gate) as http:
        assert (await http.post("/v1/devices/json/d1", json=REPORT)).status_code == 202


async def test_garbage_of_any_family(open_gate: OpenGate) -> None:
    """Garbage for any family is a named refusal, never a fault of ours."""
    gate = await open_gate(http=HTTP)
    async with client(gate) as http:
        for family in decoders():
            for body in (b"", b"\xff\xfe\x00", b"{}", b"[]", b"null", b"1e999", b"{" * 5_000):
                answer = await http.post(f"/v1/{family}", content=body)
                assert answer.status_code in {202, 422}, (family, body)
    assert gate.all_settled()


async def test_telephone_that_its_request_names(open_gate: OpenGate) -> None:
    """OwnTracks says in headers, or in the query, who it is; a topic of somebody else is refused by name."""
    gate = await open_gate(http=HTTP)
    place = {"_type": "location", "lat": -1.29, "lon": 36.82, "tst": 1_795_000_000, "tid": "ab"}
    limits = {"X-Limit-U": "jane", "X-Limit-D": "phone"}
    async with client(gate) as http:

        async def told(message: dict[str, object], **options: Any) -> int:
            return (await http.post("/v1/owntracks", json=message, **options)).status_code

        assert await told(place, headers=limits, auth=("jane", "secret")) == 202
        assert await told({**place, "tst": 1_795_000_001}, params={"u": "jane", "d": "tablet"}) == 202
        assert (
            await told({**place, "topic": "owntracks/jane/phone", "tst": 1_795_000_002}, headers=limits)
            == 202
        )
        assert await told({"_type": "waypoints", "waypoints": []}, headers=limits) == 202
        assert await told({**place, "topic": "owntracks/joe/phone"}, headers=limits) == 422
        assert await told(place, headers=limits, auth=("joe", "secret")) == 403
        assert await told(place, headers={**limits, "X-Limit-D": "my phone"}) == 400
    assert [each.device_id for each in await gate.readings()] == ["jane-phone", "jane-tablet", "jane-phone"]
    assert [each.reason for each in await gate.refusals()] == ["identity_mismatch"] * 2 + ["bad_identity"]
