"""Limits and order of answers, the same for all stores."""

from __future__ import annotations

from operator import attrgetter
from typing import TypeVar

from sealtrail.contract.errors import RefusedError
from sealtrail.contract.queries import Position, Sample, SealRecord
from sealtrail.contract.reading import SENSOR_FIELDS

R = TypeVar("R", Position, Sample, SealRecord)


def checked_quantity(name: str) -> str:
    """The name of a series of numbers; raises `RefusedError` for any other word."""
    if name not in SENSOR_FIELDS:
        raise RefusedError("unknown_quantity", f"{name!r} is none of {', '.join(SENSOR_FIELDS)}")
    return name


def newest_positions(positions: list[Position], limit: int) -> list[Position]:
    """At most ``limit`` positions, those heard of last, sorted by container."""
    if len(positions) > limit:
        positions = sorted(positions, key=attrgetter("occurred_at_ms"), reverse=True)[:limit]
    return sorted(positions, key=attrgetter("container_id"))


def oldest_first(rows: list[R]) -> list[R]:
    """Rows that a store has found newest first, turned round."""
    rows.reverse()
    return rows
