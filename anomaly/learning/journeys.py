"""Journeys as learning needs them: clean positions in order, and evenly spaced points where one was seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from anomaly.sphere import EARTH_RADIUS_M, Floats, Ints, distance_m, dot, unit_vectors
from sealtrail.contract.reading import FixKind, Reading

FASTEST_KMH = 160.0
NEAREST_M = 30.0
"""Positions nearer than this to the one before say nothing new about the way."""
LEAST_POSITIONS = 5
PASSES = 20


class Journey(NamedTuple):
    """One journey's way: ``vectors`` of shape (n, 3) in order of ``at_ms``."""

    name: str
    at_ms: Ints
    vectors: Floats

    def reversed(self) -> Journey:
        """The way back; times stay in order of the points' own travel."""
        return Journey(self.name, self.at_ms[::-1], self.vectors[::-1])

    @property
    def length_m(self) -> float:
        return float(distance_m(self.vectors[:-1], self.vectors[1:]).sum())


def journey_of(name: str, readings: Iterable[Reading]) -> Journey | None:
    """The way that readings of one container show, or None where they show none.

    Satellite positions only; copies, positions at (0, 0) and single spikes go,
    and while it stands one position stands for all.
    """
    found = {
        reading.occurred_at_ms: (reading.latitude_deg, reading.longitude_deg)
        for reading in readings
        if reading.fix_kind == FixKind.GNSS
        and reading.latitude_deg is not None
        and reading.longitude_deg is not None
        and (reading.latitude_deg, reading.longitude_deg) != (0, 0)
    }
    times = sorted(found)
    if len(times) < LEAST_POSITIONS:
        return None
    places = np.array([found[at] for at in times], np.float64)
    at_ms, vectors = _without_spikes(np.array(times), unit_vectors(places[:, 0], places[:, 1]))
    keep = [0]
    for i in range(1, len(vectors)):
        if float(distance_m(vectors[keep[-1]], vectors[i])) >= NEAREST_M:
            keep.append(i)
    if len(keep) < LEAST_POSITIONS:
        return None
    return Journey(name, at_ms[keep], vectors[keep])


def _without_spikes(at_ms: Ints, vectors: Floats) -> tuple[Ints, Floats]:
    """Without positions that can't be reached from the one before nor lead to the one after."""
    for _ in range(PASSES):
        hours = np.maximum(np.diff(at_ms) / 3_600_000, 1 / 3_600)
        fast = distance_m(vectors[:-1], vectors[1:]) / 1000 / hours > FASTEST_KMH
        spike = np.zeros(len(vectors), bool)
        spike[1:-1] = fast[:-1] & fast[1:]
        spike[0], spike[-1] = len(fast) > 1 and fast[0] and not fast[1], fast[-1] and not fast[-2]
        spike[1:] &= ~spike[:-1]  # of two in a row the first goes, then it is looked at again
        if not spike.any() or len(vectors) - spike.sum() < LEAST_POSITIONS:
            break
        at_ms, vectors = at_ms[~spike], vectors[~spike]
    return at_ms, vectors


def spaced(vectors: Floats, step_m: float, gap_m: float) -> Floats:
    """The corners of a way and points between them ``step_m`` apart, none in legs longer than ``gap_m``."""
    length = distance_m(vectors[:-1], vectors[1:])
    counts = np.where(length <= gap_m, np.ceil(length / step_m), 1).astype(np.int64)
    counts = np.maximum(counts, 1)
    leg = np.repeat(np.arange(len(length)), counts)
    share = (np.arange(len(leg)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[leg]
    a, b = vectors[:-1][leg], vectors[1:][leg]
    points = a + share[:, None] * (b - a)  # the chord: legs are short against the globe, or have no points
    points = np.concatenate((points, vectors[-1:]))
    return points / np.sqrt(dot(points, points))[:, None]


def resampled(vectors: Floats, step_m: float) -> Floats:
    """A way in even steps of about ``step_m``, its ends kept; legs are great circles."""
    length = distance_m(vectors[:-1], vectors[1:])
    moved = np.concatenate(([True], length > 0))
    vectors, length = vectors[moved], length[length > 0]
    along = np.concatenate(([0.0], np.cumsum(length)))
    at = np.linspace(0, along[-1], max(2, round(along[-1] / step_m) + 1))
    leg = np.clip(np.searchsorted(along, at, side="right") - 1, 0, len(length) - 1)
    share = (at - along[leg]) / length[leg]
    angle = length[leg] / EARTH_RADIUS_M
    a, b = vectors[:-1][leg], vectors[1:][leg]
    points = np.sin((1 - share) * angle)[:, None] * a + np.sin(share * angle)[:, None] * b
    return points / np.sqrt(dot(points, points))[:, None]


def thinned(vectors: Floats, most: int) -> Floats:
    """At most so many of the points, evenly."""
    if len(vectors) <= most:
        return vectors
    return vectors[np.linspace(0, len(vectors) - 1, most).round().astype(np.int64)]
