"""`sealtrail trip`: what is refused before anything is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealtrail.commands.trip import read_trip, trip, written
from sealtrail.contract.errors import InvalidTripError

FROM, UNTIL = "2026-11-23T08:00:00Z", "2026-11-23T10:00:00Z"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--place", "nan,34.28,500m"), "place.latitude_deg"),
        (("--place", "0.6,181,500m"), "place.longitude_deg"),
        (("--card", ""), "card_ids"),
        (("--from", "soon"), "bad_time"),
        (("--until", "9999-12-31T23:59:59.9999Z"), "bad_time"),
        (("--until", FROM), "empty_authorisation"),
        (("--by", ""), "granted_by"),
    ],
)
def test_an_authorisation_is_checked_like_one_in_a_trip_file(options: tuple[str, ...], told: str) -> None:
    """Who, where and when that can't be are refused by name: such a leave would never, or always, hold."""
    sound = ("authorise", "T-1", "--by", "Customs", "--from", FROM, "--until", UNTIL)
    with pytest.raises(InvalidTripError, match=told):
        CliRunner().invoke(trip, [*sound, *options], catch_exceptions=False)


def test_a_trip_is_shown_as_the_file_that_plans_it(tmp_path: Path) -> None:
    """What `show` prints can be added again and is the same trip, times as people write them."""
    plan = {"trip_id": "T-1", "container_id": "MSKU9070323", "device_ids": ["A"], "departs_at": FROM}
    path = tmp_path / "trip.json"
    path.write_text(json.dumps(plan))
    planned = read_trip(path)
    path.write_text(written(planned, indent=2))
    assert read_trip(path) == planned
    assert json.loads(written(planned))["departs_at"] == "2026-11-23T08:00:00.000Z"


def test_a_trip_file_as_windows_writes_it(tmp_path: Path) -> None:
    """A byte order mark before the JSON is no error."""
    path = tmp_path / "trip.json"
    plan = {"trip_id": "T-1", "container_id": "MSKU 907032-3", "device_ids": ["A"]}
    path.write_text(json.dumps(plan), encoding="utf-8-sig")
    assert read_trip(path).container_id == "MSKU9070323"


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"5", b"{}", b"[" * 100_000])
def test_the_file_is_named(content: bytes, tmp_path: Path) -> None:
    """Whatever is wrong with a trip file, the message says with which."""
    path = tmp_path / "trip.json"
    path.write_bytes(content)
    with pytest.raises(InvalidTripError, match=r"trip\.json"):
        read_trip(path)


def test_the_file_of_a_contradiction_is_named(tmp_path: Path) -> None:
    """Also where the shape is right and the content contradicts itself."""
    path = tmp_path / "trip.json"
    path.write_text(json.dumps({"trip_id": "T-1", "container_id": "MSKU9070324", "device_ids": ["A"]}))
    with pytest.raises(InvalidTripError, match=r"bad_container_number: .*trip\.json: .*check digit is 3"):
        read_trip(path)
