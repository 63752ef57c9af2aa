"""`TripFile`: the plan of one journey as customs and carriers write it down (JSON; docs/trip-file.md).

Shape is checked by the model, content that contradicts itself by `to_trip`.
"""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sealtrail.contract.alert import AlertType, Severity
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import InvalidTripError, RefusedError
from sealtrail.contract.iso6346 import container_number
from sealtrail.contract.trip import Authorisation, Corridor, Place, Trip

WIDEST_M = 2_000_000
OPPOSITE_COS = -1 + 1e-9


def _time(text: str) -> str:
    try:
        iso(parse_iso(text))
    except (RefusedError, ValueError, OverflowError, OSError) as error:
        raise ValueError(str(error)) from error
    return text


Time = Annotated[str, AfterValidator(_time), Field(json_schema_extra={"format": "date-time"})]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Point = tuple[Longitude, Latitude] | tuple[Longitude, Latitude, float]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PlaceFile(_Model):
    """A circle on the ground."""

    name: str = Field(default="", description="for people")
    latitude_deg: Latitude = Field(description="WGS 84, north positive")
    longitude_deg: Longitude = Field(description="WGS 84, east positive")
    radius_m: float = Field(gt=0, le=WIDEST_M, description="metres")

    def to_place(self) -> Place:
        return Place(**self.model_dump())

    @classmethod
    def from_place(cls, place: Place | None) -> PlaceFile | None:
        if place is None:
            return None
        return cls(
            name=place.name,
            latitude_deg=place.latitude_deg,
            longitude_deg=place.longitude_deg,
            radius_m=place.radius_m,
        )


class LineString(BaseModel):
    """GeoJSON (RFC 7946) line in travel order; a height in a point is ignored."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    type: Literal["LineString"]
    coordinates: tuple[Point, ...] = Field(min_length=2, description="[longitude, latitude] in degrees")


Width = Annotated[float, Field(gt=0, le=WIDEST_M)]


class CorridorProperties(BaseModel):
    """Further properties (a name, a colour) are kept out of the way."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    half_width_m: Width | tuple[Width, ...] = Field(
        description="allowed distance to either side: for all legs, or one for each leg"
    )


