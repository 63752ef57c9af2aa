"""Names in InfluxDB that the dashboards ask for.

The record's own list is `ingest/names.py`; dashboards don't import a service,
so a test holds the two together.
"""

from __future__ import annotations

from typing import Final

READING: Final = "reading"
ALERT: Final = "alert"

READING_TAGS: Final = ("container_id", "device_id", "family", "has_position")
ALERT_TAGS: Final = ("container_id", "type", "severity", "action")

READING_FIELDS: Final = (
    "received_at_ms",
    "latitude_deg",
    "longitude_deg",
    "fix_kind",
    "speed_kmh",
    "seal_state",
    "seal_events",
    "seal_number",
    "card_id",
    "door_open",
    "light_lux",
    "shock_g",
    "temperature_c",
    "humidity_pct",
    "battery_pct",
    "flags",
)
"""Fields of `reading` that some panel asks for."""

ALERT_FIELDS: Final = (
    "alert_id",
    "trip_id",
    "sentence",
    "latitude_deg",
    "longitude_deg",
    "late_by_s",
    "received_at_ms",
)
"""Fields of `alert` that some panel asks for."""
