"""``python -m bench``: the whole way, each stage alone, and the peer; one table."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec

from bench.errors import BenchError
from bench.parts import find_telegraf, forget_settings
from bench.plan import Plan, Programs, run
from bench.result import Report
from bench.table import render
from sealtrail.contract.errors import SealTrailError
from sealtrail.runtime import logs
from sealtrail.runtime.settings.health import LoggingSettings
from tests.parts.influxd import find_influxd
from tests.parts.mosquitto import find_mosquitto

PARTS = ("influx", "telegraf", "embedded", "stages", "gateway")


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


async def _run(plan: Plan, programs: Programs, report: Report) -> None:
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("runs as a task")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with tempfile.TemporaryDirectory(prefix="sealtrail-bench-") as folder:
        await run(plan, programs, Path(folder), report, _say)


@click.command()
@click.option("--quick", is_flag=True, help="A look of about two minutes; figures are rough.")
@click.option(
    "--seconds", default=25.0, show_default=True, help="How long each throughput run is to take, about."
)
@click.option("--messages", type=int, help="Messages of each throughput run, instead of a time.")
@click.option(
    "--containers", default=1_000, show_default=True, help="Containers under way, each with a trip."
)
@click.option("--cuts", default=200, show_default=True, help="Seals cut in the latency run.")
@click.option(
    "--only", type=click.Choice(PARTS), multiple=True, help="Only this part; may be given several times."
)
@click.option(
    "--telegraf",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Telegraf's binary, to run the same load beside; also $SEALTRAIL_TELEGRAF or on PATH.",
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write JSON here."
)
def main(
    *,
    quick: bool,
    seconds: float,
    messages: int | None,
    containers: int,
    cuts: int,
    only: tuple[str, ...],
    telegraf: Path | None,
    json_file: Path | None,
) -> None:
    """Measure SealTrail: device QoS 1 publish to queryable, to webhook, and each stage alone.

    Everything is started on free ports in a temporary folder, and ended. Parts
    that this machine doesn't have are left out by name.

    Example: python -m bench --quick --json bench.json
    """
    peer = find_telegraf(telegraf)
    influxd = find_influxd()
    forget_settings()
    logs.configure(LoggingSettings(level="error"), "bench")
    programs = Programs(mosquitto=find_mosquitto(), influxd=influxd, telegraf=peer)
    plan = Plan(
        seconds=min(seconds, 6.0) if quick else seconds,
        latency_s=8.0 if quick else 20.0,
        warm_up=5_000 if quick else 20_000,
        stage_count=20_000 if quick else 100_000,
        messages=messages,
        containers=containers,
        cuts=min(cuts, 80) if quick else cuts,
        parts=frozenset(only or PARTS),
    )
    report = Report(machine={}, options={**plan.shown(), "quick": quick})
    try:
        asyncio.run(_run(plan, programs, report))
    except asyncio.CancelledError:
        raise click.ClickException("stopped; everything that was started has been ended") from None
    except (BenchError, SealTrailError, OSError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        report.load_after = " ".join(f"{value:.2f}" for value in os.getloadavg())
        if report.machine:
            print(render(report))
        if json_file is not None:
            json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


if __name__ == "__main__":
    main()
