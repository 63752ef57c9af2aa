"""``sealtrail device export-mosquitto``: the registry as Mosquitto's files."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.access.mosquitto import tell_mosquitto, write_files
from sealtrail.commands.device_shared import run
from sealtrail.contract.device import Device, Login
from sealtrail.runtime.devices import DeviceRegistry, LoginBook
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings


@click.command("export-mosquitto")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--pid-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Mosquitto's pid_file: it is told (SIGHUP) to read the files again.",
)
@click.pass_context
def export_mosquitto(ctx: click.Context, folder: Path, *, pid_file: Path | None) -> None:
    """Write Mosquitto's password file and access list into FOLDER, once.

    Lines of your own, for the gateway's login, are taken from passwords.own and
    acl.own there. `sealtrail access` keeps the files current by itself where
    access.mosquitto_dir is set.

    Example: sealtrail device export-mosquitto /etc/mosquitto/sealtrail --pid-file /run/mosquitto.pid
    """

    async def work(log: Log, _: Settings) -> tuple[list[Device], list[Login]]:
        return await DeviceRegistry(log).all(), await LoginBook(log).all()

    devices, logins = run(ctx, work)
    try:
        changed = write_files(folder, devices, logins)
        if changed and pid_file is not None:
            tell_mosquitto(pid_file)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{folder}: {error}") from error
    click.echo(f"{len(devices)} devices, {len(logins)} subscribers: {'written' if changed else 'unchanged'}")
