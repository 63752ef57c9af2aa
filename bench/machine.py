"""The machine and the versions that a measurement is only worth something with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path

from sealtrail.runtime.embedded_nats import binary as nats_binary

_LIBRARIES = ("msgspec", "nats-py", "paho-mqtt", "influxdb-client", "numpy")
_FSYNCS = 50


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def first_line(*command: str) -> str:
    """What a program says of itself; the reason where it doesn't."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown ({error})"
    return ((done.stdout or done.stderr).strip().splitlines() or ["unknown"])[0]


def fsync_ms() -> float:
    """Median time to write 4 KiB and have it on disk, where the benchmark keeps its files."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_FSYNCS):
            begun = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    return sorted(times)[_FSYNCS // 2] * 1000


def describe(mosquitto: str | None, influxd: Path | None, telegraf: Path | None) -> dict[str, str]:
    """Name and value, for people; given are the programs that take part."""
    one, five, fifteen = os.getloadavg()
    found = {
        "cpu": f"{os.cpu_count()} x {_cpu_model()}",
        "memory": f"{_memory_gb():.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES),
        "nats-server": first_line(nats_binary(), "-v"),
        "fsync of 4 KiB": f"{fsync_ms():.2f} ms",
        "load before": f"{one:.2f} {five:.2f} {fifteen:.2f}",
    }
    if mosquitto is not None:
        found["mosquitto"] = first_line(mosquitto, "-h")
    if influxd is not None:
        found["influxd"] = f"{influxd.name}: {first_line(str(influxd), 'version')}"
    if telegraf is not None:
        found["telegraf"] = f"{telegraf.name}: {first_line(str(telegraf), '--version')}"
    return found
