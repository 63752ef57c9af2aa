"""`risk_of`: how much a trip deserves an inspection, as a sum whose every part is shown.

::

    score = min(100, the parts' points together)

Alerts that stand give the points of their severity times the weight of their
part (seal, route, position, silence, cargo, device, identity). The strongest
alert of a part counts whole, the next `repeat_share` of it, and so on. Of an
alert that somebody looks into, that has ended by itself or that is resolved
only a share counts, and the latter two fade with time; an open one doesn't.
Retracted alerts and incidents count nothing.

To these come how the seal stands by the custody log, where the container is
now, what its devices left out, and what happened on other trips to the same
devices and on the same lane; the last two fade with time.

Pure: equal input gives equal output, and ``now_ms`` is an argument.
"""

from __future__ import annotations

from collections.abc import Callable

from alerts.risk.alerts_part import alert_parts
from alerts.risk.case import TripCase
from alerts.risk.custody_part import seal_open_part
from alerts.risk.history_part import device_history_part, lane_history_part
from alerts.risk.place_part import place_part, reports_part
from sealtrail.contract.risk import RiskPart, TripRisk
from sealtrail.runtime.settings.risk import RiskSettings

MOST = 100

_Part = Callable[[TripCase, RiskSettings, int], RiskPart | None]
_OTHERS: tuple[_Part, ...] = (
    seal_open_part,
    place_part,
    reports_part,
    device_history_part,
    lane_history_part,
)


def risk_of(case: TripCase, settings: RiskSettings, now_ms: int) -> TripRisk:
    """The score of a trip at ``now_ms``, with its parts in order of their points."""
    parts = alert_parts(case, settings, now_ms)
    parts += [part for make in _OTHERS if (part := make(case, settings, now_ms)) is not None]
    parts = [part for part in parts if part.points > 0]
    parts.sort(key=lambda part: (-part.points, part.name.value))
    points = round(sum(part.points for part in parts), 1)
    trip = case.trip
    return TripRisk(
        trip_id=trip.trip_id,
        container_id=trip.container_id,
        origin=trip.origin.name if trip.origin else "",
        destination=trip.destination.name if trip.destination else "",
        score=min(MOST, round(points)),
        points=points,
        parts=tuple(parts),
    )


def rank(risk: TripRisk) -> tuple[float, str]:
    """For sorting: whom to inspect first. Sums beyond 100 still tell trips apart."""
    return -risk.points, risk.trip_id
