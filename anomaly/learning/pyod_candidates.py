"""Detectors of PyOD (BSD-2-Clause), fitted here and exported to scorers that need it no more.

The only file that knows PyOD, and it imports it only when something is fitted:
it is heavy (numba, scikit-learn), optional, and never in the process that judges.
An export is compared with the detector it came from before it is believed.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np

from anomaly.models.scorers import Forest, Mahalanobis, Neighbours, Pca, Scorer, StepSum
from anomaly.sphere import Floats, Ints
from sealtrail.contract.errors import InvalidModelError, UnavailableError

KEPT_ROWS = 128
NEIGHBOURS = 5
BINS = 10
CUTS = 50
KEPT_POINTS = 128
TREES = 50
TREE_ROWS = 128
AGREES_WITHIN = 1e-6
"""Largest difference between export and detector, as a share of the scores' spread."""

COMPARED_ROWS = 64
OFF_THE_EDGES = 1.001
"""Rows that were fitted lie on the edges of bins, where the last bit of a sum decides."""

NEVER_GREATER = 1e300

_ADVICE = "PyOD is needed to train models: pip install 'sealtrail[models]'"


def detector(module: str, name: str) -> Callable[..., Any]:
    """A detector class of PyOD; raises `UnavailableError` where PyOD can't be used."""
    if "numba" not in sys.modules:  # compiling takes ten times as long as what is compiled
        os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its many dependencies about each other
        try:
            found: Callable[..., Any] = getattr(importlib.import_module(f"pyod.models.{module}"), name)
        except ImportError as error:
            raise UnavailableError(f"{_ADVICE} ({error})") from error
    return found


def versions() -> dict[str, str]:
    """What a model was made with."""
    found = {}
    for package in ("pyod", "scikit-learn", "numpy", "sealtrail"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def fit_pca(rows: Floats, seed: int) -> tuple[Any, Scorer]:
    fitted = detector("pca", "PCA")(standardization=False, svd_solver="full", random_state=seed).fit(rows)
    return fitted, Pca(fitted.selected_components_, fitted.selected_w_components_)


def fit_mcd(rows: Floats, seed: int) -> tuple[Any, Scorer]:
    fitted = detector("mcd", "MCD")(random_state=seed).fit(rows)
    return fitted, Mahalanobis(fitted.location_, fitted.precision_)


def fit_knn(rows: Floats, seed: int) -> tuple[Any, Scorer]:
    """On few rows, drawn at random: what is compared is what is exported."""
    chosen = np.random.default_rng(seed).permutation(len(rows))[:KEPT_ROWS]
    kept = rows[np.sort(chosen)]
    fitted = detector("knn", "KNN")(n_neighbors=NEIGHBOURS, method="largest", n_jobs=1).fit(kept)
    return fitted, Neighbours(kept, NEIGHBOURS)


def fit_hbos(rows: Floats, seed: int) -> tuple[Any, Scorer]:
    """The histogram's bins with their tolerance to either side, and the least of all beyond."""
    del seed
    fitted = detector("hbos", "HBOS")(n_bins=BINS).fit(rows)
    functions = {}
    for column in range(rows.shape[1]):
        edges = fitted.bin_edges_[:, column].copy()
        strange = -np.log2(fitted.hist_[:, column] + fitted.alpha)
        edges[0] -= (edges[1] - edges[0]) * fitted.tol
        edges[-1] += (edges[-1] - edges[-2]) * fitted.tol
        at = np.concatenate(([strange[0]], strange))  # at an edge: the bin below it
        between = np.concatenate(([strange.max()], strange, [strange.max()]))
        functions[column] = edges, _interleaved(between, at)
    return fitted, StepSum.joined(functions)


def fit_ecod(rows: Floats, seed: int) -> tuple[Any, Scorer]:
    """The distribution functions of the rows, frozen: PyOD's own depend on the batch that is scored.

    Exact for one row at a time, up to the sign of a skewness near zero, while a feature has
    at most `KEPT_POINTS` different values; else evenly thinned.
    """
    del seed
    fitted = detector("ecod", "ECOD")(n_jobs=1).fit(rows)
    n = len(rows)
    skewness = _skewness_sign(rows)
    functions = {}
    for column in range(rows.shape[1]):
        ordered = np.sort(rows[:, column])
        points = np.unique(ordered)
        if len(points) > KEPT_POINTS:
            points = points[np.linspace(0, len(points) - 1, KEPT_POINTS).round().astype(np.int64)]
        below, up_to = np.searchsorted(ordered, points, "left"), np.searchsorted(ordered, points, "right")
        # counts of rows at most x and at least x, the scored row among them, at points and between
        least = _interleaved(np.concatenate(([0], up_to)), up_to)
        most = n - _interleaved(np.concatenate((below, [n])), below)
        left = -np.log((least + 1) / (n + 1))
        right = -np.log((most + 1) / (n + 1))
        sign = skewness[column]
        skewed = left * -np.sign(sign - 1) + right * np.sign(sign + 1)
        functions[column] = points, np.maximum(np.maximum(left, right), skewed)
    return fitted, StepSum.joined(functions)


def _skewness_sign(rows: Floats) -> Floats:
    centred = rows - rows.mean(axis=0)
    signs: Floats = np.sign((centred**3).mean(axis=0))
    return signs


def fit_loda(rows: Floats, seed: int) -> tuple[Any, Scorer]:
    fitted = detector("loda", "LODA")(n_bins=BINS, n_random_cuts=CUTS, random_state=seed).fit(rows)
    functions = {}
    for cut in range(CUTS):
        points = fitted.limits_[cut, : BINS - 1]
        strange = -fitted.weights[cut] * np.log(fitted.histograms_[cut]) / CUTS
        functions[cut] = points, _interleaved(strange, strange[:-1])
    return fitted, StepSum.joined(functions, np.array(fitted.projections_))


def _interleaved(between: Floats | Ints, at: Floats | Ints) -> Floats:
    """Values of a step function: below the first point, at it, between it and the next, and so on."""
    values = np.empty(len(between) + len(at))
    values[0::2], values[1::2] = between, at
    return values


def fit_iforest(rows: Floats, seed: int) -> tuple[Any, Scorer]:
    made = detector("iforest", "IForest")
    fitted = made(n_estimators=TREES, max_samples=min(TREE_ROWS, len(rows)), random_state=seed, n_jobs=1).fit(
        rows
    )
    forest = fitted.detector_
    depth = max(1, *(tree.tree_.max_depth for tree in forest.estimators_))
    shape = TREES, (1 << depth) - 1
    features, thresholds = np.zeros(shape, np.int64), np.full(shape, NEVER_GREATER)
    lengths = np.zeros((TREES, 1 << depth))
    for number, (tree, columns) in enumerate(
        zip(forest.estimators_, forest.estimators_features_, strict=True)
    ):
        _spread_out(tree.tree_, columns, depth, (features[number], thresholds[number], lengths[number]))
    scale = TREES * float(_average_path(np.array([forest.max_samples_]))[0])
    return fitted, Forest(features, thresholds, lengths, scale, float(forest.offset_))


def _spread_out(tree: Any, columns: Ints, depth: int, into: tuple[Ints, Floats, Floats]) -> None:
    """A tree of scikit-learn as a heap of that depth."""
    features, thresholds, lengths = into
    slots = len(features)
    ends = _average_path(tree.n_node_samples)
    waiting = [(0, 0, 0)]  # node, slot, level
    while waiting:
        node, slot, level = waiting.pop()
        if tree.children_left[node] >= 0:
            features[slot], thresholds[slot] = columns[tree.feature[node]], tree.threshold[node]
            waiting.append((tree.children_left[node], 2 * slot + 1, level + 1))
            waiting.append((tree.children_right[node], 2 * slot + 2, level + 1))
            continue
        first, last = slot, slot
        for _ in range(depth - level):
            first, last = 2 * first + 1, 2 * last + 2
        lengths[first - slots : last - slots + 1] = level + ends[node]


def _average_path(rows: Ints) -> Floats:
    """Mean path length of an unsuccessful search in a binary tree of so many rows (Liu et al., 2008)."""
    rows = np.asarray(rows, np.float64)
    many = np.maximum(rows, 3)
    lengths = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    found: Floats = np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, lengths))  # noqa: PLR2004 (by hand)
    return found


