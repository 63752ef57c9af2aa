"""Which trips to inspect first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from dashboards.controlroom.room import InRoom
from dashboards.controlroom.schemas.risk import TripRisk, WorkList
from sealtrail.contract.risk import RiskQuery

router = APIRouter(prefix="/api/risk", tags=["risk"])


@router.get("")
async def work_list(room: InRoom, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> WorkList:
    """The trips under way of the highest scores, each with its parts."""
    return WorkList.model_validate(await room.backend.risks(RiskQuery(limit=limit)))


@router.get("/{trip_id}")
async def risk(room: InRoom, trip_id: Annotated[str, Path(min_length=1, max_length=128)]) -> TripRisk:
    """The score of one trip under way, as it is now."""
    answer = await room.backend.risks(RiskQuery(trip_id=trip_id))
    return TripRisk.model_validate(answer.risks[0])
