"""`ZoneFile`: an area as a GeoJSON polygon or as a circle, and what is no area."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.geometry import (
    EARTH_RADIUS_M,
    Vector,
    distance_m,
    dot,
    in_ring,
    ring_area_sr,
    ring_crosses_itself,
    vector,
)
from sealtrail.contract.public.corridor_file import OPPOSITE_COS
from sealtrail.contract.public.fields import GeoJsonModel, Name, Point
from sealtrail.contract.public.place_file import PlaceFile
from sealtrail.contract.trip import Zone

LEAST_CORNERS = 3
MOST_CORNERS = 5_000
CIRCLE_KEYS = frozenset({"latitude_deg", "longitude_deg", "radius_m"})


class Polygon(GeoJsonModel):
    """GeoJSON polygon of one ring, closed or not; edges are great circles; it encloses the smaller side."""

    type: Literal["Polygon"]
    coordinates: tuple[Annotated[tuple[Point, ...], Field(min_length=LEAST_CORNERS)]] = Field(
        description="one ring of [longitude, latitude] in degrees, no holes"
    )


class ZoneProperties(GeoJsonModel):
    """Further properties are kept out of the way."""

    name: Name = Field(description="unique among the zones of its kind")


class ZonePolygon(GeoJsonModel):
    """An area as GIS programs write it."""

    type: Literal["Feature"]
    geometry: Polygon
    properties: ZoneProperties

    @model_validator(mode="before")
    @classmethod
    def _one_shape(cls, found: Any) -> Any:
        if isinstance(found, dict) and (both := CIRCLE_KEYS & found.keys()):
            raise ValueError(
                f"a zone is a polygon or a circle, and this one has {', '.join(sorted(both))} too"
            )
        return found

    def to_zone(self) -> Zone:
        ring = tuple((float(point[0]), float(point[1])) for point in self.geometry.coordinates[0])
        if ring[0] == ring[-1]:
            ring = ring[:-1]
        return Zone(name=self.properties.name, ring=ring)


class ZoneCircle(PlaceFile):
    """An area that is a circle."""

    name: Name = Field(description="unique among the zones of its kind")

    def to_zone(self) -> Zone:
        return Zone(name=self.name, circle=self.to_place())


def _shape(found: Any) -> str:
    return (
        "polygon"
        if isinstance(found, ZonePolygon) or (isinstance(found, dict) and "type" in found)
        else "circle"
    )


ZoneFile = Annotated[
    Annotated[ZonePolygon, Tag("polygon")] | Annotated[ZoneCircle, Tag("circle")], Discriminator(_shape)
]


def zone_file(zone: Zone) -> ZonePolygon | ZoneCircle:
    """The file's form of a zone."""
    if zone.circle is not None:
        return ZoneCircle(**{**PlaceFile.of(zone.circle).model_dump(), "name": zone.name})
    return ZonePolygon(
        type="Feature",
        geometry=Polygon(type="Polygon", coordinates=((*zone.ring, zone.ring[0]),)),
        properties=ZoneProperties(name=zone.name),
    )


def corners(zone: Zone) -> list[Vector]:
    """The ring as unit vectors, without corners given twice running."""
    found: list[Vector] = []
    for longitude, latitude in zone.ring:
        corner = vector(longitude, latitude)
        if not found or distance_m(found[-1], corner) > 1e-3:  # noqa: PLR2004 (a millimetre)
            found.append(corner)
    while len(found) > 1 and distance_m(found[0], found[-1]) <= 1e-3:  # noqa: PLR2004 (a millimetre)
        found.pop()
    return found


def check_zone(zone: Zone) -> None:
    """Raises `InvalidTripError` for a zone that is no area, two areas, or an ambiguous one."""
    said = f"zone {zone.name!r}"
    if bool(zone.ring) == (zone.circle is not None):
        raise InvalidTripError("zone_shape", f"{said} must have either a ring or a circle")
    if zone.circle is not None:
        circle = zone.circle
        if not (abs(circle.longitude_deg) <= 180 and abs(circle.latitude_deg) <= 90):  # noqa: PLR2004 (degrees)
            raise InvalidTripError("zone_out_of_range", f"{said} is centred outside the world")
        if not 0 < circle.radius_m < math.pi / 2 * EARTH_RADIUS_M:
            raise InvalidTripError("zone_out_of_range", f"{said} has a radius of {circle.radius_m} m")
        return
    _check_ring(zone, said)


def _check_ring(zone: Zone, said: str) -> None:
    for longitude, latitude in zone.ring:
        if not (abs(longitude) <= 180 and abs(latitude) <= 90):  # noqa: PLR2004 (degrees; refuses NaN too)
            raise InvalidTripError("zone_out_of_range", f"{said}: longitude {longitude}, latitude {latitude}")
    ring = corners(zone)
    if len(ring) < LEAST_CORNERS:
        raise InvalidTripError(
            "zone_corners", f"{said} has {len(ring)} different corners, needs {LEAST_CORNERS}"
        )
    if len(ring) > MOST_CORNERS:
        raise InvalidTripError(
            "zone_corners", f"{said} has {len(ring)} corners, at most {MOST_CORNERS}: simplify it"
        )
    if any(dot(a, b) < OPPOSITE_COS for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)):
        raise InvalidTripError("zone_edge_ambiguous", f"{said}: an edge joins opposite points of the globe")
    if ring_crosses_itself(ring):
        raise InvalidTripError("zone_crosses_itself", f"{said}: give its corners in order")
    area = ring_area_sr(ring)
    if abs(area - 2 * math.pi) < 1e-6:  # noqa: PLR2004 (steradians)
        raise InvalidTripError("zone_side_ambiguous", f"{said} halves the globe: neither side is the smaller")


def zone_contains(zone: Zone, p: Vector) -> bool:
    """Whether a point lies in a zone that `check_zone` accepts."""
    if zone.circle is not None:
        return (
            distance_m(p, vector(zone.circle.longitude_deg, zone.circle.latitude_deg)) <= zone.circle.radius_m
        )
    return in_ring(p, corners(zone))
