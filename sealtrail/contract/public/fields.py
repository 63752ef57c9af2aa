"""Kinds of fields that several public files share: times, names, places on the globe."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.reading import SENSOR_FIELDS

WIDEST_M = 2_000_000
LONGEST_S = 366 * 86_400


def _time(text: str) -> str:
    try:
        iso(parse_iso(text))
    except (RefusedError, ValueError, OverflowError, OSError) as error:
        raise ValueError(str(error)) from error
    return text


def _quantity(text: str) -> str:
    if text not in SENSOR_FIELDS:
        raise ValueError(f"{text!r} is none of {', '.join(SENSOR_FIELDS)}")
    return text


Time = Annotated[str, AfterValidator(_time), Field(json_schema_extra={"format": "date-time"})]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Point = tuple[Longitude, Latitude] | tuple[Longitude, Latitude, float]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST_S)]
Metres = Annotated[float, Field(gt=0, le=WIDEST_M)]
Quantity = Annotated[str, AfterValidator(_quantity), Field(json_schema_extra={"enum": [*SENSOR_FIELDS]})]


class FileModel(BaseModel):
    """A part of a file: unknown keys and numbers that are none are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GeoJsonModel(BaseModel):
    """A part of GeoJSON (RFC 7946), in which programs write members of their own: these are passed over."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


def ms_of(text: str | None) -> int | None:
    """UTC milliseconds of a `Time` that may be missing."""
    return None if text is None else parse_iso(text)


def text_of(at_ms: int | None) -> str | None:
    """A `Time` of UTC milliseconds that may be missing."""
    return None if at_ms is None else iso(at_ms)
