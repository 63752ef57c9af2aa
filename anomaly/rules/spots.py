"""Spots: of reports, and chosen by their times."""

from __future__ import annotations

import numpy as np

from anomaly.rules.rule import Spot
from anomaly.sphere import DEGREE_E7


def fix_of(report: np.void) -> Spot:
    """The place of a report (dtype `REPORT`) that has one."""
    return Spot(
        int(report["lat"]) / DEGREE_E7,
        int(report["lon"]) / DEGREE_E7,
        round(float(report["unc"]), 1),
        int(report["t"]),
    )


def latest(*spots: Spot | None) -> Spot | None:
    """The last of some; the first of those."""
    return max((spot for spot in spots if spot is not None), key=lambda spot: spot.at_ms, default=None)


def earliest(*spots: Spot | None) -> Spot | None:
    """The first of some; the first of those."""
    return min((spot for spot in spots if spot is not None), key=lambda spot: spot.at_ms, default=None)


def nearer(before: Spot | None, after: Spot | None, at_ms: int) -> Spot | None:
    """Which of two is nearer in time; the earlier where both are."""
    if before is None or after is None:
        return before or after
    return before if at_ms - before.at_ms <= after.at_ms - at_ms else after
