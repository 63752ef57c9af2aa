"""A subscriber of the demonstration: receives webhooks on this machine and remembers them."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import msgspec

from sealtrail.contract.clock import wall_clock_ms

MAX_BODY_BYTES = 4_000_000


class Received(NamedTuple):
    """A notification as it came in, first copy."""

    delivery_id: str
    kind: str  # CloudEvents type
    alert_id: str
    alert_type: str
    container_id: str
    trip_id: str
    at_ms: int


class WebhookReceiver:
    """An HTTP server on a free port of this machine; repeated idempotency keys are counted once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: dict[str, Received] = {}
        self.repeated = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length", 0)), MAX_BODY_BYTES)
                receiver.take(self.headers.get("Idempotency-Key", ""), self.rfile.read(length))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Nothing is written: the account is in the summary."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/sealtrail"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="webhook-receiver", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, key: str, body: bytes) -> None:
        """Remembers one notification by its idempotency key."""
        event: dict[str, Any] = msgspec.json.decode(body)
        data = event["data"]
        notification = Received(
            key,
            event["type"],
            data["alert_id"],
            data["type"],
            data["container_id"],
            data["trip_id"],
            wall_clock_ms(),
        )
        with self._lock:
            if key in self._received:
                self.repeated += 1
            else:
                self._received[key] = notification

    def received(self) -> list[Received]:
        """All notifications so far, each once, in order of arrival."""
        with self._lock:
            return list(self._received.values())
