"""Flux programs of the record's questions, and their rows as answers.

Values come in as parameters (`InfluxClient.query`), never as text. Filters on
tags and fields, ``last`` and ``tail`` run in the storage engine, before rows are
assembled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ingest import details, names
from ingest.snapshot import Snapshot, unpack
from sealtrail.contract.completeness import DeviceDay
from sealtrail.contract.queries import Position, Sample, SealRecord

Row = Mapping[str, str]
_reasons = msgspec.json.Decoder(dict[str, int]).decode

_END_S = 9_223_372_036
"""End of time for ``range``, whose default ("now") would hide devices whose clock is ahead."""

_REPORT = (names.RECEIVED_AT, "seal_state", "seal_events", "battery_pct")
_PLACE = ("fix_kind", "latitude_deg", "longitude_deg", "speed_kmh", names.DETAILS)
_PLACE_BEFORE = ("accuracy_m", "course_deg")  # fields of their own in older records
_SEAL = (
    names.RECEIVED_AT,
    "seal_state",
    "seal_events",
    "seal_number",
    "card_id",
    "door_open",
    "latitude_deg",
    "longitude_deg",
)


def _one_of(fields: Iterable[str]) -> str:
    return " or ".join(f'r._field == "{field}"' for field in fields)


_FROM_ALL = f"""from(bucket: _bucket)
  |> range(start: 0, stop: {_END_S})
  |> filter(fn: (r) => r._measurement == "{names.READING}")"""

_FROM_CONTAINER = f"""from(bucket: _bucket)
  |> range(start: time(v: _since_ns), stop: time(v: _until_ns))
  |> filter(fn: (r) => r._measurement == "{names.READING}" and r.{names.CONTAINER} == _container)"""

_NEWEST = """  |> group()
  |> sort(columns: ["_time"], desc: true)
  |> limit(n: _limit)"""

_ROWS = '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'

LATEST = f"""{_FROM_ALL}
  |> filter(fn: (r) => r._field == "{names.SNAPSHOT}")
  |> last()
  |> keep(columns: ["_time", "_value", "{names.CONTAINER}", "{names.DEVICE}", "{names.HAS_POSITION}"])"""

TRACK = f"""{_FROM_CONTAINER}
  |> filter(fn: (r) => r.{names.HAS_POSITION} == "true")
  |> filter(fn: (r) => {_one_of((*_REPORT, *_PLACE, *_PLACE_BEFORE))})
  |> tail(n: _limit)
{_ROWS}
{_NEWEST}"""

SENSORS = f"""{_FROM_CONTAINER}
  |> filter(fn: (r) => r._field == _quantity)
  |> tail(n: _limit)
{_NEWEST}
  |> keep(columns: ["_time", "_value", "{names.DEVICE}"])"""

SEALS = f"""{_FROM_CONTAINER}
  |> filter(fn: (r) => {_one_of(_SEAL)})
{_ROWS}
  |> filter(fn: (r) => r.seal_state != 0 or (exists r.seal_events and r.seal_events != 0)
      or exists r.seal_number or exists r.card_id or exists r.door_open)
{_NEWEST}"""

_IDENTITIES = f"""import "strings"

{_FROM_ALL}
  |> filter(fn: (r) => {_one_of((names.DETAILS, names.READING_ID))})
  |> map(fn: (r) => ({{
      {names.CONTAINER}: r.{names.CONTAINER},
      _value: if r._field == "{names.READING_ID}" then r._value
        else strings.substring(v: r._value, start: {details.IDENTITY_BEGINS}, end: {details.IDENTITY_ENDS}),
    }}))"""
"""Older records have the identity in a field of its own."""

COUNT_BY_CONTAINER = f"""{_IDENTITIES}
  |> group(columns: ["{names.CONTAINER}"])
  |> distinct()
  |> count()"""

COUNT = f"""{_IDENTITIES}
  |> group()
  |> distinct()
  |> count()"""


_FROM_DAYS = f"""from(bucket: _bucket)
  |> range(start: time(v: _since_ns), stop: time(v: _until_ns))
  |> filter(fn: (r) => r._measurement == "{names.DEVICE_DAY}")"""

_NEWEST_DAYS = f"""{_ROWS}
  |> group()
  |> sort(columns: ["_time", "{names.DEVICE}"], desc: true)
  |> limit(n: _limit)"""

DAYS = f"{_FROM_DAYS}\n{_NEWEST_DAYS}"
DAYS_OF_DEVICE = f"""{_FROM_DAYS}
  |> filter(fn: (r) => r.{names.DEVICE} == _device)
{_NEWEST_DAYS}"""


@lru_cache(maxsize=65_536)
def _whole_seconds(text: str) -> int:
    return int(dt.datetime.fromisoformat(text + "+00:00").timestamp())


def time_ns(text: str) -> int:
    """Nanoseconds of ``2026-11-23T06:30:00.123456789Z`` with any number of decimals."""
    return _whole_seconds(text[:19]) * 1_000_000_000 + int(text[20:-1].ljust(9, "0"))


def time_ms(text: str) -> int:
    """UTC milliseconds of the same; the offset within the millisecond is ours, not the device's."""
    return time_ns(text) // names.OFFSETS_IN_A_MS


