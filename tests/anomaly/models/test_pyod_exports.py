"""Exports score as the PyOD detectors that they come from."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from anomaly.learning import pyod_candidates
from anomaly.models.model import FURTHEST
from anomaly.models.scorers import SCORERS
from anomaly.sphere import Floats
from sealtrail.contract.errors import InvalidModelError, UnavailableError
from tests.anomaly.models.made import need_pyod


def rows(seed: int, n: int = 400, scale: float = 1.0) -> Floats:
    """Correlated, skewed, coarse and nearly constant features."""
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=(n, 6)) * scale
    plain[:, 1] += plain[:, 0]
    plain[:, 2] = np.round(plain[:, 2], 1)
    plain[:, 3] = np.exp(plain[:, 3])
    plain[:, 4] *= 0.01
    return plain


@pytest.mark.parametrize("kind", [kind for kind in pyod_candidates.CANDIDATES if kind != "ecod"])
def test_an_export_scores_as_its_detector(kind: str) -> None:
    """On rows inside, at the edge of and far outside what was fitted, also after a way through its arrays."""
    need_pyod()
    fitted_on = rows(1)
    detector, scorer = pyod_candidates.CANDIDATES[kind](fitted_on, 5)
    probe = np.concatenate((fitted_on[:100], rows(2), rows(3, scale=100.0), np.zeros((1, 6))))
    probe = np.clip(probe, -FURTHEST, FURTHEST)
    theirs = detector.decision_function(probe)
    again = SCORERS[scorer.kind].of(scorer.arrays(), 6)
    assert np.allclose(scorer.score(probe), theirs, rtol=1e-9, atol=1e-7)
    assert np.array_equal(again.score(probe), scorer.score(probe))


def test_the_frozen_ecod_is_that_of_one_row_at_a_time() -> None:
    """Beside one row alone PyOD's ECOD gives the frozen score, which doesn't change with the batch."""
    need_pyod()
    fitted_on = rows(1, n=120)
    detector, scorer = pyod_candidates.fit_ecod(fitted_on, 5)
    probe = np.concatenate((fitted_on[:20], rows(2)[:30]))
    theirs = np.array([float(detector.decision_function(row[None, :])[0]) for row in probe])
    assert np.allclose(scorer.score(probe), theirs, rtol=1e-9)
    assert np.array_equal(scorer.score(probe)[:5], scorer.score(probe[:5]))


def test_a_detector_that_cannot_be_fitted_is_told_by_name() -> None:
    """Too few rows for neighbours: a candidate that failed, not an exception of scikit-learn."""
    need_pyod()
    with pytest.raises(InvalidModelError, match="candidate_failed: knn"):
        pyod_candidates.exported("knn", rows(1, n=3), 1)


def test_without_pyod_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing PyOD is a part that doesn't answer, with the command that installs it."""
    monkeypatch.setitem(sys.modules, "pyod", None)
    monkeypatch.setitem(sys.modules, "pyod.models.pca", None)
    with pytest.raises(UnavailableError, match=r"pip install 'sealtrail\[models\]'"):
        pyod_candidates.exported("pca", rows(1), 1)


def test_the_judgement_never_imports_pyod() -> None:
    """The service that judges, and everything that scores, loads neither PyOD nor scikit-learn nor SciPy."""
    program = (
        "import sys, anomaly.app, anomaly.models.blob, anomaly.models.drift, sealtrail.commands.models\n"
        "print([name for name in ('pyod', 'sklearn', 'scipy', 'numba') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
