"""A subscriber: a real HTTP server that checks every signature and remembers every request."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

SECRET = "a secret of the tests"


class Answer(NamedTuple):
    """What the receiver says to a request."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Request(NamedTuple):
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    signed: bool

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]

    @property
    def event(self) -> dict[str, Any]:
        tree: dict[str, Any] = json.loads(self.body)
        return tree


def is_signed(header: str, body: bytes, secret: str = SECRET) -> bool:
    """The check of docs/notifications.md, written again from its text."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256)
    return hmac.compare_digest(expected.hexdigest(), parts["v1"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away (killed on purpose) is no news."""


class Receiver:
    """Answers by ``decide`` (204 by default); ``hold`` keeps answers back while it is cleared."""

    def __init__(self) -> None:
        self.decide: Callable[[Request], Answer] = lambda _request: Answer()
        self.hold = threading.Event()
        self.hold.set()
        self.requests: list[Request] = []
        self.stopped = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the sender was killed in the middle
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                signed = is_signed(headers.get("sealtrail-signature", "t=0,v1="), body)
                request = Request(self.path, headers, body, signed)
                if receiver.stopped:
                    self.close_connection = True
                    return
                receiver.requests.append(request)
                receiver.hold.wait(30)
                answer = receiver.decide(request)
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Quiet."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/alerts"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.stopped = True
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()

    def keys(self) -> Counter[str]:
        """How often each idempotency key came."""
        return Counter(request.key for request in list(self.requests))
