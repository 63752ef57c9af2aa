"""Training: from past reports to a model with its card. Deterministic for one seed and one PyOD.

The reports are divided into three parts: *fit* (40 %), on which every candidate
is fitted; *calibrate* (40 %), which gives each its threshold and, with
anomalies put into it, the choice; *held out* (20 %), which nothing was chosen
by, for the figures on the card. With at least ten containers whole containers
are divided, else each series by fifths of its reports in turn.

Every candidate is scored by its export, together with the guard, as it would
run. The guard alone is a candidate too: what doesn't beat it isn't worth it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from anomaly.learning import injection
from anomaly.learning.calibration import Threshold, alarms, calibrate, largest_of_stretches
from anomaly.learning.injection import Events, recall_by_kind
from anomaly.learning.pyod_candidates import CANDIDATES, exported, versions
from anomaly.learning.sensor_history import Series, choose_layout, container_days, features_of
from anomaly.models.blob import encode, sha256_of
from anomaly.models.drift import daily
from anomaly.models.features import FLOORS, Layout
from anomaly.models.model import GUARD, Model, Unit
from anomaly.models.scorers import MaxZ, Scorer
from anomaly.models.tail import Tail
from anomaly.sphere import Floats
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import Candidate, HeldOut, ModelCard, name_of

LEAST_FITTED = 200
LEAST_CONTAINERS = 10
FIFTHS = (0, 1, 2, 0, 1)
"""Part of each fifth of a series: fit, calibrate, held out."""

TRIMMED_BEYOND = 0.995
"""Rows of the fit part stranger than this quantile are left out: history holds anomalies too."""

DITHER = 0.1
"""Noise in sigmas added to the rows that are fitted: features that never change keep a width."""

SPREAD_AT = 0.995
ENOUGH_ALARMS = 10.0
NORMAL_995 = 2.5758
FEW_AVERAGES = 10
LEAST_STREAM_SPREAD = 0.01
LICENCE = (
    "Made from the operator's own reports alone; nothing borrowed. Fitted with PyOD (BSD-2-Clause), "
    "of which the model contains no code."
)


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How to train."""

    budget: float = 0.01  # false alarms per container-day
    seed: int = 1
    most_rows: int = 4_000  # fitted
    least_share: float = 0.8  # of the reports, that a channel must be in
    channels: tuple[str, ...] = ()  # empty: all there are
    most_places: int = 60  # where anomalies are put, each kind at each
    kinds: tuple[str, ...] = tuple(CANDIDATES)


class Trained(NamedTuple):
    """A model, its bytes and its card."""

    model: Model
    blob: bytes
    card: ModelCard


class _Part(NamedTuple):
    """One part of the history."""

    series: list[Series]
    features: list[Floats]
    days: float  # container-days

    @property
    def rows(self) -> Floats:
        return np.concatenate(self.features) if self.features else np.empty((0, 0))


class _Standard(NamedTuple):
    centre: Floats
    width: Floats


class _Bench(NamedTuple):
    """What all candidates are compared on."""

    layout: Layout
    standard: _Standard
    calibrating: _Part
    events: Events
    manner: Manner
    family: str
    lane: str


