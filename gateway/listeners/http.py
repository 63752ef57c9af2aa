"""`HttpPort`: reports by HTTP POST. Only it and `http_server` know starlette and uvicorn.

::

    POST /v1/devices/<family>/<device_id>    the body is one message of that device
    POST /v1/<family>                        the message names its device, or headers do

202 once the log has it. 4xx names the reason: of a message that is in the quarantine
(401, 403, 422, 429) or of a request that can't be one (400, 404, 411, 413). 503 with ``Retry-After``
where there is no room or the log doesn't answer in time: the same request later does no harm.
The secret is a bearer token or the password of basic authentication: the device's own, or
that of the family's webhook. An address that asks too often gets 429 before anything is read.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.decoders import decoder_for
from gateway.listeners.door import House
from gateway.listeners.http_request import Addresses, credentials, family_tokens, named_device, told_device
from gateway.listeners.http_server import HttpDoor, HttpServer
from gateway.listeners.intake import Entry, Intake
from gateway.listeners.limits import Limits, neighbourhood
from gateway.listeners.tcp import BACKLOG, bound_socket
from gateway.listeners.tls import server_context
from gateway.rates import Bucket, Buckets
from gateway.topics import DEVICE_ID, MAX_DEVICE_ID, door_topic
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import RefusedError
from sealtrail.runtime.settings.gateway import GatewaySettings

RETRY_AFTER_S = 5
STATUS_OF = {"rate_limited": 429}
CLOSE_S = 5.0
MOST_ADDRESSES = 10_000
"""Addresses whose rate is remembered."""


class _Request:
    """One request until the log has its message."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def settled(self, entry: Entry) -> None:
        if not self.outcome.done():
            self.outcome.set_result(entry.refused)

    def flush(self) -> None:
        pass

    def resume(self) -> None:
        pass


class _TooLargeError(Exception):
    pass


class _NoRoomError(Exception):
    pass


