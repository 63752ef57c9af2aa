"""The scene's work list, scored as the alerts service scores it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alerts.risk.index import Index, Lanes, Surroundings
from alerts.risk.score import rank, risk_of
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.incident import Incident
from sealtrail.contract.queries import Position
from sealtrail.contract.risk import RiskAnswer, RiskQuery
from sealtrail.contract.trip import Trip
from sealtrail.runtime.settings.risk import RiskSettings


def work_list(
    query: RiskQuery,
    trips: Mapping[str, Trip],
    incidents: Iterable[Incident],
    positions: Mapping[str, Position],
    now_ms: int,
) -> RiskAnswer:
    """What the alerts service would answer."""
    if query.trip_id is not None and query.trip_id not in trips:
        raise RefusedError("unknown_trip", f"no trip {query.trip_id!r} is under way")
    index = Index(0)
    for trip in trips.values():
        index.plan(trip)
    for incident in incidents:
        index.take(incident)
    around = Surroundings(dict(positions), {})
    asked = trips.values() if query.trip_id is None else [trips[query.trip_id]]
    settings = RiskSettings()
    lanes = Lanes(index, settings, now_ms)
    risks = sorted((risk_of(index.case(trip, around, lanes), settings, now_ms) for trip in asked), key=rank)
    return RiskAnswer(at_ms=now_ms, trips=len(trips), unknown=(), risks=tuple(risks[: query.limit]))
