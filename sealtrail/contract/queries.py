"""Questions to the record, asked over the log's request subjects, answered by ingest.

Request subject: ``sealtrail.request.record.<query>`` with ``query`` one of
``latest``, ``track``, ``sensors``, ``seals``, ``counts`` and ``days`` (see
`sealtrail.contract.completeness`). Bodies are MessagePack of the structs below; an
answer is either the result or a `QueryRefusal` (distinguished by the NATS header
``Sealtrail-Refused: <reason>``).
"""

from __future__ import annotations

import msgspec


class LatestQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Newest reading by event time of every container (and unpaired device)."""

    limit: int = 50_000


class TrackQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Positions of one container in [since_ms, until_ms), oldest first."""

    container_id: str
    since_ms: int
    until_ms: int
    limit: int = 5_000  # newest ones are kept when there are more


class SensorQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity (`SENSOR_FIELDS`) of one container in [since_ms, until_ms), oldest first."""

    container_id: str
    quantity: str
    since_ms: int
    until_ms: int
    limit: int = 5_000


class SealQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Reports of one container that say anything about its seal, oldest first."""

    container_id: str
    since_ms: int
    until_ms: int
    limit: int = 5_000


class CountQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many distinct readings the record holds, in all and per container."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a container was; ``fix_kind`` says how far to trust it.

    In ``latest`` the place is that of the newest report that has one, while
    ``occurred_at_ms``, seal and battery are those of the newest report.
    """

    container_id: str
    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    fix_kind: int = 0
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    accuracy_m: float | None = None
    speed_kmh: float | None = None
    course_deg: float | None = None
    seal_state: int = 0
    seal_events: int = 0
    battery_pct: float | None = None
    position_at_ms: int | None = None  # when the place was reported; None where it never was


class Sample(msgspec.Struct, frozen=True, array_like=True):
    occurred_at_ms: int
    value: float
    device_id: str


class SealRecord(msgspec.Struct, frozen=True, kw_only=True):
    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    seal_state: int
    seal_events: int
    seal_number: str | None = None
    card_id: str | None = None
    door_open: bool | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    readings: int
    by_container: dict[str, int]


class QueryRefusal(msgspec.Struct, frozen=True, kw_only=True):
    reason: str
    detail: str
