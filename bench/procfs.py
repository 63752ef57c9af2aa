"""What a process has cost: CPU time and peak memory as Linux counts them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_TICKS_IN_A_S = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields of /proc/<pid>/stat behind the command's closing bracket


class Usage(NamedTuple):
    """Of one process over one measurement. Peak memory is that of its whole life."""

    cpu_s: float
    peak_rss_mb: float


def cpu_s(pid: int) -> float:
    """User and system time of a process with all its threads; raises ``OSError`` where it has ended."""
    fields = (
        Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    )
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_IN_A_S


def peak_rss_mb(pid: int) -> float:
    """Most resident memory so far (VmHWM), in megabytes of 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


class Meter:
    """CPU time of named processes from `start` on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._begun: dict[str, float] = {}

    def start(self) -> None:
        self._begun = {name: cpu_s(pid) for name, pid in self._pids.items()}

    def read(self) -> dict[str, Usage]:
        """What each has used since `start`; raises ``OSError`` naming a process that has died."""
        return {
            name: Usage(cpu_s(pid) - self._begun[name], peak_rss_mb(pid)) for name, pid in self._pids.items()
        }
