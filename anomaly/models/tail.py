"""The tail of a score: a generalised Pareto law on what exceeds a high quantile.

Fitted by probability-weighted moments (Hosking and Wallis, Technometrics 29
(1987) 339), which need no iteration and stay close to the truth where
k-sigma is off by two orders of magnitude. Figures: docs/models.md.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from anomaly.sphere import Floats
from sealtrail.contract.errors import InvalidModelError

SHARE, LARGEST_SHARE = 0.02, 0.2
WANTED_EXCESSES, LEAST_EXCESSES = 50, 20
"""The tail is the top 2 %; of few scores more, so that it is `WANTED_EXCESSES`, but at most 20 %."""

STEEPEST, FLATTEST = 0.9, -0.5
"""Bounds of the shape; the moments don't exist above 1, and below -0.5 the end is guessed too near."""

EXPONENTIAL = 1e-6
"""A shape nearer to zero than this is the exponential law."""


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """``share`` of all scores exceed ``begin``; the excess is generalised Pareto."""

    begin: float
    share: float
    scale: float
    shape: float

    def threshold(self, probability: float) -> float:
        """The score that is exceeded with that probability, at most ``share``."""
        ratio = self.share / min(probability, self.share)
        if abs(self.shape) < EXPONENTIAL:
            return self.begin + self.scale * math.log(ratio)
        return self.begin + self.scale / self.shape * math.expm1(self.shape * math.log(ratio))

    def probability(self, scores: Floats) -> Floats:
        """With which scores as high are exceeded; ``share`` for all below ``begin``, NaN for NaN."""
        excess = np.maximum(scores - self.begin, 0.0) / self.scale
        if abs(self.shape) < EXPONENTIAL:
            return self.share * np.exp(-excess)
        base = np.maximum(1.0 + self.shape * excess, 0.0)
        with np.errstate(divide="ignore"):
            found: Floats = self.share * base ** (-1.0 / self.shape)
        return found


def check(tail: Tail) -> Tail:
    """The tail itself; raises `InvalidModelError` named ``bad_tail``."""
    numbers = (tail.begin, tail.share, tail.scale, tail.shape)
    if not all(map(math.isfinite, numbers)) or not 0 < tail.share <= 1 or tail.scale <= 0:
        raise InvalidModelError("bad_tail", str(numbers))
    return tail


def fit(scores: Floats) -> Tail:
    """The tail of scores (n,); raises `InvalidModelError` named ``too_few_scores``."""
    scores = np.sort(scores[~np.isnan(scores)])
    begin = _begin(scores)
    excess = scores[scores > begin] - begin
    if len(excess) < LEAST_EXCESSES:
        raise InvalidModelError(
            "too_few_scores",
            f"{len(scores)} scores, {len(excess)} of them in the tail; {LEAST_EXCESSES} needed",
        )
    n = len(excess)
    mean = float(excess.mean())
    weighted = float((excess * (n - 1 - np.arange(n)) / (n - 1)).mean())  # E[x (1 - F(x))]
    shape = 2.0 - mean / (mean - 2.0 * weighted) if mean > 2.0 * weighted else STEEPEST
    bounded = min(max(shape, FLATTEST), STEEPEST)
    # the mean is kept where the shape was bounded
    scale = 2.0 * mean * weighted / (mean - 2.0 * weighted) if bounded == shape else mean * (1.0 - bounded)
    return Tail(begin=begin, share=n / len(scores), scale=max(scale, 1e-12), shape=bounded)


def _begin(scores: Floats) -> float:
    """The highest that enough of the sorted scores exceed (many may be equal); infinite: there is none."""
    share = min(max(SHARE, WANTED_EXCESSES / max(len(scores), 1)), LARGEST_SHARE)
    wanted = int(share * len(scores))
    if not wanted:
        return math.inf
    below = int(np.searchsorted(scores, scores[-wanted], "left")) - 1
    return float(scores[below]) if below >= 0 else math.inf
