"""What services say of themselves on /metrics."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from sealtrail.runtime.supervisor import health_port


def metrics(state_dir: Path, service: str) -> str:
    """Prometheus text of a service; raises ``OSError`` where it has gone."""
    port = health_port(state_dir, service)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as reply:
        return str(reply.read().decode())


def counter(text: str, name: str, label: str = "") -> int:
    """Sum of a counter over its labels, or over those that hold ``label``; without parsing the rest."""
    return round(
        sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{")) and label in line
        )
    )
