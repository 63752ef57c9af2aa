"""The comparison of the evaluation world with real journeys."""

from __future__ import annotations

import numpy as np
import pytest

from bench.detection.realism import DATA, Series, real, render, series, simulated
from sealtrail.contract.reading import FixKind
from simulators.evaluation.profile import EvaluationProfile
from tests.anomaly.world import reading


def test_series_of_a_few_readings() -> None:
    """Gaps, accuracy, speed and shares come out as reckoned by hand; copies of a second count once."""
    found, shares = series([
        reading(0, (50.0, 10.0), accuracy_m=10.0, temperature_c=20.0),
        reading(0, (50.0, 10.0), accuracy_m=10.0, temperature_c=20.0),
        reading(10, (50.1, 10.0), kind=FixKind.CELL, temperature_c=22.0),
        reading(20, None),
        reading(40, (0.0, 0.0), accuracy_m=20.0),
    ])  # fmt: skip
    assert found["seconds between reports"].tolist() == [600, 600, 1200]
    assert found["seconds between positions"].tolist() == [600, 1800]
    assert found["accuracy of satellite fixes, m"].tolist() == [10, 10, 20]
    assert found["speed from one to the next, m/s"][0] == pytest.approx(11_119.5 / 630, rel=1e-3)
    assert found["change of temperature, °C an hour"].tolist() == [0.0, 8.0]
    assert shares["steps faster than 40 m/s"] == 0.5
    assert shares["positions from cells"] == 0.25


def test_the_world_is_as_nasty_as_real_journeys() -> None:
    """The longest gaps, poorest fixes, hardest blows and hottest boxes are no milder than real ones."""
    if not any(DATA.glob("journey-*.csv")):
        pytest.skip("no container-journeys beside the project")
    roads, sea = simulated(EvaluationProfile(seed=2, containers=40, days=12))
    sources = [series(each) for each in (real(DATA), roads, sea)]
    journeys, on_roads, at_sea = (each for each, _ in sources)

    def worst(found: Series, name: str) -> float:
        return float(np.quantile(found[name], 0.99))

    for name in ("seconds between reports", "seconds between positions"):
        assert worst(at_sea, name) >= worst(journeys, name), name
    for name in ("accuracy of satellite fixes, m", "shock, g", "tilt, degrees", "temperature, °C"):
        assert worst(on_roads, name) >= worst(journeys, name), name
    for name in ("positions from cells", "steps faster than 40 m/s"):
        assert sources[1][1][name] >= 0.9 * sources[0][1][name], name
    assert "| shock, g |" in render(sources)
