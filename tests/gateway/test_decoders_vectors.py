"""Frames of the Traccar project's decoder tests: every row, with all that the source asserts."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.decoders import decoder_for
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.reading import FixKind, Reading
from tests.shared import SHARED, shared_rows

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
ATTRIBUTES = {"temp1": "temperature_c"}
FILES = ("jt600", "eseal")
ROWS = (
    [row for file in FILES for row in shared_rows(f"vectors/traccar/{file}.jsonl")]
    if (SHARED / "vectors").exists()
    else []
)


def test_vectors_are_there() -> None:
    """The rows of both files are read (or this test is skipped by name where they are absent)."""
    assert (
        len([row for file in FILES for row in shared_rows(f"vectors/traccar/{file}.jsonl")])
        == len(ROWS)
        == 33
    )


def decoded(row: dict[str, Any]) -> list[Reading]:
    """Readings of a row's frame."""
    frame = bytes.fromhex(row["frame"]) if row["kind"] == "binary" else row["frame"].encode("latin-1")
    return decoder_for(row["protocol"]).decode(frame, None, RECEIVED_AT_MS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['protocol']}-{row['seq']}-{row['msg']}" for row in ROWS])
def test_row(row: dict[str, Any]) -> None:
    """A row decodes or reports nothing, with the position, attribute and kind of result that it asserts."""
    expect = row["expect"]
    readings = decoded(row)
    if expect.get("nothing"):
        assert readings == []
        return
    assert expect["decodes"]
    assert readings
    if expect.get("result") == "single":
        assert len(readings) == 1
    for reading in readings:
        assert (reading.latitude_deg is not None) == (reading.fix_kind != FixKind.NONE)
    if position := expect.get("position"):
        for reading in readings:
            assert iso(reading.occurred_at_ms) == position["time"]
            assert (reading.fix_kind == FixKind.GNSS) == position["valid"]
            assert reading.latitude_deg == pytest.approx(position["lat"], abs=1e-5)
            assert reading.longitude_deg == pytest.approx(position["lon"], abs=1e-5)
    if attribute := expect.get("attribute"):
        assert getattr(readings[0], ATTRIBUTES[attribute["name"]]) == attribute["value"]
