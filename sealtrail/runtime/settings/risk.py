"""Settings of the score that says which trips to inspect first."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sealtrail.contract.alert import Severity
from sealtrail.runtime.settings.section import Section

Points = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]


class RiskSettings(Section):
    """Points of each part; an alert's points are those of its severity times its part's weight."""

    points_critical: Points = Field(default=60.0, description="Points of a critical alert.")
    points_high: Points = Field(default=30.0, description="Points of an alert of high severity.")
    points_medium: Points = Field(default=12.0, description="Points of a medium alert.")
    points_low: Points = Field(default=3.0, description="Points of an alert of low severity.")
    weight_seal: float = Field(default=1.0, ge=0, description="Weight of alerts about the seal.")
    weight_route: float = Field(default=0.8, ge=0, description="Weight of alerts about the way.")
    weight_position: float = Field(default=0.8, ge=0, description="Weight of jammed and forged positions.")
    weight_silence: float = Field(default=0.8, ge=0, description="Weight of silence.")
    weight_cargo: float = Field(default=0.4, ge=0, description="Weight of alerts about the cargo.")
    weight_device: float = Field(default=0.4, ge=0, description="Weight of alerts about the device.")
    weight_identity: float = Field(default=0.8, ge=0, description="Weight of doubtful identities.")
    part_max: Points = Field(
        default=80.0, description="Most points that the alerts of one part give together."
    )
    repeat_share: Share = Field(
        default=0.5,
        description="Further alerts of the same part count this share, this share of it, and so on.",
    )
    acknowledged_share: Share = Field(
        default=0.8, description="Share that an alert counts which somebody is looking into."
    )
    resolved_share: Share = Field(
        default=0.2, description="Share that an alert counts whose incident is resolved."
    )
    cleared_share: Share = Field(
        default=0.6, description="Share that an alert counts which has ended by itself."
    )
    alert_half_life_h: float = Field(
        default=24.0,
        gt=0,
        description="Alerts that are resolved or have ended lose half their points in so many hours.",
    )
    seal_open: Points = Field(
        default=15.0, description="Points where the seal was opened with leave and not closed."
    )
    seal_opened_once: Points = Field(
        default=4.0, description="Points of one opening with leave that was closed again."
    )
    seal_opened_max: Points = Field(default=12.0, description="Most points of openings with leave together.")
    standing: Points = Field(
        default=5.0, description="Points of standing under way outside the places of the plan."
    )
    standing_below_kmh: float = Field(
        default=5.0, gt=0, description="A container slower than this stands, in km/h."
    )
    place_old_h: float = Field(
        default=6.0, gt=0, description="After so many hours under way a place is no longer known."
    )
    place_unknown: Points = Field(
        default=8.0, description="Points where nobody knows the place of a container under way."
    )
    reports_missing: Points = Field(
        default=8.0, description="Points of a device that left out many of its numbered reports."
    )
    reports_missing_full_share: float = Field(
        default=0.2, gt=0, le=1, description="Share of missing reports that gives all these points."
    )
    reports_missing_free_share: Share = Field(
        default=0.01, description="Share of missing reports that gives none."
    )
    history_from: Severity = Field(
        default=Severity.HIGH,
        description="Alerts of other trips count from this severity on.",
    )
    history_half_life_days: float = Field(
        default=45.0, gt=0, description="Alerts of other trips lose half their points in so many days."
    )
    device_incident: Points = Field(
        default=6.0, description="Points of an incident of the same device on another trip."
    )
    device_history_max: Points = Field(default=15.0, description="Most points of a device's past together.")
    lane_history: Points = Field(
        default=15.0,
        description="Points of a lane on which every trip had an incident; else as its share of them.",
    )
    lane_few_trips: float = Field(
        default=5.0,
        ge=0,
        description="Trips without an incident that every lane is granted, so that one bad trip of "
        "two doesn't make a bad lane.",
    )
    refresh_s: float = Field(
        default=10.0, gt=0, description="Places and devices are asked for at most this often, in seconds."
    )
    custody_messages: int = Field(
        default=200_000, ge=1, description="Newest messages of the alert stream read for the custody log."
    )
    kept_trips: int = Field(
        default=200_000, ge=1, description="Trips that have ended and are kept for the history of lanes."
    )
