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
    return _status_mb(pid, "VmHWM:")


def rss_mb(pid: int) -> float:
    """Resident memory now (VmRSS), in megabytes of 10^6 bytes."""
    return _status_mb(pid, "VmRSS:")


def _status_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def machine_cpu_s() -> tuple[float, float]:
    """(busy, all) CPU time of the machine's cores so far; time that the host took away counts as busy."""
    line = Path("/proc/stat").read_text(encoding="utf-8").partition("\n")[0]
    times = [int(field) / _TICKS_IN_A_S for field in line.split()[1:9]]  # guest time is part of user time
    idle = times[3] + times[4]  # idle and waiting for disk
    return sum(times) - idle, sum(times)


class Meter:
    """CPU time of named processes from `start` on, and how busy others kept the machine meanwhile."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._begun: dict[str, float] = {}
        self._own_s = 0.0
        self._machine_s = (0.0, 0.0)

    def start(self) -> None:
        self._begun = {name: cpu_s(pid) for name, pid in self._pids.items()}
        self._own_s = cpu_s(os.getpid())
        self._machine_s = machine_cpu_s()

    def others_share(self) -> float:
        """Share (0 to 1) of the machine's CPU that neither these processes nor this one have used."""
        busy_s, all_s = machine_cpu_s()
        ours_s = sum(usage.cpu_s for usage in self.read().values()) + cpu_s(os.getpid()) - self._own_s
        passed_s = all_s - self._machine_s[1]
        return max(0.0, busy_s - self._machine_s[0] - ours_s) / passed_s if passed_s else 0.0

    def read(self) -> dict[str, Usage]:
        """What each has used since `start`; raises ``OSError`` naming a process that has died."""
        return {
            name: Usage(cpu_s(pid) - self._begun[name], peak_rss_mb(pid)) for name, pid in self._pids.items()
        }
