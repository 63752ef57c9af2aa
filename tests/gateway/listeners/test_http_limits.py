"""Limits of the HTTP port: connections and requests of one address, and the webhooks' tokens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from gateway.listeners.access import Anyone
from gateway.listeners.limits import Limits, neighbourhood
from sealtrail.contract.errors import SettingsError
from tests.gateway.brokers import eventually
from tests.gateway.listeners.certificates import self_signed, trusting
from tests.gateway.listeners.gate import Device, Gate, OpenGate

HTTP = {"enabled": True, "port": 0, "timeout_s": 10}
REPORT = {"occurred_at": "2026-11-20T10:00:00Z"}
UPLINK = {
    "end_device_ids": {"device_id": "seal-7", "dev_eui": "70B3D57ED0000007"},
    "received_at": "2026-11-23T06:00:00Z",
    "uplink_message": {"decoded_payload": {"tamper": True}},
}


def port_of(gate: Gate) -> int:
    assert gate.listeners.http is not None
    return gate.listeners.http.port


def client(gate: Gate) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_of(gate)}", trust_env=False, timeout=30)


def refusals(gate: Gate, reason: str) -> float:
    return gate.count("door_refused_total", door="http", reason=reason)


async def test_connections_of_one_address(open_gate: OpenGate) -> None:
    """One more connection than an address may have is told why and counted; one that leaves makes room."""
    gate = await open_gate(http={**HTTP, "max_connections_per_address": 3})
    held = [await Device.connected(port_of(gate)) for _ in range(3)]
    surplus = await Device.connected(port_of(gate))
    answer = await surplus.closed()
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert answer.endswith(b'{"refused":"too_many_from_address"}')
    assert refusals(gate, "too_many_from_address") == 1
    await held[0].close()

    async def in_again() -> bool:
        async with client(gate) as http:
            try:
                return (await http.post("/v1/devices/json/d1", json=REPORT)).status_code == 202
            except httpx.TransportError:
                return False

    for _ in range(200):
        if await in_again():
            return
    raise AssertionError("no room was made")


async def test_requests_of_one_address(open_gate: OpenGate) -> None:
    """Requests beyond the rate are refused unread and counted by name, whatever they ask for."""
    gate = await open_gate(http={**HTTP, "requests_per_s": 0.001, "burst_requests": 3})
    async with client(gate) as http:
        statuses = [
            (await http.post("/v1/devices/json/d1", json=REPORT)).status_code,
            (await http.get("/nowhere")).status_code,
            (await http.post("/v1/morse", content=b"...")).status_code,
        ]
        assert statuses == [202, 404, 404]
        flood = [await http.post("/v1/devices/json/d1", json=REPORT) for _ in range(20)]
    assert {answer.status_code for answer in flood} == {429}
    assert {answer.json()["refused"] for answer in flood} == {"too_many_requests"}
    assert all("Retry-After" in answer.headers for answer in flood)
    assert refusals(gate, "too_many_requests") == 20
    assert len(await gate.readings()) == 1


async def test_a_proxy_speaks_for_many(open_gate: OpenGate) -> None:
    """Behind a proxy that is named, the client's address counts; without one the header is idle talk."""
    limits = {"requests_per_s": 0.001, "burst_requests": 1, "max_connections_per_address": 1}
    through = await open_gate(http={**HTTP, **limits, "proxies": ["127.0.0.0/8"]})
    spoofed = await open_gate(http={**HTTP, **limits})

    async def statuses(gate: Gate) -> list[int]:
        async with client(gate) as http:
            return [
                (
                    await http.post(
                        "/v1/devices/json/d1", json=REPORT, headers={"X-Forwarded-For": f"192.0.2.{number}"}
                    )
                ).status_code
                for number in (1, 2, 1)
            ]

    assert await statuses(through) == [202, 202, 429]
    assert await statuses(spoofed) == [202, 429, 429]


async def test_webhook_needs_its_token(open_gate: OpenGate) -> None:
    """A family with a token is heard with it only, as bearer or password, for all its devices."""
    gate = await open_gate(http={**HTTP, "tokens": {"tts": "one-shared-secret"}}, access=Suspended())
    async with client(gate) as http:

        async def told(token: str | None, **options: object) -> tuple[int, str | None]:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answer = await http.post("/v1/ttn", json=UPLINK, headers=headers, **options)  # type: ignore[arg-type]
            return answer.status_code, answer.json().get("refused")

        assert await told(None) == (401, "no_token")
        assert await told("guess") == (403, "bad_token")
        assert await told("one-shared-secret") == (202, None)
        assert await told(None, auth=("tts", "one-shared-secret")) == (202, None)
        wanted = {**UPLINK, "end_device_ids": {"device_id": "suspended"}}
        right = {"Authorization": "Bearer one-shared-secret"}
        refused = await http.post("/v1/ttn", json=wanted, headers=right)
        assert (refused.status_code, refused.json()["refused"]) == (403, "suspended_device")
        other = await http.post("/v1/devices/json/d1", json=REPORT)
        assert other.status_code == 202
    kept = [(m.reason, m.device_id) for m in await gate.refusals()]
    assert kept == [("no_token", ""), ("bad_token", ""), ("suspended_device", "suspended")]
    assert {reading.device_id for reading in await gate.readings()} == {"seal-7", "d1"}


