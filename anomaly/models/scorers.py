"""Scorers: from standardised features (n, d) to scores (n,), higher is stranger.

Each is a few arrays and a formula, the very one of the detector it was exported
from (named beside each), so that the judgement needs neither PyOD nor a pickle.
Rows are finite; a row's score doesn't depend on the other rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np

from anomaly.models.arrays import Arrays, of_shape
from anomaly.sphere import Floats, Ints
from sealtrail.contract.errors import InvalidModelError


class Scorer(Protocol):
    """One detector's parameters."""

    kind: ClassVar[str]

    def score(self, z: Floats) -> Floats:
        """Scores (n,) of rows (n, d)."""
        ...

    def arrays(self) -> Arrays:
        """What `of` makes the same scorer from."""
        ...

    @classmethod
    def of(cls, arrays: Arrays, width: int) -> Self:
        """The scorer of rows of that width; raises `InvalidModelError` by name."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class MaxZ:
    """The largest deviation of any one feature. Unbounded; the guard beside every other scorer."""

    kind: ClassVar[str] = "max_z"

    def score(self, z: Floats) -> Floats:
        largest: Floats = np.abs(z).max(axis=1)
        return largest

    def arrays(self) -> Arrays:
        return {}

    @classmethod
    def of(cls, arrays: Arrays, width: int) -> Self:
        del arrays, width
        return cls()


@dataclass(frozen=True, slots=True, eq=False)
class Pca:
    """Distances to the eigenvectors, each divided by its share of the variance, summed (PyOD PCA)."""

    components: Floats  # (k, d)
    weights: Floats  # (k,)
    kind: ClassVar[str] = "pca"

    def score(self, z: Floats) -> Floats:
        scores: Floats = _distances(z, self.components) @ (1.0 / self.weights)
        return scores

    def arrays(self) -> Arrays:
        return {"components": self.components, "weights": self.weights}

    @classmethod
    def of(cls, arrays: Arrays, width: int) -> Self:
        components = of_shape(arrays, "components", None, width)
        weights = of_shape(arrays, "weights", len(components))
        if (weights <= 0).any():
            raise InvalidModelError("bad_weights", "weights are positive")
        return cls(components, weights)


@dataclass(frozen=True, slots=True, eq=False)
class Mahalanobis:
    """Squared Mahalanobis distance from a robust centre: Hotelling's T² (PyOD MCD)."""

    location: Floats  # (d,)
    precision: Floats  # (d, d)
    kind: ClassVar[str] = "mcd"

    def score(self, z: Floats) -> Floats:
        centred = z - self.location
        scores: Floats = np.einsum("ij,ij->i", centred @ self.precision, centred)
        return scores

    def arrays(self) -> Arrays:
        return {"location": self.location, "precision": self.precision}

    @classmethod
    def of(cls, arrays: Arrays, width: int) -> Self:
        return cls(of_shape(arrays, "location", width), of_shape(arrays, "precision", width, width))


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Distance to the k-th nearest of the rows that were kept (PyOD KNN, ``largest``)."""

    kept: Floats  # (m, d)
    nth: int
    kind: ClassVar[str] = "knn"

    def score(self, z: Floats) -> Floats:
        nearest: Floats = np.partition(_squared_distances(z, self.kept), self.nth - 1, axis=1)[
            :, self.nth - 1
        ]
        return np.sqrt(nearest)

    def arrays(self) -> Arrays:
        return {"kept": self.kept, "nth": np.array([self.nth], np.int64)}

    @classmethod
    def of(cls, arrays: Arrays, width: int) -> Self:
        kept = of_shape(arrays, "kept", None, width)
        nth = int(of_shape(arrays, "nth", 1, kind="i")[0])
        if not 1 <= nth <= len(kept):
            raise InvalidModelError("bad_neighbour", f"{nth} of {len(kept)} rows kept")
        return cls(kept, nth)


def _squared_distances(z: Floats, points: Floats) -> Floats:
    """(n, m); by the binomial formula, whose rounding is 1e-15 of the larger square."""
    squares: Floats = np.einsum("ij,ij->i", z, z)[:, None] + np.einsum("ij,ij->i", points, points)
    squares -= 2.0 * (z @ points.T)
    squares[squares < 0.0] = 0.0
    return squares


def _distances(z: Floats, points: Floats) -> Floats:
    distances = _squared_distances(z, points)
    np.sqrt(distances, out=distances)
    return distances


@dataclass(frozen=True, slots=True, eq=False)
class StepSum:
    """A step function of each feature, or of each projection of them, summed.

    Function ``j`` has ``counts[j]`` rising ``points`` and twice as many and one
    ``values``: below the first point, at it, between it and the second, and so
    on. So histograms (PyOD HBOS), frozen distribution functions (PyOD ECOD) and
    histograms of random projections (PyOD LODA) are one scorer.
    """

    kind: ClassVar[str] = "steps"
    counts: Ints  # (j,)
    points: Floats  # (sum of counts,)
    values: Floats  # (sum of 2 * counts + 1,)
    projections: Floats | None = None  # (j, d); None: the features themselves

    def score(self, z: Floats) -> Floats:
        rows = np.ascontiguousarray(z.T if self.projections is None else self.projections @ z.T)
        scores = np.zeros(len(z))
        begin = 0
        for number, (row, count) in enumerate(zip(rows, self.counts.tolist(), strict=True)):
            points = self.points[begin : begin + count]
            first = 2 * begin + number
            values = self.values[first : first + 2 * count + 1]
            slot = points.searchsorted(row)
            at = points.take(slot, mode="clip") == row
            slot *= 2
            slot += at
            scores += values.take(slot, mode="clip")
            begin += count
        return scores

    def arrays(self) -> Arrays:
        own = {"counts": self.counts, "points": self.points, "values": self.values}
        return own if self.projections is None else own | {"projections": self.projections}

    @classmethod
    def of(cls, arrays: Arrays, width: int) -> Self:
        projections = of_shape(arrays, "projections", None, width) if "projections" in arrays else None
        functions = width if projections is None else len(projections)
        counts = of_shape(arrays, "counts", functions, kind="i")
        total = int(counts.sum())
        if (counts < 1).any():
            raise InvalidModelError("bad_steps", "a function has at least one point")
        points = of_shape(arrays, "points", total)
        values = of_shape(arrays, "values", 2 * total + functions)
        inner = np.ones(total, bool)
        inner[np.cumsum(counts) - counts] = False
        if (np.diff(points, prepend=-np.inf)[inner] <= 0).any():
            raise InvalidModelError("bad_steps", "points of a function rise")
        return cls(counts, points, values, projections)

    @classmethod
    def joined(
        cls, functions: Mapping[int, tuple[Floats, Floats]], projections: Floats | None = None
    ) -> StepSum:
        """Of functions by number, each its points and its values."""
        parts = [functions[number] for number in range(len(functions))]
        return cls(
            np.array([len(points) for points, _ in parts], np.int64),
            np.concatenate([points for points, _ in parts]),
            np.concatenate([values for _, values in parts]),
            projections,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Isolation trees, every path as long as the deepest (PyOD IForest).

    Trees lie side by side as heaps: the children of slot ``i`` are ``2 i + 1``
    (value at most the threshold) and ``2 i + 2``. Below a leaf that ends early
    both children are as it is. Values are compared as 32-bit floats, as the
    trees were grown.
    """

    kind: ClassVar[str] = "iforest"
    features: Ints  # (trees, slots)
    thresholds: Floats  # (trees, slots)
    lengths: Floats  # (trees, slots + 1): path length at each leaf
    scale: float  # score = 2 ** (-sum of lengths / scale) + offset
    offset: float

    def score(self, z: Floats) -> Floats:
        trees, slots = self.features.shape
        n, width = z.shape
        values = np.ascontiguousarray(z, np.float32).astype(np.float64).ravel()
        rows = (np.arange(n) * width)[None, :]
        tree = (np.arange(trees) * slots)[:, None]
        features, thresholds = self.features.ravel(), self.thresholds.ravel()
        at = np.zeros((trees, n), np.int64)
        for _ in range(slots.bit_length()):
            node = at + tree
            greater = values.take(rows + features.take(node)) > thresholds.take(node)
            at *= 2
            at += 1
            at += greater
        leaf = at - slots + (np.arange(trees) * (slots + 1))[:, None]
        total = self.lengths.ravel().take(leaf).sum(axis=0)
        scores: Floats = np.exp2(-total / self.scale) + self.offset
        return scores

    def arrays(self) -> Arrays:
        return {
            "features": self.features,
            "thresholds": self.thresholds,
            "lengths": self.lengths,
            "norm": np.array([self.scale, self.offset]),
        }

    @classmethod
    def of(cls, arrays: Arrays, width: int) -> Self:
        features = of_shape(arrays, "features", None, None, kind="i")
        trees, slots = features.shape
        if slots + 1 != 1 << slots.bit_length():
            raise InvalidModelError("bad_tree", f"{slots} slots are no whole levels")
        if features.min() < 0 or features.max() >= width:
            raise InvalidModelError("bad_tree", "a tree asks for a feature that there isn't")
        scale, offset = (float(number) for number in of_shape(arrays, "norm", 2))
        if scale <= 0:
            raise InvalidModelError("bad_tree", "the scale is positive")
        return cls(
            features,
            of_shape(arrays, "thresholds", trees, slots),
            of_shape(arrays, "lengths", trees, slots + 1),
            scale,
            offset,
        )


SCORERS: dict[str, type[Scorer]] = {
    kind.kind: kind for kind in (MaxZ, Pca, Mahalanobis, Neighbours, StepSum, Forest)
}
