"""Time as text and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealtrail.contract.clock import FIRST_MS, LAST_MS, iso, parse_iso
from sealtrail.contract.errors import RefusedError


@given(st.integers(FIRST_MS, LAST_MS))
def test_every_time_that_can_be_written_can_be_read(at_ms: int) -> None:
    """To text and back is the same millisecond, from the year 1 to the year 9999."""
    assert parse_iso(iso(at_ms)) == at_ms
    assert len(iso(at_ms)) == len("2026-11-23T06:30:00.000Z")


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.9999Z",
        "9999-12-31T23:59:59-01:00",
        "2026-11-23T06:30:00",
        "2026-13-01T00:00:00Z",
        "yesterday",
        "",
    ],
)
def test_other_times_are_refused_by_name(text: str) -> None:
    """A time without zone, off the calendar, or none at all is `bad_time`, never another error."""
    with pytest.raises(RefusedError, match="bad_time"):
        parse_iso(text)
