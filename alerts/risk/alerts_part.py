"""What the trip's own alerts say, one part for each family."""

from __future__ import annotations

from typing import NamedTuple

from alerts.risk.case import TripCase
from alerts.risk.fading import fading
from alerts.risk.words import HOUR_MS, ago, counted
from sealtrail.contract.alert import CATALOGUE, AlertAction, AlertEvent, AlertFamily, Severity
from sealtrail.contract.incident import Incident, IncidentState
from sealtrail.contract.risk import BasisKind, RiskBasis, RiskPart, RiskPartName
from sealtrail.runtime.settings.risk import RiskSettings

PART_OF = {
    AlertFamily.BREACH: RiskPartName.SEAL,
    AlertFamily.ROUTE: RiskPartName.ROUTE,
    AlertFamily.GNSS: RiskPartName.POSITION,
    AlertFamily.SILENCE: RiskPartName.SILENCE,
    AlertFamily.CARGO: RiskPartName.CARGO,
    AlertFamily.DEVICE: RiskPartName.DEVICE,
    AlertFamily.IDENTITY: RiskPartName.IDENTITY,
}
_STANDS = {
    IncidentState.OPEN: "not acknowledged",
    IncidentState.ACKNOWLEDGED: "being looked into",
    IncidentState.RESOLVED: "resolved",
}


class _Counted(NamedTuple):
    """One alert and what it counts on its own."""

    points: float
    alert: AlertEvent
    incident: Incident


def alert_parts(case: TripCase, settings: RiskSettings, now_ms: int) -> list[RiskPart]:
    """A part for each family that has an alert which wasn't taken back."""
    if not case.incidents:
        return []
    severities, weights = _severity_points(settings), _weights(settings)
    by_part: dict[RiskPartName, list[_Counted]] = {}
    for incident in case.incidents:
        if incident.state is IncidentState.RETRACTED:
            continue
        for alert in incident.alerts:
            name = PART_OF.get(alert.family)
            if name is None or alert.action in (AlertAction.RETRACTED, AlertAction.LOGGED):
                continue
            points = severities[alert.severity] * weights[name] * _share(alert, incident, settings, now_ms)
            by_part.setdefault(name, []).append(_Counted(points, alert, incident))
    return [_part(name, found, settings, now_ms) for name, found in by_part.items()]


def _share(alert: AlertEvent, incident: Incident, settings: RiskSettings, now_ms: int) -> float:
    """Share of its points that an alert gives as it stands."""
    share, over = 1.0, False
    if incident.state is IncidentState.RESOLVED:
        share, over = settings.resolved_share, True
    elif incident.state is IncidentState.ACKNOWLEDGED:
        share = settings.acknowledged_share
    if alert.action is AlertAction.CLEARED:
        share, over = share * settings.cleared_share, True
    if over:
        share *= fading(alert.occurred_at_ms, now_ms, settings.alert_half_life_h * HOUR_MS)
    return share


def _severity_points(settings: RiskSettings) -> dict[Severity, float]:
    return {
        Severity.CRITICAL: settings.points_critical,
        Severity.HIGH: settings.points_high,
        Severity.MEDIUM: settings.points_medium,
        Severity.LOW: settings.points_low,
        Severity.INFO: 0.0,
    }


def _weights(settings: RiskSettings) -> dict[RiskPartName, float]:
    return {
        RiskPartName.SEAL: settings.weight_seal,
        RiskPartName.ROUTE: settings.weight_route,
        RiskPartName.POSITION: settings.weight_position,
        RiskPartName.SILENCE: settings.weight_silence,
        RiskPartName.CARGO: settings.weight_cargo,
        RiskPartName.DEVICE: settings.weight_device,
        RiskPartName.IDENTITY: settings.weight_identity,
    }


def _part(name: RiskPartName, found: list[_Counted], settings: RiskSettings, now_ms: int) -> RiskPart:
    found.sort(key=lambda one: (-one.points, one.alert.occurred_at_ms, one.alert.alert_id))
    points, share = 0.0, 1.0
    for one in found:
        points += one.points * share
        share *= settings.repeat_share
    basis = [RiskBasis(kind=BasisKind.ALERT, id=one.alert.alert_id) for one in found]
    incident_ids = dict.fromkeys(one.incident.incident_id for one in found)
    basis += [RiskBasis(kind=BasisKind.INCIDENT, id=incident_id) for incident_id in incident_ids]
    return RiskPart(
        name=name,
        points=round(min(points, settings.part_max), 1),
        reason=_reason(found, now_ms),
        basis=tuple(basis),
    )


def _reason(found: list[_Counted], now_ms: int) -> str:
    first = found[0]
    stands = _STANDS[first.incident.state]
    if first.alert.action is AlertAction.CLEARED and first.incident.state is not IncidentState.RESOLVED:
        stands += ", and has ended"
    title = CATALOGUE[first.alert.type].title
    more = f", and {counted(len(found) - 1, 'further alert')}" if len(found) > 1 else ""
    return f"{title} {ago(first.alert.occurred_at_ms, now_ms)} ({stands}){more}."
