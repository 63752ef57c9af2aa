"""Health, readiness and metrics of one process over HTTP.

``/healthz`` says that the process is alive, ``/readyz`` that it can do its work
(503 with the reason while not), ``/metrics`` is Prometheus text.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app

from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.settings.health import HealthSettings

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Health:
    """What the service says about itself: named conditions, all of which must hold."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting_for: dict[str, str] = {}

    def waiting(self, part: str, why: str) -> None:
        """The service isn't ready because of ``part``."""
        with self._lock:
            self._waiting_for[part] = why

    def ready(self, part: str) -> None:
        with self._lock:
            self._waiting_for.pop(part, None)

    def unready(self) -> dict[str, str]:
        """Parts that are waited for, with the reasons; empty means ready."""
        with self._lock:
            return dict(self._waiting_for)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Requests are not logged; numbers go to metrics."""


class HealthEndpoint:
    """The HTTP endpoint, in a thread of its own so that a busy loop can still be seen."""

    def __init__(
        self, settings: HealthSettings, service: str, health: Health, registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._settings = settings
        self._service = service
        self._health = health
        self._metrics = make_wsgi_app(registry)
        self._server: WSGIServer | None = None

    def start(self) -> int:
        """Listens and returns the port; raises `SettingsError` when the port is taken."""
        try:
            server = make_server(
                self._settings.host, self._settings.port, self._answer, _Server, handler_class=_Quiet
            )
        except OSError as error:
            raise SettingsError(
                f"health.port {self._settings.port} on {self._settings.host} can't be used: {error}"
            ) from error
        self._server = server
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
        return server.server_port

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return list(self._metrics(environ, start_response))
        unready = self._health.unready() if path == "/readyz" else {}
        if path not in ("/healthz", "/readyz"):
            status = "404 Not Found"
        else:
            status = "503 Service Unavailable" if unready else "200 OK"
        body = json.dumps({"service": self._service, "waiting_for": unready}).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]
