"""JT/T 808 and NIOT: every row of the Traccar project's decoder tests, with all that the source asserts."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.decoders import decoder_for
from gateway.decoders._jt808_frame import stuffed
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent
from tests.shared import SHARED, shared_rows

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
FILES = ("jt808", "niot")
ROWS = (
    [row for file in FILES for row in shared_rows(f"vectors/traccar/{file}.jsonl")]
    if (SHARED / "vectors").exists()
    else []
)

FIELDS = {
    "sat": "satellites",
    "power": "external_v",
    "batteryLevel": "battery_pct",
    "battery": "battery_v",
    "cardCode": "card_id",
    "motion": "moving",
    "temp1": "temperature_c",
}
EXTRAS = {
    "rpm": "rpm",
    "videoAlarm": "video_alarm",
    "result": "result",
    "iccid": "iccid",
    "lock2Battery": "lock_2_battery_v",
    "dtcs": "dtcs",
    "temp3": "temperature_3_c",
    "fuel1": "fuel_1",
    "imei": "imei",
    "steps": "steps",
}
ALARMS = {
    "removing": SealEvent.TAMPERED,
    "tampering": SealEvent.TAMPERED,
    "vibration": SealEvent.SHOCK,
    "lowBattery": SealEvent.LOW_BATTERY,
    "door": SealEvent.DOOR_OPENED,
    "sos": SealEvent.SOS,
    "hardAcceleration": SealEvent.NONE,
}
DRIVERS = {"\u00909001738": "90017383"}
"""A card that the source reads one byte too early, so that it begins with the end of the lock's identity."""
ALTERED = (34, 110)
"""Rows whose frames were edited before they were published: no form of them has a sound checksum."""


def test_vectors_are_there() -> None:
    """The rows of both files are read (or this test is skipped by name where they are absent)."""
    assert sum(len(shared_rows(f"vectors/traccar/{file}.jsonl")) for file in FILES) == len(ROWS) == 75


def frame_of(row: dict[str, Any]) -> bytes:
    """A row's frame as bytes."""
    return bytes.fromhex(row["frame"]) if row["kind"] == "binary" else row["frame"].encode("latin-1")


def assert_attribute(reading: Reading, name: str, value: Any) -> None:
    """A reading says what the source's attribute says."""
    extra = reading.extra or {}
    if name in FIELDS:
        assert getattr(reading, FIELDS[name]) == value
    elif name in EXTRAS:
        assert extra[EXTRAS[name]] == value
    elif name == "charge":
        assert bool(reading.flags & Flag.CHARGING) is value
    elif name == "driverUniqueId":
        assert reading.card_id == DRIVERS.get(value, value)
    else:
        assert name == "alarm"
        for word in value.split(","):
            assert ALARMS[word] in SealEvent(reading.seal_events)
            if word == "hardAcceleration":
                assert "hard_acceleration" in str(extra["alarms"]).split(",")


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['protocol']}-{row['seq']}-{row['msg']}" for row in ROWS])
def test_row(row: dict[str, Any]) -> None:
    """A row decodes, reports nothing or is refused as altered, with all values that it asserts."""
    expect = row["expect"]
    decoder = decoder_for(row["protocol"])
    if row["protocol"] == "jt808" and row["seq"] in ALTERED:
        assert row["checksum_ok"] is False
        with pytest.raises(DecodeError) as refusal:
            decoder.decode(frame_of(row), None, RECEIVED_AT_MS)
        assert refusal.value.reason == "bad_checksum"
        return
    readings = decoder.decode(frame_of(row), None, RECEIVED_AT_MS)
    if expect.get("nothing"):
        assert readings == []
        return
    assert readings
    if expect.get("result") == "single":
        assert len(readings) == 1
    if expect.get("has_location"):
        assert all(reading.fix_kind != FixKind.NONE for reading in readings)
    if position := expect.get("position"):
        (reading,) = readings
        assert iso(reading.occurred_at_ms) == position["time"]
        assert (reading.fix_kind == FixKind.GNSS) == position["valid"]
        assert reading.latitude_deg == pytest.approx(position["lat"], abs=1e-5)
        assert reading.longitude_deg == pytest.approx(position["lon"], abs=1e-5)
    if attribute := expect.get("attribute"):
        assert_attribute(readings[0], attribute["name"], attribute["value"])


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.get("checksum_ok")],
    ids=[f"{row['seq']}-{row['msg']}" for row in ROWS if row.get("checksum_ok")],
)
def test_row_as_on_the_wire(row: dict[str, Any]) -> None:
    """A frame stuffed as a terminal sends it gives the readings of the recorded, unstuffed one."""
    plain = frame_of(row)
    wire = plain[:1] + stuffed(plain[1:-1], plain[0]) + plain[-1:]
    decoder = decoder_for("jt808")
    assert decoder.decode(wire, None, RECEIVED_AT_MS) == decoder.decode(plain, None, RECEIVED_AT_MS)
