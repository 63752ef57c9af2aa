"""Streaming detectors on series of the Numenta Anomaly Benchmark.

Every other series, in order of folder and name, sets each detector's one threshold
(the best standard score there); the others are scored with it. That holds for the
baselines too, which run with the same alarm life-cycle, and the windowed Gaussian also
as published: every value above the threshold an alarm.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from anomaly.sphere import Floats
from anomaly.streams.bank import STREAM, new_state, step
from anomaly.streams.tuning import Tuning
from bench.detection.nab_detectors import QUIET_VALUES, Series, alarms, k_sigma, streams, windowed_gaussian
from bench.detection.nab_score import PROFILES, Profile, normalised, raw_score, windows_of
from bench.detection.result import NabFigures, SeriesFigures

BATCH = 1_000
ROUNDS = 300
CANDIDATES = 60
OFTENEST, RAREST = -1.0, -4.5
"""Thresholds are tried that this part of the tuning values exceeds, as powers of ten."""


def read_series(path: Path) -> Series:
    """A series of a gzipped CSV with ``timestamp, value, in_window``."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [dt.datetime.fromisoformat(row["timestamp"]).replace(tzinfo=dt.UTC) for row in rows]
    return Series(
        np.array([round(each.timestamp() * 1000) for each in times]),
        np.array([float(row["value"]) for row in rows]),
        np.array([row["in_window"] == "1" for row in rows]),
    )


def total_score(alarmed: Mapping[str, list[int]], series: Mapping[str, Series], profile: Profile) -> float:
    """Normalised score over several series."""
    raw, number = 0.0, 0
    for name, each in series.items():
        windows = windows_of(each.inside)
        raw += raw_score(alarmed[name], windows, len(each.values), profile)
        number += len(windows)
    return normalised(raw, number, profile)


def best_threshold(
    scores: Mapping[str, Floats], series: Mapping[str, Series], quiet_values: int
) -> tuple[float, float]:
    """The threshold with the highest standard score (of several the highest), and that score."""
    pool = np.concatenate([scores[name] for name in series])
    shares = np.logspace(RAREST, OFTENEST, CANDIDATES)
    best = (float("inf"), float("-inf"))
    for threshold in np.unique(np.quantile(pool[~np.isnan(pool)], 1 - shares)).tolist():
        alarmed = {name: alarms(scores[name], threshold, quiet_values) for name in series}
        score = total_score(alarmed, series, PROFILES["standard"])
        best = (threshold, score) if score >= best[1] else best
    return best


def _figures(
    name: str,
    scores: Mapping[str, Floats],
    halves: tuple[dict[str, Series], dict[str, Series]],
    quiet_values: int,
) -> SeriesFigures:
    tuning, scored = halves
    threshold, tuned = best_threshold(scores, tuning, quiet_values)
    alarmed = {each: alarms(scores[each], threshold, quiet_values) for each in scored}
    other, _ = best_threshold(scores, scored, quiet_values)
    exchanged = {each: alarms(scores[each], other, quiet_values) for each in tuning}
    windows = [(each, window) for each, of in scored.items() for window in windows_of(of.inside)]
    return SeriesFigures(
        detector=name,
        threshold=threshold,
        tuned_score=tuned,
        scores={label: total_score(alarmed, scored, profile) for label, profile in PROFILES.items()},
        exchanged_score=total_score(exchanged, tuning, PROFILES["standard"]),
        alarms=sum(len(rows) for rows in alarmed.values()),
        windows=len(windows),
        windows_found=sum(
            any(window.first <= row <= window.last for row in alarmed[each]) for each, window in windows
        ),
    )


def value_us() -> float:
    """CPU time of the bank a value, in batches of `BATCH` series, microseconds."""
    state, tuning, random = new_state(BATCH), Tuning(), np.random.default_rng(1)
    values = random.normal(20.0, 2.0, (ROUNDS, BATCH))
    begin = time.process_time()
    for at in range(ROUNDS):
        step(state, values[at], np.full(BATCH, at * 300_000), tuning)
    return (time.process_time() - begin) / (ROUNDS * BATCH) * 1e6


def run(folder: Path) -> NabFigures:
    """Figures of the streaming bank and of the baselines."""
    paths = sorted(folder.glob("*/*.csv.gz"))
    series = {f"{path.parent.name}/{path.name.removesuffix('.csv.gz')}": read_series(path) for path in paths}
    names = list(series)
    halves = {each: series[each] for each in names[::2]}, {each: series[each] for each in names[1::2]}
    gaussian = {each: windowed_gaussian(of) for each, of in series.items()}
    sigma = {each: k_sigma(of) for each, of in series.items()}
    return NabFigures(
        tuned_on=list(halves[0]),
        scored_on=list(halves[1]),
        detectors=[
            _figures("streams", streams(series), halves, QUIET_VALUES),
            _figures("windowed Gaussian, as published", gaussian, halves, 0),
            _figures("windowed Gaussian, same life-cycle", gaussian, halves, QUIET_VALUES),
            _figures("k-sigma, same life-cycle", sigma, halves, QUIET_VALUES),
        ],
        value_us=value_us(),
        batch=BATCH,
        state_bytes=STREAM.itemsize,
    )