class HttpPort:
    """One port for all families."""

    def __init__(self, settings: GatewaySettings, intake: Intake, house: House) -> None:
        """Raises `SettingsError` where TLS can't be set up, a token's family or a proxy can't be."""
        self._settings = settings.http
        self._max_bytes = settings.max_payload_bytes
        self._arriving_bytes = 0  # of all bodies that aren't complete
        self._intake = intake
        self._house = house
        self._context = server_context("gateway.http", self._settings.tls_cert, self._settings.tls_key)
        self._tokens = family_tokens(self._settings.tokens)
        self._proxies = Addresses("gateway.http.proxies", self._settings.proxies)
        rate, burst = self._settings.requests_per_s, self._settings.burst_requests
        newcomers = Bucket(MOST_ADDRESSES / 10, MOST_ADDRESSES)
        self._rates = Buckets(rate, burst, MOST_ADDRESSES, newcomers)
        self._socket: socket.socket | None = None
        self._server: HttpServer | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port in fact."""
        if self._socket is None:
            raise RuntimeError("the port isn't open")
        return int(self._socket.getsockname()[1])

    async def open(self) -> None:
        """Serves; raises `SettingsError` where that can't be."""
        self._socket = bound_socket("http", self._settings.host, self._settings.port, socket.SOCK_STREAM)
        self._socket.listen(BACKLOG)
        app = Starlette(
            routes=[
                Route("/v1/devices/{family}/{device_id}", self._post, methods=["POST"]),
                Route("/v1/{family}", self._post, methods=["POST"]),
            ]
        )
        config = uvicorn.Config(
            self._within_rate(app),
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=bool(self._settings.proxies),
            forwarded_allow_ips=list(self._settings.proxies),
            timeout_keep_alive=int(max(1, self._settings.timeout_s)),
            timeout_graceful_shutdown=1,
            server_header=False,
            ws="none",
        )
        config.load()
        door = HttpDoor(
            self._socket,
            self._context,
            Limits(self._settings.max_connections, self._settings.max_connections_per_address),
            self._settings.timeout_s,
            self._proxies.has,
            lambda reason: self._house.metrics.refused("http", "unknown", reason),
        )
        self._server = HttpServer(config, door)
        self._serving = asyncio.create_task(self._server.serve())

    async def close(self) -> None:
        """Ends what is being served."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait({self._serving}, timeout=CLOSE_S)
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    # ------------------------------------------------------------------------- one request

    def _within_rate(self, app: ASGIApp) -> ASGIApp:
        """The application, for addresses that don't ask too often."""

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            client = scope.get("client")
            if client and not self._rates.take(neighbourhood(client[0]), self._house.clock()):
                self._house.metrics.refused("http", "unknown", "too_many_requests")
                response = _refusal(429, "too_many_requests", "from this address")
                await response(scope, receive, send)
                return
            await app(scope, receive, send)

        return limited

    async def _post(self, request: Request) -> Response:
        try:
            decoder = decoder_for(request.path_params["family"])
        except RefusedError as error:
            self._house.metrics.refused("http", "unknown", "unknown_family")
            return _refusal(404, error.reason, error.detail)
        family = decoder.family
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                body = await self._body(request)
        except TimeoutError:
            self._house.metrics.refused("http", family, "slow_body")
            return _refusal(408, "slow_body", "the body didn't arrive in time")
        except ClientDisconnect:
            self._house.metrics.refused("http", family, "cut_off")
            return Response(status_code=400)
        except _TooLargeError:
            self._house.metrics.refused("http", family, "payload_too_large")
            return _refusal(413, "payload_too_large", f"more than {self._max_bytes} bytes")
        except _NoRoomError:
            self._house.metrics.refused("http", family, "full")
            return _later("full")
        self._house.metrics.of("http", family).received_bytes.inc(len(body))
        return await self._take(request, decoder, body)

    async def _body(self, request: Request) -> bytes:
        if not self._intake.has_room:
            raise _NoRoomError
        body = bytearray()
        try:
            async for piece in request.stream():
                body += piece
                self._arriving_bytes += len(piece)
                if len(body) > self._max_bytes:
                    raise _TooLargeError
                if self._arriving_bytes > max(self._settings.max_pending_bytes, self._max_bytes):
                    raise _NoRoomError
        finally:
            self._arriving_bytes -= len(body)
        return bytes(body)

    async def _take(self, request: Request, decoder: Decoder, body: bytes) -> Response:
        now_ms = self._house.clock()
        device_id = request.path_params.get("device_id")
        owner = ""
        if device_id is None:
            device_id, owner = told_device(decoder, request.headers, request.query_params)
            device_id = device_id or named_device(decoder, body, now_ms)
        reason = detail = ""
        status = 422
        user, secret = credentials(request.headers.get("authorization", ""))
        token = self._tokens.get(decoder.family)
        if token is not None and not hmac.compare_digest(token, secret):
            # nobody's message: a stranger must not use up the rate of the device that it names
            device_id, reason, status = "", "bad_token" if secret else "no_token", 403 if secret else 401
        if device_id:
            if len(device_id) > MAX_DEVICE_ID or DEVICE_ID.fullmatch(device_id) is None:
                device_id, reason, status = "", "bad_identity", 400
            elif token is not None:
                reason, status = self._house.access.standing(decoder.family, device_id, now_ms) or "", 403
            elif user not in {None, device_id, owner or device_id}:
                reason, status, detail = "identity_mismatch", 403, "the user isn't the device"
            else:
                refused = self._house.access.admit(decoder.family, device_id, secret, now_ms)
                if refused is not None:
                    reason, status = refused, STATUS_OF.get(refused, 403 if secret else 401)
        return await self._stored(
            door_topic("http", decoder.family, device_id or "", reason, detail), body, status
        )

    async def _stored(self, topic: str, body: bytes, refused_status: int) -> Response:
        family = topic.split("/")[1]
        if not self._intake.has_room:
            self._house.metrics.refused("http", family, "full")
            return _later("full")
        party = _Request()
        self._house.metrics.of("http", family).messages.inc()
        self._intake.put(topic, body, Entry(party, b"", None))
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                reason = await party.outcome
        except TimeoutError:
            return _later("log_unavailable")
        self._house.metrics.of("http", family).answers.inc()
        if reason:
            return _refusal(refused_status, reason, "kept in the quarantine")
        return JSONResponse({"stored": True}, 202)


def _refusal(status: int, reason: str, detail: str) -> JSONResponse:
    body: dict[str, Any] = {"refused": reason}
    if detail:
        body["detail"] = detail
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 429 else {}  # noqa: PLR2004  Too Many Requests
    if status == 401:  # noqa: PLR2004  Unauthorized
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status, headers)


def _later(reason: str) -> JSONResponse:
    return JSONResponse({"refused": reason}, 503, {"Retry-After": str(RETRY_AFTER_S)})
