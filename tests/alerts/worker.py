"""The alerts service as a process of its own, as `sealtrail alerts` runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.supervisor import health_port

PROGRAM = (
    "from alerts.app import main; from sealtrail.runtime import service; "
    "from sealtrail.runtime.settings.tree import load; "
    "raise SystemExit(service.run('alerts', load(), main))"
)
ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """One process; `kill` is kill -9."""

    def __init__(self, folder: Path, nats: NatsSettings, **settings: str) -> None:
        self.log_file = folder / "alerts.log"
        self._state_dir = folder / "state"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEALTRAIL_")}
        self._environment = {
            **inherited,
            "SEALTRAIL_STATE_DIR": str(self._state_dir),
            "SEALTRAIL_NATS__URL": nats.url,
            "SEALTRAIL_NATS__USER": nats.user,
            "SEALTRAIL_NATS__PASSWORD": nats.password.get_secret_value(),
            "SEALTRAIL_ALERTS__RETRY_FIRST_S": "0.1",
            "SEALTRAIL_ALERTS__RETRY_CAP_S": "0.5",
            "SEALTRAIL_ALERTS__WEBHOOK__ALLOW_PRIVATE_ADDRESSES": "true",
            **{f"SEALTRAIL_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(15)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends it in order; returns the exit code."""
        return self._end(signal.SIGTERM)

    def figure(self, name: str) -> float | None:
        """Value of a metric without labels; None while the process isn't ready."""
        port = health_port(self._state_dir, "alerts")
        if port is None:
            return None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                pass
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
                text = reply.read().decode()
        except (OSError, ValueError):
            return None
        found = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(found[0]) if found else None

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""