class CorridorFile(BaseModel):
    """The way to take: a GeoJSON Feature, as GIS programs write it; legs are great circles."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

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


class AuthorisationFile(_Model):
    """Leave to open the seal: who, where and when."""

    authorisation_id: Name
    granted_by: Name = Field(description="office or person that grants it")
    valid_from: Time
    valid_until: Time
    card_ids: tuple[Name, ...] = Field(default=(), description="cards that may open; empty: any")
    place: PlaceFile | None = Field(default=None, description="where; missing: anywhere")
    reason: str = ""

    def to_authorisation(self) -> Authorisation:
        valid_from_ms, valid_until_ms = parse_iso(self.valid_from), parse_iso(self.valid_until)
        if valid_until_ms <= valid_from_ms:
            raise InvalidTripError("empty_authorisation", f"{self.authorisation_id} ends before it begins")
        return Authorisation(
            authorisation_id=self.authorisation_id,
            granted_by=self.granted_by,
            valid_from_ms=valid_from_ms,
            valid_until_ms=valid_until_ms,
            card_ids=self.card_ids,
            place=self.place.to_place() if self.place else None,
            reason=self.reason,
        )

    @classmethod
    def from_authorisation(cls, leave: Authorisation) -> AuthorisationFile:
        return cls(
            authorisation_id=leave.authorisation_id,
            granted_by=leave.granted_by,
            valid_from=iso(leave.valid_from_ms),
            valid_until=iso(leave.valid_until_ms),
            card_ids=leave.card_ids,
            place=PlaceFile.from_place(leave.place),
            reason=leave.reason,
        )


class TripFile(_Model):
    """The plan of one journey of one container under seal."""

    trip_id: Name
    container_id: str = Field(description="ISO 6346 number with its check digit")
    device_ids: tuple[Name, ...] = Field(min_length=1, description="seal and trackers on the container")
    corridor: CorridorFile | None = Field(default=None, description="missing: the route is not watched")
    seal_numbers: tuple[Name, ...] = Field(default=(), description="numbers of the seals as declared")
    departs_at: Time | None = Field(
        default=None, description="sealed and under watch from here on; missing: from the planning on"
    )
    arrives_at: Time | None = Field(default=None, description="planned arrival")
    origin: PlaceFile | None = None
    destination: PlaceFile | None = None
    allowed_places: tuple[PlaceFile, ...] = Field(default=(), description="never a deviation in these")
    authorisations: tuple[AuthorisationFile, ...] = ()
    severities: dict[AlertType, Severity] = Field(
        default={}, description="alert type -> severity, where it differs from the catalogue"
    )

    def to_trip(self) -> Trip:
        """The trip of this file. Raises `InvalidTripError` for content that contradicts itself."""
        departs_at_ms = parse_iso(self.departs_at) if self.departs_at else None
        arrives_at_ms = parse_iso(self.arrives_at) if self.arrives_at else None
        if departs_at_ms is not None and arrives_at_ms is not None and arrives_at_ms <= departs_at_ms:
            raise InvalidTripError("arrives_before_departure", f"{self.departs_at} to {self.arrives_at}")
        for name, values in (
            ("device_twice", self.device_ids),
            ("authorisation_twice", [leave.authorisation_id for leave in self.authorisations]),
        ):
            if len(set(values)) < len(values):
                raise InvalidTripError(name, ", ".join(values))
        try:
            container_id = container_number(self.container_id)
        except RefusedError as error:
            raise InvalidTripError(error.reason, error.detail) from error
        return Trip(
            trip_id=self.trip_id,
            container_id=container_id,
            device_ids=self.device_ids,
            corridor=self.corridor.to_corridor() if self.corridor else None,
            seal_numbers=self.seal_numbers,
            departs_at_ms=departs_at_ms,
            arrives_at_ms=arrives_at_ms,
            origin=self.origin.to_place() if self.origin else None,
            destination=self.destination.to_place() if self.destination else None,
            allowed_places=tuple(place.to_place() for place in self.allowed_places),
            authorisations=tuple(leave.to_authorisation() for leave in self.authorisations),
            severities={kind.value: severity.value for kind, severity in self.severities.items()},
        )

    @classmethod
    def from_trip(cls, trip: Trip) -> TripFile:
        """The file of a trip; ``TripFile.from_trip(trip).to_trip() == trip``."""
        return cls(
            trip_id=trip.trip_id,
            container_id=trip.container_id,
            device_ids=trip.device_ids,
            corridor=CorridorFile.from_corridor(trip.corridor) if trip.corridor else None,
            seal_numbers=trip.seal_numbers,
            departs_at=iso(trip.departs_at_ms) if trip.departs_at_ms is not None else None,
            arrives_at=iso(trip.arrives_at_ms) if trip.arrives_at_ms is not None else None,
            origin=PlaceFile.from_place(trip.origin),
            destination=PlaceFile.from_place(trip.destination),
            allowed_places=tuple(
                place for each in trip.allowed_places if (place := PlaceFile.from_place(each)) is not None
            ),
            authorisations=tuple(AuthorisationFile.from_authorisation(each) for each in trip.authorisations),
            severities={AlertType(kind): Severity(text) for kind, text in trip.severities.items()},
        )


def check_corridor(corridor: Corridor) -> None:
    """Raises `InvalidTripError` for a corridor that is no line, has no width or is ambiguous."""
    points, widths = corridor.coordinates, corridor.half_width_m
    for longitude, latitude in points:
        if not (abs(longitude) <= 180 and abs(latitude) <= 90):  # noqa: PLR2004 (degrees; refuses NaN too)
            raise InvalidTripError("corridor_out_of_range", f"longitude {longitude}, latitude {latitude}")
    if len(points) < 2 or all(_cosine(points[0], point) > 1 - 1e-14 for point in points):  # noqa: PLR2004 (ends)
        raise InvalidTripError("corridor_too_short", f"{len(points)} points at one place")
    if len(widths) not in {1, len(points) - 1}:
        raise InvalidTripError("corridor_widths", f"{len(widths)} widths for {len(points) - 1} legs")
    if not all(0 < width <= WIDEST_M for width in widths):
        raise InvalidTripError("corridor_width_out_of_range", f"{widths} m")
    for index, (a, b) in enumerate(itertools.pairwise(points)):
        if _cosine(a, b) < OPPOSITE_COS:
            raise InvalidTripError(
                "corridor_leg_ambiguous", f"leg {index} joins opposite points of the globe"
            )


def _cosine(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Cosine of the angle between two places given as (longitude, latitude)."""
    (lon_a, lat_a), (lon_b, lat_b) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    flat = math.cos(lat_a) * math.cos(lat_b) * math.cos(lon_a - lon_b)
    return flat + math.sin(lat_a) * math.sin(lat_b)
