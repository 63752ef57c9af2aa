"""The way a container really takes: along its lane with a little play, or off it and back."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from simulators.geodesy import Line, Point, destination, distance_m
from simulators.lanes import Lane

PLAY = 0.1
"""Part of the half width by which a driver or master stays beside the lane's line."""


class Detour(NamedTuple):
    """Where the container is outside its corridor, in metres along its route."""

    leaves_m: float
    returns_m: float | None


class Route(NamedTuple):
    line: Line
    detour: Detour | None


def ordinary_route(lane: Lane, begin_m: float, rng: random.Random) -> Route:
    """From ``begin_m`` of the lane to its end, always well inside the corridor."""
    points = [point for _, point in _beside(lane, begin_m, rng)]
    return Route(Line(points), None)


def _beside(lane: Lane, begin_m: float, rng: random.Random) -> Iterator[tuple[float, Point]]:
    """(metres along the lane, place) from ``begin_m`` on; corners are kept, so that none is cut."""
    spacing_m = 60_000.0 if lane.at_sea else 6_000.0
    wave_m, phase = spacing_m * rng.uniform(5, 9), rng.uniform(0, math.tau)
    line = lane.line
    steps = (begin_m + spacing_m * i for i in range(int((line.length_m - begin_m) / spacing_m) + 1))
    for along_m in sorted({*steps, *(s for s in line.starts_m if s > begin_m)}):
        pose = line.at(along_m)
        aside_m = PLAY * lane.half_width_m * math.sin(phase + math.tau * along_m / wave_m)
        if along_m >= line.length_m:
            aside_m = 0.0
        yield along_m, destination(pose, pose.course_deg + 90.0, aside_m)


def detour_route(
    lane: Lane, begin_m: float, leave_after_m: float, rng: random.Random, *, back: bool
) -> Route:
    """Like `ordinary_route`, but after about ``leave_after_m`` far out of the corridor.

    With ``back`` the container returns to the lane further on, without it the
    route ends out there. Raises ``ValueError`` where the rest of the lane is
    too short or bends too much for a clear detour.
    """
    before, after = _split(list(_beside(lane, begin_m, rng)), leave_after_m)
    left_at_m = before[-1][0]
    for shift, reach, side in itertools.product((0.0, 1.0, 2.0), (2.5, 3.0, 3.5), (90.0, -90.0)):
        start_m = left_at_m + shift * lane.half_width_m
        span_m = 1.2 * reach * lane.half_width_m
        if start_m + 1.5 * span_m > lane.line.length_m:
            break
        out = _outside_points(lane, start_m, span_m, reach * lane.half_width_m, side)
        if min(lane.line.distance_m(point) for point in out) < 0.7 * reach * lane.half_width_m:
            continue
        head = [point for _, point in before] + [point for along, point in after if along <= start_m]
        tail = [point for along, point in after if along >= start_m + span_m] if back else []
        line = Line([*head, *(out if back else out[:1]), *tail])
        return Route(line, _outside(line, lane, sum(map(distance_m, head, head[1:]))))
    raise ValueError(f"no clear detour from {lane.name} after {leave_after_m:.0f} m")


def _split(
    points: list[tuple[float, Point]], after_m: float
) -> tuple[list[tuple[float, Point]], list[tuple[float, Point]]]:
    gone_m = 0.0
    for i, (here, there) in enumerate(itertools.pairwise(points)):
        gone_m += distance_m(here[1], there[1])
        if gone_m >= after_m:
            return points[: i + 1], points[i + 1 :]
    raise ValueError(f"the route is shorter than {after_m:.0f} m")


def _outside_points(lane: Lane, start_m: float, span_m: float, reach_m: float, side: float) -> list[Point]:
    places = (lane.line.at(start_m + part * span_m) for part in (0.35, 0.65))
    return [destination(place, place.course_deg + side, reach_m) for place in places]


def _outside(line: Line, lane: Lane, from_m: float) -> Detour:
    """First stretch of ``line`` beyond the half width, found in steps of 1 % of it."""
    step_m = lane.half_width_m / 100.0
    along_m = from_m
    while lane.line.distance_m(line.at(along_m)) <= lane.half_width_m:
        along_m += step_m
    leaves_m = along_m
    while along_m < line.length_m:
        along_m += step_m
        if lane.line.distance_m(line.at(along_m)) <= lane.half_width_m:
            return Detour(leaves_m, along_m)
    return Detour(leaves_m, None)
