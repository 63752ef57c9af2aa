"""Containers on the map, and what the record says about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from dashboards.controlroom.fleet import Spot
from dashboards.controlroom.schemas.base import Model
from sealtrail.contract.reading import FixKind, SealEvent, SealState


class PositionColumns(Model):
    """Containers as columns: row ``i`` is the ``i``-th entry of every list.

    Columns, because a live map moves tens of thousands of rows and names that
    stand once cost once.
    """

    container_id: list[str] = Field(description="ISO 6346 number, or the device while it is unpaired.")
    device_id: list[str] = Field(description="Device of the newest report.")
    occurred_at_ms: list[int] = Field(description="Newest report, UTC milliseconds.")
    received_at_ms: list[int] = Field(description="When that report reached the gateway.")
    position_at_ms: list[int | None] = Field(description="When the place was reported.")
    longitude_deg: list[float | None] = Field(description="WGS 84, east positive.")
    latitude_deg: list[float | None] = Field(description="WGS 84, north positive.")
    fix_kind: list[int] = Field(description="0 none, 1 GNSS, 2 cell, 3 Wi-Fi, 4 stale.")
    accuracy_m: list[float | None] = Field(description="Radius that the device claims, 1 sigma.")
    speed_kmh: list[float | None] = Field(description="Speed over ground.")
    course_deg: list[float | None] = Field(description="0 north, clockwise.")
    seal_state: list[int] = Field(description="0 unknown, 1 sealed, 2 unlocked, 3 open, 4 cut, 5 fault.")
    battery_pct: list[float | None] = Field(description="Of the device that last reported one.")

    @classmethod
    def of(cls, spots: Sequence[Spot]) -> PositionColumns:
        """Columns of spots; unchecked, because they are our own."""
        columns: dict[str, Any] = {name: [getattr(spot, name) for spot in spots] for name in cls.model_fields}
        return cls.model_construct(None, **columns)


class TrackPoint(Model):
    """One reported place."""

    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    longitude_deg: float
    latitude_deg: float
    fix_kind: FixKind
    accuracy_m: float | None
    speed_kmh: float | None
    course_deg: float | None


class Track(Model):
    """Places of one container, oldest first. ``truncated``: older ones were left out."""

    container_id: str
    since_ms: int
    until_ms: int
    truncated: bool
    points: list[TrackPoint]


class SensorSample(Model):
    occurred_at_ms: int
    value: float
    device_id: str


class SensorSeries(Model):
    """One quantity of one container, oldest first; the unit is in its name."""

    container_id: str
    quantity: str
    since_ms: int
    until_ms: int
    truncated: bool
    samples: list[SensorSample]


class SealReport(Model):
    """One report about the seal."""

    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    late_by_ms: int
    state: str = Field(description="unknown, sealed, unlocked, open, cut or fault.")
    events: list[str] = Field(description="What the device says has happened, for example cut, opened.")
    seal_number: str | None
    card_id: str | None
    door_open: bool | None
    longitude_deg: float | None
    latitude_deg: float | None


class SealHistory(Model):
    """Seal reports of one container, oldest first."""

    container_id: str
    since_ms: int
    until_ms: int
    truncated: bool
    reports: list[SealReport]


def seal_state_name(code: int) -> str:
    """Lower-case name of a `SealState` code; a code of a newer version is ``unknown``."""
    try:
        return SealState(code).name.lower()
    except ValueError:
        return SealState.UNKNOWN.name.lower()


def seal_event_names(bits: int) -> list[str]:
    """Lower-case names of the known `SealEvent` bits."""
    return [event.name.lower() for event in SealEvent if bits & event and event.name]
