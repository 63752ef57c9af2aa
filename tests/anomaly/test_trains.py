"""Trains: rows come back from bytes as they were, however they are joined and split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.reports import REPORT
from anomaly.seal_log import STRETCH
from anomaly.sphere import Structured
from anomaly.step import STATE
from anomaly.thinning import ENTRY
from anomaly.trains import LONGEST_RUN, pack, split, unpack

SIZES = st.lists(st.integers(0, 2 * LONGEST_RUN + 2), max_size=5)
SEEDS = st.integers(0, 1 << 32)
DTYPES = st.sampled_from([REPORT, ENTRY, STRETCH, STATE])


def rows_of(number: int, dtype: np.dtype[np.void], seed: int) -> Structured:
    """Rows of any bytes, more or less alike."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(number, dtype)
    raw = rows.view(np.uint8)
    some = rng.random(raw.size) < rng.random()
    raw[some] = rng.integers(0, 256, int(some.sum()))
    return rows


@given(SIZES, DTYPES, SEEDS)
def test_rows_come_back_as_they_were(sizes: list[int], dtype: np.dtype[np.void], seed: int) -> None:
    """Trains of any rows, empty ones and long ones too, byte for byte and in their order."""
    rows = rows_of(sum(sizes), dtype, seed)
    again, counts = unpack(pack(rows, sizes), dtype)
    assert again.tobytes() == rows.tobytes()
    assert counts.tolist() == sizes


@given(SIZES, st.integers(0, 400), SEEDS)
def test_trains_are_joined_as_bytes_and_split_anywhere(sizes: list[int], at: int, seed: int) -> None:
    """One train of several is all their rows; cut behind any row, also within a run, none is lost."""
    rows = rows_of(sum(sizes), REPORT, seed)
    train = b"".join(pack(rows, sizes))
    first, second = split(train, at, REPORT)
    assert unpack([first], REPORT)[0].tobytes() == rows[:at].tobytes()
    assert unpack([second], REPORT)[0].tobytes() == rows[at:].tobytes()
    assert unpack([first + second], REPORT)[0].tobytes() == rows.tobytes()


@pytest.mark.parametrize("missing", [np.nan, 0.0])
def test_what_reports_of_one_device_have_in_common_is_written_once(missing: float) -> None:
    """Eight reports that differ in time, identity and place take less than half of their bytes."""
    rows = np.zeros(8, REPORT)
    rows["t"] = 1_800_000_000_000 + np.arange(8) * 300_000
    rows["recv"] = rows["t"] + 2_000
    rows["rid"] = rows_of(8, np.dtype([("rid", "u8")]), 1)["rid"]
    rows["lat"], rows["lon"] = 500_000_000, 100_000_000 + np.arange(8) * 200_000
    rows["values"] = missing
    [train] = pack(rows, [8])
    assert len(train) < rows.nbytes / 2
