"""How the record is spelt: bucket, measurements, tags and fields.

The only place that does so; the stores build on it and the dashboards are
tested against it. Units are in the names, as in `sealtrail.contract.reading`.
"""

from __future__ import annotations

DEFAULT_BUCKET = "sealtrail"
DEFAULT_ORG = "sealtrail"

READING = "reading"
"""Measurement: one point for each reading, at the time it happened."""

ALERT = "alert"
"""Measurement: one point for each alert event, at the time that the alert is about."""

CONTAINER = "container_id"  # `Reading.key`: the container once paired, else the device
DEVICE = "device_id"
FAMILY = "family"
HAS_POSITION = "has_position"
"""Tag, ``true`` or ``false``. It splits the readings of a device in two series, so that the
newest point of the ``true`` one *is* the last known place."""

READING_TAGS = (CONTAINER, DEVICE, FAMILY, HAS_POSITION)  # in the order that the server sorts them

READING_ID = "reading_id"
"""The identity as 16 hex digits, as in `sealtrail.contract.alert.Evidence`; the first of `DETAILS`."""

RECEIVED_AT = "received_at_ms"

FLOAT_FIELDS = (
    "latitude_deg",
    "longitude_deg",
    "accuracy_m",
    "altitude_m",
    "speed_kmh",
    "course_deg",
    "hdop",
    "light_lux",
    "shock_g",
    "tilt_deg",
    "temperature_c",
    "humidity_pct",
    "battery_pct",
    "battery_v",
    "external_v",
    "odometer_km",
    "signal_pct",
)
INT_FIELDS = (
    RECEIVED_AT,
    "sequence",
    "device_time_ms",
    "flags",
    "fix_kind",
    "satellites",
    "seal_state",
    "seal_events",
)
BITS_FIELDS = ("flags", "seal_events")
"""Those of the integers that are bits. InfluxDB holds them only where one is set."""

BOOL_FIELDS = ("door_open", "mounted", "moving")
TEXT_FIELDS = ("seal_number", "card_id")
EXTRA = "extra"
"""Field: the maker's own values as one JSON object, so that they can't multiply fields."""

SNAPSHOT = "snapshot"
"""Field: see `ingest.snapshot`; on the newest reading of each series in every batch."""

DETAILS = "details"
"""Field: `DETAIL_FIELDS` in this order as one JSON array, nulls at its end left out (`ingest.details`)."""

DETAIL_FIELDS = (
    READING_ID,
    "sequence",
    "device_time_ms",
    "accuracy_m",
    "altitude_m",
    "course_deg",
    "satellites",
    "hdop",
    "mounted",
    "moving",
    "odometer_km",
)
"""Values that no chart asks for one by one. Append only: the record holds old ones."""

READING_FIELDS = (
    *(
        name
        for name in (*INT_FIELDS, *FLOAT_FIELDS, *BOOL_FIELDS, *TEXT_FIELDS, EXTRA)
        if name not in DETAIL_FIELDS
    ),
    DETAILS,
    SNAPSHOT,
)
"""Fields of a point in InfluxDB."""

ALERT_TYPE = "type"
ALERT_SEVERITY = "severity"
ALERT_ACTION = "action"
ALERT_TAGS = (ALERT_ACTION, CONTAINER, ALERT_SEVERITY, ALERT_TYPE)

ALERT_INT_FIELDS = (RECEIVED_AT, "late_by_s")
ALERT_FLOAT_FIELDS = ("latitude_deg", "longitude_deg")
ALERT_TEXT_FIELDS = ("alert_id", "event_id", "trip_id", DEVICE, "rule", "sentence")
ALERT_FIELDS = (*ALERT_INT_FIELDS, *ALERT_FLOAT_FIELDS, *ALERT_TEXT_FIELDS)

DEVICE_DAY = "device_day"
"""Measurement: one point for each device and day (UTC), at the beginning of the day."""

DAY_TAGS = (DEVICE,)
DAY_INT_FIELDS = (
    "received",
    "accepted",
    "duplicate",
    "empty",
    "refused",
    "retried",
    "late",
    "out_of_order",
    "missing",
    "restarts",
    "clock_steps",
    "clock_offset_ms",
    "last_seen_ms",
)
DAY_FLOAT_FIELDS = ("interval_s",)
DAY_TEXT_FIELDS = (FAMILY, CONTAINER, "refused_by_reason")
"""The last one is a JSON object; ``refused`` is its sum."""

DAY_FIELDS = (*DAY_INT_FIELDS, *DAY_FLOAT_FIELDS, *DAY_TEXT_FIELDS)

OFFSETS_IN_A_MS = 1_000_000


def point_time_ns(occurred_at_ms: int, identity: int) -> int:
    """When a point stands in the record: its millisecond plus an offset within it.

    The offset comes from the identity (a reading's id), so that a copy lands
    on its original and two different reports of one device in the same
    millisecond stand side by side. Two such reports share a point once in a
    million pairs (docs/decisions/003-record.md says what happens then).
    """
    return occurred_at_ms * OFFSETS_IN_A_MS + identity % OFFSETS_IN_A_MS
