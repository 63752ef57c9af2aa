"""Features: the same however devices are batched, and missing where they must be."""

from __future__ import annotations

import numpy as np

from anomaly.learning.sensor_history import features_of, series_of
from anomaly.models.features import RESTART_MIN, WARM_REPORTS, Layout, new_states, step
from anomaly.sphere import Floats, Ints
from sealtrail.contract.reading import SENSOR_FIELDS
from tests.anomaly.models.made import START_MS, STEP_MS, readings

LAYOUT = Layout(("temperature_c", "light_lux"), solar=True)
NAMES = LAYOUT.names


def run(values: Floats, at_ms: Ints | None = None, longitude: float = 30.0) -> Floats:
    """Features of one device's reports (n, 2)."""
    times = START_MS + np.arange(len(values)) * STEP_MS if at_ms is None else at_ms
    states, rows = new_states(1, LAYOUT), []
    for value, at in zip(values, times, strict=True):
        states, row = step(states, value[None, :], np.array([at]), np.array([longitude]), LAYOUT)
        rows.append(row[0])
    return np.array(rows)


def noise(n: int, seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    return np.column_stack((20 + rng.normal(0, 0.3, n), np.abs(rng.normal(5, 1, n))))


def column(features: Floats, name: str) -> Floats:
    return features[:, NAMES.index(name)]


def test_all_devices_at_once_equals_one_by_one() -> None:
    """Rounds over many series of different lengths give the bytes that each series gives alone."""
    rows = readings(4, 60) + readings(7, 25, seed=9)[-50:]
    for reading in rows[-50:]:
        reading.device_id += "x"
    series = series_of(rows)
    layout = Layout(("temperature_c", "humidity_pct", "signal_pct"), solar=True)
    together = features_of(series, layout)
    alone = [features_of([each], layout)[0] for each in series]
    assert [each.tobytes() for each in together] == [each.tobytes() for each in alone]


def test_missing_is_missing() -> None:
    """A channel that a report lacks is NaN in that report, and the other channel's features stay."""
    values = noise(60)
    values[40, 1] = np.nan
    features = run(values)
    assert np.isnan(features[40, 4:8]).all()
    assert np.isfinite(features[40, :4]).all()
    assert np.isfinite(features[41]).all()


def test_nothing_is_said_before_the_device_is_known() -> None:
    """Not ready for a dozen reports, and again after half a day of silence."""
    times = START_MS + np.arange(60) * STEP_MS
    times[30:] += int(RESTART_MIN * 60_000) + 1
    ready = np.isfinite(run(noise(60), times)).all(axis=1)
    assert ready.tolist() == ([False] * WARM_REPORTS + [True] * (30 - WARM_REPORTS)) * 2


def test_the_sun_needs_a_longitude() -> None:
    """Without any position the time of day is missing, not midnight."""
    features = run(noise(20), longitude=float("nan"))
    assert np.isnan(column(features, "solar_sin")).all()


def test_a_spike_stands_out_and_locks_nothing_out() -> None:
    """One wild value shows at once and moves the level little; a lasting one is the new usual in a day."""
    values = noise(400)
    values[100, 0] += 30
    values[200:, 0] += 30
    jump = column(run(values), "temperature_c.jump")
    assert abs(jump[100]) > 50
    assert np.abs(jump[101:199]).max() < 10
    assert jump[200] > 50
    assert np.abs(jump[-50:]).max() < 10


def test_a_stuck_sensor_shows_in_still() -> None:
    """The time since the last change grows while a value repeats, and only then."""
    values = noise(100)
    values[60:90, 0] = values[59, 0]
    still = column(run(values), "temperature_c.still")
    assert still[58] == 0
    assert np.isclose(still[89], np.log1p(30 * 5))
    assert still[90] == 0


def test_impossible_values_are_missing() -> None:
    """Light below nothing and infinite temperatures are no values."""
    values = noise(30)
    values[20] = (np.inf, -1.0)
    assert np.isnan(run(values)[20, :8]).all()


def test_every_quantity_of_the_record_can_be_a_channel() -> None:
    """A new name among the record's quantities needs a floor here too."""
    layout = Layout(SENSOR_FIELDS, solar=False)
    _, features = step(
        new_states(1, layout),
        np.ones((1, len(SENSOR_FIELDS))),
        np.array([START_MS]),
        np.array([np.nan]),
        layout,
    )
    assert features.shape == (1, 4 * len(SENSOR_FIELDS))
