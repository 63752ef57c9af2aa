"""`sealtrail trip new`: a trip file to begin with, made of options."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from sealtrail.commands.trip_options import CIRCLE, LENGTH
from sealtrail.commands.trip_reading import read_corridor, with_ways, written, wrong
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.public.trip_file import TripFile


@click.command()
@click.option("--container", "container_id", required=True, help="Container number (ISO 6346).")
@click.option(
    "--device", "device_ids", multiple=True, required=True, help="Seal or tracker on it; several times."
)
@click.option("--trip-id", help="Identity of the trip; made up where it is left out.")
@click.option("--seal", "seal_numbers", multiple=True, help="Number of a seal as declared; several times.")
@click.option("--declaration", default="", help="Number or reference of the declaration.")
@click.option("--departs-at", help="Departure, RFC 3339; else under watch from the planning on.")
@click.option("--arrives-at", help="Planned arrival, RFC 3339.")
@click.option("--origin", type=CIRCLE, help="Place of departure: Mombasa=-4.0435,39.6682,3km.")
@click.option("--destination", type=CIRCLE, help="Place of arrival: Malaba=0.636,34.28,2km.")
@click.option(
    "--stop", "allowed_places", type=CIRCLE, multiple=True, help="Allowed stop, likewise; several times."
)
@click.option(
    "--corridor",
    "drawing",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The way, drawn elsewhere: GeoJSON, GPX, KML or WKT with one line in travel order.",
)
@click.option("--half-width", type=LENGTH, help="Allowed distance to either side, with its unit: 5km.")
def new(*, drawing: Path | None, half_width: float | None, **parts: Any) -> None:
    """Print a trip file made of what is given, to be completed and added.

    The file may say more than there are options for: see docs/trip-file.md.

    Example: sealtrail trip new --container MSKU9070323 --device JT-0001 --seal KRA0017352
    --corridor a109.gpx --half-width 3km > T-0001.json
    """
    parts["trip_id"] = parts["trip_id"] or f"T-{secrets.token_hex(4)}"
    try:
        trip = TripFile.model_validate(parts).to_trip()
    except ValidationError as error:
        raise InvalidTripError("invalid_trip_file", wrong(error)) from error
    corridor = None if drawing is None else read_corridor(drawing, half_width)
    click.echo(written(with_ways(trip, corridor, ()), indent=2))
