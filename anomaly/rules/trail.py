"""What the rules about the way share: a fix as it is kept in state, and what lies between two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from anomaly.reports import PLAUSIBLE, Sighting
from anomaly.rules.rule import Rows
from anomaly.sphere import DEGREE_E7, EARTH_RADIUS_M, Bools, Floats, Structured, distance_m, dot

FIX: np.dtype[Any] = np.dtype(
    [
        ("t", "i8"),  # 0: none
        ("rid", "u8"),
        ("recv", "i8"),
        ("lat", "i4"),
        ("lon", "i4"),
        ("unc", "f4"),
        ("events", "u4"),
        ("state", "u1"),
        ("kind", "u1"),
    ]
)
"""A report with a plausible place, as far as evidence needs it: 42 bytes."""


def fixes_of(reports: Structured) -> Structured:
    """Rows of `FIX` from rows of reports."""
    fixes = np.zeros(len(reports), FIX)
    for name in FIX.names or ():
        fixes[name] = reports[name]
    return fixes


def seen(fix: np.void, device_id: str) -> Sighting | None:
    """A kept fix as evidence; None for none."""
    if not fix["t"]:
        return None
    return Sighting(
        reading_id=int(fix["rid"]),
        device_id=device_id,
        occurred_at_ms=int(fix["t"]),
        received_at_ms=int(fix["recv"]),
        latitude_deg=int(fix["lat"]) / DEGREE_E7,
        longitude_deg=int(fix["lon"]) / DEGREE_E7,
        uncertainty_m=round(float(fix["unc"]), 1),
        fix_kind=int(fix["kind"]),
        seal_events=int(fix["events"]),
        seal_state=int(fix["state"]),
        quality=PLAUSIBLE,
    )


def slack_of(rows: Rows) -> Floats:
    """How far each report's place may be wrong, m."""
    slack: Floats = rows.settings.uncertainty_factor * rows.reports["unc"].astype(np.float64)
    return slack


def telling(rows: Rows, slack_m: Floats) -> Bools:
    """Reports whose place is plausible and fine enough for passages and crossings."""
    usable: Bools = (rows.reports["quality"] == PLAUSIBLE) & (slack_m <= rows.settings.coarse_fix_m)
    return usable


def at_home(rows: Rows) -> Bools:
    """Reports that the route rule has just found inside their corridor, on no deviation."""
    last, reports = rows.state["route_last"], rows.reports
    home: Bools = (rows.corridor >= 0) & (last["rid"] == reports["rid"]) & (last["t"] == reports["t"])
    home &= reports["quality"] == PLAUSIBLE
    return home


def way_m(a: Floats, b: Floats, c: Floats) -> Floats:
    """Distance of points ``c`` from the straight ways ``a`` to ``b``, all of shape (n, 3)."""
    n = np.cross(a, b)
    length = np.sqrt(dot(n, n))
    n /= np.maximum(length, 1e-12)[:, None]
    beside = (dot(np.cross(n, a), c) >= 0) & (dot(np.cross(b, n), c) >= 0) & (length > 1e-9)  # noqa: PLR2004
    across = np.arcsin(np.minimum(np.abs(dot(n, c)), 1)) * EARTH_RADIUS_M
    ends = np.minimum(distance_m(a, c), distance_m(b, c))
    found: Floats = np.where(beside, across, ends)
    return found


def between(a: Floats, b: Floats, count: int) -> Floats:
    """Points on the straight way from ``a`` to ``b`` (each of shape (3,)), ends not included."""
    shares = (np.arange(1, count + 1) / (count + 1))[:, None]
    points = (1 - shares) * a + shares * b  # of the chord: as good as even for less than a thousand km
    points /= np.sqrt(dot(points, points))[:, None]
    return points
