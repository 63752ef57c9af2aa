"""`sealtrail up`: the whole system from one settings file."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from sealtrail.composition import SERVICES, Platform
from sealtrail.runtime import logs
from sealtrail.runtime.settings.tree import Settings, settings_file


async def _run(settings: Settings, file: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    platform = Platform(settings, file)
    starting = asyncio.create_task(platform.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            room = platform.settings.controlroom
            mqtt = platform.settings.gateway.mqtt
            click.echo(f"control room  http://{room.host}:{room.port}/")
            click.echo(
                f"devices       mqtt://{mqtt.host}:{mqtt.port}  (topics sealtrail/<family>/<device>/up)"
            )
            user, _ = platform.device_login()
            if settings.gateway.mqtt.host:
                click.echo("              with a login of that broker")
            elif user:
                click.echo(
                    f"              any device as user {user!r}; "
                    "password: nats/endpoint.json in the state folder"
                )
            else:
                click.echo("              each with its own login: sealtrail device add ID --family json")
            click.echo(f"state, logs   {settings.state_dir.resolve()}")
            click.echo("Ctrl-C stops everything.")
            await stop.wait()
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        stopping.cancel()
        click.echo("stopping …", err=True)
        await platform.stop()


@click.command()
@click.pass_context
def up(ctx: click.Context) -> None:
    """Run the whole system: every service as a process, parts embedded where no address is set.

    With nats.url set that server is used, with gateway.mqtt.host set that broker,
    with ingest.store = "influxdb" that InfluxDB; otherwise all is kept below
    state_dir. Services that die are started again.

    Example: sealtrail --settings sealtrail.toml up
    """
    file = settings_file(ctx.meta.get("sealtrail.settings_file"))
    settings: Settings = ctx.obj
    logs.configure(settings.logging, "up")
    click.echo(f"starting {', '.join(SERVICES)} …", err=True)
    asyncio.run(_run(settings, file))
