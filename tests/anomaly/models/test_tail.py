"""Thresholds: what the tail promises on scores it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.learning.calibration import LEAST_POOLED, alarms, calibrate, memory_of
from anomaly.models import tail
from anomaly.sphere import Floats
from sealtrail.contract.errors import InvalidModelError

LAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "student": lambda rng, n: rng.standard_t(3, n),
}


@pytest.mark.parametrize("law", LAWS)
def test_the_threshold_keeps_its_probability(law: str) -> None:
    """From 10,000 scores to one in 2,000: over twenty samples within a third of the target on average."""
    rng = np.random.default_rng(11)
    fresh = LAWS[law](rng, 500_000)
    realised = [
        float((fresh > tail.fit(LAWS[law](rng, 10_000)).threshold(1 / 2_000)).mean()) * 2_000
        for _ in range(20)
    ]
    assert 0.67 < float(np.mean(realised)) < 1.5


def test_a_law_that_ends_has_too_few_alarms_rather_than_too_many() -> None:
    """Where scores have a sharp end the threshold lies beyond it."""
    rng = np.random.default_rng(12)
    assert tail.fit(rng.uniform(size=10_000)).threshold(1 / 2_000) > 1 - 1 / 2_000


def test_probability_is_the_threshold_turned_round() -> None:
    """The score that is exceeded with a probability has that probability; NaN has none, and far is finite."""
    for shape in (-0.4, 0.0, 0.4):
        fitted = tail.Tail(begin=2.0, share=0.05, scale=1.5, shape=shape)
        for probability in (0.05, 1e-3, 1e-6):
            assert fitted.probability(np.array([fitted.threshold(probability)]))[0] == pytest.approx(
                probability
            )
        low, missing, far = fitted.probability(np.array([-10.0, np.nan, 1e12]))
        assert low == 0.05
        assert np.isnan(missing)
        assert 0 <= far < 1e-4


def test_too_few_scores_have_no_tail() -> None:
    """A handful, none, and scores that are all one are refused by name."""
    for scores in (np.arange(40.0), np.empty(0), np.full(500, np.nan), np.ones(5_000)):
        with pytest.raises(InvalidModelError, match="too_few_scores"):
            tail.fit(scores)


def correlated(rng: np.random.Generator, n: int) -> Floats:
    """Scores whose highs last for about a dozen reports."""
    steps, out = rng.normal(size=n), np.empty(n)
    last = 0.0
    for i in range(n):
        last = out[i] = 0.9 * last + steps[i]
    return out


def test_false_alarms_are_counted_as_events() -> None:
    """Highs that last are one alarm, and the budget holds within a factor of two."""
    rng = np.random.default_rng(5)
    past = [correlated(rng, 5_000) for _ in range(40)]
    days = 40 * 5_000 / 288  # a report every five minutes
    found = calibrate(past, days, 0.05)
    assert 3 < found.memory <= 20
    assert found.uncalibrated_because == ""
    fresh = [correlated(rng, 5_000) for _ in range(40)]
    realised = sum(alarms(each, found.threshold, found.memory) for each in fresh)
    assert 0.5 < realised / (0.05 * days) < 2


def test_too_little_history_is_said() -> None:
    """Few scores, or a budget far beyond them, give a threshold that is called uncalibrated."""
    rng = np.random.default_rng(6)
    few = calibrate([rng.normal(size=2_000)], 7.0, 0.5)
    assert f"{LEAST_POOLED} needed" in few.uncalibrated_because
    enough = [rng.normal(size=20_000)]
    assert calibrate(enough, 70.0, 0.05).uncalibrated_because == ""
    assert "their tail is trusted" in calibrate(enough, 70.0, 1e-4).uncalibrated_because


def test_the_memory_of_scores_without_memory_is_one_report() -> None:
    """Independent scores, and none at all, are each their own stretch."""
    assert memory_of([np.random.default_rng(1).normal(size=5_000)]) == 1
    assert memory_of([]) == 1
    assert alarms(np.array([0.0, np.nan, 5.0, 5.0, 0.0, 5.0]), 4.0, 1) == 2
