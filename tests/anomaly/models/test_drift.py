"""Drift of the score stream: seen when it lasts, not when it alarms."""

from __future__ import annotations

import numpy as np

from anomaly.models.drift import daily, drift

DAY_MS = 86_400_000


def test_a_lasting_shift_is_found_soon_and_with_its_direction() -> None:
    """A shift by two spreads shows within twenty averages, upwards and downwards, at the index it shows."""
    rng = np.random.default_rng(3)
    for sign in (1.0, -1.0):
        averages = rng.normal(5.0, 2.0, 1_000)
        averages[600:] += sign * 4.0
        found = drift(averages, 5.0, 2.0)
        shown, other = (found.higher_at, found.lower_at)[:: 1 if sign > 0 else -1]
        assert 600 <= shown < 620
        assert other == -1


def test_an_ordinary_stream_has_none() -> None:
    """Ten thousand averages as the model was calibrated on, and no averages, are no drift."""
    averages = np.random.default_rng(4).normal(5.0, 2.0, 10_000)
    assert not drift(averages, 5.0, 2.0).found
    assert not drift(np.empty(0), 5.0, 2.0).found


def test_days_are_averaged_without_what_is_missing_and_without_alarms() -> None:
    """Days count from the first score; NaN and empty days are left out, and an alarm counts as the cut."""
    at_ms = np.array([0, 1, 2, 3 * DAY_MS + 2, 3 * DAY_MS + 5, 5 * DAY_MS]) + 7
    scores = np.array([np.nan, 1.0, 1e9, 2.0, 4.0, np.nan])
    averages, ends = daily(scores, at_ms, 5.0)
    assert averages.tolist() == [3.0, 3.0]
    assert ends.tolist() == [at_ms[2], at_ms[4]]
    assert daily(np.full(3, np.nan), at_ms[:3], 5.0)[0].size == 0
