"""Corridors drawn elsewhere: GeoJSON, GPX, KML and WKT, told apart by their content.

One line in travel order comes out, whatever the program. Several lines, holes
between parts, other reference systems and coordinates that are no degrees are
refused by name, since guessing would put the corridor somewhere else.
"""

from __future__ import annotations

import codecs
import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.geometry import LonLat, distance_m, simplified, vector
from sealtrail.contract.public.corridor_file import check_corridor
from sealtrail.contract.public.corridor_xml import lines_of_xml
from sealtrail.contract.public.fields import WIDEST_M
from sealtrail.contract.public.trip_checks import MOST_CORRIDOR_POINTS
from sealtrail.contract.trip import Corridor

MOST_BYTES = 64 << 20
MOST_POINTS = 300_000
MOST_TURNS = 1.5
"""Longitudes up to so many times around are wrapped: programs write 190 for -170 beyond the antimeridian."""

JOINED_M = 100.0
"""Parts of one line whose ends are so near are one line."""

SIMPLIFIED_POINTS = 2_000
"""A line of more points than this is simplified, since a plan travels with every change."""

LEAST_TOLERANCE_M = 5.0
TOLERANCE_SHARE = 0.1
"""Simplifying moves the line by no more than this share of the half width."""

_WKT = re.compile(
    r"(?:SRID\s*=\s*(\d+)\s*;\s*)?(MULTI)?LINESTRING\s*(?:ZM|Z|M)?\s*(\(.*\))", re.IGNORECASE | re.DOTALL
)
_WGS84 = re.compile(r"CRS:?84|EPSG:(?:[\d.]*:)?4326", re.IGNORECASE)
_UNITS = {"m": 1.0, "km": 1_000.0, "mi": 1_609.344, "nmi": 1_852.0, "ft": 0.3048}
_LENGTH = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*", re.IGNORECASE)


class DrawnLine(NamedTuple):
    """A line as a file has it."""

    form: str  # GeoJSON, GPX, KML, WKT
    points: tuple[LonLat, ...]
    half_width_m: tuple[float, ...] | None = None  # where the file says it


class DrawnCorridor(NamedTuple):
    """A corridor made of a drawn line, and what was done to it."""

    corridor: Corridor
    form: str
    points_drawn: int
    tolerance_m: float | None  # how far simplifying moved it at most; None: not simplified


