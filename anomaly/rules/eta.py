"""An estimate of arrival from progress along the corridor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomaly.custody import Segment
from anomaly.plan_parts import ends_of
from anomaly.reports import PLAUSIBLE, vectors_of
from anomaly.rows import take
from anomaly.rules.rule import Case
from anomaly.sphere import distance_m, point
from anomaly.words import distance, moment


class Progress(NamedTuple):
    """Where a container was last seen on its corridor, and what follows from it."""

    at_ms: int
    along_m: float
    left_m: float
    speed_m_s: float  # average of the last while, standing included
    arrives_at_ms: int | None  # None: too slow to say

    @property
    def details(self) -> dict[str, float | int | str | bool | None]:
        return {
            "corridor_km": round(self.along_m / 1000, 1),
            "left_km": round(self.left_m / 1000, 1),
            "average_speed_kmh": round(self.speed_m_s * 3.6, 1),
            "position_at_ms": self.at_ms,
            "estimated_arrival_at_ms": self.arrives_at_ms,
        }

    @property
    def words(self) -> str:
        """A sentence."""
        said = f"It was last seen {moment(self.at_ms)} with {distance(self.left_m)} to go"
        if self.arrives_at_ms is None:
            return f"{said} and hardly moves."
        return f"{said}; at the average speed of late it would arrive {moment(self.arrives_at_ms)}."


def progress(case: Case, segment: Segment) -> Progress | None:
    """Of the device with the newest place on the corridor while a plan held; None: no place on one."""
    found = [each for lane in case.lanes if (each := _of_lane(case, lane, segment)) is not None]
    return max(found, key=lambda each: (each.at_ms, each.along_m), default=None)


def _of_lane(case: Case, lane: int, segment: Segment) -> Progress | None:
    live, settings = case.live(lane), case.settings
    corridor, leg, last = int(live["route_of"]) - 1, int(live["route_leg"]) - 1, live["route_last"]
    if corridor < 0 or leg < 0 or not segment.holds(int(last["t"])):
        return None
    history = case.history(lane)
    since_ms = int(last["t"]) - settings.eta_window_s * 1000
    fixes = (history["quality"] == PLAUSIBLE) & (history["t"] >= max(since_ms, segment.from_ms))
    recent = take(history, fixes & (settings.uncertainty_factor * history["unc"] <= settings.coarse_fix_m))
    speed = 0.0
    if len(recent) > 1:
        vectors = vectors_of(recent)
        away = distance_m(vectors[:-1], vectors[1:])
        moved = np.where(away > recent["unc"][1:] + recent["unc"][:-1], away, 0.0)  # drift at rest is no way
        seconds = (int(recent["t"][-1]) - int(recent["t"][0])) / 1000
        speed = float(moved.sum()) / seconds if seconds > 0 else 0.0
    along = float(live["route_last_km"]) * 1000
    left = max(0.0, _end_m(case, corridor, leg, segment) - along)
    arrives = int(last["t"]) + round(left / speed * 1000) if speed >= settings.eta_least_m_s else None
    return Progress(int(last["t"]), along, left, speed, arrives)


def _end_m(case: Case, corridor: int, leg: int, segment: Segment) -> float:
    """Where on the way of a leg the destination lies, m; where none is on it, its end."""
    corridors, destination = case.plans.corridors, ends_of(segment.trip)[1]
    if destination is not None:
        vector = point(destination.latitude_deg, destination.longitude_deg)[None, :]
        along = corridors.last_along_m(corridor, vector, np.array([destination.radius_m]))
        found = float(along[int(corridors.way[leg]), 0])
        if np.isfinite(found):
            return found
    return corridors.length_m(leg, corridor)