def _float(text: str | None) -> float | None:
    return float(text) if text else None


def _details_of(row: Row) -> details.Details:
    """What a row of `TRACK` says beside its fields; of an older record, the fields that were asked for."""
    if text := row.get(names.DETAILS):
        return details.unpack(text)
    return details.Details(
        "", accuracy_m=_float(row.get("accuracy_m")), course_deg=_float(row.get("course_deg"))
    )


def position_of(row: Row) -> Position:
    """A row of `TRACK`."""
    at_ms = time_ms(row["_time"])
    said = _details_of(row)
    return Position(
        container_id=row[names.CONTAINER],
        device_id=row[names.DEVICE],
        occurred_at_ms=at_ms,
        received_at_ms=int(row[names.RECEIVED_AT]),
        fix_kind=int(row["fix_kind"]),
        latitude_deg=_float(row["latitude_deg"]),
        longitude_deg=_float(row["longitude_deg"]),
        accuracy_m=said.accuracy_m,
        speed_kmh=_float(row.get("speed_kmh")),
        course_deg=said.course_deg,
        seal_state=int(row["seal_state"]),
        seal_events=int(row.get("seal_events") or 0),
        battery_pct=_float(row.get("battery_pct")),
        position_at_ms=at_ms,
    )


def sample_of(row: Row) -> Sample:
    """A row of `SENSORS`."""
    return Sample(time_ms(row["_time"]), float(row["_value"]), row[names.DEVICE])


def seal_record_of(row: Row) -> SealRecord:
    """A row of `SEALS`."""
    door = row.get("door_open")
    return SealRecord(
        device_id=row[names.DEVICE],
        occurred_at_ms=time_ms(row["_time"]),
        received_at_ms=int(row[names.RECEIVED_AT]),
        seal_state=int(row["seal_state"]),
        seal_events=int(row.get("seal_events") or 0),
        seal_number=row.get("seal_number") or None,
        card_id=row.get("card_id") or None,
        door_open=door == "true" if door else None,
        latitude_deg=_float(row.get("latitude_deg")),
        longitude_deg=_float(row.get("longitude_deg")),
    )


def day_of(row: Row) -> DeviceDay:
    """A row of `DAYS`."""
    offset, interval = row.get("clock_offset_ms"), row.get("interval_s")
    numbers = {
        name: int(row[name]) for name in names.DAY_INT_FIELDS if name not in ("clock_offset_ms", "refused")
    }
    return DeviceDay(
        device_id=row[names.DEVICE],
        day_ms=time_ms(row["_time"]),
        family=row[names.FAMILY],
        container_id=row.get(names.CONTAINER) or None,
        refused=_reasons(row["refused_by_reason"]),
        clock_offset_ms=int(offset) if offset else None,
        interval_s=float(interval) if interval else None,
        **numbers,
    )


class _Report(NamedTuple):
    """Newest report of one series."""

    at_ns: int
    container_id: str
    device_id: str
    located: bool
    snapshot: Snapshot


def _report_of(row: Row) -> _Report:
    return _Report(
        time_ns(row["_time"]),
        row[names.CONTAINER],
        row[names.DEVICE],
        row[names.HAS_POSITION] == "true",
        unpack(row["_value"]),
    )


def latest_of(rows: Iterable[Row]) -> list[Position]:
    """Rows of `LATEST`, one for each series, as one position for each container."""
    reports: dict[str, _Report] = {}
    places: dict[str, _Report] = {}
    for report in map(_report_of, rows):
        known = reports.get(report.container_id)
        if known is None or known.at_ns < report.at_ns:
            reports[report.container_id] = report
        known = places.get(report.container_id)
        if report.located and (known is None or known.at_ns < report.at_ns):
            places[report.container_id] = report
    return [_joined(report, places.get(container)) for container, report in reports.items()]


def _joined(report: _Report, place: _Report | None) -> Position:
    """The newest report, at the newest place."""
    said, fix = report.snapshot, (place or report).snapshot
    return Position(
        container_id=report.container_id,
        device_id=report.device_id,
        occurred_at_ms=report.at_ns // names.OFFSETS_IN_A_MS,
        received_at_ms=said.received_at_ms,
        fix_kind=fix.fix_kind,
        latitude_deg=fix.latitude_deg if place else None,
        longitude_deg=fix.longitude_deg if place else None,
        accuracy_m=fix.accuracy_m if place else None,
        speed_kmh=fix.speed_kmh if place else None,
        course_deg=fix.course_deg if place else None,
        seal_state=said.seal_state,
        seal_events=said.seal_events,
        battery_pct=said.battery_pct,
        position_at_ms=place.at_ns // names.OFFSETS_IN_A_MS if place else None,
    )
