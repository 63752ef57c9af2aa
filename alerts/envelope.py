"""What a subscriber reads: a CloudEvents 1.0 envelope around the public form of an alert.

The format is documented in docs/notifications.md. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.incidents import Change, Notice
from sealtrail.contract.alert import CATALOGUE, AlertAction, AlertEvent, Evidence
from sealtrail.contract.clock import iso
from sealtrail.contract.incident import Incident
from sealtrail.contract.reading import FixKind, SealEvent, SealState

TYPE_OF = {
    Notice.RAISED: "org.sealtrail.alert.raised",
    Notice.ESCALATED: "org.sealtrail.alert.escalated",
    Notice.RETRACTED: "org.sealtrail.alert.retracted",
}

_encode = msgspec.json.Encoder().encode


def leading_alert(incident: Incident) -> AlertEvent:
    """The alert that stands for the incident: not retracted, most severe, earliest."""
    return min(
        incident.alerts,
        key=lambda alert: (
            alert.action is AlertAction.RETRACTED,
            -alert.severity.rank,
            alert.occurred_at_ms,
            alert.alert_id,
        ),
    )


def _name(kind: type[FixKind | SealState], code: int) -> str:
    try:
        return str(kind(code).name).lower()
    except ValueError:  # of a newer version
        return "unknown"


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        "reading_id": one.reading_id,
        "device_id": one.device_id,
        "occurred_at": iso(one.occurred_at_ms),
        "received_at": iso(one.received_at_ms),
        "latitude_deg": one.latitude_deg,
        "longitude_deg": one.longitude_deg,
        "fix_kind": _name(FixKind, one.fix_kind),
        "seal_state": _name(SealState, one.seal_state),
        "seal_events": [str(bit.name).lower() for bit in SealEvent if bit & one.seal_events],
    }


def _alert(alert: AlertEvent) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "type": alert.type.value,
        "title": CATALOGUE[alert.type].title,
        "action": alert.action.value,
        "severity": alert.severity.value,
        "device_id": alert.device_id,
        "occurred_at": iso(alert.occurred_at_ms),
        "received_at": iso(alert.received_at_ms),
        "late_by_s": alert.late_by_ms / 1000,
        "sentence": alert.sentence,
        "latitude_deg": alert.latitude_deg,
        "longitude_deg": alert.longitude_deg,
        "place_is_last_known": alert.place_is_last_known,
        "rule": alert.rule,
        "rule_version": alert.rule_version,
        "details": alert.details,
        "evidence": [_evidence(one) for one in alert.evidence],
    }


def _incident(change: Change) -> dict[str, Any]:
    incident = change.incident
    return {
        "incident_id": incident.incident_id,
        "family": incident.family.value,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "occurred_at": iso(incident.occurred_at_ms),
        "received_at": iso(incident.received_at_ms),
        "alerts": len(incident.alerts) + incident.alerts_left_out,
    }


def envelope(change: Change, delivery_id: str, source: str) -> tuple[AlertEvent, bytes]:
    """The alert that the notification is about, and the structured-mode JSON body."""
    if change.notice is None:
        raise ValueError("nobody is told of this change")
    alert = change.cause or leading_alert(change.incident)
    return alert, _encode(
        {
            "specversion": "1.0",
            "id": delivery_id,
            "source": source,
            "type": TYPE_OF[change.notice],
            "subject": change.incident.container_id,
            "time": iso(alert.occurred_at_ms),
            "datacontenttype": "application/json",
            "data": {
                "container_id": change.incident.container_id,
                "trip_id": change.incident.trip_id,
                "cause_id": change.cause_id,
                "reason": change.reason,
                **_alert(alert),
                "incident": _incident(change),
            },
        }
    )
