"""Incidents: look at one, decide on one, and who was told."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from dashboards.controlroom.backend import IncidentChanged
from dashboards.controlroom.problems import ProblemError
from dashboards.controlroom.room import InRoom
from dashboards.controlroom.schemas.incidents import Decision, Deliveries, IncidentDetail
from sealtrail.contract.incident import IncidentAction, IncidentCommand

NEEDS_REASON = (IncidentAction.RESOLVE, IncidentAction.RETRACT, IncidentAction.REOPEN)

router = APIRouter(prefix="/api", tags=["incidents"])

IncidentId = Annotated[str, Path(min_length=1, max_length=128)]


@router.get("/incidents/{incident_id}")
async def incident(room: InRoom, incident_id: IncidentId) -> IncidentDetail:
    """An incident with all its alerts, evidence and history."""
    found = room.board.incident(incident_id)
    if found is None:
        raise ProblemError("unknown_incident", "No such incident", incident_id)
    return IncidentDetail.of(found)


@router.post("/incidents/{incident_id}/{action}")
async def decide(
    room: InRoom, incident_id: IncidentId, action: IncidentAction, decision: Decision
) -> IncidentDetail:
    """Acknowledge, resolve, retract or reopen; the answer is the incident as it is then."""
    if action in NEEDS_REASON and not decision.reason:
        raise ProblemError("reason_missing", "A reason is needed", f"to {action.value} an incident", 422)
    reply = await room.backend.act(
        IncidentCommand(incident_id=incident_id, action=action, actor=decision.actor, reason=decision.reason)
    )
    if reply.incident is None:
        name = reply.refused or "refused"
        status = 404 if name.startswith("unknown") else 409
        raise ProblemError(name, "The decision was refused", reply.detail, status)
    change = IncidentChanged(reply.incident)
    if room.board.apply(change):
        room.feed.announce(change)
    return IncidentDetail.of(reply.incident)


@router.get("/deliveries")
async def deliveries(
    room: InRoom,
    incident_id: Annotated[str | None, Query(max_length=128)] = None,
    container_id: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 500,
) -> Deliveries:
    """The ledger of notifications, newest first."""
    found = [
        one
        for one in await room.backend.deliveries()
        if incident_id in (None, one.incident_id) and container_id in (None, one.container_id)
    ]
    return Deliveries.of(found, limit)
