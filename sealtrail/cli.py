"""The command line: one verb for everything a person can do. Verbs are imported only when used."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import NamedTuple

import click

from sealtrail.contract.errors import SealTrailError

EXIT_REFUSED = 1


class Verb(NamedTuple):
    """Where a verb is implemented, and its line in the overview."""

    target: str
    summary: str


VERBS: dict[str, Verb] = {
    "demo": Verb("sealtrail.commands.demo:demo", "The whole system with a simulated fleet, on this machine."),
    "up": Verb("sealtrail.commands.up:up", "The whole system from one settings file."),
    "gateway": Verb("sealtrail.commands.services:gateway", "One service: devices in, log out."),
    "access": Verb("sealtrail.commands.services:access", "One service: who may sign in at the broker."),
    "ingest": Verb("sealtrail.commands.services:ingest", "One service: log to the record."),
    "anomaly": Verb("sealtrail.commands.services:anomaly", "One service: log to alert events."),
    "alerts": Verb("sealtrail.commands.services:alerts", "One service: incidents and notifications."),
    "controlroom": Verb("sealtrail.commands.services:controlroom", "One service: the web page."),
    "simulate": Verb("sealtrail.commands.simulate:simulate", "A simulated fleet against any MQTT broker."),
    "decode": Verb("sealtrail.commands.decode:decode", "Device frames to readings."),
    "judge": Verb("sealtrail.commands.judge:judge", "A file of readings through the judgement."),
    "evaluate": Verb("sealtrail.commands.evaluate:evaluate", "The judgement against a known truth."),
    "trip": Verb("sealtrail.commands.trip:trip", "Plan, change, authorise, check and end trips."),
    "corridor": Verb("sealtrail.commands.corridor:corridor", "Corridors learned from past journeys."),
    "models": Verb("sealtrail.commands.models:models", "Models of usual sensor values, learned."),
    "device": Verb("sealtrail.commands.device:device", "Which devices there are, and what they may do."),
    "devices": Verb("sealtrail.commands.devices:devices", "What came in from each device, what is missing."),
    "subscriber": Verb("sealtrail.commands.subscriber:subscriber", "Who is notified, and how."),
    "deliveries": Verb("sealtrail.commands.deliveries:deliveries", "The ledger of notifications."),
    "incident": Verb("sealtrail.commands.incident:incident", "List and work incidents."),
    "quarantine": Verb("sealtrail.commands.quarantine:quarantine", "Messages that could not be decoded."),
    "settings": Verb("sealtrail.commands.settings:settings", "The effective settings and their sources."),
    "schema": Verb("sealtrail.commands.schema:schema", "JSON Schemas of the public formats."),
}


class LazyGroup(click.Group):
    """Lists its verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        module, attribute = verb.target.split(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{verb.target} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file (TOML). Default: the one that SEALTRAIL_SETTINGS names, if any.",
)
@click.version_option(package_name="sealtrail")
@click.pass_context
def cli(ctx: click.Context, settings_file: Path | None) -> None:
    """SealTrail watches sealed cargo in transit.

    Start with `sealtrail demo`; every verb has --help with an example.
    """
    from sealtrail.runtime.settings import tree  # noqa: PLC0415 - keeps --help and --version quick

    ctx.meta["sealtrail.settings_file"] = settings_file
    ctx.obj = tree.load(settings_file)


def main() -> None:
    """Entry point: known errors are one line on standard error and exit code 1."""
    try:
        stopped_with = cli.main(standalone_mode=False)  # the code of `ctx.exit`, where a verb calls it
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SealTrailError as error:
        click.echo(f"sealtrail: {error}", err=True)
        sys.exit(EXIT_REFUSED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_REFUSED)
    except OSError as error:
        if error.errno is None:
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        click.echo(f"sealtrail: {where}{error.strerror}", err=True)
        sys.exit(EXIT_REFUSED)
    if isinstance(stopped_with, int):
        sys.exit(stopped_with)


if __name__ == "__main__":
    main()
