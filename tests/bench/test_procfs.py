"""CPU and memory of processes as the kernel counts them."""

from __future__ import annotations

import os
import time

from bench.procfs import Meter


def test_work_of_this_process_is_seen_as_its_own() -> None:
    """CPU time that a process burns is in its usage and not in that of others."""
    meter = Meter({"me": os.getpid()})
    meter.start()
    until = time.process_time() + 0.3
    ballast = bytearray(20_000_000)
    while time.process_time() < until:
        pass
    usage = meter.read()["me"]
    assert 0.25 < usage.cpu_s < 2.0
    assert usage.peak_rss_mb > len(ballast) / 1e6
    assert 0.0 <= meter.others_share() <= 1.0
