"""`sealtrail demo`: the whole system with a simulated fleet, on embedded parts."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import webbrowser
from pathlib import Path

import click

from sealtrail.demonstration.account import Account, as_json
from sealtrail.demonstration.run import Demonstration, prepare_folder
from sealtrail.runtime import logs
from sealtrail.runtime.settings.tree import Settings, settings_file


def _say(text: str) -> None:
    click.echo(text, err=True)


def _print_summary(account: Account) -> None:
    _say(
        f"published {account.published:,} = accepted {account.accepted:,} + duplicates {account.duplicates:,}"
        f" + quarantined {account.quarantined:,}; stored {account.stored:,} of {account.readings:,} readings"
    )
    _say(f"  the same {account.by_device:,} messages, device by device, from {account.devices} devices")
    for outcome in account.scripted:
        if outcome.expected is not None:
            delay = f"after {outcome.delay_s:.1f} s" if outcome.delay_s is not None else "never"
            _say(f"  {outcome.container_id}  {outcome.expected:<16} {outcome.kind:<20} delivered {delay}")
    for problem in account.problems:
        _say(f"  PROBLEM: {problem}")
    _say("everything accounted for" if account.ok else f"{len(account.problems)} problems")


async def _run(
    settings: Settings, file: Path | None, *, run_s: float | None, as_json_line: bool, browser: bool
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    demonstration = Demonstration(settings, file, _say)
    opening = asyncio.create_task(demonstration.__aenter__())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not opening.done():
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        return 130
    opening.result()
    try:
        _say("")
        _say(f"  live map   {demonstration.address}")
        _say(f"  logs       {settings.state_dir / 'logs'}")
        _say(f"  more       SEALTRAIL_STATE_DIR={settings.state_dir} sealtrail deliveries (or devices)")
        _say("  Ctrl-C stops everything." if run_s is None else f"  Ends after {run_s:.0f} s.")
        _say("")
        if browser:
            await asyncio.to_thread(webbrowser.open, demonstration.address)
        report = await demonstration.run_fleet(run_s, stop)
        if run_s is None or stop.is_set():
            return 0
        _say("waiting until everything has come through …")
        account = await demonstration.account(report)
        _print_summary(account)
        if as_json_line:
            click.echo(json.dumps(as_json(account)))
        return 0 if account.ok else 1
    finally:
        stopping.cancel()
        _say("stopping …")
        await demonstration.close()


@click.command()
@click.option("--for", "run_s", type=click.FloatRange(10, 86_400), help="Stop after this many seconds.")
@click.option("--json", "as_json_line", is_flag=True, help="End with one JSON object that accounts for all.")
@click.option("--seed", type=click.IntRange(0), help="Another fleet; equal seeds make equal fleets.")
@click.option("--containers", type=click.IntRange(1, 5_000), help="Size of the fleet.")
@click.option("--no-browser", is_flag=True, help="Don't open a browser.")
@click.pass_context
def demo(
    ctx: click.Context,
    *,
    run_s: float | None,
    as_json_line: bool,
    seed: int | None,
    containers: int | None,
    no_browser: bool,
) -> None:
    """Run the whole system on this machine with a simulated fleet.

    Starts NATS, every service as its own process, and the fleet, whose past hours
    come in within seconds; then it goes on live. Nothing is left behind.

    With --for the run ends with an account: exit code 0 only if every published
    message is accounted for, every accepted reading is stored, and every scripted
    event was raised and delivered exactly once and nothing else was.

    Example: sealtrail demo --for 60 --json
    """
    settings: Settings = ctx.obj
    changes = {"seed": seed, "containers": containers}
    simulator = settings.simulator.model_copy(
        update={name: value for name, value in changes.items() if value is not None}
    )
    settings = settings.model_copy(update={"simulator": simulator})
    logs.configure(settings.logging.model_copy(update={"level": "warning"}), "demo")
    _say("starting NATS and the services …")
    browser = not no_browser and run_s is None and sys.stderr.isatty()
    file = settings_file(ctx.meta.get("sealtrail.settings_file"))
    prepared = prepare_folder(settings)
    sys.exit(asyncio.run(_run(prepared, file, run_s=run_s, as_json_line=as_json_line, browser=browser)))
