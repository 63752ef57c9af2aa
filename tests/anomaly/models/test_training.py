"""Training on reports of a small fleet: repeatable, honest, and told by name where it can't be."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from anomaly.learning.injection import MAGNITUDES
from anomaly.learning.models import Manner, train
from anomaly.learning.sensor_history import container_days, features_of, series_of
from anomaly.learning.watch import watch
from anomaly.models.blob import decode, encode
from anomaly.models.drift import daily
from anomaly.models.model import Unit
from anomaly.models.tail import Tail
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.reading import Reading
from tests.anomaly.models.made import LAYOUT, START_MS, STEP_MS, model, need_pyod, readings

QUICK = Manner(budget=0.2, most_rows=800, most_places=8)


def test_a_trained_model_finds_what_it_is_for() -> None:
    """All candidates are compared, large anomalies are found on the held-out part, and the bytes are it."""
    need_pyod()
    trained = train(series_of(readings(12, 600)), "json", "lane-1", QUICK, ["a file"])
    card = trained.card
    assert [each.kind for each in card.candidates] == [
        "max_z", "pca", "mcd", "hbos", "knn", "loda", "ecod", "iforest",
    ]  # fmt: skip
    assert [each.failed for each in card.candidates] == [""] * 8
    assert max(each.recall for each in card.candidates) == next(
        each.recall for each in card.candidates if each.kind == card.winner
    )
    kinds = {
        f"{kind} {size}" if len(sizes) > 1 else kind for kind, sizes in MAGNITUDES.items() for size in sizes
    }
    assert set(card.held_out.recall_by_kind) == kinds
    assert card.held_out.recall_by_kind["spike 100"] == 1.0
    assert card.held_out.recall_by_kind["swapped"] > 0.9
    assert not card.calibrated
    assert "10000 needed" in card.uncalibrated_because
    assert card.held_out.looser_expected == pytest.approx(10.0, abs=0.01)
    assert card.held_out.looser_realised <= 30
    assert card.left_out["light_lux"] == "in 0% of the reports with sensor values"
    assert "solar_sin" in card.features
    assert encode(decode(trained.blob)) == trained.blob


def test_training_twice_gives_the_same_bytes() -> None:
    """One seed, one history in any order with copies in it: one model, one card."""
    need_pyod()
    rows = readings(3, 700)
    manner = msgspec.structs.replace(QUICK, kinds=("pca", "iforest", "knn"))
    once = train(series_of(rows), "json", "", manner, [])
    again = train(series_of([*reversed(rows), *rows[:50]]), "json", "", manner, [])
    assert once.blob == again.blob
    assert once.card == again.card


def test_a_sensor_that_never_changes_stops_nobody() -> None:
    """Constant and nearly constant channels are fitted too, and a change of them is found."""
    need_pyod()
    rows = readings(4, 700)
    for reading in rows:
        reading.battery_pct, reading.tilt_deg = 100.0, 0.0
    trained = train(series_of(rows), "json", "", QUICK, [])
    assert [each.failed for each in trained.card.candidates] == [""] * 8
    rows[600].tilt_deg = 40.0
    place = [START_MS + i * STEP_MS for i in range(700)].index(rows[600].occurred_at_ms)
    own = features_of(series_of(rows)[:1], trained.model.layout)[0]
    assert trained.model.alarming(trained.model.score(own))[place]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no_reports"),
        (readings(2, 30), "too_few_reports"),
        (
            [Reading(device_id="A", family="json", reading_id=1, occurred_at_ms=1, received_at_ms=1)],
            "no_channels",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(rows: list[Reading], reason: str) -> None:
    """No reports, too few, and none with sensor values have a name each."""
    with pytest.raises(InvalidModelError) as caught:
        train(series_of(rows), "json", "", QUICK, [])
    assert caught.value.reason == reason


def test_container_days_count_a_container_once() -> None:
    """Two devices on one container watch it for one day, and a silence of half a day is no watching."""
    day = 24 * 3_600_000
    rows = [
        Reading(device_id=device, family="json", reading_id=number, occurred_at_ms=at, received_at_ms=at,
                container_id="C")
        for device in ("A", "B")
        for number, at in enumerate([*range(0, day + 1, STEP_MS), 3 * day, 3 * day + STEP_MS])
    ]  # fmt: skip
    assert container_days(series_of(rows)) == pytest.approx(1 + STEP_MS / day)


def test_a_model_is_watched_on_newer_reports() -> None:
    """Reports as before are no drift; sensors that all read differently from some time on are one."""
    rows = readings(4, 2_000)
    series = series_of(rows)
    scores = [model().score(own) for own in features_of(series, LAYOUT)]
    highest = float(np.nanmax(np.concatenate(scores)))
    tail = Tail(begin=highest, share=0.02, scale=1.0, shape=0.0)
    averages = np.concatenate(
        [daily(own, each.at_ms, highest)[0] for own, each in zip(scores, series, strict=True)]
    )
    stream = Unit(float(averages.mean()), float(averages.std()))
    made = replace(model(threshold=highest), stream=stream, tail=tail)
    usual = watch(made, series)
    assert (usual.rows, usual.realised, usual.drift_at_ms) == (8_000, 0, None)
    assert usual.expected == pytest.approx(made.budget * 4 * 1_999 * STEP_MS / 86_400_000)
    middle_ms = START_MS + 1_000 * STEP_MS
    for reading in rows:
        if reading.occurred_at_ms > middle_ms and reading.temperature_c is not None:
            reading.temperature_c += 5
            reading.humidity_pct = 20.0
    moved = watch(made, series_of(rows))
    assert moved.drift.found
    assert moved.drift_at_ms is not None
    assert moved.drift_at_ms > middle_ms
    assert watch(made, []).rows == 0
