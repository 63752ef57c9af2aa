"""Flux: where every container is now, and the state of its seal."""

from __future__ import annotations

from dashboards.grafana.flux import readings
from sealtrail.contract.reading import SealState


def placed(scope: str) -> str:
    """Only the reports that have a position: a series of their own in the record."""
    return f'{scope} and r.has_position == "true"'


def _newest(points: str) -> str:
    """Newest point of every container and field: first of every series, then over its devices."""
    return f"""{points}
  |> last()
  |> group(columns: ["container_id", "_field"])
  |> sort(columns: ["_time"])
  |> last()"""


def newest_seal(scope: str) -> str:
    """One row per container: its newest seal state that says something.

    A truck tracker reports ``UNKNOWN`` all the time; that must not hide what
    the seal on the same container says.
    """
    known = f"""{readings("seal_state", scope=scope)}
  |> filter(fn: (r) => r._value > {int(SealState.UNKNOWN)})"""
    return _newest(known)


def _times(field: str, column: str, scope: str) -> str:
    """One row per container: when ``field`` was last reported, as a value named ``column``."""
    return f"""{_newest(readings(field, scope=scope))}
  |> map(fn: (r) => ({{r with _field: "{column}", _value: r._time}}))
  |> group(columns: ["container_id", "_field"])"""


def latest_rows(scope: str) -> str:
    """One row per container: ``_time`` of its newest report, place and its time, speed, battery, seal.

    The place is that of the newest report that has one, so a report without a
    fix moves nothing and hides nothing.
    """
    place = _newest(readings("latitude_deg", "longitude_deg", "speed_kmh", "fix_kind", scope=placed(scope)))
    return f"""place =
{place}

batteries =
{_newest(readings("battery_pct", scope=scope))}

seals =
{newest_seal(scope)}

reported =
{_times("received_at_ms", "_time", scope)}

placed =
{_times("latitude_deg", "position_at", placed(scope))}

union(tables: [place, batteries, seals, reported, placed])
  |> group(columns: ["container_id", "_field"])
  |> pivot(rowKey: ["container_id"], columnKey: ["_field"], valueColumn: "_value")
  |> group()"""
