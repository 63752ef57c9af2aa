"""Trip files: what is written is what is judged; contradictions are refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from sealtrail.contract import iso6346
from sealtrail.contract.errors import InvalidTripError, RefusedError
from sealtrail.contract.public.trip_file import TripFile
from tests.anomaly.world import CORRIDOR, START_MS, trip
from tests.shared import shared

FILE: dict[str, Any] = {
    "trip_id": "T-1",
    "container_id": "MSKU 907032-3",
    "device_ids": ["JT-123"],
    "corridor": {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[10, 50], [12, 50, 130.5], [14, 51]]},
        "properties": {"half_width_m": [2000, 5000], "name": "A4"},
    },
    "seal_numbers": ["S1"],
    "departs_at": "2027-01-15T08:00:00Z",
    "origin": {"name": "Depot", "latitude_deg": 50, "longitude_deg": 10, "radius_m": 1000},
    "authorisations": [
        {
            "authorisation_id": "A",
            "granted_by": "KRA",
            "valid_from": "2027-01-15T09:00:00+01:00",
            "valid_until": "2027-01-15T10:00:00Z",
            "card_ids": ["0012260888"],
        }
    ],
    "severities": {"ROUTE_DEVIATION": "medium"},
}


def read(**changes: Any) -> TripFile:
    return TripFile.model_validate_json(json.dumps({**FILE, **changes}))


def test_a_file_is_the_trip_it_describes() -> None:
    """Number in plain form, corridor with a width per leg, times in UTC milliseconds."""
    found = read().to_trip()
    assert found.container_id == "MSKU9070323"
    assert found.corridor == CORRIDOR
    assert found.departs_at_ms == START_MS
    assert found.authorisations[0].valid_from_ms == START_MS
    assert found.severities == {"ROUTE_DEVIATION": "medium"}


def test_a_trip_survives_its_file() -> None:
    """``TripFile.from_trip(trip)`` written and read again is the trip."""
    for each in (read().to_trip(), trip(), trip(corridor=None, departs_at_ms=None)):
        text = TripFile.from_trip(each).model_dump_json(exclude_none=True)
        assert TripFile.model_validate_json(text).to_trip() == each


LEAVE = FILE["authorisations"][0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"container_id": "MSKU9070324"}, "bad_container_number"),
        ({"container_id": "hello"}, "bad_container_number"),
        ({"arrives_at": "2027-01-15T07:00:00Z"}, "arrives_before_departure"),
        ({"device_ids": ["A", "A"]}, "device_twice"),
        ({"authorisations": [LEAVE, LEAVE]}, "authorisation_twice"),
        ({"authorisations": [{**LEAVE, "valid_until": "2027-01-15T07:00:00Z"}]}, "empty_authorisation"),
        ({"corridor": {**FILE["corridor"], "properties": {"half_width_m": [1, 2, 3]}}}, "corridor_widths"),
    ],
)
def test_contradictions_are_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    """What is well formed and can't be true has its own name."""
    with pytest.raises(InvalidTripError) as refusal:
        read(**changes).to_trip()
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"departs_at": "yesterday"},
        {"departs_at": "2027-01-15T08:00:00"},
        {"departs": "2027-01-15T08:00:00Z"},
        {"severities": {"SEAL_EATEN": "high"}},
        {"severities": {"SEAL_CUT": "loud"}},
        {"device_ids": []},
        {"origin": {"latitude_deg": 91, "longitude_deg": 0, "radius_m": 1}},
        {"corridor": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}},
        {"corridor": {**FILE["corridor"], "properties": {}}},
        {"corridor": {**FILE["corridor"], "properties": {"half_width_m": -5}}},
    ],
)
def test_another_shape_is_refused_by_the_model(changes: dict[str, Any]) -> None:
    """Unknown keys, times without a zone, names outside the catalogue, places outside the world."""
    with pytest.raises(ValidationError):
        read(**changes)


def test_container_numbers_of_the_world() -> None:
    """Every vector's verdict, published and random, is ours."""
    rows = json.loads(shared("vectors/iso6346/numbers.json").read_text(encoding="utf-8"))
    assert len(rows) > 10
    for row in rows:
        assert iso6346.is_valid(row["number"]) == row["valid"], row


def test_a_number_as_written_on_papers_is_put_into_its_plain_form() -> None:
    """Blanks, dashes and lower case are writing; anything else is refused by name."""
    assert iso6346.container_number("msku 907032-3") == "MSKU9070323"
    for text in ("MSKU9070322", "MSKX9070323", "MSKU907032", "", "\u041cSKU9070323"):
        with pytest.raises(RefusedError, match="bad_container_number"):
            iso6346.container_number(text)