def train(
    series: Sequence[Series], family: str, lane: str, manner: Manner, sources: Sequence[str]
) -> Trained:
    """The best model for these series of one family.

    Raises `InvalidModelError` (``no_reports``, ``no_channels``, ``too_few_reports``,
    ``too_few_scores``, ``bad_lane_name``) and `UnavailableError` without PyOD.
    """
    name_of(family, lane)
    series = [each for each in series if len(each.at_ms)]
    if not series:
        raise InvalidModelError("no_reports", f"of family {family}")
    layout, left_out = choose_layout(series, manner.least_share, manner.channels)
    if not layout.channels:
        raise InvalidModelError("no_channels", "; ".join(f"{name}: {why}" for name, why in left_out.items()))
    parts, divided = _divide(series, layout, manner.seed)
    rows, standard, trimmed = _fit_rows(parts[0].rows, layout, manner)
    events = _events(parts[1], layout, manner)
    if not events.kinds:
        raise InvalidModelError("too_few_reports", "no stretch is long enough for anomalies to be put into")
    bench = _Bench(layout, standard, parts[1], events, manner, family, lane)
    tried = _compare(rows, bench)
    standing = [(candidate, *made) for candidate, made in tried if made is not None]
    if not standing:
        failures = "; ".join(f"{each.kind}: {each.failed}" for each, _ in tried)
        raise InvalidModelError("too_few_scores", failures)
    best, model, threshold = max(standing, key=lambda each: each[0].recall)  # of equals the first
    blob = encode(model)
    held_out = _held_out(model, threshold, parts[2], manner)
    times = np.concatenate([each.at_ms for each in series])
    card = ModelCard(
        family=family,
        lane=lane,
        from_ms=int(times.min()),
        until_ms=int(times.max()),
        sources=tuple(sources),
        devices=len({each.device_id for each in series}),
        containers=len({each.container_id for each in series}),
        container_days=round(container_days(series), 3),
        rows=len(times),
        rows_ready=sum(int((~np.isnan(part.rows).any(axis=1)).sum()) for part in parts if part.features),
        rows_fitted=len(rows),
        rows_trimmed=trimmed,
        features=layout.names,
        left_out=left_out,
        divided=divided,
        seed=manner.seed,
        candidates=tuple(each[0] for each in tried),
        winner=best.kind,
        guard=GUARD.kind,
        budget=manner.budget,
        threshold=model.threshold,
        calibrated=model.calibrated,
        uncalibrated_because=threshold.uncalibrated_because,
        scores_pooled=threshold.pooled,
        memory_reports=threshold.memory,
        tail_begin=model.tail.begin,
        tail_scale=model.tail.scale,
        tail_shape=model.tail.shape,
        held_out=held_out,
        versions=versions(),
        sha256=sha256_of(blob),
        blob_bytes=len(blob),
        licence=LICENCE,
    )
    return Trained(model, blob, card)


def _divide(series: Sequence[Series], layout: Layout, seed: int) -> tuple[list[_Part], str]:
    """Fit, calibrate and held-out part; features are made before, so a part doesn't begin unready."""
    features = features_of(series, layout)
    pieces: list[list[tuple[Series, Floats]]] = [[], [], []]
    containers = sorted({each.container_id for each in series})
    if len(containers) >= LEAST_CONTAINERS:
        order = np.random.default_rng(seed).permutation(len(containers))
        part_of = {containers[i]: FIFTHS[nth % len(FIFTHS)] for nth, i in enumerate(order.tolist())}
        for each, own in zip(series, features, strict=True):
            pieces[part_of[each.container_id]].append((each, own))
        divided = f"{len(containers)} containers, drawn by seed: 40 % fit, 40 % calibrate, 20 % held out"
    else:
        for each, own in zip(series, features, strict=True):
            ends = np.linspace(0, len(each.at_ms), len(FIFTHS) + 1).round().astype(int).tolist()
            for part, begin, end in zip(FIFTHS, ends[:-1], ends[1:], strict=True):
                if end > begin:
                    pieces[part].append((each.part(begin, end), own[begin:end]))
        divided = "fifths of each series' reports in turn: 40 % fit, 40 % calibrate, 20 % held out"
    parts = [
        _Part([one for one, _ in piece], [own for _, own in piece], container_days([one for one, _ in piece]))
        for piece in pieces
    ]
    return parts, divided


def _fit_rows(rows: Floats, layout: Layout, manner: Manner) -> tuple[Floats, _Standard, int]:
    """Standardised rows to be fitted, what they were standardised by, and how many were trimmed."""
    rows = rows[~np.isnan(rows).any(axis=1)] if rows.size else np.empty((0, len(layout.names)))
    if len(rows) < LEAST_FITTED:
        raise InvalidModelError(
            "too_few_reports", f"{len(rows)} with all of {', '.join(layout.channels)}; {LEAST_FITTED} needed"
        )
    standard = _standard(rows, layout)
    z = (rows - standard.centre) / standard.width
    strange = GUARD.score(z)
    kept = strange <= np.quantile(strange, TRIMMED_BEYOND)
    rng = np.random.default_rng(manner.seed)
    chosen = rng.permutation(np.flatnonzero(kept))[: manner.most_rows]
    fitted = z[np.sort(chosen)]
    return fitted + rng.normal(0.0, DITHER, fitted.shape), standard, int((~kept).sum())


def _standard(rows: Floats, layout: Layout) -> _Standard:
    """Median and one sigma of each feature: the wider of what its middle and its outskirts say."""
    centre = np.median(rows, axis=0)
    middle = injection.MAD_TO_SIGMA * np.median(np.abs(rows - centre), axis=0)
    low, high = np.quantile(rows, [1 - SPREAD_AT, SPREAD_AT], axis=0)
    least = np.array([FLOORS.get(name, 0.1) for name in layout.names])
    return _Standard(centre, np.maximum(np.maximum(middle, (high - low) / (2 * NORMAL_995)), least))