Fit = Callable[[Floats, int], tuple[Any, Scorer]]

CANDIDATES: dict[str, Fit] = {
    "pca": fit_pca,
    "mcd": fit_mcd,
    "hbos": fit_hbos,
    "knn": fit_knn,
    "loda": fit_loda,
    "ecod": fit_ecod,
    "iforest": fit_iforest,
}
"""In the order in which equals are preferred: cheap and plain first."""


def exported(kind: str, rows: Floats, seed: int) -> Scorer:
    """A detector fitted on rows (n, d) and exported.

    Raises `UnavailableError` without PyOD, and `InvalidModelError`: ``candidate_failed``
    where the detector can't be fitted, ``export_differs`` where the export doesn't score as it does.
    """
    with warnings.catch_warnings(), _one_thread():
        warnings.simplefilter("ignore")  # of a covariance that isn't of full rank, and the like
        try:
            fitted, scorer = CANDIDATES[kind](rows, seed)
            probe = rows[:: max(1, len(rows) // COMPARED_ROWS)]
            probe = np.concatenate((probe * OFF_THE_EDGES, probe[::-1] * 3.0))
            theirs = _scores_of(kind, fitted, probe)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            raise InvalidModelError("candidate_failed", f"{kind}: {error}") from error
    ours = scorer.score(probe)
    spread = max(float(np.ptp(theirs)), 1e-9)
    if not np.isfinite(ours).all():
        raise InvalidModelError("candidate_failed", f"{kind}: scores that are no numbers")
    worst = float(np.abs(ours - theirs).max()) / spread
    if kind != "ecod" and worst > AGREES_WITHIN:
        raise InvalidModelError("export_differs", f"{kind}: by {worst:.2g} of the scores' spread")
    return scorer


def _one_thread() -> contextlib.AbstractContextManager[object]:
    """Small matrices are slower on several threads, many times so where others use the machine too."""
    try:
        limits: Callable[..., contextlib.AbstractContextManager[object]] = importlib.import_module(
            "threadpoolctl"  # scikit-learn's own
        ).threadpool_limits
    except ImportError:  # no scikit-learn either, which is told where it is needed
        return contextlib.nullcontext()
    return limits(limits=1)


def _scores_of(kind: str, fitted: Any, rows: Floats) -> Floats:
    if kind == "ecod":  # whose scores depend on what else is scored: no comparison at this place
        return np.linspace(0.0, 1.0, len(rows))
    scores: Floats = np.asarray(fitted.decision_function(rows), np.float64)
    return scores
