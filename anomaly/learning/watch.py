"""A model against newer reports: whether it keeps its budget, and whether its world has moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anomaly.learning.calibration import alarms, memory_of
from anomaly.learning.sensor_history import Series, container_days, features_of
from anomaly.models.drift import Drift, daily, drift
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
    """Scores every report of the series; drift is looked for in the daily averages of all devices."""
    scores = [model.score(own) for own in features_of(series, model.layout)]
    memory = memory_of(scores)
    days = container_days(series)
    averages = [daily(own, each.at_ms, model.tail.begin) for own, each in zip(scores, series, strict=True)]
    at_ms = np.concatenate([ends for _, ends in averages]) if averages else np.empty(0, np.int64)
    order = np.argsort(at_ms, kind="stable")
    pooled = np.concatenate([means for means, _ in averages])[order] if averages else np.empty(0)
    found = drift(pooled, model.stream.middle, model.stream.spread)
    first = min((at for at in (found.higher_at, found.lower_at) if at >= 0), default=None)
    return Watched(
        rows=sum(len(each) for each in scores),
        rows_ready=sum(int((~np.isnan(each)).sum()) for each in scores),
        container_days=days,
        expected=model.budget * days,
        realised=sum(alarms(each, model.threshold, memory) for each in scores),
        drift=found,
        drift_at_ms=None if first is None else int(at_ms[order][first]),
    )
