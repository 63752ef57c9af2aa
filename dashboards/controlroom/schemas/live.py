"""The state of everything, and the live messages that keep it current."""

from __future__ import annotations

from pydantic import Field

from dashboards.controlroom.schemas.base import Model
from dashboards.controlroom.schemas.incidents import IncidentSummary
from dashboards.controlroom.schemas.positions import PositionColumns
from dashboards.controlroom.schemas.trips import TripSummary


class Stats(Model):
    """Figures of the pipeline, sent every few seconds."""

    server_time_ms: int
    reports_per_s: float = Field(description="Reports seen on the log, mean of the last interval.")
    containers: int
    viewers: int
    feed_connected: bool = Field(description="Whether the control room itself hears the log.")
    feed_error: str = Field(description="Why it doesn't; empty while it does.")


class State(Model):
    """What a page needs to start. Live messages after ``cursor`` continue it without a gap."""

    cursor: str
    server_time_ms: int
    late_after_s: int
    silent_after_s: int
    stats: Stats
    containers: PositionColumns
    incidents: list[IncidentSummary] = Field(
        description="All open and acknowledged ones, and the newest of the rest."
    )
    trips: list[TripSummary]


class TripGone(Model):
    trip_id: str
