"""Readings and alert events as rows of the embedded record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from ingest import names, sqlite_schema
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.completeness import DeviceDay
from sealtrail.contract.reading import Reading

_FIELDS = [field.name for field in msgspec.structs.fields(Reading)]
_REST = itemgetter(*(_FIELDS.index(name) for name in sqlite_schema.COLUMNS[3:-1]))
_json = msgspec.json.Encoder(order="sorted")
_reasons = msgspec.json.Decoder(dict[str, int]).decode


def reading_rows(readings: Iterable[Reading]) -> Iterator[tuple[Any, ...]]:
    """Rows for `sqlite_schema.INSERT_READING`."""
    astuple = msgspec.structs.astuple
    for reading in readings:
        row = astuple(reading)
        identity = reading.reading_id
        yield (
            reading.container_id or row[0],
            reading.occurred_at_ms,
            identity - (identity >> 63 << 64),  # SQLite's integers are signed
            *_REST(row),
            None if reading.extra is None else _json.encode(reading.extra).decode(),
        )


def alert_row(event: AlertEvent) -> tuple[Any, ...]:
    """A row for `sqlite_schema.INSERT_ALERT`."""
    values = {
        **{name: getattr(event, name) for name in (*names.ALERT_TEXT_FIELDS, *names.ALERT_FLOAT_FIELDS)},
        "occurred_at_ms": event.occurred_at_ms,
        names.RECEIVED_AT: event.received_at_ms,
        names.CONTAINER: event.container_id,
        names.ALERT_TYPE: event.type.value,
        names.ALERT_SEVERITY: event.severity.value,
        names.ALERT_ACTION: event.action.value,
        "late_by_s": event.late_by_ms // 1000,
    }
    return tuple(values[name] for name in sqlite_schema.ALERT_COLUMNS)


def day_row(day: DeviceDay) -> tuple[Any, ...]:
    """A row for `sqlite_schema.INSERT_DAY`."""
    values = msgspec.structs.asdict(day)
    values["refused"], values["refused_by_reason"] = (
        sum(day.refused.values()),
        _json.encode(day.refused).decode(),
    )
    return tuple(values[name] for name in sqlite_schema.DAY_COLUMNS)


def day_of(*, refused: int, refused_by_reason: str, **rest: Any) -> DeviceDay:  # noqa: ARG001 - a sum
    """A row of `sqlite_schema.DAYS`."""
    return DeviceDay(refused=_reasons(refused_by_reason), **rest)


def newest_rows(readings: Sequence[Reading]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows for `UPSERT_REPORT` and `UPDATE_PLACE`: the newest of each container in this batch."""
    reports: dict[str, tuple[int, Reading]] = {}
    places: dict[str, tuple[int, Reading]] = {}
    for reading in readings:
        key = reading.container_id or reading.device_id
        at_ns = names.point_time_ns(reading.occurred_at_ms, reading.reading_id)
        known = reports.get(key)
        if known is None or known[0] <= at_ns:
            reports[key] = (at_ns, reading)
        if reading.latitude_deg is not None and reading.longitude_deg is not None:
            known = places.get(key)
            if known is None or known[0] <= at_ns:
                places[key] = (at_ns, reading)
    return (
        [
            (
                key,
                r.device_id,
                at_ns,
                r.received_at_ms,
                r.seal_state,
                r.seal_events,
                r.battery_pct,
                r.fix_kind,
            )
            for key, (at_ns, r) in reports.items()
        ],
        [
            (at_ns, r.fix_kind, r.latitude_deg, r.longitude_deg, r.accuracy_m, r.speed_kmh, r.course_deg, key)
            for key, (at_ns, r) in places.items()
        ],
    )
