"""Trips and custody."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from dashboards.controlroom.problems import ProblemError
from dashboards.controlroom.room import InRoom
from dashboards.controlroom.schemas.incidents import IncidentSummary, alert_of
from dashboards.controlroom.schemas.trips import TripDetail, TripPlan

router = APIRouter(prefix="/api", tags=["trips"])


@router.get("/trips/{trip_id}")
async def trip(room: InRoom, trip_id: Annotated[str, Path(min_length=1, max_length=128)]) -> TripDetail:
    """A trip with its plan, its incidents and its custody log."""
    found = room.board.trip(trip_id)
    if found is None:
        raise ProblemError("unknown_trip", "No such trip", trip_id)
    custody = await room.backend.custody(found.container_id)
    return TripDetail.model_construct(
        trip=TripPlan.of(found),
        incidents=[
            IncidentSummary.of(one)
            for one in room.board.incidents_of(found.container_id)
            if one.trip_id == trip_id
        ],
        custody=[alert_of(event) for event in custody if event.trip_id in ("", trip_id)],
    )
