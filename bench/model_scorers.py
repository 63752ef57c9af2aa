"""``python -m bench.model_scorers``: what a report costs under a learned model, by kind of scorer and batch.

Needs PyOD, to fit what is measured. One core: set OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from anomaly.learning.pyod_candidates import CANDIDATES, exported
from anomaly.models.blob import encode
from anomaly.models.features import Layout, new_states, step
from anomaly.models.model import Model, Unit
from anomaly.models.scorers import MaxZ
from anomaly.models.tail import Tail
from sealtrail.contract.reading import SENSOR_FIELDS

ROWS = 2_000
BATCHES = (1, 100, 1_000)
CHANNELS = (3, 6, 10)
RUNS = 25
LEAST_S = 0.01


def best_us(work: Callable[[], object], rows: int) -> float:
    """Microseconds a row: the best of some runs, each long enough to be measured."""
    best = float("inf")
    for _ in range(RUNS):
        calls, began = 0, time.perf_counter()
        while time.perf_counter() - began < LEAST_S:
            work()
            calls += 1
        best = min(best, (time.perf_counter() - began) / calls / rows)
    return best * 1e6


def model(kind: str, layout: Layout) -> Model:
    """A model of that kind, fitted on noise."""
    width = len(layout.names)
    rows = np.random.default_rng(1).normal(size=(ROWS, width))
    return Model(
        name="json", family="json", lane="", layout=layout, centre=np.zeros(width), width=np.ones(width),
        scorer=MaxZ() if kind == MaxZ.kind else exported(kind, rows, 1), scorer_unit=Unit(0.0, 1.0),
        guard_unit=Unit(0.0, 1.0), tail=Tail(begin=3.0, share=0.02, scale=1.0, shape=0.1), threshold=9.0,
        budget=0.01, calibrated=True, stream=Unit(0.0, 1.0),
    )  # fmt: skip


def measured(layout: Layout) -> list[tuple[str, list[float], int]]:
    """Name, microseconds a row by batch, bytes; the features' step first."""
    rng = np.random.default_rng(2)
    rows = []
    costs = []
    for batch in BATCHES:
        states = new_states(batch, layout)
        values = rng.normal(50, 1, (batch, len(layout.channels)))
        at_ms, longitude = np.full(batch, 1_790_000_000_000), np.full(batch, 30.0)
        costs.append(
            best_us(lambda s=states, v=values, a=at_ms, g=longitude: step(s, v, a, g, layout), batch)  # type: ignore[misc]
        )
    rows.append(("features", costs, new_states(1, layout).nbytes))
    for kind in (MaxZ.kind, *CANDIDATES):
        made = model(kind, layout)
        features = rng.normal(size=(max(BATCHES), len(layout.names)))
        costs = [best_us(lambda m=made, f=features[:batch]: m.score(f), batch) for batch in BATCHES]  # type: ignore[misc]
        rows.append((kind, costs, len(encode(made))))
    return rows


def main() -> None:
    for number in CHANNELS:
        layout = Layout(SENSOR_FIELDS[:number], solar=True)
        print(f"{number} channels, {len(layout.names)} features; µs a row in batches of {BATCHES}, bytes")
        for name, costs, size in measured(layout):
            print(f"  {name:<9}" + "".join(f"{cost:9.2f}" for cost in costs) + f"{size:10}")


if __name__ == "__main__":
    main()
