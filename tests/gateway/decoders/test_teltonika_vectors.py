"""Teltonika frames of the Traccar project's decoder tests: every row, with all that the source asserts."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.decoders._crc16 import crc16_ibm
from gateway.decoders.teltonika import DECODER
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading
from tests.gateway.decoders.vector_rows import decoded, name
from tests.shared import SHARED, shared_rows

DEVICE = "356307042441013"
FILE = "vectors/traccar/teltonika.jsonl"
ROWS = shared_rows(FILE) if (SHARED / "vectors").exists() else []
EDITED = {
    29: "bad_length",
    34: "bad_length",
    37: "bad_length",
    41: "bad_length",
    50: "bad_crc",
    51: "bad_crc",
}
SOUND = [row for row in ROWS if row["seq"] not in EDITED]
RECORDS = {11: 3, 27: 14, 28: 8, 32: 4, 34: 4, 37: 4, 46: 11, 47: 11, 12: 2, 14: 2}
EXTRA = {"tag1Voltage": "tag1_voltage_mv", "tag1Battery": "tag1_battery_mv"}


def mended(frame: bytes) -> bytes:
    """An edited frame with the length and the checksum that its data should have."""
    length = int.from_bytes(frame[4:8])
    data = frame[8 : 8 + length] if 0 < length <= len(frame) - 8 else frame[8:-4]
    return bytes(4) + len(data).to_bytes(4) + data + crc16_ibm(data).to_bytes(4)


def assert_expected(row: dict[str, Any], readings: list[Reading]) -> None:
    """All that the row asserts."""
    expect = row["expect"]
    if expect.get("nothing"):
        assert readings == []
        return
    assert len(readings) == RECORDS.get(row["seq"], 1)
    if expect.get("has_location"):
        assert all(reading.latitude_deg is not None for reading in readings)
    if attribute := expect.get("attribute"):
        extra = readings[0].extra or {}
        found = (
            readings[0].card_id if attribute["name"] == "driverUniqueId" else extra[EXTRA[attribute["name"]]]
        )
        assert found == attribute["value"]


def test_vectors_are_there() -> None:
    """All rows are read (or this test is skipped by name where the file is absent): six were edited."""
    assert len(shared_rows(FILE)) == len(ROWS) == 35
    assert len(ROWS) - len(SOUND) == 6


@pytest.mark.parametrize("row", SOUND, ids=name)
def test_row(row: dict[str, Any]) -> None:
    """A row decodes or reports nothing, with the records and the attribute that it asserts."""
    assert_expected(row, decoded(DECODER, bytes.fromhex(row["frame"]), DEVICE))


@pytest.mark.parametrize("row", [row for row in ROWS if row["seq"] in EDITED], ids=name)
def test_edited_row(row: dict[str, Any]) -> None:
    """A row that was edited before it was published is refused by name; mended it is what it asserts."""
    frame = bytes.fromhex(row["frame"])
    with pytest.raises(DecodeError) as refusal:
        decoded(DECODER, frame, DEVICE)
    assert refusal.value.reason == EDITED[row["seq"]]
    assert_expected(row, decoded(DECODER, mended(frame), DEVICE))