class Suspended(Anyone):
    """Everybody may speak but one."""

    def standing(self, family: str, device_id: str, now_ms: int) -> str | None:
        del family, now_ms
        return "suspended_device" if device_id == "suspended" else None


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"tokens": {"morse": "x"}}, "gateway.http.tokens.morse"),
        ({"tokens": {"ttn": ""}}, "gateway.http.tokens.ttn"),
        ({"proxies": ["here"]}, "gateway.http.proxies"),
    ],
)
async def test_settings_that_cannot_be(open_gate: OpenGate, section: dict[str, object], named: str) -> None:
    """A token of no family, an empty one, a proxy that is no address: each is refused by its name."""
    with pytest.raises(SettingsError, match=named):
        await open_gate(http={**HTTP, **section})


async def test_plain_bytes_on_the_https_port(open_gate: OpenGate, tmp_path: Path) -> None:
    """A connection that never shakes hands, or says HTTP in the clear, is cut, counted and holds no place."""
    cert, key = self_signed(tmp_path)
    gate = await open_gate(
        http={**HTTP, "timeout_s": 0.5, "tls_cert": cert, "tls_key": key, "max_connections_per_address": 2}
    )
    for said in (b"POST /v1/json HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff", b""):
        device = await Device.connected(port_of(gate))
        await device.send(said)
        assert b"HTTP" not in await device.closed()
    await eventually(lambda: refusals(gate, "tls_handshake") == 3)
    async with httpx.AsyncClient(verify=trusting(cert), trust_env=False) as http:
        url = f"https://127.0.0.1:{port_of(gate)}/v1/devices/json/d1"
        assert (await http.post(url, json=REPORT)).status_code == 202


async def test_tls_on_the_http_port(open_gate: OpenGate) -> None:
    """The beginning of a TLS handshake at a port without TLS is no request, and the next client is served."""
    gate = await open_gate(http=HTTP)
    device = await Device.connected(port_of(gate))
    await device.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2)
    assert (await device.closed())[:12] in {b"", b"HTTP/1.1 400"}
    async with client(gate) as http:
        assert (await http.post("/v1/devices/json/d1", json=REPORT)).status_code == 202


async def test_good_client_beside_a_flood(open_gate: OpenGate) -> None:
    """While one address floods beyond its rate, another one's reports are stored."""
    gate = await open_gate(
        http={**HTTP, "requests_per_s": 0.001, "burst_requests": 10, "proxies": ["127.0.0.1"]}
    )

    async def post(http: httpx.AsyncClient, address: str, number: int) -> int:
        report = {**REPORT, "sequence": number}
        path = f"/v1/devices/json/{address.replace('.', '-')}"
        return (await http.post(path, json=report, headers={"X-Forwarded-For": address})).status_code

    async with client(gate) as http:
        mad = asyncio.gather(*(post(http, "192.0.2.1", number) for number in range(80)))
        good = [await post(http, "192.0.2.2", number) for number in range(8)]
        assert sorted(await mad) == [202] * 10 + [429] * 70
    assert good == [202] * 8


def test_an_ipv6_network_counts_as_one_address() -> None:
    """Addresses of one /64 share a limit; IPv4 in IPv6's clothes is IPv4."""
    limits = Limits(10, 2)
    assert [limits.enter(f"2001:db8::{number}") for number in (1, 2, 3)] == [
        None,
        None,
        "too_many_from_address",
    ]
    assert limits.enter("2001:db8:0:1::1") is None
    limits.leave("2001:db8::2")
    assert limits.enter("2001:db8::9") is None
    assert neighbourhood("::ffff:192.0.2.1") == neighbourhood("192.0.2.1") == "192.0.2.1"
    assert neighbourhood("fe80::1%eth0") == "fe80::/64"


async def test_bodies_that_are_still_arriving_have_one_bound(open_gate: OpenGate) -> None:
    """Many slow senders of large bodies fill no memory: the next one is told to come later, and may."""
    http_settings = {**HTTP, "max_pending_bytes": 65_536}
    gate = await open_gate(http=http_settings, max_payload_bytes=50_000)
    head = b"POST /v1/devices/json/d%d HTTP/1.1\r\nHost: x\r\nContent-Length: 45000\r\n\r\n"
    slow = [await Device.connected(port_of(gate)) for _ in range(2)]
    for number, sender in enumerate(slow):
        await sender.send(head % number + bytes(40_000))
    answers = [asyncio.create_task(sender.heard(b'"}')) for sender in slow]
    told, waiting = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
    assert [answer.result().split(b"\r\n")[0] for answer in told] == [b"HTTP/1.1 503 Service Unavailable"]
    assert refusals(gate, "full") == 1
    for answer in waiting:
        answer.cancel()
    async with client(gate) as http:
        assert (await http.post("/v1/devices/json/d3", json=REPORT)).status_code == 202
