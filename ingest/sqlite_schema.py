"""Tables and statements of the embedded record."""

from __future__ import annotations

from ingest import names

VERSION = 2
"""Stands in ``user_version``; a file of a newer version is refused, an older one migrated."""

_IDENTITY = (names.CONTAINER, "occurred_at_ms", names.READING_ID)
_PLAIN = (names.DEVICE, names.FAMILY, *names.INT_FIELDS, *names.FLOAT_FIELDS, *names.BOOL_FIELDS)
COLUMNS = (*_IDENTITY, *_PLAIN, *names.TEXT_FIELDS, names.EXTRA)

ALERT_COLUMNS = (
    "event_id",
    "occurred_at_ms",
    *names.ALERT_TAGS,
    *names.ALERT_INT_FIELDS,
    *names.ALERT_FLOAT_FIELDS,
    *(name for name in names.ALERT_TEXT_FIELDS if name != "event_id"),
)


def _declared(name: str) -> str:
    if name in names.FLOAT_FIELDS:
        return f"{name} REAL"
    if name in (names.CONTAINER, names.DEVICE, names.FAMILY, *names.TEXT_FIELDS, names.EXTRA):
        return f"{name} TEXT"
    return f"{name} INTEGER"


# Without a rowid a container's readings lie together in the order of time,
# which is how they are asked for, and a copy finds its original.
SCHEMA = f"""
CREATE TABLE {names.READING} (
  {", ".join(_declared(name) for name in COLUMNS)},
  PRIMARY KEY ({", ".join(_IDENTITY)})
) WITHOUT ROWID;

CREATE TABLE latest (
  container_id TEXT PRIMARY KEY,
  device_id TEXT, report_at_ns INTEGER, received_at_ms INTEGER,
  seal_state INTEGER, seal_events INTEGER, battery_pct REAL,
  place_at_ns INTEGER, fix_kind INTEGER,
  latitude_deg REAL, longitude_deg REAL, accuracy_m REAL, speed_kmh REAL, course_deg REAL
) WITHOUT ROWID;

CREATE TABLE {names.ALERT} (
  {", ".join(f"{name} PRIMARY KEY" if name == "event_id" else name for name in ALERT_COLUMNS)}
) WITHOUT ROWID;

"""

_DAY_KEY = ("day_ms", names.DEVICE)
DAY_COLUMNS = (*_DAY_KEY, *names.DAY_FIELDS)


def _day_declared(name: str) -> str:
    kind = "REAL" if name in names.DAY_FLOAT_FIELDS else "INTEGER"
    return f"{name} {'TEXT' if name in (*names.DAY_TEXT_FIELDS, names.DEVICE) else kind}"


SCHEMA_2 = f"""
CREATE TABLE {names.DEVICE_DAY} (
  {", ".join(_day_declared(name) for name in DAY_COLUMNS)},
  PRIMARY KEY ({", ".join(_DAY_KEY)})
) WITHOUT ROWID;
"""

MIGRATIONS = (SCHEMA, SCHEMA_2)
"""What makes of version 0, 1, … the next one."""


def _marks(columns: tuple[str, ...]) -> str:
    return ", ".join("?" * len(columns))


INSERT_READING = f"INSERT OR REPLACE INTO {names.READING} ({', '.join(COLUMNS)}) VALUES ({_marks(COLUMNS)})"  # noqa: S608 - our own names
INSERT_DAY = (
    f"INSERT OR REPLACE INTO {names.DEVICE_DAY} ({', '.join(DAY_COLUMNS)}) VALUES ({_marks(DAY_COLUMNS)})"  # noqa: S608 - our own names
)
INSERT_ALERT = (
    f"INSERT OR REPLACE INTO {names.ALERT} ({', '.join(ALERT_COLUMNS)}) VALUES ({_marks(ALERT_COLUMNS)})"  # noqa: S608 - our own names
)

UPSERT_REPORT = """
INSERT INTO latest (container_id, device_id, report_at_ns, received_at_ms,
                    seal_state, seal_events, battery_pct, fix_kind)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (container_id) DO UPDATE SET
  device_id = excluded.device_id, report_at_ns = excluded.report_at_ns,
  received_at_ms = excluded.received_at_ms, seal_state = excluded.seal_state,
  seal_events = excluded.seal_events, battery_pct = excluded.battery_pct,
  fix_kind = CASE WHEN place_at_ns IS NULL THEN excluded.fix_kind ELSE fix_kind END
WHERE excluded.report_at_ns >= report_at_ns"""

UPDATE_PLACE = """
UPDATE latest SET place_at_ns = ?1, fix_kind = ?2, latitude_deg = ?3, longitude_deg = ?4,
                  accuracy_m = ?5, speed_kmh = ?6, course_deg = ?7
WHERE container_id = ?8 AND (place_at_ns IS NULL OR place_at_ns <= ?1)"""

LATEST = """
SELECT container_id, device_id, report_at_ns / 1000000 AS occurred_at_ms, received_at_ms, fix_kind,
       latitude_deg, longitude_deg, accuracy_m, speed_kmh, course_deg,
       seal_state, seal_events, battery_pct, place_at_ns / 1000000 AS position_at_ms
FROM latest ORDER BY report_at_ns DESC LIMIT ?"""

_OF_CONTAINER = "container_id = ? AND occurred_at_ms >= ? AND occurred_at_ms < ?"
_NEWEST = "ORDER BY occurred_at_ms DESC, reading_id DESC LIMIT ?"

TRACK = f"""
SELECT container_id, device_id, occurred_at_ms, received_at_ms, fix_kind,
       latitude_deg, longitude_deg, accuracy_m, speed_kmh, course_deg,
       seal_state, seal_events, battery_pct, occurred_at_ms AS position_at_ms
FROM {names.READING}
WHERE {_OF_CONTAINER} AND latitude_deg IS NOT NULL AND longitude_deg IS NOT NULL {_NEWEST}"""  # noqa: S608 - our own names

SEALS = f"""
SELECT device_id, occurred_at_ms, received_at_ms, seal_state, seal_events,
       seal_number, card_id, door_open, latitude_deg, longitude_deg
FROM {names.READING}
WHERE {_OF_CONTAINER} AND (seal_state != 0 OR seal_events != 0 OR seal_number IS NOT NULL
      OR card_id IS NOT NULL OR door_open IS NOT NULL) {_NEWEST}"""  # noqa: S608 - our own names

DAYS = f"""
SELECT {", ".join(DAY_COLUMNS)} FROM {names.DEVICE_DAY}
WHERE day_ms >= ?1 AND day_ms < ?2 AND (?3 IS NULL OR device_id = ?3)
ORDER BY day_ms DESC, device_id DESC LIMIT ?4"""  # noqa: S608 - our own names

COUNT_BY_CONTAINER = (
    f"SELECT container_id, count(DISTINCT reading_id) FROM {names.READING} GROUP BY container_id"  # noqa: S608 - our own names
)
COUNT = f"SELECT count(DISTINCT reading_id) FROM {names.READING}"  # noqa: S608 - our own names


def sensors(quantity: str) -> str:
    """The statement for one quantity, which must have been checked."""
    return f"""
SELECT occurred_at_ms, {quantity}, device_id FROM {names.READING}
WHERE {_OF_CONTAINER} AND {quantity} IS NOT NULL {_NEWEST}"""  # noqa: S608 - one of SENSOR_FIELDS
