"""Words and figures of the sentences that control-room officers read."""

from __future__ import annotations

import datetime as dt

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
KILOMETRE_M = 1000
FAR_M = 10_000
LATEST_MS = 253_402_300_799_999
"""End of the year 9999."""


def moment(at_ms: int) -> str:
    """``at 03:12 UTC on 23 Nov 2026``."""
    at = dt.datetime.fromtimestamp(min(max(at_ms, 0), LATEST_MS) / 1000, dt.UTC)
    return f"at {at:%H:%M} UTC on {at.day} {MONTHS[at.month - 1]} {at.year}"


def span(ms: int) -> str:
    """``4 h 10 min``, ``12 min``, ``3 d 4 h``, ``40 s``."""
    seconds = max(0, ms) // 1000
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def distance(metres: float) -> str:
    """``850 m``, ``3.4 km``, ``120 km``."""
    if metres < KILOMETRE_M:
        return f"{metres:.0f} m"
    return f"{metres / 1000:.1f} km" if metres < FAR_M else f"{metres / 1000:.0f} km"


def counted(number: int, noun: str) -> str:
    """``1 report``, ``12 reports``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def subject(device_id: str, key: str) -> str:
    """``Seal JT-1 on MSKU9070323``, or the seal alone where it is on no container."""
    return f"Seal {device_id} on {key}" if key != device_id else f"Seal {device_id}"


def device_on(device_id: str, key: str) -> str:
    """``MSKU9070323 (device JT-1)``, or the device alone."""
    return f"{key} (device {device_id})" if key != device_id else f"Device {device_id}"


def lateness(occurred_at_ms: int, received_at_ms: int, late_after_s: float) -> str:
    """``; the report arrived 4 h 10 min later``, or nothing."""
    late_ms = received_at_ms - occurred_at_ms
    return f"; the report arrived {span(late_ms)} later" if late_ms > late_after_s * 1000 else ""
