"""`sealtrail settings`: what is in force, and why."""

from __future__ import annotations

import json

import click

from sealtrail.runtime.settings import tree


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--changed", is_flag=True, help="Only what is not a default.")
@click.pass_context
def settings(ctx: click.Context, *, as_json: bool, changed: bool) -> None:
    """Print every effective setting and where it came from. Secrets are never printed.

    A setting `nats.url` is SEALTRAIL_NATS__URL in the environment, and `url` below
    `[nats]` in the TOML file.

    Example: sealtrail --settings sealtrail.toml settings --changed
    """
    for item in tree.effective(ctx.meta.get("sealtrail.settings_file")):
        if changed and item.source == "default":
            continue
        if as_json:
            click.echo(json.dumps(item._asdict()))
        else:
            click.echo(f"{item.key} = {item.value}    [{item.source}]")
            click.echo(f"    {item.description}")
