"""Which time a report is judged at, given what its device claims."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from sealtrail.contract.reading import Flag

CLOCK_EPOCH_MS = int(dt.datetime(2005, 1, 1, tzinfo=dt.UTC).timestamp() * 1000)
"""Before this no device of the supported families existed: an earlier time means "no clock yet"."""

FUTURE_TOLERANCE_MS = 5 * 60_000
"""A device's clock may run ahead this much before its time is disbelieved."""


def utc_ms(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """UTC milliseconds; ``year`` is within the century (two digits). None where that is no time."""
    try:
        moment = dt.datetime(2000 + year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000


def utc_ms_of_digits(digits: str) -> int | None:
    """The same of ``yymmddhhmmss``; None where these are no digits either."""
    if not digits.isdecimal():
        return None
    return utc_ms(*(int(digits[at : at + 2]) for at in range(0, 12, 2)))


class DeviceTime(NamedTuple):
    """``occurred_at_ms`` to judge by, the disbelieved claim where there was one, and why."""

    occurred_at_ms: int
    device_time_ms: int | None
    flags: Flag


def settle(claimed_ms: int | None, received_at_ms: int) -> DeviceTime:
    """Event time of a report received at ``received_at_ms`` whose device says ``claimed_ms``.

    A device without a clock (no time, zero, year 2000) and one whose clock is
    ahead are judged at receipt; the claim is kept in ``device_time_ms``.
    """
    if claimed_ms is None or claimed_ms < CLOCK_EPOCH_MS:
        return DeviceTime(received_at_ms, claimed_ms, Flag.CLOCK_UNSET)
    if claimed_ms > received_at_ms + FUTURE_TOLERANCE_MS:
        return DeviceTime(received_at_ms, claimed_ms, Flag.CLOCK_FUTURE)
    return DeviceTime(claimed_ms, None, Flag.NONE)
