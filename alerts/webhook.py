"""The webhook channel: one signed POST to one checked address."""

from __future__ import annotations

import asyncio
import email.utils
import http.cookiejar
import ssl
from collections import Counter, OrderedDict
from urllib.parse import urlsplit

import httpx

from alerts import addresses, signature
from alerts.addresses import Address
from alerts.channels import DELIVERED, Notification, Outcome, Verdict
from sealtrail.contract.clock import Clock
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.subscriber import Subscriber, Webhook
from sealtrail.runtime.settings.alerts import WebhookSettings

MAX_ANSWER_BYTES = 4_096
MAX_DETAIL = 200
MAX_CLIENTS = 64
MAX_RETRY_AFTER_S = 3_600.0
HTTP_OK, HTTP_MULTIPLE = 200, 300
HTTP_GONE = 410
PASSING_4XX = frozenset({408, 425, 429})


def _retry_after_s(value: str | None, now_ms: int) -> float | None:
    """Seconds that a Retry-After header asks for (number or date), at most an hour."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:  # noqa: PLR2004 - more digits are no wait
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return min(max(0.0, moment.timestamp() - now_ms / 1000), MAX_RETRY_AFTER_S)


def outcome_of(status: int, answer: bytes, retry_after_s: float | None) -> Outcome:
    """What an HTTP status means for the delivery (table in docs/notifications.md)."""
    text = "".join(sign if sign.isprintable() else " " for sign in answer.decode("utf-8", "replace"))
    detail = text.strip()[:MAX_DETAIL]
    name = f"http_{status}"
    if HTTP_OK <= status < HTTP_MULTIPLE:
        return DELIVERED
    if status == HTTP_GONE:
        return Outcome(Verdict.GIVE_UP, name, detail)
    if status in PASSING_4XX or status >= 500:  # noqa: PLR2004 - 5xx
        return Outcome(Verdict.RETRY, name, detail, retry_after_s)
    return Outcome(Verdict.RETRY_SLOWLY, name, detail, retry_after_s)


class WebhookChannel:
    """POSTs notifications. Neither proxies nor redirects nor cookies are used."""

    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._tls: ssl.SSLContext | None = None
        self._clients: OrderedDict[str, httpx.AsyncClient] = OrderedDict()
        self._busy: Counter[str] = Counter()

    async def open(self) -> None:
        self._tls = httpx.create_ssl_context(trust_env=False)

    def _client(self, origin: str) -> httpx.AsyncClient:
        """One client per origin: connections are pooled by address, so origins must not share them."""
        client = self._clients.pop(origin, None)
        if client is None:
            client = httpx.AsyncClient(
                verify=self._tls if self._tls is not None else True,
                trust_env=False,
                follow_redirects=False,
                timeout=self._settings.timeout_s,
                cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
                limits=httpx.Limits(max_keepalive_connections=4, keepalive_expiry=30),
            )
        self._clients[origin] = client
        return client

    async def _drop_idle_clients(self) -> None:
        idle = [origin for origin in self._clients if not self._busy[origin]]
        for origin in idle[: max(0, len(self._clients) - MAX_CLIENTS)]:
            await self._clients.pop(origin).aclose()

    async def attempt(self, subscriber: Subscriber, notification: Notification) -> Outcome:
        target = subscriber.channels.webhook
        if target is None:
            return Outcome(Verdict.GIVE_UP, "channel_removed", "the subscriber has no webhook any more")
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._post(target, notification)
        except (TimeoutError, httpx.TimeoutException):
            return Outcome(Verdict.RETRY, "timeout", f"no answer within {self._settings.timeout_s:g} s")
        except RefusedError as error:
            verdict = Verdict.RETRY if error.reason == "name_unknown" else Verdict.RETRY_SLOWLY
            return Outcome(verdict, error.reason, error.detail[:MAX_DETAIL])
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, OSError) as error:
            name = "connect_failed" if isinstance(error, httpx.ConnectError) else "http_failed"
            return Outcome(Verdict.RETRY, name, (str(error) or type(error).__name__)[:MAX_DETAIL])

    def _check_scheme(self, scheme: str, address: Address) -> None:
        private = not addresses.is_public(address)
        if scheme == "http" and not (self._settings.allow_plain_http or private):
            raise RefusedError("plain_http_refused", "the settings allow only https to public addresses")

    async def _post(self, target: Webhook, notification: Notification) -> Outcome:
        parts = urlsplit(target.url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await addresses.resolve(host, port, allow_private=self._settings.allow_private_addresses)
        for address in found:
            self._check_scheme(parts.scheme, address)
        body = notification.body
        headers = {
            "Host": parts.netloc,
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "sealtrail",
            "Idempotency-Key": notification.delivery_id,
            signature.HEADER: signature.sign(target.secret.get_secret_value(), self._clock() // 1000, body),
        }
        origin = f"{parts.scheme}://{host}:{port}"
        self._busy[origin] += 1
        try:
            client = self._client(origin)
            await self._drop_idle_clients()
            return await self._first_that_connects(client, target.url, found, headers, body)
        finally:
            self._busy[origin] -= 1

    async def _first_that_connects(
        self,
        client: httpx.AsyncClient,
        url: str,
        found: list[Address],
        headers: dict[str, str],
        body: bytes,
    ) -> Outcome:
        """Posts to the first of the checked addresses that takes a connection."""
        original = httpx.URL(url)
        for position, address in enumerate(found):
            request = client.build_request(
                "POST",
                original.copy_with(host=str(address)),
                content=body,
                headers=headers,
                extensions={"sni_hostname": original.host},
            )
            try:
                return await self._send(client, request)
            except httpx.ConnectError:
                if position == len(found) - 1:
                    raise
        raise RefusedError("name_unknown", original.host)

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> Outcome:
        """Sends one request and reads the beginning of the answer, raw."""
        response = await client.send(request, stream=True)
        try:
            answer = b""
            async for chunk in response.aiter_raw():
                answer += chunk[: MAX_ANSWER_BYTES - len(answer)]
                if len(answer) >= MAX_ANSWER_BYTES:
                    break
        finally:
            await response.aclose()
        retry_after_s = _retry_after_s(response.headers.get("Retry-After"), self._clock())
        return outcome_of(response.status_code, answer, retry_after_s)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()
