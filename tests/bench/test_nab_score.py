"""The NAB scoring against figures worked out by hand from the published formula."""

from __future__ import annotations

import numpy as np
import pytest

from bench.detection.nab_score import PROFILES, Window, normalised, probation, raw_score, sigmoid, windows_of

STANDARD = PROFILES["standard"]
WINDOW = Window(400, 499)
ROWS = 1_000


def test_windows_are_the_runs_of_marked_rows() -> None:
    """First and last row, both inclusive, at the borders too."""
    inside = np.array([1, 1, 0, 0, 1, 0, 1], bool)
    assert windows_of(inside) == [(0, 1), (4, 4), (6, 6)]
    assert windows_of(np.zeros(3, bool)) == []


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        pytest.param([], -1.0, id="missed"),
        pytest.param([400], 1.0, id="at the left edge"),
        pytest.param([450], 0.859793, id="in the middle: (2/(1+e^-2.5)-1)/(2/(1+e^-5)-1)"),
        pytest.param([499], 0.025334, id="at the right edge, one row before it"),
        pytest.param([400, 430, 499], 1.0, id="only the earliest counts"),
        pytest.param([300, 400], 0.89, id="false before any window"),
        pytest.param([400, 600], 0.891332, id="false one window behind: 1 + 0.11 (2/(1+e^5.101)-1)"),
        pytest.param([400, 500], 0.997223, id="false right behind: nearly nothing"),
        pytest.param([400, 900], 0.89, id="false far behind"),
        pytest.param([149, 400], 1.0, id="within the probation"),
        pytest.param([150, 400], 0.89, id="right after the probation"),
    ],
)
def test_raw_score_of_one_window(alarms: list[int], expected: float) -> None:
    """The earliest alarm in a window by its place, alarms outside by their distance behind the last."""
    assert raw_score(alarms, [WINDOW], ROWS, STANDARD) == pytest.approx(expected, abs=1e-6)


def test_profiles_weigh_false_and_missed_alarms() -> None:
    """Twice as much for a false one, twice as much for a missed one."""
    assert raw_score([200], [WINDOW], ROWS, PROFILES["reward low FP"]) == pytest.approx(-1.22)
    assert raw_score([200], [WINDOW], ROWS, PROFILES["reward low FN"]) == pytest.approx(-2.11)


@pytest.mark.parametrize("name", PROFILES)
def test_nothing_is_0_and_perfect_is_100(name: str) -> None:
    """The scale of the published table, in every profile."""
    windows = [WINDOW, Window(700, 749)]
    profile = PROFILES[name]
    assert normalised(raw_score([], windows, ROWS, profile), 2, profile) == 0
    assert normalised(raw_score([400, 700], windows, ROWS, profile), 2, profile) == pytest.approx(100)


def test_probation_is_a_share_of_at_most_5000_values() -> None:
    """15 %, never more than 750 rows; beyond three widths an alarm is plainly false."""
    assert (probation(1_001), probation(4_032), probation(22_695)) == (150, 604, 750)
    assert sigmoid(3.1) == -1.0
    assert sigmoid(0.0) == 0.0
