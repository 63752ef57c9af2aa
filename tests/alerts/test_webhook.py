"""The webhook channel against a real HTTP server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from alerts.channels import Notification, Verdict
from alerts.webhook import WebhookChannel, outcome_of
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.public.subscriber import Subscriber
from sealtrail.runtime.settings.alerts import WebhookSettings
from tests.alerts.receiver import SECRET, Answer, Receiver
from tests.alerts.samples import subscriber

NOTE = Notification("key-1", "MSCU6639870", b'{"specversion":"1.0"}')
OPEN = WebhookSettings(allow_private_addresses=True, timeout_s=5)


def at(url: str) -> Subscriber:
    return subscriber(channels={"webhook": {"url": url, "secret": SECRET}})


async def opened(settings: WebhookSettings) -> WebhookChannel:
    channel = WebhookChannel(settings, wall_clock_ms)
    await channel.open()
    return channel


@pytest_asyncio.fixture
async def channel() -> AsyncIterator[WebhookChannel]:
    """A channel that may reach this machine."""
    channel = await opened(OPEN)
    yield channel
    await channel.close()


async def test_a_delivery_is_signed_and_names_its_key(channel: WebhookChannel, receiver: Receiver) -> None:
    """The receiver gets exactly the body, a signature that checks, and the idempotency key."""
    outcome = await channel.attempt(at(receiver.url), NOTE)
    assert outcome.verdict is Verdict.DELIVERED
    (request,) = receiver.requests
    assert (request.path, request.body, request.key, request.signed) == ("/alerts", NOTE.body, "key-1", True)
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    sent_s = int(request.headers["sealtrail-signature"].split(",")[0].removeprefix("t="))
    assert abs(sent_s - wall_clock_ms() / 1000) < 10


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (202, Verdict.DELIVERED),
        (301, Verdict.RETRY_SLOWLY),
        (400, Verdict.RETRY_SLOWLY),
        (401, Verdict.RETRY_SLOWLY),
        (404, Verdict.RETRY_SLOWLY),
        (408, Verdict.RETRY),
        (410, Verdict.GIVE_UP),
        (425, Verdict.RETRY),
        (429, Verdict.RETRY),
        (500, Verdict.RETRY),
        (503, Verdict.RETRY),
    ],
)
async def test_statuses(channel: WebhookChannel, receiver: Receiver, status: int, verdict: Verdict) -> None:
    """Each class of status means what docs/notifications.md says."""
    receiver.decide = lambda _: Answer(status, body=b"because\x00 of")
    outcome = await channel.attempt(at(receiver.url), NOTE)
    assert outcome.verdict is verdict
    if verdict is not Verdict.DELIVERED:
        assert (outcome.name, outcome.detail) == (f"http_{status}", "because  of")


async def test_a_redirect_is_not_followed(channel: WebhookChannel, receiver: Receiver) -> None:
    """A redirect could lead anywhere, so it is a failure and nothing else is requested."""
    receiver.decide = lambda request: Answer(
        307 if request.path == "/alerts" else 204, (("Location", "/elsewhere"),)
    )
    assert (await channel.attempt(at(receiver.url), NOTE)).name == "http_307"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [("7", 7.0), ("999999", 3600.0), ("soon", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("-5", None)],
)
async def test_retry_after(
    channel: WebhookChannel, receiver: Receiver, value: str, wait_s: float | None
) -> None:
    """Retry-After is understood as seconds or date, capped at an hour, ignored where it is nonsense."""
    receiver.decide = lambda _: Answer(503, (("Retry-After", value),))
    assert (await channel.attempt(at(receiver.url), NOTE)).retry_after_s == wait_s


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_refused_by_default(receiver: Receiver, host: str) -> None:
    """Without the setting nothing reaches this machine, whatever name it goes by."""
    channel = await opened(WebhookSettings())
    outcome = await channel.attempt(at(f"http://{host}:{receiver.port}/alerts"), NOTE)
    await channel.close()
    assert outcome.verdict is Verdict.RETRY_SLOWLY
    assert outcome.name == "address_refused"
    assert receiver.requests == []


async def test_a_name_that_changes_its_address_gains_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is resolved once, and the connection goes to the checked address (DNS rebinding)."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name != "rebind.example":
            return real(host, port, *args, **kwargs)
        asked.append(name)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    channel = await opened(OPEN)
    outcome = await channel.attempt(at(f"http://rebind.example:{receiver.port}/alerts"), NOTE)
    await channel.close()
    assert outcome.verdict is Verdict.DELIVERED
    assert asked == ["rebind.example"]
    assert receiver.requests[0].headers["host"] == f"rebind.example:{receiver.port}"


async def test_plain_http_to_public_addresses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts don't cross the Internet unencrypted unless the settings say so; no connection is tried."""

    def public(*_args: Any, **_kwargs: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", public)
    channel = await opened(WebhookSettings())
    outcome = await channel.attempt(at("http://customs.example/alerts"), NOTE)
    await channel.close()
    assert (outcome.verdict, outcome.name) == (Verdict.RETRY_SLOWLY, "plain_http_refused")


async def test_a_silent_receiver_costs_one_time_limit(receiver: Receiver) -> None:
    """A receiver that takes the request and never answers ends in a timeout, not in a hang."""
    receiver.hold.clear()
    channel = await opened(WebhookSettings(allow_private_addresses=True, timeout_s=0.3))
    async with asyncio.timeout(3):
        outcome = await channel.attempt(at(receiver.url), NOTE)
    await channel.close()
    assert (outcome.verdict, outcome.name) == (Verdict.RETRY, "timeout")


async def test_nobody_there(channel: WebhookChannel) -> None:
    """A refused connection is tried again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outcome = await channel.attempt(at(f"http://127.0.0.1:{port}/"), NOTE)
    assert (outcome.verdict, outcome.name) == (Verdict.RETRY, "connect_failed")


async def test_an_endless_answer_is_cut(channel: WebhookChannel) -> None:
    """Of an answer without end only the beginning is read; the delivery counts by its status."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(5):
            outcome = await channel.attempt(at(f"http://127.0.0.1:{port}/"), NOTE)
    assert outcome.verdict is Verdict.DELIVERED


async def test_an_answer_that_is_no_http(channel: WebhookChannel) -> None:
    """Bytes that aren't HTTP are a failure by name, never an exception."""

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x16\x03\x01 not http\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await channel.attempt(at(f"http://127.0.0.1:{port}/"), NOTE)
    assert (outcome.verdict, outcome.name) == (Verdict.RETRY, "http_failed")


async def test_cookies_are_not_kept(channel: WebhookChannel, receiver: Receiver) -> None:
    """A receiver can't mark this service."""
    receiver.decide = lambda _: Answer(204, (("Set-Cookie", "mark=1; Path=/"),))
    await channel.attempt(at(receiver.url), NOTE)
    await channel.attempt(at(receiver.url), NOTE)
    assert [request.headers.get("cookie") for request in receiver.requests] == [None, None]


def test_a_long_explanation_is_shortened() -> None:
    """What a receiver says is kept for people, but not all of it."""
    assert len(outcome_of(500, b"x" * 4000, None).detail) == 200
