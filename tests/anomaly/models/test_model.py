"""A model's score: of each row alone, NaN where it isn't ready, and never saturated."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.models.scorers import Scorer
from anomaly.sphere import Floats
from tests.anomaly.models.made import WIDTH, model, scorers

ALL = list(scorers())


def features(n: int = 50) -> Floats:
    return np.random.default_rng(2).normal(size=(n, WIDTH)) + np.arange(WIDTH)


@pytest.mark.parametrize("scorer", ALL, ids=lambda each: each.kind)
def test_a_score_depends_on_its_row_alone(scorer: Scorer) -> None:
    """Shuffled, split and one by one, every row keeps its score."""
    made, rows = model(scorer), features()
    scores = made.score(rows)
    order = np.random.default_rng(1).permutation(len(rows))
    assert np.allclose(made.score(rows[order]), scores[order], rtol=1e-12)
    assert np.allclose([made.score(row[None, :])[0] for row in rows], scores, rtol=1e-12)
    assert made.score(rows).tobytes() == scores.tobytes()


@pytest.mark.parametrize("scorer", ALL, ids=lambda each: each.kind)
def test_a_row_that_is_not_ready_is_not_normal(scorer: Scorer) -> None:
    """A missing feature makes the score NaN, raises nothing and changes no other row."""
    made, rows = model(scorer), features()
    holed = rows.copy()
    holed[::7, 3] = np.nan
    scores = made.score(holed)
    assert np.isnan(scores[::7]).all()
    assert not made.alarming(scores)[::7].any()
    there = ~np.isnan(scores)
    assert np.allclose(scores[there], made.score(rows)[there], rtol=1e-12)
    assert np.isnan(made.score(np.full((3, WIDTH), np.nan))).all()


@pytest.mark.parametrize("scorer", ALL, ids=lambda each: each.kind)
def test_a_hundred_sigmas_are_never_missed(scorer: Scorer) -> None:
    """Whatever the scorer saturates at, the guard beside it doesn't; infinite values count as very far."""
    made = model(scorer, threshold=60.0)
    row = np.arange(WIDTH, dtype=np.float64)[None, :].copy()
    row[0, 2] += 100
    assert made.alarming(made.score(row)).all()
    assert made.strangest(row[0]) == ("temperature_c.drift", 100.0)
    row[0, 2] = np.inf
    assert made.alarming(made.score(row)).all()


def test_no_rows_have_no_scores() -> None:
    """An empty batch is scored without complaint."""
    assert model().score(np.empty((0, WIDTH))).shape == (0,)
