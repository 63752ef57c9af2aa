"""A real InfluxDB 2.7 for tests: own folder, free port, set up by its own API, stopped by its pid.

The binary is ``$SEALTRAIL_INFLUXD``, else ``influxd`` on PATH, else the one that
`tests.parts.build` has made. Without any the tests that need it are skipped by
name; with ``CI=true`` they fail instead.

In a conftest: ``from tests.parts.influxd import influxd  # noqa: F401 - a fixture``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.parts import build
from tests.parts.ports import free_port

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 20.0


def find_influxd() -> Path | None:
    """Path of the server's binary, or None where this machine has none."""
    configured = os.environ.get("SEALTRAIL_INFLUXD")
    if configured:
        return Path(configured)
    on_path = shutil.which("influxd")
    if on_path:
        return Path(on_path)
    built = build.cached("influxd")
    return built if built.exists() else None


@dataclass
class InfluxServer:
    """A server in a folder. ``stop`` and ``start`` keep folder, port and data."""

    binary: Path
    folder: Path
    port: int
    org: str = "sealtrail-test"
    bucket: str = "sealtrail-test"
    token: str = "token-of-a-throw-away-server"
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts the server and waits until it answers; fails with the end of its log."""
        log = self.folder / "influxd.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    str(self.binary),
                    f"--http-bind-address=127.0.0.1:{self.port}",
                    f"--bolt-path={self.folder / 'influxd.bolt'}",
                    f"--engine-path={self.folder / 'engine'}",
                    f"--sqlite-path={self.folder / 'influxd.sqlite'}",
                    "--reporting-disabled",
                    "--log-level=warn",
                ],
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder)},
            )
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/health", timeout=2).is_success:
                    return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"influxd didn't start:\n{log.read_text(errors='replace')[-2000:]}")

    def stop(self, *, kill: bool = False) -> None:
        """Ends the server: with SIGTERM, or with SIGKILL as a crash would."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def set_up(self) -> None:
        """Makes the first user, the organisation, a bucket and the all-access token."""
        body = {
            "username": "tester",
            "password": "password-of-a-throw-away-server",
            "org": self.org,
            "bucket": self.bucket,
            "token": self.token,
        }
        answer = httpx.post(f"{self.url}/api/v2/setup", json=body, timeout=30)
        assert answer.status_code == httpx.codes.CREATED, answer.text

    def rows(self, flux: str) -> list[dict[str, str]]:
        """Rows of all tables of a query's answer; fails with the server's words where it refuses."""
        answer = httpx.post(
            f"{self.url}/api/v2/query",
            params={"org": self.org},
            json={"query": flux, "dialect": {"header": True, "annotations": []}},
            headers={"Authorization": f"Token {self.token}"},
            timeout=60,
        )
        assert answer.is_success, answer.text
        found: list[dict[str, str]] = []
        for block in answer.text.replace("\r\n", "\n").split("\n\n"):
            if block.strip():
                found += csv.DictReader(io.StringIO(block))
        errors = [row["error"] for row in found if row.get("error")]
        assert not errors, errors
        return found


@contextlib.contextmanager
def running_influxd() -> Iterator[InfluxServer]:
    """A fresh server that is already set up; skips or fails (CI) where there is no binary."""
    binary = find_influxd()
    if binary is None:
        reason = "influxd: not on this machine (python -m tests.parts.build influxd makes it)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="sealtrail-influxd-") as folder:
        server = InfluxServer(binary, Path(folder), free_port())
        server.start()
        try:
            server.set_up()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def influxd() -> Iterator[InfluxServer]:
    """One server for the whole run; tests make buckets of their own and leave it running."""
    with running_influxd() as server:
        yield server
