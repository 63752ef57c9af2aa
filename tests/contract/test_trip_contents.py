"""Trip files: every part survives, and what can't be true is refused by name."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sealtrail.contract.alert import AlertType, Severity
from sealtrail.contract.clock import LAST_MS, parse_iso
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.public import SCHEMAS
from sealtrail.contract.public.trip_checks import check_trip
from sealtrail.contract.public.trip_file import TripFile
from sealtrail.contract.reading import SENSOR_FIELDS
from sealtrail.contract.trip import Authorisation, Checkpoint, Corridor, Place, SensorLimit, Trip, Zone
from tests.shared import ROOT


def feature(*points: tuple[float, float], width: float = 5_000) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [list(point) for point in points]},
        "properties": {"half_width_m": width},
    }


def polygon(name: str, *ring: tuple[float, float]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[list(corner) for corner in ring]]},
        "properties": {"name": name},
    }


def circle(name: str, latitude: float, longitude: float, radius_m: float = 1_000) -> dict[str, Any]:
    return {"name": name, "latitude_deg": latitude, "longitude_deg": longitude, "radius_m": radius_m}


def checkpoint(name: str, latitude: float, longitude: float, due_at: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"place": circle(name, latitude, longitude)}
    return found if due_at is None else {**found, "due_at": due_at}


WHOLE: dict[str, Any] = {
    "trip_id": "T-1",
    "container_id": "MSKU9070323",
    "device_ids": ["JT-1", "TR-9"],
    "declaration": "26KE0017352",
    "departs_at": "2026-11-01T06:00:00Z",
    "arrives_at": "2026-11-03T06:00:00Z",
    "corridor": feature((10, 50), (12, 50), (14, 51)),
    "alternatives": [feature((10, 50), (12, 49.5), (14, 51), width=8_000)],
    "checkpoints": [
        checkpoint("weighbridge", 50, 11, "2026-11-01T12:00:00Z"),
        checkpoint("border", 50.5, 13, "2026-11-02T12:00:00Z"),
    ],
    "forbidden_zones": [
        polygon("quarter", (11, 50.2), (11.5, 50.2), (11.5, 50.4), (11, 50.4), (11, 50.2)),
        circle("market", 50.4, 12),
    ],
    "dead_zones": [circle("valley", 50.01, 12.01, 20_000)],
    "parking_zones": [circle("yard", 50, 11.2)],
    "cargo_limits": [
        {"quantity": "temperature_c", "least": 2, "greatest": 8, "lasting_s": 1800},
        {"quantity": "humidity_pct", "greatest": 85},
    ],
    "reporting_interval_s": 300,
    "stop_max_s": 3600,
    "separation_max_m": 1500,
}


def read(**changes: Any) -> Trip:
    return TripFile.model_validate_json(json.dumps({**WHOLE, **changes})).to_trip()


def test_every_part_of_the_file_is_part_of_the_trip() -> None:
    """Nothing that the file says is lost, and a closed ring is the same as an open one."""
    trip = read()
    assert trip.declaration == "26KE0017352"
    assert list(trip.alternatives[0].half_width_m) == [8_000]
    assert [each.place.name for each in trip.checkpoints] == ["weighbridge", "border"]
    assert trip.checkpoints[0].due_at_ms == parse_iso("2026-11-01T12:00:00Z")
    quarter, market = trip.forbidden_zones
    assert list(quarter.ring) == [(11.0, 50.2), (11.5, 50.2), (11.5, 50.4), (11.0, 50.4)]
    assert market.circle == Place(name="market", latitude_deg=50.4, longitude_deg=12, radius_m=1_000)
    assert trip.cargo_limits[0] == SensorLimit(quantity="temperature_c", least=2, greatest=8, lasting_s=1800)
    assert (trip.reporting_interval_s, trip.stop_max_s, trip.separation_max_m) == (300, 3600, 1500)
    ring = ((11, 50.2), (11.5, 50.2), (11.5, 50.4), (11, 50.4))
    assert read(forbidden_zones=[polygon("quarter", *ring), WHOLE["forbidden_zones"][1]]) == trip


def test_the_schema_accepts_what_is_accepted() -> None:
    """`sealtrail schema trip-file` agrees with the program on the whole file and on unknown keys."""
    schema = SCHEMAS["trip-file"].model_json_schema(by_alias=True)
    jsonschema.validate(WHOLE, schema)
    for wrong in ({"spare_tyre": 1}, {"cargo_limits": [{"quantity": "taste"}]}, {"stop_max_s": 0}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**WHOLE, **wrong}, schema)
        with pytest.raises(ValidationError):
            read(**wrong)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trip_id": "T 1"}, "bad_trip_id"),
        ({"trip_id": "T-1."}, "bad_trip_id"),
        ({"device_ids": ["JT 1"]}, "bad_device_id"),
        ({"seal_numbers": ["S", "S"]}, "seal_twice"),
        ({"corridor": None}, "alternatives_without_corridor"),
        ({"checkpoints": [checkpoint("a", 50, 11), checkpoint("a", 50, 11.5)]}, "checkpoint_twice"),
        ({"checkpoints": [checkpoint("", 50, 11)]}, "checkpoint_unnamed"),
        ({"checkpoints": [checkpoint("a", 51, 11)]}, "checkpoint_off_corridor"),
        ({"checkpoints": [checkpoint("a", 50, 11.5), checkpoint("b", 50, 11)]}, "checkpoints_out_of_order"),
        (
            {
                "checkpoints": [
                    checkpoint("a", 50, 11, "2026-11-02T12:00:00Z"),
                    checkpoint("b", 50, 11.5, "2026-11-01T12:00:00Z"),
                ]
            },
            "checkpoints_out_of_order",
        ),
        ({"checkpoints": [checkpoint("a", 50, 11, "2026-11-01T05:00:00Z")]}, "checkpoint_before_departure"),
        ({"checkpoints": [checkpoint("a", 50, 11, "2026-11-04T05:00:00Z")]}, "checkpoint_after_arrival"),
        ({"forbidden_zones": [circle("z", 50.3, 12), circle("z", 50.5, 12)]}, "forbidden_zone_twice"),
        ({"parking_zones": [circle("z", 50, 12), circle("z", 50, 12)]}, "parking_zone_twice"),
        ({"forbidden_zones": [circle("on the way", 50, 11.7)]}, "forbidden_zone_on_the_way"),
        ({"forbidden_zones": [circle("beside the way", 49.5, 12)]}, "forbidden_zone_on_the_way"),
        (
            {"forbidden_zones": [polygon("across", (11.7, 49), (11.8, 49), (11.8, 51), (11.7, 51))]},
            "forbidden_zone_on_the_way",
        ),
        (
            {"forbidden_zones": [circle("z", 52, 12)], "allowed_places": [circle("inn", 52.001, 12)]},
            "forbidden_zone_on_the_way",
        ),
        ({"dead_zones": [polygon("bow", (1, 1), (2, 2), (2, 1), (1, 2))]}, "zone_crosses_itself"),
        ({"dead_zones": [polygon("line", (1, 1), (2, 2), (1, 1))]}, "zone_corners"),
        ({"cargo_limits": [{"quantity": "temperature_c"}]}, "limit_open"),
        ({"cargo_limits": [{"quantity": "light_lux", "least": 5, "greatest": 4}]}, "limit_empty"),
        ({"cargo_limits": [{"quantity": "tilt_deg", "greatest": 4}] * 2}, "limit_twice"),
        ({"dead_zones": [circle(str(i), 10, 10) for i in range(501)]}, "plan_too_long"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    """A plan that no journey could keep, or that no alert could tell apart, never reaches the log."""
    with pytest.raises(InvalidTripError) as refusal:
        read(**changes)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    "zone",
    [
        {**polygon("both", (1, 1), (2, 1), (2, 2)), "radius_m": 5},
        polygon("two corners", (1, 1), (2, 2)),
        {
            "type": "Feature",
            "properties": {"name": "hole"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[0, 0], [9, 0], [9, 9]], [[3, 2], [4, 2], [4, 3]]],
            },
        },
        {"name": "", "latitude_deg": 1, "longitude_deg": 1, "radius_m": 5},
        polygon("", (1, 1), (2, 1), (2, 2)),
    ],
)
def test_zones_of_another_shape_are_refused_by_the_model(zone: dict[str, Any]) -> None:
    """A polygon and a circle at once, too few corners, holes, and zones without a name."""
    with pytest.raises(ValidationError, match="zones"):
        read(dead_zones=[zone])


LONGITUDES, LATITUDES = st.floats(-180, 180), st.floats(-90, 90)
NAMES = st.text(min_size=1, max_size=20)
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,20}(\.[A-Za-z0-9]{1,5})?", fullmatch=True)
TIMES = st.integers(0, LAST_MS)
METRES = st.floats(1, 2_000_000)
PLACES = st.builds(
    Place,
    name=st.text(max_size=20),
    latitude_deg=LATITUDES,
    longitude_deg=LONGITUDES,
    radius_m=METRES,
)


@st.composite
def corridors(draw: st.DrawFn) -> Corridor:
    points = draw(st.lists(st.tuples(LONGITUDES, LATITUDES), min_size=2, max_size=6))
    count = draw(st.sampled_from((1, len(points) - 1)))
    return Corridor(coordinates=tuple(points), half_width_m=tuple(draw(METRES) for _ in range(count)))


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    name = draw(NAMES)
    if draw(st.booleans()):
        place = draw(PLACES)
        return Zone(
            name=name,
            circle=Place(
                name=name,
                latitude_deg=place.latitude_deg,
                longitude_deg=place.longitude_deg,
                radius_m=place.radius_m,
            ),
        )
    return Zone(
        name=name, ring=tuple(draw(st.lists(st.tuples(LONGITUDES, LATITUDES), min_size=3, max_size=5)))
    )


LIMITS = st.builds(
    SensorLimit,
    quantity=st.sampled_from(SENSOR_FIELDS),
    least=st.floats(-1e9, 0),
    greatest=st.none() | st.floats(0, 1e9),
    lasting_s=st.floats(0, 1e6),
)


def _leave(*, between: list[int], **parts: Any) -> Authorisation:
    return Authorisation(valid_from_ms=min(between), valid_until_ms=max(between), **parts)


LEAVES = st.builds(
    _leave,
    authorisation_id=NAMES,
    granted_by=NAMES,
    between=st.lists(TIMES, min_size=2, max_size=2, unique=True),
    card_ids=st.lists(NAMES, max_size=2).map(tuple),
    place=st.none() | PLACES,
    reason=st.text(max_size=10),
)
TRIPS = st.builds(
    Trip,
    trip_id=IDS,
    container_id=st.just("MSKU9070323"),
    device_ids=st.lists(IDS, min_size=1, max_size=3, unique=True).map(tuple),
    corridor=corridors(),
    seal_numbers=st.lists(NAMES, max_size=2, unique=True).map(tuple),
    departs_at_ms=st.none() | st.integers(0, LAST_MS // 2),
    arrives_at_ms=st.none() | st.integers(LAST_MS // 2 + 1, LAST_MS),
    origin=st.none() | PLACES,
    destination=st.none() | PLACES,
    allowed_places=st.lists(PLACES, max_size=2).map(tuple),
    authorisations=st.lists(LEAVES, max_size=2).map(tuple),
    severities=st.dictionaries(
        st.sampled_from([kind.value for kind in AlertType]),
        st.sampled_from([each.value for each in Severity]),
    ),
    alternatives=st.lists(corridors(), max_size=1).map(tuple),
    checkpoints=st.lists(st.builds(Checkpoint, place=PLACES, due_at_ms=st.none()), max_size=1).map(tuple),
    forbidden_zones=st.lists(zones(), max_size=1).map(tuple),
    dead_zones=st.lists(zones(), max_size=2).map(tuple),
    parking_zones=st.lists(zones(), max_size=1).map(tuple),
    cargo_limits=st.lists(LIMITS, max_size=1).map(tuple),
    reporting_interval_s=st.none() | st.floats(1, 1e6),
    stop_max_s=st.none() | st.floats(1, 1e6),
    separation_max_m=st.none() | METRES,
    declaration=st.text(max_size=20),
)


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@given(TRIPS)
def test_a_trip_that_holds_survives_its_file(trip: Trip) -> None:
    """Any trip that isn't refused by name is written, read and the same."""
    try:
        check_trip(trip)
    except InvalidTripError:
        assume(False)
    text = TripFile.from_trip(trip).model_dump_json(exclude_none=True)
    assert TripFile.model_validate_json(text).to_trip() == trip


DOCUMENT = ROOT / "docs" / "trip-file.md"


def test_the_documented_example_is_a_trip_file() -> None:
    """What people copy from the document is accepted, with every kind of part in it."""
    found = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    trip = TripFile.model_validate_json(found[1]).to_trip()
    assert trip.forbidden_zones
    assert trip.checkpoints
    assert set(json.loads(found[1])) == set(TripFile.model_fields) - {"alternatives"}


def test_every_reason_of_refusal_is_documented() -> None:
    """A person who is refused finds the name in the document."""
    files = [*(ROOT / "sealtrail/contract/public").glob("*.py"), ROOT / "sealtrail/runtime/trips.py"]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    reasons = set(re.findall(r'InvalidTripError\(\s*"([a-z_]+)"', code))
    reasons |= set(re.findall(r'\("([a-z_]+_twice)"', code))
    text = DOCUMENT.read_text(encoding="utf-8")
    assert len(reasons) > 30
    assert sorted(reason for reason in reasons if f"`{reason}`" not in text) == []
