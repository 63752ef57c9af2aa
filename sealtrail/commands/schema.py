"""`sealtrail schema`: JSON Schemas of the public formats."""

from __future__ import annotations

import json

import click

from sealtrail.contract.public import SCHEMAS


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema NAME, or the names without one.

    Example: sealtrail schema device-report > device-report.schema.json
    """
    if name is None:
        for known in sorted(SCHEMAS):
            click.echo(known)
        return
    model = SCHEMAS.get(name)
    if model is None:
        raise click.ClickException(f"no schema {name!r}; there are: {', '.join(sorted(SCHEMAS))}")
    click.echo(json.dumps(model.model_json_schema(by_alias=True), indent=2))
