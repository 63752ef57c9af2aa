"""`AlertEvent` and the catalogue of alert types."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

import msgspec


class Severity(enum.StrEnum):
    INFO = "info"  # custody log and data quality: recorded, nobody is woken
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest; for comparison."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class AlertFamily(enum.StrEnum):
    """Alerts of one family on one trip share one open incident."""

    BREACH = "breach"
    ROUTE = "route"
    GNSS = "gnss"
    SILENCE = "silence"
    CARGO = "cargo"
    DEVICE = "device"
    IDENTITY = "identity"
    QUALITY = "quality"  # logged, never an incident
    CUSTODY = "custody"  # logged, never an incident


class AlertType(enum.StrEnum):
    SEAL_CUT = "SEAL_CUT"
    SEAL_OPENED = "SEAL_OPENED"
    SEAL_TAMPER = "SEAL_TAMPER"
    SEAL_MISMATCH = "SEAL_MISMATCH"
    DOOR_OPENED = "DOOR_OPENED"
    UNLOCK_REFUSED = "UNLOCK_REFUSED"
    SEAL_FAULT = "SEAL_FAULT"
    ROUTE_DEVIATION = "ROUTE_DEVIATION"
    WRONG_WAY = "WRONG_WAY"
    ZONE_FORBIDDEN = "ZONE_FORBIDDEN"
    CHECKPOINT_MISSED = "CHECKPOINT_MISSED"
    UNSCHEDULED_STOP = "UNSCHEDULED_STOP"
    OVERDUE = "OVERDUE"
    SILENT = "SILENT"
    GNSS_JAMMING = "GNSS_JAMMING"
    GNSS_SPOOFING = "GNSS_SPOOFING"
    POSITION_IMPLAUSIBLE = "POSITION_IMPLAUSIBLE"
    SEPARATION = "SEPARATION"
    UNEXPECTED_MOVEMENT = "UNEXPECTED_MOVEMENT"
    SENSOR_EXCURSION = "SENSOR_EXCURSION"
    SENSOR_ANOMALY = "SENSOR_ANOMALY"
    SHOCK = "SHOCK"
    BATTERY_LOW = "BATTERY_LOW"
    IDENTITY_SUSPECT = "IDENTITY_SUSPECT"
    LIKELY_THEFT = "LIKELY_THEFT"
    SEAL_ARMED = "SEAL_ARMED"
    SEAL_DISARMED = "SEAL_DISARMED"
    RESEALED = "RESEALED"
    PAIRED = "PAIRED"
    UNPAIRED = "UNPAIRED"
    TRIP_STARTED = "TRIP_STARTED"
    TRIP_ENDED = "TRIP_ENDED"
    BACK_ON_ROUTE = "BACK_ON_ROUTE"
    SEAL_CHECK = "SEAL_CHECK"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """Defaults of one alert type; a trip may set another severity."""

    family: AlertFamily
    severity: Severity
    title: str  # what a control-room officer reads in the queue


_B, _R, _G, _C, _D = (
    AlertFamily.BREACH,
    AlertFamily.ROUTE,
    AlertFamily.GNSS,
    AlertFamily.CARGO,
    AlertFamily.DEVICE,
)
_LOG = AlertFamily.CUSTODY
_CRIT, _HIGH, _MED, _LOW, _INFO = (
    Severity.CRITICAL,
    Severity.HIGH,
    Severity.MEDIUM,
    Severity.LOW,
    Severity.INFO,
)

CATALOGUE: dict[AlertType, CatalogueEntry] = {
    AlertType.SEAL_CUT: CatalogueEntry(_B, _CRIT, "Seal cut"),
    AlertType.SEAL_OPENED: CatalogueEntry(_B, _CRIT, "Seal opened without authorisation"),
    AlertType.SEAL_TAMPER: CatalogueEntry(_B, _CRIT, "Seal tampered with"),
    AlertType.SEAL_MISMATCH: CatalogueEntry(_B, _CRIT, "Wrong or missing seal"),
    AlertType.DOOR_OPENED: CatalogueEntry(_B, _CRIT, "Door opened while sealed"),
    AlertType.UNLOCK_REFUSED: CatalogueEntry(_B, _HIGH, "Unlocking refused"),
    AlertType.SEAL_FAULT: CatalogueEntry(_D, _HIGH, "Seal faulty"),
    AlertType.ROUTE_DEVIATION: CatalogueEntry(_R, _HIGH, "Off the corridor"),
    AlertType.WRONG_WAY: CatalogueEntry(_R, _HIGH, "Going backwards"),
    AlertType.ZONE_FORBIDDEN: CatalogueEntry(_R, _HIGH, "In a forbidden zone"),
    AlertType.CHECKPOINT_MISSED: CatalogueEntry(_R, _HIGH, "Checkpoint missed"),
    AlertType.UNSCHEDULED_STOP: CatalogueEntry(_R, _MED, "Unscheduled stop"),
    AlertType.OVERDUE: CatalogueEntry(_R, _MED, "Overdue"),
    AlertType.SILENT: CatalogueEntry(AlertFamily.SILENCE, _MED, "Silent"),
    AlertType.GNSS_JAMMING: CatalogueEntry(_G, _HIGH, "Satellite signal jammed"),
    AlertType.GNSS_SPOOFING: CatalogueEntry(_G, _HIGH, "Position forged"),
    AlertType.POSITION_IMPLAUSIBLE: CatalogueEntry(AlertFamily.QUALITY, _INFO, "Position implausible"),
    AlertType.SEPARATION: CatalogueEntry(_B, _CRIT, "Seal and truck apart"),
    AlertType.UNEXPECTED_MOVEMENT: CatalogueEntry(_R, _HIGH, "Moves while parked"),
    AlertType.SENSOR_EXCURSION: CatalogueEntry(_C, _MED, "Outside the cargo profile"),
    AlertType.SENSOR_ANOMALY: CatalogueEntry(_C, _MED, "Unusual sensor values"),
    AlertType.SHOCK: CatalogueEntry(_C, _LOW, "Shock"),
    AlertType.BATTERY_LOW: CatalogueEntry(_D, _MED, "Battery low"),
    AlertType.IDENTITY_SUSPECT: CatalogueEntry(AlertFamily.IDENTITY, _HIGH, "Device identity suspect"),
    AlertType.LIKELY_THEFT: CatalogueEntry(_B, _CRIT, "Likely theft"),
    AlertType.SEAL_ARMED: CatalogueEntry(_LOG, _INFO, "Seal armed"),
    AlertType.SEAL_DISARMED: CatalogueEntry(_LOG, _INFO, "Seal opened with authorisation"),
    AlertType.RESEALED: CatalogueEntry(_LOG, _INFO, "Resealed"),
    AlertType.PAIRED: CatalogueEntry(_LOG, _INFO, "Device paired"),
    AlertType.UNPAIRED: CatalogueEntry(_LOG, _INFO, "Device unpaired"),
    AlertType.TRIP_STARTED: CatalogueEntry(_LOG, _INFO, "Trip started"),
    AlertType.TRIP_ENDED: CatalogueEntry(_LOG, _INFO, "Trip ended"),
    AlertType.BACK_ON_ROUTE: CatalogueEntry(_LOG, _INFO, "Back on the corridor"),
    AlertType.SEAL_CHECK: CatalogueEntry(_LOG, _INFO, "Seal checked"),
}


class AlertAction(enum.StrEnum):
    RAISED = "raised"  # a new alert
    UPDATED = "updated"  # the same alert, more or earlier evidence, perhaps more severe
    CLEARED = "cleared"  # the condition has ended by itself (back on route)
    RETRACTED = "retracted"  # it was wrong: a late report or authorisation shows so
    LOGGED = "logged"  # custody and data quality


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One reading that an alert rests on, as much of it as a person needs to see."""

    reading_id: str  # 16 hex digits
    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    fix_kind: int = 0
    seal_events: int = 0
    seal_state: int = 0


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a rule says about a trip. Equal input gives equal bytes.

    ``alert_id`` names the alert and stays the same over its life (see
    `alert_id_of`); ``event_id`` names this very event, so that a replay or a
    second worker can't count it twice.
    """

    event_id: str
    alert_id: str
    type: AlertType
    action: AlertAction
    severity: Severity
    container_id: str
    trip_id: str
    device_id: str
    occurred_at_ms: int  # when it happened (for UPDATED: the beginning as now known)
    received_at_ms: int  # when the report that shows it reached the gateway
    sentence: str  # plain English for a control-room officer
    rule: str
    rule_version: int
    settings: dict[str, float | int | str | bool] = {}
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    place_is_last_known: bool = False  # the position is older than the event
    details: dict[str, float | int | str | bool | None] = {}
    evidence: tuple[Evidence, ...] = ()

    @property
    def late_by_ms(self) -> int:
        """Time between the happening and its receipt."""
        return max(0, self.received_at_ms - self.occurred_at_ms)

    @property
    def family(self) -> AlertFamily:
        return CATALOGUE[self.type].family


def _digest(*parts: str | int) -> str:
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def alert_id_of(scope: str, rule: str, first_reading_id: int | str) -> str:
    """Identity of an alert: the trip (or container), the rule, its first evidence."""
    return _digest(scope, rule, first_reading_id)


def event_id_of(alert_id: str, action: AlertAction, cause: int | str) -> str:
    """Identity of one event in an alert's life: what was done and what caused it."""
    return _digest(alert_id, action.value, cause)
