"""Options of verbs about trips: who, when, where, how wide."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sealtrail.contract.clock import parse_iso
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.corridor_formats import length_of


class Moment(click.ParamType[int]):
    """An RFC 3339 time, as UTC milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_iso(str(value))
        except RefusedError as error:
            self.fail(str(error), param, ctx)


class Length(click.ParamType[float]):
    """A length with its unit, in metres."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return length_of(str(value))
        except RefusedError as error:
            self.fail(str(error), param, ctx)


class Circle(click.ParamType[dict[str, float | str]]):
    """LATITUDE,LONGITUDE,RADIUS with an optional NAME= before, as the keys of a place in a trip file."""

    name = "circle"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, float | str]:
        if isinstance(value, dict):
            return value
        name, _, numbers = str(value).rpartition("=")
        parts = numbers.split(",")
        try:
            latitude, longitude, radius = parts
            place = {"latitude_deg": float(latitude), "longitude_deg": float(longitude)}
        except ValueError:
            self.fail(f"{value!r} is not like 0.636,34.28,500m", param, ctx)
        try:
            return {"name": name.strip(), **place, "radius_m": length_of(radius)}
        except RefusedError as error:
            self.fail(str(error), param, ctx)


MOMENT, LENGTH, CIRCLE = Moment(), Length(), Circle()


def login() -> str:
    """Who sits here, as far as the machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return "command line"


actor = click.option(
    "--actor", default=login, show_default="your login", help="Who does this, for the record."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


def ways(command: Callable[..., None]) -> Callable[..., None]:
    """Options for ways drawn elsewhere."""
    for option in (
        click.option(
            "--corridor-name",
            help="Use the corridor of this name, which must be accepted (sealtrail corridor).",
        ),
        click.option(
            "--alternative",
            "alternatives",
            multiple=True,
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Another way that is as good, drawn like --corridor; several times.",
        ),
        click.option(
            "--half-width", type=LENGTH, help="Allowed distance to either side, with its unit: 5km."
        ),
        click.option(
            "--corridor",
            "drawing",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="The way, drawn elsewhere: GeoJSON, GPX, KML or WKT with one line in travel order.",
        ),
    ):
        command = option(command)
    return command