def _events(part: _Part, layout: Layout, manner: Manner) -> Events:
    series = injection.complete(part.series, layout)
    return injection.inject(
        series, injection.places(series, manner.most_places, manner.seed), layout, manner.seed
    )


def _compare(rows: Floats, bench: _Bench) -> list[tuple[Candidate, tuple[Model, Threshold] | None]]:
    """Every candidate with its recall at the budget; the guard alone first, as equals are no better."""
    tried: list[tuple[Candidate, tuple[Model, Threshold] | None]] = []
    for kind in (MaxZ.kind, *bench.manner.kinds):
        try:
            scorer = MaxZ() if kind == MaxZ.kind else exported(kind, rows, bench.manner.seed)
            made = _model(scorer, bench)
        except InvalidModelError as error:
            tried.append((Candidate(kind=kind, failed=str(error)), None))
            continue
        recall = recall_by_kind(bench.events, made[0].alarming(made[0].score(bench.events.features)))
        tried.append((Candidate(kind=kind, recall=_mean(recall), recall_by_kind=recall), made))
    return tried


def _mean(recall: dict[str, float]) -> float:
    return round(float(np.mean(list(recall.values()))), 6) if recall else 0.0


def _model(scorer: Scorer, bench: _Bench) -> tuple[Model, Threshold]:
    """The scorer with its guard, both in units of the calibrating part, and the threshold for the budget."""
    rows = bench.calibrating.rows
    z = (rows - bench.standard.centre) / bench.standard.width if rows.size else rows
    ready = z[~np.isnan(z).any(axis=1)] if z.size else z
    if len(ready) < LEAST_FITTED:
        raise InvalidModelError("too_few_scores", f"{len(ready)} to calibrate with, {LEAST_FITTED} needed")
    units = [_unit(each.score(ready)) for each in (scorer, GUARD)]
    model = Model(
        name=name_of(bench.family, bench.lane),
        family=bench.family,
        lane=bench.lane,
        layout=bench.layout,
        centre=bench.standard.centre,
        width=bench.standard.width,
        scorer=scorer,
        scorer_unit=units[0],
        guard_unit=units[1],
        tail=Tail(begin=0.0, share=1.0, scale=1.0, shape=0.0),
        threshold=0.0,
        budget=bench.manner.budget,
        calibrated=False,
        stream=Unit(0.0, 1.0),
    )
    scores = [model.score(own) for own in bench.calibrating.features]
    found = calibrate(scores, bench.calibrating.days, bench.manner.budget)
    calibrated = replace(
        model,
        tail=found.tail,
        threshold=found.threshold,
        calibrated=not found.uncalibrated_because,
        stream=_stream(scores, bench.calibrating.series, found.tail.begin),
    )
    return calibrated, found


def _stream(scores: Sequence[Floats], series: Sequence[Series], highest: float) -> Unit:
    """What the daily averages of scores are like; wider where there are few."""
    pairs = zip(scores, series, strict=True)
    averages = np.concatenate([daily(own, each.at_ms, highest)[0] for own, each in pairs])
    spread = float(np.std(averages)) * float(np.sqrt(1 + FEW_AVERAGES / len(averages)))
    return Unit(float(np.mean(averages)), max(spread, LEAST_STREAM_SPREAD))


def _unit(scores: Floats) -> Unit:
    middle = float(np.median(scores))
    return Unit(middle, max(float(np.quantile(scores, SPREAD_AT)) - middle, 1e-9))


def _held_out(model: Model, threshold: Threshold, part: _Part, manner: Manner) -> HeldOut:
    scores = [model.score(own) for own in part.features]
    events = _events(part, model.layout, msgspec.structs.replace(manner, seed=manner.seed + 1))
    recall = recall_by_kind(events, model.alarming(model.score(events.features)))
    expected = manner.budget * part.days
    looser = max(manner.budget, ENOUGH_ALARMS / max(part.days, 1e-9))
    pooled = sum(len(largest_of_stretches(each, threshold.memory)) for each in scores)
    loose = model.tail.threshold(looser * part.days / max(pooled, 1))

    def realised(beyond: float) -> int:
        return sum(alarms(each, beyond, threshold.memory) for each in scores)

    return HeldOut(
        rows=sum(int((~np.isnan(each)).sum()) for each in scores),
        container_days=round(part.days, 3),
        recall=_mean(recall),
        recall_by_kind=recall,
        expected=round(expected, 3),
        realised=realised(model.threshold),
        looser_budget=round(looser, 4),
        looser_expected=round(looser * part.days, 3),
        looser_realised=realised(loose),
    )
