"""How the seal stands by the custody log: opened with leave, and closed again or not."""

from __future__ import annotations

from alerts.risk.case import TripCase
from alerts.risk.place_part import is_there
from alerts.risk.words import ago, counted
from sealtrail.contract.alert import AlertEvent, AlertType
from sealtrail.contract.risk import BasisKind, RiskBasis, RiskPart, RiskPartName
from sealtrail.runtime.settings.risk import RiskSettings

_CLOSING = frozenset({AlertType.RESEALED, AlertType.SEAL_ARMED})


def seal_open_part(case: TripCase, settings: RiskSettings, now_ms: int) -> RiskPart | None:
    """Every opening with leave is one time that nobody watched; one that goes on counts more.

    At the destination the seal is meant to be opened.
    """
    lines = sorted(case.custody, key=lambda line: (line.occurred_at_ms, line.event_id))
    openings = [line for line in lines if line.type is AlertType.SEAL_DISARMED]
    if not openings or is_there(case.position, case.trip.destination):
        return None
    last = openings[-1]
    closed = any(_closes(line, last) for line in lines)
    points = settings.seal_opened_once * (len(openings) if closed else len(openings) - 1)
    points = min(points, settings.seal_opened_max)
    when = ago(last.occurred_at_ms, now_ms)
    times = f"; it was opened {counted(len(openings), 'time')} in all" if len(openings) > 1 else ""
    if closed:
        reason = f"The seal was opened with leave {when} and closed again{times}."
    else:
        points += settings.seal_open
        reason = f"The seal was opened with leave {when} and isn't known to be closed again{times}."
    return RiskPart(
        name=RiskPartName.SEAL_OPEN,
        points=round(points, 1),
        reason=reason,
        basis=tuple(RiskBasis(kind=BasisKind.CUSTODY, id=line.event_id) for line in openings),
    )


def _closes(line: AlertEvent, opening: AlertEvent) -> bool:
    """Whether a line of the log says that the seal is closed after an opening."""
    if line.occurred_at_ms < opening.occurred_at_ms:
        return False
    replaced = line.type is AlertType.SEAL_CHECK and bool(line.details.get("replaced_by"))
    return replaced or line.type in _CLOSING
