"""GT06 frames of the Traccar project's decoder tests: every row, with all that the source asserts."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.decoders._crc16 import crc16_x25
from gateway.decoders.gt06 import DECODER
from sealtrail.contract.clock import iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Reading
from tests.gateway.decoders.vector_rows import decoded, name
from tests.shared import SHARED, shared_rows

DEVICE = "868120143196532"
FILE = "vectors/traccar/gt06.jsonl"
ROWS = shared_rows(FILE) if (SHARED / "vectors").exists() else []
EDITED = [row for row in ROWS if row["crc_ok"] is False and row["length_ok"]]
SOUND = [row for row in ROWS if row not in EDITED]
OF_THE_MODEL = {170, 172, 173}
"""Heartbeats whose voltage only a model that the session knows can tell: row 33 has the same form
and asserts that there is none. The bytes are kept as ``status_raw``."""

FIELDS = {
    "temp1": "temperature_c",
    "tag1Temp": "temperature_c",
    "battery": "battery_v",
    "batteryLevel": "battery_pct",
    "power": "external_v",
    "driverUniqueId": "card_id",
    "altitude": "altitude_m",
    "door": "door_open",
}
EXTRA = {
    "adc1": "analog_input_1_v",
    "alarm": "alarm",
    "drivingTime": "driving_time",
    "event": "event",
    "iccid": "iccid",
    "ignition": "ignition",
    "result": "result",
    "steps": "steps",
}


def mended(frame: bytes) -> bytes:
    """An edited frame with its checksum made right."""
    return frame[:-4] + crc16_x25(frame[2:-4]).to_bytes(2) + frame[-2:]


def assert_expected(row: dict[str, Any], readings: list[Reading]) -> None:
    """All that the row asserts."""
    expect = row["expect"]
    if expect.get("nothing"):
        assert readings == []
        return
    (reading,) = readings
    if expect.get("has_location"):
        assert reading.latitude_deg is not None
    if expect.get("has_attributes"):
        assert reading.extra
    if position := expect.get("position"):
        assert iso(reading.occurred_at_ms) == position["time"]
        assert (reading.fix_kind == FixKind.GNSS) == position["valid"]
        assert reading.latitude_deg == pytest.approx(position["lat"], abs=1e-5)
        assert reading.longitude_deg == pytest.approx(position["lon"], abs=1e-5)
    if (attribute := expect.get("attribute")) and row["seq"] not in OF_THE_MODEL:
        assert attribute_of(reading, attribute["name"]) == attribute["value"]


def attribute_of(reading: Reading, attribute: str) -> object:
    """The value that the source knows by this name, in the source's unit."""
    extra = reading.extra or {}
    if attribute == "hours":
        return int(extra["engine_minutes"]) * 60_000
    return getattr(reading, FIELDS[attribute]) if attribute in FIELDS else extra.get(EXTRA[attribute])


def test_vectors_are_there() -> None:
    """All rows are read (or this test is skipped by name where the file is absent): seven were edited."""
    assert len(shared_rows(FILE)) == len(ROWS) == 112
    assert len(EDITED) == 7


@pytest.mark.parametrize("row", SOUND, ids=name)
def test_row(row: dict[str, Any]) -> None:
    """A row decodes or reports nothing, with the position and the attribute that it asserts.

    Eight rows have no checksum (the dialect that counts) and decode; one lacks its last byte.
    """
    assert_expected(row, decoded(DECODER, bytes.fromhex(row["frame"]), DEVICE))


@pytest.mark.parametrize("row", EDITED, ids=name)
def test_edited_row(row: dict[str, Any]) -> None:
    """A row that was edited before it was published is refused by name; mended it is what it asserts."""
    frame = bytes.fromhex(row["frame"])
    with pytest.raises(DecodeError) as refusal:
        decoded(DECODER, frame, DEVICE)
    assert refusal.value.reason == "bad_crc"
    assert_expected(row, decoded(DECODER, mended(frame), DEVICE))


@pytest.mark.parametrize("row", [row for row in ROWS if row["seq"] in OF_THE_MODEL], ids=name)
def test_voltage_of_a_model(row: dict[str, Any]) -> None:
    """A voltage that only a model tells is no value, and its bytes are kept."""
    (reading,) = decoded(DECODER, bytes.fromhex(row["frame"]), DEVICE)
    assert reading.external_v is None
    assert str((reading.extra or {})["status_raw"]) in row["frame"]
