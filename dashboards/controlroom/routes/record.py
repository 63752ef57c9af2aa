"""What the record says about one container."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from dashboards.controlroom.problems import ProblemError
from dashboards.controlroom.room import InRoom
from dashboards.controlroom.schemas.positions import (
    SealHistory,
    SealReport,
    SensorSample,
    SensorSeries,
    Track,
    TrackPoint,
    seal_event_names,
    seal_state_name,
)
from sealtrail.contract.clock import parse_iso
from sealtrail.contract.queries import SealQuery, SensorQuery, TrackQuery
from sealtrail.contract.reading import SENSOR_FIELDS

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CLOCK_LEEWAY_MS = 60_000  # a report of this very moment is inside the default window

router = APIRouter(prefix="/api/containers/{container_id}", tags=["record"])

ContainerId = Annotated[str, Path(min_length=1, max_length=128, description="ISO 6346 number, or a device.")]
Limit = Annotated[int, Query(ge=1, le=50_000, description="The newest ones are kept when there are more.")]
Moment = Annotated[str | None, Query(max_length=40, description="RFC 3339 time with its zone.")]


def _window(room: InRoom, since: Moment = None, until: Moment = None) -> tuple[int, int]:
    """Half-open span in milliseconds; by default the last hours up to now."""
    until_ms = parse_iso(until) if until else room.clock() + CLOCK_LEEWAY_MS
    since_ms = parse_iso(since) if since else until_ms - room.settings.default_window_h * HOUR_MS
    if since_ms >= until_ms:
        raise ProblemError("bad_window", "The time span is empty", "since must be before until")
    if until_ms - since_ms > room.settings.max_window_days * DAY_MS:
        raise ProblemError(
            "window_too_long", "The time span is too long", f"{room.settings.max_window_days} days at most"
        )
    return since_ms, until_ms


Window = Annotated[tuple[int, int], Depends(_window)]


@router.get("/track")
async def track(room: InRoom, container_id: ContainerId, window: Window, limit: Limit = 5_000) -> Track:
    """Places of a container, oldest first."""
    since_ms, until_ms = window
    query = TrackQuery(container_id=container_id, since_ms=since_ms, until_ms=until_ms, limit=limit)
    found = await room.backend.track(query)
    return Track.model_construct(
        container_id=container_id,
        since_ms=since_ms,
        until_ms=until_ms,
        truncated=len(found) >= limit,
        points=[
            TrackPoint.model_validate(one)
            for one in found
            if one.latitude_deg is not None and one.longitude_deg is not None
        ],
    )


@router.get("/sensors")
async def sensors(
    room: InRoom,
    container_id: ContainerId,
    window: Window,
    quantity: Annotated[str, Query(description=f"One of {', '.join(SENSOR_FIELDS)}.")],
    limit: Limit = 5_000,
) -> SensorSeries:
    """One quantity of a container, oldest first."""
    if quantity not in SENSOR_FIELDS:
        raise ProblemError("unknown_quantity", "No such quantity", f"one of {', '.join(SENSOR_FIELDS)}")
    since_ms, until_ms = window
    query = SensorQuery(
        container_id=container_id, quantity=quantity, since_ms=since_ms, until_ms=until_ms, limit=limit
    )
    found = await room.backend.sensors(query)
    return SensorSeries.model_construct(
        container_id=container_id,
        quantity=quantity,
        since_ms=since_ms,
        until_ms=until_ms,
        truncated=len(found) >= limit,
        samples=[SensorSample.model_validate(one) for one in found],
    )


@router.get("/seals")
async def seals(room: InRoom, container_id: ContainerId, window: Window, limit: Limit = 5_000) -> SealHistory:
    """Reports of a container that say anything about its seal, oldest first."""
    since_ms, until_ms = window
    query = SealQuery(container_id=container_id, since_ms=since_ms, until_ms=until_ms, limit=limit)
    found = await room.backend.seals(query)
    return SealHistory.model_construct(
        container_id=container_id,
        since_ms=since_ms,
        until_ms=until_ms,
        truncated=len(found) >= limit,
        reports=[
            SealReport.model_construct(
                device_id=one.device_id,
                occurred_at_ms=one.occurred_at_ms,
                received_at_ms=one.received_at_ms,
                late_by_ms=max(0, one.received_at_ms - one.occurred_at_ms),
                state=seal_state_name(one.seal_state),
                events=seal_event_names(one.seal_events),
                seal_number=one.seal_number,
                card_id=one.card_id,
                door_open=one.door_open,
                longitude_deg=one.longitude_deg,
                latitude_deg=one.latitude_deg,
            )
            for one in found
        ],
    )
