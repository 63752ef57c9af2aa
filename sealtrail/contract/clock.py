"""Time as the contract spells it, and the one place that reads the wall clock."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

from sealtrail.contract.errors import RefusedError

Clock = Callable[[], int]
"""A source of "now" in UTC milliseconds; injected everywhere, so that tests own time."""


FIRST_MS = -62_135_596_800_000
"""0001-01-01T00:00:00.000Z, the earliest time that can be written."""

LAST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z, the latest."""


def wall_clock_ms() -> int:
    """UTC milliseconds since 1970-01-01."""
    return time.time_ns() // 1_000_000


def iso(at_ms: int) -> str:
    """``2026-11-23T06:30:00.000Z``."""
    moment = dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC)
    return f"{moment.year:04d}" + moment.strftime("-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def parse_iso(text: str) -> int:
    """UTC milliseconds of an RFC 3339 time; a time without a zone is refused.

    Raises `RefusedError` named ``bad_time``.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise RefusedError("bad_time", f"{text!r} is not an RFC 3339 time") from error
    if moment.tzinfo is None:
        raise RefusedError("bad_time", f"{text!r} has no zone; write it in UTC with a Z")
    at_ms = round(moment.timestamp() * 1000)
    if not FIRST_MS <= at_ms <= LAST_MS:
        raise RefusedError("bad_time", f"{text!r} is not within the years 1 to 9999 of UTC")
    return at_ms
