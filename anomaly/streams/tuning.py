"""Figures of the streaming detectors; times are in values of a series unless they say milliseconds."""

from __future__ import annotations

import msgspec


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """How series are followed. The defaults are those of the figures in docs/detection.md."""

    warm_values: int = 30
    """So many values a level learns before it says anything, and takes whole instead of clipped."""
    clip: float = 3.0
    """A value moves a level, and counts for its spread, by at most so many deviations (Huber)."""
    least_relative: float = 1e-3
    """Least deviation of a level as a share of it, so that a constant series has one."""
    spike_gain: float = 1.0
    spike_spread_gain: float = 0.002
    shift_smoothing: float = 0.05
    shift_gain: float = 0.0005
    drift_gain: float = 0.01
    drift_allowance: float = 1.0
    """CUSUM: so many deviations a value may be off without being counted."""
    drift_most: float = 1_000.0
    season_gain: float = 0.1
    season_gain_shift: float = 0.0005
    season_visits: int = 1
    """A time of day says something after so many values."""
    gap_ms: int = 6 * 3_600_000
    """After a longer silence the fast parts begin at the value: nothing between is known."""
    threshold_deviations: float = 2.0
    """Deviations beyond this are the tail."""
    threshold_drift: float = 5.0
    tail_quiet_values: int = 50
    """An episode in the tail has ended after so many values below it; it counts once, by its peak."""
    prior_episodes: float = 5.0
    prior_rate: float = 1 / 300
    """Episodes a value that are expected before a series has shown its own."""
    prior_excess: float = 0.35
    """And the mean of their excess, in logarithms of one plus the deviation."""
    most_excess: float = 3.0
    """A peak counts for the tail as at most so many scales: an anomaly doesn't teach what is normal."""
    memory_values: int = 20_000
    """What a tail has counted is halved each time it holds so many values."""
