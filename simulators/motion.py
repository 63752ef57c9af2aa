"""How far a container has gone by when."""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence
from typing import NamedTuple

_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_APART_MS = 40 * _MINUTE_MS
"""From a break to a given stop, at least: together they would be a long stand that nobody scripted."""


class Stop(NamedTuple):
    """An interval in which the container stands, UTC ms."""

    start_ms: int
    end_ms: int


class _Segment(NamedTuple):
    start_ms: int
    start_m: float
    speed_kmh: float

    def distance_m(self, at_ms: int) -> float:
        return self.start_m + self.speed_kmh * (at_ms - self.start_ms) / 3_600.0


class Motion:
    """Distance and speed since ``start_ms``: stretches of even speed, rests, and the given stops.

    Drawn on demand but always in order of time, so that the answers don't
    depend on who asks first.
    """

    def __init__(
        self, rng: random.Random, start_ms: int, cruise_kmh: float, stops: Sequence[Stop], *, at_sea: bool
    ) -> None:
        self._rng = rng
        self._cruise_kmh = cruise_kmh
        self._stops = sorted(stops)
        self._at_sea = at_sea
        self._segments: list[_Segment] = []
        self._drawn_until_ms = start_ms
        self._drawn_until_m = 0.0

    def at(self, at_ms: int) -> tuple[float, float]:
        """Metres gone and km/h at that time (0, 0 before the start)."""
        while self._drawn_until_ms <= at_ms:
            self._draw()
        found = bisect.bisect_right(self._segments, at_ms, key=lambda s: s.start_ms) - 1
        if found < 0:
            return 0.0, 0.0
        segment = self._segments[found]
        return segment.distance_m(at_ms), segment.speed_kmh

    def time_at(self, distance_m: float) -> int:
        """When that many metres have been gone."""
        while self._drawn_until_m <= distance_m:
            self._draw()
        found = bisect.bisect_right(self._segments, distance_m, key=lambda s: s.start_m) - 1
        segment = self._segments[max(0, found)]
        if segment.speed_kmh == 0.0:
            return segment.start_ms
        return segment.start_ms + round((distance_m - segment.start_m) * 3_600.0 / segment.speed_kmh)

    def _draw(self) -> None:
        now = self._drawn_until_ms
        standing = next((s for s in self._stops if s.start_ms <= now < s.end_ms), None)
        if standing is not None:
            self._append(0.0, standing.end_ms)
            return
        coming = [s.start_ms for s in self._stops if s.start_ms > now]
        stood = bool(self._segments) and self._segments[-1].speed_kmh == 0.0
        speed_kmh, duration_ms = self._stretch(may_rest=not stood)
        if speed_kmh == 0.0 and any(start_ms - now < duration_ms + _APART_MS for start_ms in coming):
            speed_kmh = self._cruise_kmh
        self._append(speed_kmh, min([now + duration_ms, *coming]))

    def _stretch(self, *, may_rest: bool) -> tuple[float, int]:
        speed_kmh = self._cruise_kmh * self._rng.uniform(0.85, 1.1)
        if self._at_sea:
            return speed_kmh, int(self._rng.uniform(1, 4) * _HOUR_MS)
        if self._rng.random() < 0.1 and may_rest:  # noqa: PLR2004 - a break after every tenth stretch
            return 0.0, int(self._rng.uniform(6, 14) * _MINUTE_MS)
        return speed_kmh, int(self._rng.uniform(8, 30) * _MINUTE_MS)

    def _append(self, speed_kmh: float, until_ms: int) -> None:
        segment = _Segment(self._drawn_until_ms, self._drawn_until_m, speed_kmh)
        self._segments.append(segment)
        self._drawn_until_m = segment.distance_m(until_ms)
        self._drawn_until_ms = until_ms
