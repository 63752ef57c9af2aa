"""What was measured, as plain data: the table and the JSON file are made of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bench.procfs import Usage


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """One process in one run."""

    process: str
    cpu_us_per_message: float
    peak_rss_mb: float


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """The whole way of N messages: from the first PUBLISH until all can be queried."""

    name: str
    messages: int
    seconds: float
    published_per_s: float  # acknowledged by the broker; the rest of the way works off what is left
    queryable_per_s: float
    judged_per_s: float | None  # None: nothing judges in this configuration
    false_alerts: int | None
    others_cpu_share: float  # of the machine, taken by processes that have nothing to do with the run
    costs: tuple[Cost, ...]

    def cpu_us(self, *without: str) -> float:
        """CPU time for each message, of all processes but those named."""
        return sum(cost.cpu_us_per_message for cost in self.costs if cost.process not in without)

    def rss_mb(self, *without: str) -> float:
        """Sum of peak memory, of all processes but those named."""
        return sum(cost.peak_rss_mb for cost in self.costs if cost.process not in without)


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """From the PUBLISH that shows a cut seal until its webhook has been received."""

    name: str
    rate_per_s: float
    cuts: int
    received: int
    p50_ms: float | None
    p99_ms: float | None
    worst_ms: float | None


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One part alone: ``cpu_us`` of its process and ``per_s`` for each ``unit``."""

    name: str
    unit: str
    count: int
    cpu_us: float
    per_s: float
    note: str = ""


class Report(msgspec.Struct, kw_only=True):
    """Everything of one run of the benchmark; what was left out stands in ``skipped``."""

    machine: dict[str, str]
    options: dict[str, str | int | float | bool | None]
    ways: list[Way] = []
    latencies: list[Latency] = []
    stages: list[Stage] = []
    skipped: list[str] = []
    load_after: str = ""


def costs(usages: Mapping[str, Usage], messages: int) -> tuple[Cost, ...]:
    """CPU per message and peak memory of every process, in the order given."""
    return tuple(
        Cost(
            process=name,
            cpu_us_per_message=round(usage.cpu_s * 1e6 / messages, 1),
            peak_rss_mb=round(usage.peak_rss_mb, 1),
        )
        for name, usage in usages.items()
    )


def quantile(ordered: list[float], share: float) -> float:
    """Smallest value that at least ``share`` of the ordered values don't exceed."""
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]
