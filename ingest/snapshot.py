"""`Snapshot`: what the list of last positions needs of one report, in one field.

InfluxDB finds the newest value of a field per series in about 45 µs however
long the record is, but every further field costs as much again. So the values
of a position also stand together in one text field, and the last positions of
30,000 containers take about 1.5 s instead of 20.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ingest import names
from sealtrail.contract.reading import Reading


class Snapshot(msgspec.Struct, array_like=True, gc=False):
    """Values of one reading, named as there. Append only: the record holds old ones."""

    received_at_ms: int
    fix_kind: int
    latitude_deg: float | None
    longitude_deg: float | None
    accuracy_m: float | None
    speed_kmh: float | None
    course_deg: float | None
    seal_state: int
    seal_events: int
    battery_pct: float | None


_encode = msgspec.json.Encoder().encode
unpack = msgspec.json.Decoder(Snapshot).decode
"""A snapshot of its text."""


def pack(reading: Reading) -> str:
    """The snapshot of a reading as a JSON array of numbers and nulls."""
    values = (
        reading.received_at_ms,
        reading.fix_kind,
        reading.latitude_deg,
        reading.longitude_deg,
        reading.accuracy_m,
        reading.speed_kmh,
        reading.course_deg,
        reading.seal_state,
        reading.seal_events,
        reading.battery_pct,
    )
    return _encode(values).decode()


def newest_of_each_series(readings: Sequence[Reading]) -> set[int]:
    """Indexes of the readings that no other one of the same batch and series supersedes."""
    newest: dict[tuple[str | None, str, bool], tuple[int, int]] = {}
    for index, reading in enumerate(readings):
        located = reading.latitude_deg is not None and reading.longitude_deg is not None
        series = (reading.container_id, reading.device_id, located)
        at_ns = names.point_time_ns(reading.occurred_at_ms, reading.reading_id)
        known = newest.get(series)
        if known is None or known[0] < at_ns:
            newest[series] = (at_ns, index)
    return {index for _, index in newest.values()}
