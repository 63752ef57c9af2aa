"""The parts of the compose project, run from its own configuration files on 127.0.0.1.

Only what a machine without containers must have otherwise is replaced:
addresses and folders. A replacement that finds nothing fails, so that a test
can't pass on a file that it didn't understand.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sealtrail.runtime.embedded_nats import binary
from tests.parts.ports import free_port
from tests.shared import ROOT

DEPLOY = ROOT / "deploy"
WITHIN_S = 30.0


def adapted(name: str, folder: Path, replacements: dict[str, str], as_name: str = "") -> Path:
    """A copy of ``deploy/<name>`` in ``folder`` with every replacement made."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for old, new in replacements.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    target = folder / (as_name or name)
    target.write_text(text, encoding="utf-8")
    shutil.copymode(DEPLOY / name, target)
    return target


def wait_until(holds: Callable[[], bool], what: str, within_s: float = WITHIN_S) -> None:
    """Returns once ``holds``; fails naming ``what`` after the deadline."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether somebody listens on 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the test's own, ended with it; its environment is only what is given."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "HOME": str(log.parent), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the NATS server of the project answers."""

    client: int
    mqtt: int
    monitoring: int


def nats_files(folder: Path, listener: str = "mqtt-plain.conf") -> tuple[Path, Ports]:
    """NATS's configuration as the container sees it, on free ports; with the MQTT ``listener`` named."""
    ports = Ports(free_port(), free_port(), free_port())
    here = f"127.0.0.1:{ports.mqtt}"
    mqtt = {
        "mqtt-plain.conf": {"0.0.0.0:1883": here},
        "mqtt-tls.conf": {"0.0.0.0:8883": here, "/etc/nats/tls": str(folder / "tls")},
    }
    adapted(listener, folder, mqtt[listener], "mqtt.conf")
    config = adapted(
        "nats.conf",
        folder,
        {
            "0.0.0.0:4222": f"127.0.0.1:{ports.client}",
            "0.0.0.0:8222": f"127.0.0.1:{ports.monitoring}",
            "/data/jetstream": str(folder / "jetstream"),
        },
    )
    return config, ports


@contextmanager
def nats_of_the_project(
    folder: Path,
    environment: dict[str, str],
    listener: str = "mqtt-plain.conf",
    files: tuple[Path, Ports] | None = None,
) -> Iterator[Ports]:
    """The NATS server that compose would start, with the container's ``environment``.

    ``files`` are those of `nats_files` where a test has changed them.
    """
    config, ports = files or nats_files(folder, listener)
    log = folder / "nats.log"
    with running([binary(), "-c", str(config)], environment, log) as process:
        wait_until(
            lambda: process.poll() is not None or (answers(ports.mqtt) and answers(ports.client)),
            "NATS answers",
        )
        assert process.poll() is None, log.read_text()
        yield ports


@contextmanager
def mosquitto_of_the_project(folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """The Mosquitto that compose would start, by its own start script; yields the port."""
    port = free_port()
    scratch = folder / "scratch"
    (folder / "data").mkdir()
    config = adapted(
        "mosquitto.conf",
        folder,
        {
            "listener 1883 0.0.0.0": f"listener {port} 127.0.0.1",
            "/tmp/mosquitto": str(scratch),  # noqa: S108 - replaced, not used
            "/mosquitto/data/": f"{folder / 'data'}/",
        },
    )
    if os.geteuid() == 0:  # the container's user is not root; as root Mosquitto would drop to its own user
        with config.open("a") as file:
            file.write("user root\n")
    start = adapted("mosquitto-start.sh", folder, {"/tmp/mosquitto": str(scratch)})  # noqa: S108 - replaced
    adapted("mosquitto.acl", folder, {})
    log = folder / "mosquitto.log"
    path = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"}
    with running([str(start), str(config)], environment | path, log) as process:
        wait_until(lambda: process.poll() is not None or answers(port), "Mosquitto answers")
        assert process.poll() is None, log.read_text()
        yield port
