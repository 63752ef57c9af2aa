"""A model against newer reports: whether it keeps its budget, and whether its world has moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anomaly.learning.calibration import alarms, memory_of
from anomaly.learning.sensor_history import Series, container_days, features_of
from anomaly.models.drift import Drift, drift
from anomaly.models.model import Model


class Watched(NamedTuple):
    """What was seen. ``drift_at_ms`` is when the drift showed; None: there is none."""

    rows: int
    rows_ready: int
    container_days: float
    expected: float  # alarms that the budget allows
    realised: int
    drift: Drift
    drift_at_ms: int | None


def watch(model: Model, series: Sequence[Series]) -> Watched:
    """Scores every report of the series; drift is looked for over all in event-time order.

    For drift only scores of a device that are hardly correlated count: each is news.
    """
    scores = [model.score(own) for own in features_of(series, model.layout)]
    memory = memory_of(scores)
    days = container_days(series)
    at_ms = np.concatenate([each.at_ms for each in series]) if series else np.empty(0, np.int64)
    pooled = np.concatenate(scores) if scores else np.empty(0)
    apart = np.concatenate([np.arange(len(each)) % memory == 0 for each in scores]) if scores else pooled > 0
    order = np.argsort(at_ms[apart], kind="stable")
    found = drift(pooled[apart][order], model.stream.middle, model.stream.spread)
    first = min((at for at in (found.higher_at, found.lower_at) if at >= 0), default=None)
    return Watched(
        rows=len(pooled),
        rows_ready=int((~np.isnan(pooled)).sum()),
        container_days=days,
        expected=model.budget * days,
        realised=sum(alarms(each, model.threshold, memory) for each in scores),
        drift=found,
        drift_at_ms=None if first is None else int(at_ms[apart][order][first]),
    )
