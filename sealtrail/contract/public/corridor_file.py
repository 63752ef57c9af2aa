"""`CorridorFile`: the way to take as a GeoJSON Feature, and what is no corridor."""

from __future__ import annotations

import itertools
from typing import Literal

from pydantic import Field

from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.geometry import dot, vector
from sealtrail.contract.public.fields import WIDEST_M, GeoJsonModel, Metres, Point
from sealtrail.contract.trip import Corridor

OPPOSITE_COS = -1 + 1e-9


class LineString(GeoJsonModel):
    """GeoJSON (RFC 7946) line in travel order; a height in a point is ignored."""

    type: Literal["LineString"]
    coordinates: tuple[Point, ...] = Field(min_length=2, description="[longitude, latitude] in degrees")


class CorridorProperties(GeoJsonModel):
    """Further properties (a name, a colour) are kept out of the way."""

    half_width_m: Metres | tuple[Metres, ...] = Field(
        description="allowed distance to either side: for all legs, or one for each leg"
    )


class CorridorFile(GeoJsonModel):
    """The way to take: a GeoJSON Feature, as GIS programs write it; legs are great circles."""

    type: Literal["Feature"]
    geometry: LineString
    properties: CorridorProperties

    def to_corridor(self) -> Corridor:
        """Raises `InvalidTripError`, see `check_corridor`."""
        width = self.properties.half_width_m
        corridor = Corridor(
            coordinates=tuple((float(point[0]), float(point[1])) for point in self.geometry.coordinates),
            half_width_m=width if isinstance(width, tuple) else (width,),
        )
        check_corridor(corridor)
        return corridor

    @classmethod
    def from_corridor(cls, corridor: Corridor) -> CorridorFile:
        widths = corridor.half_width_m
        return cls(
            type="Feature",
            geometry=LineString(type="LineString", coordinates=corridor.coordinates),
            properties=CorridorProperties(half_width_m=widths[0] if len(widths) == 1 else widths),
        )


def check_corridor(corridor: Corridor) -> None:
    """Raises `InvalidTripError` for a corridor that is no line, has no width or is ambiguous."""
    points, widths = corridor.coordinates, corridor.half_width_m
    for longitude, latitude in points:
        if not (abs(longitude) <= 180 and abs(latitude) <= 90):  # noqa: PLR2004 (degrees; refuses NaN too)
            raise InvalidTripError("corridor_out_of_range", f"longitude {longitude}, latitude {latitude}")
    vectors = [vector(*point) for point in points]
    if len(points) < 2 or all(dot(vectors[0], each) > 1 - 1e-14 for each in vectors):  # noqa: PLR2004 (ends)
        raise InvalidTripError("corridor_too_short", f"{len(points)} points at one place")
    if len(widths) not in {1, len(points) - 1}:
        raise InvalidTripError("corridor_widths", f"{len(widths)} widths for {len(points) - 1} legs")
    if not all(0 < width <= WIDEST_M for width in widths):
        raise InvalidTripError("corridor_width_out_of_range", f"{widths} m")
    for index, (a, b) in enumerate(itertools.pairwise(vectors)):
        if dot(a, b) < OPPOSITE_COS:
            raise InvalidTripError(
                "corridor_leg_ambiguous", f"leg {index} joins opposite points of the globe"
            )
