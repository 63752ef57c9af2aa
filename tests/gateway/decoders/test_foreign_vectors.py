"""Queclink, OwnTracks and The Things Stack: every row of the Traccar project's decoder tests."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.decoders import decoder_for
from sealtrail.contract.clock import parse_iso
from sealtrail.contract.reading import Reading, SealEvent
from tests.shared import SHARED, shared_rows

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
COUNTS = {"gl200": 118, "owntracks": 4, "ttnhttp": 3}
ROWS = (
    [row for file in COUNTS for row in shared_rows(f"vectors/traccar/{file}.jsonl")]
    if (SHARED / "vectors").exists()
    else []
)
FIELDS = {"batteryLevel": "battery_pct", "temp1": "temperature_c"}
EXTRAS = {
    "data": "data",
    "adBlueLevel": "adblue_pct",
    "ignition": "ignition",
    "accessoryVoltage": "accessory_v",
    "fuel": "fuel_l",
    "warningType": "warning_type",
    "in1": "in1",
}
ALARMS = {"powerOff": SealEvent.POWER_LOST}


def test_vectors_are_there() -> None:
    """All rows are read (or this test is skipped by name where they are absent)."""
    for file, count in COUNTS.items():
        assert len(shared_rows(f"vectors/traccar/{file}.jsonl")) == count
    assert len(ROWS) == sum(COUNTS.values())


def assert_attribute(reading: Reading, name: str, value: object) -> None:
    """One attribute as the source names it, in our units."""
    extra = reading.extra or {}
    if name == "alarm" and value == "hardBraking":  # not the cargo's business: kept, no event
        assert extra["harsh_behaviour"] == "braking"
    elif name == "alarm":
        assert reading.seal_events == ALARMS[str(value)]
    elif name in FIELDS:
        assert getattr(reading, FIELDS[name]) == value
    else:
        assert extra[EXTRAS[name]] == value


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['protocol']}-{row['seq']}-{row['msg']}" for row in ROWS])
def test_row(row: dict[str, Any]) -> None:
    """A row decodes or reports nothing, with the location and attribute that it asserts."""
    expect = row["expect"]
    readings = decoder_for(row["protocol"]).decode(row["frame"].encode(), None, RECEIVED_AT_MS)
    if expect.get("nothing"):
        assert readings == []
        return
    assert expect["decodes"]
    assert readings
    if expect.get("result") == "single":
        assert len(readings) == 1
    if expect.get("has_location"):
        assert all(reading.latitude_deg is not None for reading in readings)
    if attribute := expect.get("attribute"):
        assert_attribute(readings[0], attribute["name"], attribute["value"])
