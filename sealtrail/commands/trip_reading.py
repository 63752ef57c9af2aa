"""Trips from files and corridors from drawings; every refusal names the file."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import click
import msgspec
from pydantic import ValidationError

from sealtrail.contract.errors import InvalidTripError, RefusedError
from sealtrail.contract.geometry import length_m
from sealtrail.contract.public.corridor_formats import MOST_BYTES, corridor_of, read_line
from sealtrail.contract.public.once import once
from sealtrail.contract.public.trip_checks import check_trip
from sealtrail.contract.public.trip_file import TripFile
from sealtrail.contract.trip import Corridor, Trip


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidTripError("unreadable_file", f"{path}: {error.strerror}") from error


def wrong(error: ValidationError) -> str:
    """Every wrong field and why, on one line."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}".removeprefix(": ")
        for problem in error.errors(include_url=False)
    )


def read_trip(path: Path) -> Trip:
    """A trip from its file; raises `InvalidTripError` naming the file and every wrong field."""
    data = _bytes(path).removeprefix(codecs.BOM_UTF8)
    try:
        found = TripFile.model_validate_json(data)
        json.loads(data, object_pairs_hook=once, parse_int=str, parse_float=str)
        return found.to_trip()
    except ValidationError as error:
        raise InvalidTripError("invalid_trip_file", f"{path}: {wrong(error)}") from error
    except RefusedError as error:
        raise InvalidTripError(error.reason, f"{path}: {error.detail}") from error


def written(trip: Trip, indent: int | None = None) -> str:
    """The trip file of a trip (docs/trip-file.md); `read_trip` of it is the same trip."""
    return TripFile.from_trip(trip).model_dump_json(indent=indent, exclude_none=True)


def read_corridor(path: Path, half_width_m: float | None) -> Corridor:
    """A corridor from a drawing, and on standard error what was understood of it."""
    try:
        drawn = corridor_of(read_line(_bytes(path)), half_width_m)
    except InvalidTripError as error:
        raise InvalidTripError(error.reason, f"{path}: {error.detail}") from error
    points, widths = drawn.corridor.coordinates, drawn.corridor.half_width_m
    (lon_a, lat_a), (lon_b, lat_b) = points[0], points[-1]
    width = f"{min(widths) / 1000:g} km"
    if min(widths) < max(widths):
        width += f" to {max(widths) / 1000:g} km"
    simplified = ""
    if drawn.tolerance_m is not None:
        simplified = f", simplified to {len(points)} (at most {drawn.tolerance_m:.0f} m off)"
    click.echo(
        f"{path}: {drawn.form}, {length_m(points) / 1000:.1f} km from {lat_a:.4f},{lon_a:.4f} to "
        f"{lat_b:.4f},{lon_b:.4f} (latitude, longitude); {drawn.points_drawn} points{simplified}; "
        f"{width} to either side",
        err=True,
    )
    return drawn.corridor


def with_ways(trip: Trip, corridor: Corridor | None, alternatives: tuple[Corridor, ...]) -> Trip:
    """The trip with another corridor or other alternatives, where given, checked again."""
    if corridor is None and not alternatives:
        return trip
    changed = msgspec.structs.replace(
        trip, corridor=corridor or trip.corridor, alternatives=alternatives or trip.alternatives
    )
    check_trip(changed)
    return changed


def on_lane(trip: Trip, name: str) -> Trip:
    """The trip on the lane of that name, unless its plan says another."""
    return trip if trip.lane else msgspec.structs.replace(trip, lane=name)


def with_times(trip: Trip, times: dict[str, str]) -> Trip:
    """The trip with other times (keys of a trip file), checked again."""
    if not times:
        return trip
    try:
        return TripFile.model_validate({**TripFile.from_trip(trip).model_dump(), **times}).to_trip()
    except ValidationError as error:
        raise InvalidTripError("invalid_trip_file", wrong(error)) from error
