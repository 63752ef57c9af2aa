"""Models and histories that tests make by hand or by seed."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Iterator

import numpy as np
import pytest

from anomaly.models.blob import encode, sha256_of
from anomaly.models.features import Layout
from anomaly.models.model import Model, Unit
from anomaly.models.scorers import Forest, Mahalanobis, MaxZ, Neighbours, Pca, Scorer, StepSum
from anomaly.models.tail import Tail
from sealtrail.contract.model import HeldOut, ModelCard, name_of
from sealtrail.contract.reading import FixKind, Reading

START_MS = 1_790_000_000_000
STEP_MS = 300_000
LAYOUT = Layout(("temperature_c", "humidity_pct"), solar=False)
WIDTH = len(LAYOUT.names)


def need_pyod() -> None:
    """Skips by name where PyOD isn't installed, except in CI, where that is an error."""
    if importlib.util.find_spec("pyod") is None:
        said = "PyOD is not installed: pip install 'sealtrail[models]'"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)


def scorers(seed: int = 3) -> Iterator[Scorer]:
    """One of each kind, of rows as wide as `LAYOUT`."""
    rng = np.random.default_rng(seed)
    yield MaxZ()
    yield Pca(rng.normal(size=(3, WIDTH)), np.array([0.5, 0.3, 0.2]))
    yield Mahalanobis(rng.normal(size=WIDTH), np.eye(WIDTH))
    yield Neighbours(rng.normal(size=(20, WIDTH)), 5)
    yield StepSum.joined(
        {i: (np.array([-1.0, 1.0]), np.array([9.0, 2.0, 1.0, 2.0, 9.0])) for i in range(WIDTH)}
    )
    cuts = {i: (np.array([0.0]), np.array([1.0, 2.0, 3.0])) for i in range(4)}
    yield StepSum.joined(cuts, rng.normal(size=(4, WIDTH)))
    yield Forest(
        rng.integers(0, WIDTH, (5, 7)), rng.normal(size=(5, 7)), rng.uniform(1, 4, (5, 8)), 10.0, -0.5
    )


def model(scorer: Scorer | None = None, lane: str = "", threshold: float = 5.0) -> Model:
    """A sound model of family ``json``."""
    return Model(
        name=name_of("json", lane),
        family="json",
        lane=lane,
        layout=LAYOUT,
        centre=np.arange(WIDTH, dtype=np.float64),
        width=np.ones(WIDTH),
        scorer=MaxZ() if scorer is None else scorer,
        scorer_unit=Unit(0.0, 1.0),
        guard_unit=Unit(0.0, 1.0),
        tail=Tail(begin=3.0, share=0.02, scale=0.5, shape=0.1),
        threshold=threshold,
        budget=0.01,
        calibrated=True,
        stream=Unit(1.0, 0.5),
    )


def card(made: Model) -> tuple[ModelCard, bytes]:
    """A card for a model, and the model's bytes."""
    blob = encode(made)
    held_out = HeldOut(
        rows=100, container_days=2.0, recall=0.9, recall_by_kind={"spike 10": 0.9}, expected=0.02, realised=0,
        looser_budget=5.0, looser_expected=10.0, looser_realised=11,
    )  # fmt: skip
    return (
        ModelCard(
            family=made.family, lane=made.lane, from_ms=START_MS, until_ms=START_MS + 86_400_000,
            sources=("past.jsonl",), devices=3, containers=3, container_days=3.0, rows=900, rows_ready=800,
            rows_fitted=300, rows_trimmed=2, features=made.layout.names, left_out={"light_lux": "in none"},
            divided="by hand", seed=1, candidates=(), winner=made.scorer.kind, guard="max_z",
            budget=made.budget, threshold=made.threshold, calibrated=True, uncalibrated_because="",
            memory_reports=3, scores_pooled=12_000, tail_begin=made.tail.begin, tail_scale=made.tail.scale,
            tail_shape=made.tail.shape, held_out=held_out, versions={"numpy": np.__version__},
            sha256=sha256_of(blob), blob_bytes=len(blob), licence="nothing borrowed",
        ),
        blob,
    )  # fmt: skip


def readings(devices: int, reports: int, seed: int = 7) -> list[Reading]:
    """Reports every five minutes of devices whose temperature and humidity follow the day, with noise."""
    rng = np.random.default_rng(seed)
    found = []
    for device in range(devices):
        mean_c, noise = float(rng.uniform(10, 25)), rng.normal(0, 1, (reports, 3)).tolist()
        for i in range(reports):
            at_ms = START_MS + i * STEP_MS
            wave = math.sin(math.tau * at_ms / 86_400_000 + 0.2 * device)
            found.append(
                Reading(
                    device_id=f"D{device}",
                    family="json",
                    reading_id=device * 1_000_000 + i,
                    occurred_at_ms=at_ms,
                    received_at_ms=at_ms,
                    container_id=f"C{device}",
                    fix_kind=int(FixKind.GNSS),
                    latitude_deg=1.0,
                    longitude_deg=36.0 + i / 1_000,
                    temperature_c=round(mean_c + 4 * wave + 0.2 * noise[i][0], 1),
                    humidity_pct=round(60 - 8 * wave + 0.5 * noise[i][1], 1),
                    battery_pct=round(90 - i / 100, 1),
                    signal_pct=round(70 + 5 * noise[i][2]),
                )
            )
    return found
