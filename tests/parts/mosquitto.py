"""A real Mosquitto for tests: own folder, free port, wide windows, stopped by its process id."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.ports import free_port

_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # Debian keeps it off a user's PATH
_ANSWERS_WITHIN_S = 10.0


def find_mosquitto() -> str | None:
    """Path of the program, or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(_PLACES))


class Mosquitto:
    """One broker on 127.0.0.1. ``restart`` keeps port and folder; sessions survive where ``persistent``."""

    def __init__(self, program: str, folder: Path, *, persistent: bool = False, lines: str = "") -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self._program = program
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} {self.host}\n"
            "allow_anonymous true\n"
            "max_inflight_messages 0\n"  # no window of the broker's own
            "max_queued_messages 0\n"
            "max_queued_bytes 0\n"
            "log_type error\n"
            f"persistence {'true' if persistent else 'false'}\n"
            f"persistence_location {folder}/\n"
            f"{lines}",
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        if self._process is None:
            raise RuntimeError("the broker isn't running")
        return self._process.pid

    def start(self) -> None:
        """Returns once the port answers; raises ``RuntimeError`` with the log where it doesn't."""
        log_path = self._folder / "mosquitto.log"
        with log_path.open("ab") as log:
            command = [self._program, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        deadline = time.monotonic() + _ANSWERS_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 1.0):
                return
        self.stop()
        raise RuntimeError(f"mosquitto doesn't answer: {log_path.read_text(encoding='utf-8')}")

    def stop(self) -> None:
        """Ends the broker in order; nothing where it has ended already."""
        self._end(kill=False)

    def kill(self) -> None:
        """Ends the broker at once, as a power cut would."""
        self._end(kill=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running_mosquitto(folder: Path, *, persistent: bool = False, lines: str = "") -> Iterator[Mosquitto]:
    """A broker for one test. Without the program the test is skipped by name, and fails where CI=true."""
    program = find_mosquitto()
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is required in CI: apt-get install mosquitto")
        pytest.skip("mosquitto is not on this machine")
    broker = Mosquitto(program, folder, persistent=persistent, lines=lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A fresh broker; import this name into a test module or conftest to use it."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with running_mosquitto(folder) as broker:
        yield broker