def length_of(text: str) -> float:
    """Metres of a length with its unit: ``5km``, ``800 m``, ``3nmi``, ``2mi``.

    Raises `InvalidTripError` named ``bad_length``, also where the unit is missing.
    """
    found = _LENGTH.fullmatch(text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise InvalidTripError(
            "bad_length", f"{text!r}: write a number and its unit ({', '.join(_UNITS)}), for example 5km"
        )
    metres = float(found[1]) * unit
    if not 0 < metres <= WIDEST_M:
        raise InvalidTripError(
            "bad_length", f"{text!r}: above 0 and at most {WIDEST_M / 1000:.0f} km, for example 5km"
        )
    return metres


def read_line(data: bytes) -> DrawnLine:
    """The line of a file. Raises `InvalidTripError` naming what is wrong and what to do."""
    if len(data) > MOST_BYTES:
        raise InvalidTripError("corridor_file_too_large", f"{len(data)} bytes, at most {MOST_BYTES}")
    if data.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<"):  # says its own encoding
        form, lines = lines_of_xml(data, MOST_POINTS)
        return DrawnLine(form, _one(lines))
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise InvalidTripError("corridor_format", f"no text in UTF-8: {error}") from error
    width = None
    if text.startswith(("{", "[")):
        form = "GeoJSON"
        lines, width = _geojson(text)
    elif (found := _WKT.fullmatch(text.rstrip(";"))) is not None:
        form, lines = "WKT", _wkt(found)
    else:
        raise InvalidTripError(
            "corridor_format", f"neither GeoJSON, GPX, KML nor a WKT LINESTRING: it begins {text[:40]!r}"
        )
    return DrawnLine(form, _one(lines), width)


def corridor_of(line: DrawnLine, half_width_m: float | None) -> DrawnCorridor:
    """The corridor of a drawn line; one of very many points is simplified, and by how much is said.

    ``half_width_m`` None takes the file's own. Raises `InvalidTripError`.
    """
    widths = line.half_width_m if half_width_m is None else (half_width_m,)
    if widths is None:
        raise InvalidTripError(
            "corridor_without_width", "say how far it may be off, for example --half-width 5km"
        )
    corridor = Corridor(coordinates=line.points, half_width_m=widths)
    check_corridor(corridor)
    if len(line.points) <= (SIMPLIFIED_POINTS if len(widths) == 1 else MOST_CORRIDOR_POINTS):
        return DrawnCorridor(corridor, line.form, len(line.points), None)
    if len(widths) > 1:
        raise InvalidTripError(
            "corridor_too_detailed",
            f"{len(line.points)} points with a width for each leg, at most {MOST_CORRIDOR_POINTS}: "
            "simplify it, or give one width",
        )
    most_m = max(TOLERANCE_SHARE * widths[0], LEAST_TOLERANCE_M)
    tolerance_m = min(LEAST_TOLERANCE_M, most_m)
    kept = simplified(line.points, tolerance_m)
    while len(kept) > SIMPLIFIED_POINTS and tolerance_m < most_m:
        tolerance_m = min(2 * tolerance_m, most_m)
        kept = [kept[i] for i in simplified([line.points[i] for i in kept], tolerance_m)]
    if len(kept) > MOST_CORRIDOR_POINTS:
        raise InvalidTripError(
            "corridor_too_detailed",
            f"{len(kept)} points remain of {len(line.points)} after simplifying to {tolerance_m:.0f} m: "
            "simplify it further, or plan the trip in parts",
        )
    thinned = Corridor(coordinates=tuple(line.points[i] for i in kept), half_width_m=widths)
    check_corridor(thinned)
    return DrawnCorridor(thinned, line.form, len(line.points), 2 * tolerance_m)


def _one(lines: list[list[LonLat]]) -> tuple[LonLat, ...]:
    """The one line that parts make up, in degrees, without points given twice running."""
    lines = [line for line in lines if line]
    if not lines:
        raise InvalidTripError("corridor_without_line", "there is no line in the file")
    if sum(map(len, lines)) > MOST_POINTS:
        raise InvalidTripError("corridor_file_too_large", f"more than {MOST_POINTS} points")
    points = [_degrees(*point) for line in lines for point in line]
    ends = itertools.accumulate(len(line) for line in lines[:-1])
    for number, end in enumerate(ends, start=1):
        apart_m = distance_m(vector(*points[end - 1]), vector(*points[end]))
        if apart_m > JOINED_M:
            raise InvalidTripError(
                "several_lines",
                f"parts {number} and {number + 1} of {len(lines)} are {apart_m / 1000:.1f} km apart: "
                "leave one line in travel order in the file; give other ways as --alternative",
            )
    return tuple(point for point, _ in itertools.groupby(points))


def _degrees(longitude: float, latitude: float) -> LonLat:
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        raise InvalidTripError("corridor_out_of_range", f"longitude {longitude}, latitude {latitude}")
    if abs(latitude) > 90 or abs(longitude) > 360 * MOST_TURNS:  # noqa: PLR2004 (degrees)
        swapped = abs(latitude) <= 180 and abs(longitude) <= 90  # noqa: PLR2004 (degrees)
        hint = (
            "latitude and longitude changed places?" if swapped else "these are no degrees: export as WGS 84"
        )
        raise InvalidTripError("corridor_out_of_range", f"longitude {longitude}, latitude {latitude}: {hint}")
    wrapped = longitude if abs(longitude) <= 180 else (longitude + 180) % 360 - 180  # noqa: PLR2004 (degrees)
    return wrapped, latitude


def _geojson(text: str) -> tuple[list[list[LonLat]], tuple[float, ...] | None]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidTripError("corridor_format", f"no JSON: {error}") from error
    if not isinstance(tree, dict):
        raise InvalidTripError("corridor_format", "no GeoJSON object")
    crs = json.dumps(tree.get("crs", {}).get("properties", {}) if isinstance(tree.get("crs"), dict) else {})
    if crs != "{}" and not _WGS84.search(crs):
        raise InvalidTripError("corridor_reference_system", f"{crs[:80]}: export as WGS 84 (EPSG:4326)")
    features = [each for each in _features(tree) if "LineString" in str(_member(each, "geometry", "type"))]
    if len(features) > 1:
        names = ", ".join(str(_member(each, "properties", "name") or "?") for each in features[:5])
        raise InvalidTripError(
            "several_lines", f"{len(features)} lines ({names}): leave one; give other ways as --alternative"
        )
    if not features:
        raise InvalidTripError("corridor_without_line", "no LineString in it")
    kind, places = _member(features[0], "geometry", "type"), _member(features[0], "geometry", "coordinates")
    parts = places if kind == "MultiLineString" else [places]
    try:
        lines = [[(_number(place[0]), _number(place[1])) for place in part] for part in parts]
    except (TypeError, IndexError, KeyError, OverflowError) as error:
        raise InvalidTripError(
            "corridor_format", "coordinates are no list of [longitude, latitude]"
        ) from error
    return lines, _widths(_member(features[0], "properties", "half_width_m"))


def _features(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if tree.get("type") == "FeatureCollection":
        found = tree.get("features")
        yield from (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()
    elif tree.get("type") == "Feature":
        yield tree
    else:
        yield {"geometry": tree}


def _member(tree: dict[str, Any], part: str, name: str) -> Any:
    inner = tree.get(part)
    return inner.get(name) if isinstance(inner, dict) else None


def _number(found: object) -> float:
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise TypeError("no number")
    return float(found)


def _widths(found: object) -> tuple[float, ...] | None:
    """Widths that a file of ours has; anything else is somebody's own property."""
    listed: Sequence[object] = found if isinstance(found, list) else [found]
    try:
        return tuple(_number(each) for each in listed)
    except (TypeError, OverflowError):
        return None


def _wkt(found: re.Match[str]) -> list[list[LonLat]]:
    if found[1] not in (None, "4326"):
        raise InvalidTripError("corridor_reference_system", f"SRID {found[1]}: export as WGS 84 (SRID 4326)")
    body = found[3].strip()[1:-1] if found[2] else found[3]
    parts = re.findall(r"\(([^()]*)\)", body)
    if re.sub(r"\([^()]*\)|[\s,]", "", body):
        raise InvalidTripError("corridor_format", f"WKT with brackets that don't match: {body[:40]!r}")
    lines = []
    for part in parts:
        try:
            rows = [[float(number) for number in place.split()] for place in part.split(",")]
        except ValueError as error:
            raise InvalidTripError("corridor_format", f"WKT: {error}") from error
        if any(not 2 <= len(row) <= 4 for row in rows):  # noqa: PLR2004 (x y, z, m)
            raise InvalidTripError("corridor_format", "WKT: a point has two to four numbers")
        lines.append([(row[0], row[1]) for row in rows])
    return lines
