"""How far along its way a container is at each moment: waits, changing speeds, turning back."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from simulators.evaluation.profile import HOUR_MS
from simulators.evaluation.ways import FERRY_KMH, Bools, Floats, Way


@dataclass(frozen=True)
class Halt:
    """A stop; ``kind`` says who allows it: "rest", "place", "checkpoint", "short" or "none"."""

    along_m: float
    lasts_ms: int
    kind: str
    name: str = ""


@dataclass(frozen=True)
class Turn:
    """At ``along_m`` back by ``back_m``, and, where ``returns``, on again."""

    along_m: float
    back_m: float
    returns: bool


@dataclass(frozen=True)
class Slow:
    """Between two places the speed is ``factor`` of what it would be."""

    from_m: float
    to_m: float
    factor: float


class Motion:
    """Piecewise linear: knots of time and metres along; standing before the first and after the last."""

    def __init__(self, times_ms: Floats, along_m: Floats) -> None:
        self.times_ms, self.along_m = times_ms, along_m
        self._gone_m = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(along_m)))))

    def at(self, at_ms: Floats) -> Floats:
        """Metres along the way."""
        return np.interp(at_ms, self.times_ms, self.along_m)

    def gone_m(self, at_ms: float) -> float:
        """Metres travelled so far, back and forth."""
        return float(np.interp(at_ms, self.times_ms, self._gone_m))

    def moving(self, at_ms: Floats) -> Bools:
        """Whether it moves just then."""
        return np.abs(self.at(at_ms + 20_000.0) - self.at(at_ms - 20_000.0)) > 8.0  # noqa: PLR2004 - 0.2 m/s

    def reaches_ms(self, along_m: float, after_ms: float = 0.0) -> float:
        """First moment (not before ``after_ms``) at which it is so far along; infinite if never."""
        for i in range(len(self.times_ms) - 1):
            a, b = self.along_m[i], self.along_m[i + 1]
            t0, t1 = self.times_ms[i], self.times_ms[i + 1]
            if min(a, b) <= along_m <= max(a, b) and t1 >= after_ms:
                at = t0 if a == b else t0 + (t1 - t0) * (along_m - a) / (b - a)
                if at >= after_ms:
                    return float(at)
        return float("inf")

    def stands(self) -> list[tuple[float, float, float]]:
        """(from, until, metres along) of each stop between departure and arrival."""
        rows = np.flatnonzero(np.diff(self.along_m) == 0.0)
        ends = zip(self.times_ms[rows], self.times_ms[rows + 1], self.along_m[rows], strict=True)
        return [(float(from_ms), float(until_ms), float(along_m)) for from_ms, until_ms, along_m in ends]

    @property
    def arrives_ms(self) -> float:
        """When the last movement ends."""
        return float(self.times_ms[-1])


def pace(way: Way, rng: random.Random, slow: list[Slow]) -> tuple[Floats, Floats]:
    """Breakpoints along the way and the driving time to each, ms."""
    step_m = 150_000.0 if way.at_sea else 22_000.0
    cuts = {0.0, way.length_m, *np.arange(step_m, way.length_m, step_m).tolist()}
    for section in (*way.ferries, *((each.from_m, each.to_m) for each in slow)):
        cuts |= {min(max(0.0, at), way.length_m) for at in section}
    along = np.array(sorted(cuts))
    times = [0.0]
    factor = 1.0
    for a, b in zip(along[:-1].tolist(), along[1:].tolist(), strict=True):
        factor = 0.5 * factor + 0.5 * rng.uniform(0.72, 1.12)
        middle = (a + b) / 2
        ferry = any(x <= middle <= y for x, y in way.ferries)
        kmh = FERRY_KMH if ferry else way.cruise_kmh * factor
        kmh *= min([each.factor for each in slow if each.from_m <= middle <= each.to_m], default=1.0)
        times.append(times[-1] + (b - a) / 1000 / kmh * HOUR_MS)
    return along, np.array(times)


def drive(departs_ms: float, pacing: tuple[Floats, Floats], halts: list[Halt], turns: list[Turn]) -> Motion:
    """Motion from the beginning of the way to its end (or where a turn ends it for good)."""
    breaks, clock = pacing
    now, here = departs_ms, 0.0
    times, along = [now], [here]

    def go(to_m: float) -> None:
        nonlocal now, here
        start = now
        begin = float(np.interp(here, breaks, clock))
        inside = breaks[(breaks > min(here, to_m)) & (breaks < max(here, to_m))]
        for stop in (*(inside if to_m > here else inside[::-1]).tolist(), to_m):
            took = abs(float(np.interp(stop, breaks, clock)) - begin)
            times.append(start + took)
            along.append(stop)
        now, here = times[-1], to_m

    steps: list[tuple[float, int, Halt | Turn]] = [(each.along_m, 0, each) for each in halts]
    steps += [(each.along_m, 1, each) for each in turns]
    for at_m, _, step in sorted(steps, key=lambda each: each[:2]):
        if at_m > here:
            go(at_m)
        if isinstance(step, Halt):
            now += step.lasts_ms
            times.append(now)
            along.append(here)
        else:
            go(at_m - step.back_m)
            if not step.returns:
                return Motion(np.array(times), np.array(along))
            go(at_m)
    go(float(breaks[-1]))
    return Motion(np.array(times), np.array(along))
