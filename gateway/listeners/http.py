"""`HttpPort`: reports by HTTP POST. The only file that knows starlette and uvicorn.

::

    POST /v1/devices/<family>/<device_id>    the body is one message of that device
    POST /v1/<family>                        the message names its device

202 once the log has it. 4xx names the reason: of a message that is in the quarantine
(401, 403, 422, 429) or of a request that can't be one (400, 404, 411, 413). 503 with ``Retry-After``
where there is no room or the log doesn't answer in time: the same request later does no harm.
The secret is a bearer token or the password of basic authentication.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.decoders import decoder_for
from gateway.listeners.door import House
from gateway.listeners.http_request import credentials, named_device
from gateway.listeners.intake import Entry, Intake
from gateway.listeners.tcp import bound_socket
from gateway.listeners.tls import server_context
from gateway.topics import DEVICE_ID, MAX_DEVICE_ID, door_topic
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import RefusedError
from sealtrail.runtime.settings.gateway import GatewaySettings

RETRY_AFTER_S = 5
STATUS_OF = {"rate_limited": 429}
CLOSE_S = 5.0


class _Server(uvicorn.Server):
    """uvicorn's server in a process that has its own way to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _impatient(patience_s: float) -> type[H11Protocol]:
    """Connections of uvicorn that are cut when no whole request comes in that time, twice it at most."""

    class Impatient(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            super().connection_made(transport)
            self._last: object = None
            self._look_later()

        def _look_later(self) -> None:
            self._looking = self.loop.call_later(patience_s, self._look)

        def _look(self) -> None:
            waits = self.cycle is None or self.cycle.response_complete
            if waits and self.cycle is self._last:
                self.transport.abort()
                return
            self._last = self.cycle
            self._look_later()

        def connection_lost(self, exc: Exception | None) -> None:
            self._looking.cancel()
            super().connection_lost(exc)

    return Impatient


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


class HttpPort:
    """One port for all families."""

    def __init__(self, settings: GatewaySettings, intake: Intake, house: House) -> None:
        """Raises `SettingsError` where TLS can't be set up."""
        self._settings = settings.http
        self._max_bytes = settings.max_payload_bytes
        self._intake = intake
        self._house = house
        self._context = server_context("gateway.http", self._settings.tls_cert, self._settings.tls_key)
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
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
        self._socket.listen(self._settings.max_connections)
        app = Starlette(
            routes=[
                Route("/v1/devices/{family}/{device_id}", self._post, methods=["POST"]),
                Route("/v1/{family}", self._post, methods=["POST"]),
            ]
        )
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http=_impatient(self._settings.timeout_s),
            limit_concurrency=self._settings.max_connections,
            timeout_keep_alive=int(max(1, self._settings.timeout_s)),
            timeout_graceful_shutdown=1,
            server_header=False,
            ws="none",
        )
        config.load()
        config.ssl = self._context
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([self._socket]))

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

    async def _post(self, request: Request) -> Response:
        try:
            decoder = decoder_for(request.path_params["family"])
        except RefusedError as error:
            self._house.metrics.refused("http", "unknown", "unknown_family")
            return _refusal(404, error.reason, error.detail)
        family = decoder.family
        if not self._intake.has_room:
            self._house.metrics.refused("http", family, "full")
            return _later("full")
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
        self._house.metrics.of("http", family).received_bytes.inc(len(body))
        return await self._take(request, decoder, body)

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > self._max_bytes:
                raise _TooLargeError
        return bytes(body)

    async def _take(self, request: Request, decoder: Decoder, body: bytes) -> Response:
        now_ms = self._house.clock()
        device_id = request.path_params.get("device_id")
        if device_id is None:
            device_id = named_device(decoder, body, now_ms)
        reason = detail = ""
        status = 422
        user, secret = credentials(request.headers.get("authorization", ""))
        if device_id:
            if len(device_id) > MAX_DEVICE_ID or DEVICE_ID.fullmatch(device_id) is None:
                device_id, reason, status = "", "bad_identity", 400
            elif user not in {None, device_id}:
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
