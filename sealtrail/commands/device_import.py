"""``sealtrail device import``: many devices at once."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import click

from sealtrail.commands.device_csv import read_devices
from sealtrail.commands.device_identity import doubt_about
from sealtrail.commands.device_shared import actor_of, run
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.trips import TripRecorder


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--check", is_flag=True, help="Only say what is wrong with it.")
@click.option("--actor", default="", help="Who imports it, for the record.")
@click.pass_context
def import_(ctx: click.Context, file: Path, *, check: bool, actor: str) -> None:
    """Enter the devices of a CSV file: all of them, or none and why.

    Columns: device_id, family, password, certificate_sha256,
    reporting_interval_s, messages_per_s, clock_offset (+08:00), capabilities (separated by spaces),
    container_id, note; the first two must be there. Devices without password
    and certificate get a password; those are printed as JSON lines, once.

    Example: sealtrail device import fleet.csv > passwords.jsonl
    """
    rows, refusals = read_devices(file)

    async def work(log: Log, settings: Settings) -> list[str]:
        registry = DeviceRegistry(log)
        given = {one.device_id for one in await registry.all()}
        taken = [
            f"line {row.line}: device_exists: {row.device.device_id} was given before"
            for row in rows
            if row.device.device_id in given
        ]
        if refusals or taken or check:
            return taken
        recorder = TripRecorder(log, settings.partitions)
        for row in rows:
            entered = await registry.add(row.device, actor_of(actor))
            if row.container_id:
                await recorder.record(
                    TripEvent(
                        event_id=secrets.token_hex(12),
                        kind=TripEventKind.PAIRED,
                        occurred_at_ms=entered.changed_at_ms,
                        recorded_at_ms=entered.changed_at_ms,
                        container_id=row.container_id,
                        actor=actor_of(actor),
                        device_id=entered.device_id,
                    )
                )
            if row.password:
                click.echo(json.dumps({"device_id": entered.device_id, "password": row.password}))
        return []

    for row in rows:
        doubt = doubt_about(row.device)
        if doubt is not None:
            click.echo(f"{file}: line {row.line}: note: {doubt}", err=True)
    problems = [*refusals, *run(ctx, work)]
    for problem in problems:
        click.echo(f"{file}: {problem}", err=True)
    if problems:
        raise click.ClickException(f"{file}: {len(problems)} lines are refused; nothing was entered")
    click.echo(f"{len(rows)} devices {'can be' if check else ''} entered".replace("  ", " "), err=True)
