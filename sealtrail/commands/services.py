"""Verbs that run one service until they are told to stop."""

from __future__ import annotations

import importlib
import sys

import click

from sealtrail.runtime import service
from sealtrail.runtime.embedded_nats import with_running_server
from sealtrail.runtime.settings.tree import Settings


def _run(ctx: click.Context, name: str, module: str) -> None:
    settings: Settings = with_running_server(ctx.obj)
    sys.exit(service.run(name, settings, importlib.import_module(module).main))


@click.command()
@click.pass_context
def gateway(ctx: click.Context) -> None:
    """Run the gateway: devices publish over MQTT, the log keeps what they say.

    Example: SEALTRAIL_NATS__URL=nats://127.0.0.1:4222 sealtrail gateway
    """
    _run(ctx, "gateway", "gateway.app")


@click.command()
@click.pass_context
def access(ctx: click.Context) -> None:
    """Run access: logins at the broker are answered from the registry, and suspended devices are cut.

    Several of them share the logins.

    Example: sealtrail --settings sealtrail.toml access
    """
    _run(ctx, "access", "gateway.access.app")


@click.command()
@click.pass_context
def ingest(ctx: click.Context) -> None:
    """Run the record: the log goes to InfluxDB or the embedded store, and questions are answered.

    Example: SEALTRAIL_INGEST__STORE=influxdb sealtrail ingest
    """
    _run(ctx, "ingest", "ingest.app")


@click.command()
@click.pass_context
def anomaly(ctx: click.Context) -> None:
    """Run the judgement: readings and trip events become alert events.

    Several of them share the partitions and take over from each other.

    Example: sealtrail --settings sealtrail.toml anomaly
    """
    _run(ctx, "anomaly", "anomaly.app")


@click.command()
@click.pass_context
def alerts(ctx: click.Context) -> None:
    """Run the voice: alert events become incidents and notifications.

    Example: sealtrail --settings sealtrail.toml alerts
    """
    _run(ctx, "alerts", "alerts.app")


@click.command()
@click.pass_context
def controlroom(ctx: click.Context) -> None:
    """Run the control room's web page.

    Example: SEALTRAIL_CONTROLROOM__PORT=8080 sealtrail controlroom
    """
    _run(ctx, "controlroom", "dashboards.controlroom.app")
