"""`PlaceFile`: a circle on the ground."""

from __future__ import annotations

from pydantic import Field

from sealtrail.contract.public.fields import FileModel, Latitude, Longitude, Metres
from sealtrail.contract.trip import Place


class PlaceFile(FileModel):
    """A circle on the ground."""

    name: str = Field(default="", description="for people")
    latitude_deg: Latitude = Field(description="WGS 84, north positive")
    longitude_deg: Longitude = Field(description="WGS 84, east positive")
    radius_m: Metres = Field(description="metres")

    def to_place(self) -> Place:
        return Place(
            name=self.name,
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
            radius_m=self.radius_m,
        )

    @classmethod
    def of(cls, place: Place) -> PlaceFile:
        return cls(
            name=place.name,
            latitude_deg=place.latitude_deg,
            longitude_deg=place.longitude_deg,
            radius_m=place.radius_m,
        )

    @classmethod
    def from_place(cls, place: Place | None) -> PlaceFile | None:
        return None if place is None else cls.of(place)
