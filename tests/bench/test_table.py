"""The table shows what was measured."""

from __future__ import annotations

import pytest

from bench.procfs import Usage
from bench.result import Latency, Report, Stage, Way, costs, quantile
from bench.table import render


def way(name: str, per_s: int, judged_per_s: int | None, usages: dict[str, Usage]) -> Way:
    return Way(
        name=name,
        messages=100_000,
        seconds=100_000 / per_s,
        published_per_s=50_000,
        queryable_per_s=per_s,
        judged_per_s=judged_per_s,
        false_alerts=None if judged_per_s is None else 0,
        others_cpu_share=0.125,
        costs=costs(usages, 100_000),
    )


def test_table_holds_every_figure_and_the_ratio() -> None:
    """Throughput, CPU and memory of every process, latency, stages and the comparison are all shown."""
    ours = {"publisher": Usage(0.1, 40), "mosquitto": Usage(1.0, 30), "gateway": Usage(2.0, 70)}
    peer = {"publisher": Usage(0.1, 40), "mosquitto": Usage(1.0, 30), "telegraf": Usage(4.0, 100)}
    report = Report(machine={"cpu": "2 x Test"}, options={})
    report.ways += [way("SealTrail", 20_000, 19_000, ours), way("Telegraf", 10_000, None, peer)]
    report.latencies.append(
        Latency(
            name="SealTrail", rate_per_s=9_500, cuts=200, received=199, p50_ms=87.2, p99_ms=301.9, worst_ms=9
        )
    )
    report.stages.append(Stage(name="wire codec", unit="reading", count=1, cpu_us=0.14, per_s=3_640_585))
    report.skipped.append("something")
    text = render(report)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "cpu: 2 x Test" in lines
    assert any("19,000/s" in line and "other processes took 12% of the machine" in line for line in lines)
    assert "gateway 20.0 70" in lines
    assert "all but the publisher 30.0 100" in lines
    assert "queryable msg/s 20,000 10,000 2.00" in lines
    assert "CPU µs/msg, without broker and database 20.0 40.0 0.50" in lines
    assert "SealTrail 9,500 200 199 87 302 9" in lines
    assert "wire codec 0.14 3,640,585 1 reading" in lines
    assert "left out: something" in lines


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_quantile_is_the_smallest_value_that_covers_the_share(share: float, expected: float) -> None:
    """p99 of 1 … 100 is 99, not an interpolation."""
    assert quantile([float(value) for value in range(1, 101)], share) == expected
