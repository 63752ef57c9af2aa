"""Public formats: schemas, their documentation, and the line form of readings."""

from __future__ import annotations

import json
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public import SCHEMAS
from sealtrail.contract.public.device_report import (
    RANGES,
    DeviceReport,
    Fix,
    FixKindName,
    Seal,
    SealEventName,
    SealStateName,
)
from sealtrail.contract.public.reading_line import FlagName, ReadingLine, from_line, to_line
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState
from tests.shared import ROOT

PROTOCOL_DOC = ROOT / "docs" / "device-protocol.md"

numbers: dict[str, st.SearchStrategy[Any]] = {
    name: st.none() | st.floats(low, high) for name, (low, high) in RANGES.items()
}
numbers["satellites"] = st.none() | st.integers(0, 255)
moments = st.integers(0, 4_102_444_800_000)
words = st.text(max_size=20)
extras: st.SearchStrategy[dict[str, str | int | float | bool]] = st.dictionaries(
    words, st.one_of(words, st.integers(-(2**53), 2**53), st.booleans()), min_size=1, max_size=3
)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """Any reading that the contract allows."""
    located = draw(st.booleans())
    values = {name: draw(strategy) for name, strategy in numbers.items()}
    values["latitude_deg"] = draw(st.floats(-90, 90)) if located else None
    values["longitude_deg"] = draw(st.floats(-180, 180)) if located else None
    return Reading(
        device_id=draw(st.text(min_size=1, max_size=20)),
        family=draw(words),
        reading_id=draw(st.integers(0, 2**64 - 1)),
        occurred_at_ms=draw(moments),
        received_at_ms=draw(moments),
        container_id=draw(st.none() | words),
        sequence=draw(st.none() | st.integers(0, 2**63 - 1)),
        device_time_ms=draw(st.none() | moments),
        flags=draw(st.integers(0, sum(flag.value for flag in Flag))),
        fix_kind=draw(st.integers(1, 4)) if located else 0,
        seal_state=draw(st.integers(0, 5)),
        seal_events=draw(st.integers(0, sum(event.value for event in SealEvent))),
        seal_number=draw(st.none() | words),
        card_id=draw(st.none() | words),
        door_open=draw(st.none() | st.booleans()),
        mounted=draw(st.none() | st.booleans()),
        moving=draw(st.none() | st.booleans()),
        extra=draw(st.none() | extras),
        **values,
    )


@given(readings())
def test_line_keeps_everything(reading: Reading) -> None:
    """A reading written as a line and read again is the same, and the line fits its schema."""
    line = to_line(reading)
    assert "\n" not in line
    assert from_line(line) == reading
    assert None not in json.loads(line).values()


def test_line_of_a_known_reading() -> None:
    """Times, enumerations and identity are written for people, and what is missing is left out."""
    reading = Reading(
        device_id="KE-1",
        family="json",
        reading_id=255,
        occurred_at_ms=1_795_415_400_250,
        received_at_ms=1_795_415_401_000,
        fix_kind=FixKind.CELL.value,
        latitude_deg=0.0,
        longitude_deg=36.5,
        flags=(Flag.BUFFERED | Flag.CHARGING).value,
        seal_state=SealState.CUT.value,
        seal_events=(SealEvent.CUT | SealEvent.LIGHT).value,
    )
    assert json.loads(to_line(reading)) == {
        "device_id": "KE-1",
        "family": "json",
        "reading_id": "00000000000000ff",
        "occurred_at": "2026-11-23T06:30:00.250Z",
        "received_at": "2026-11-23T06:30:01.000Z",
        "flags": ["buffered", "charging"],
        "fix_kind": "cell",
        "latitude_deg": 0.0,
        "longitude_deg": 36.5,
        "seal_state": "cut",
        "seal_events": ["cut", "light"],
    }


def test_line_written_by_hand() -> None:
    """Device and time are enough: identity is made of the line, a place without kind is a satellite fix."""
    line = '{"device_id":"x","occurred_at":"2026-11-23T06:30:00Z","latitude_deg":1.0,"longitude_deg":2.0}'
    reading = from_line(line)
    assert reading.fix_kind == FixKind.GNSS
    assert reading.received_at_ms == reading.occurred_at_ms
    assert from_line(line) == reading
    assert from_line(line.replace("2.0", "2.1")).reading_id != reading.reading_id


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("", "line"),
        ("[]", "line"),
        ('{"occurred_at":"2026-11-23T06:30:00Z"}', "device_id"),
        ('{"device_id":"x","occurred_at":"yesterday"}', "occurred_at"),
        ('{"device_id":"x","occurred_at":"2026-11-23T06:30:00"}', "occurred_at"),
        ('{"device_id":"x","occurred_at":"2026-11-23T06:30:00Z","battery":3}', "battery"),
        ('{"device_id":"x","occurred_at":"2026-11-23T06:30:00Z","seal_events":["gone"]}', "seal_events.0"),
        ('{"device_id":"x","occurred_at":"2026-11-23T06:30:00Z","latitude_deg":91}', "latitude_deg"),
        ('{"device_id":"x","occurred_at":"2026-11-23T06:30:00Z","latitude_deg":1}', "longitude_deg"),
        ('{"device_id":"x","occurred_at":"2026-11-23T06:30:00Z","temperature_c":NaN}', "temperature_c"),
        ('{"device_id":"x","occurred_at":"2026-11-23T06:30:00Z","reading_id":"12"}', "reading_id"),
    ],
)
def test_bad_line_names_the_field(line: str, field: str) -> None:
    """A line that isn't one is refused as bad_reading_line with the field at fault."""
    with pytest.raises(RefusedError) as refusal:
        from_line(line)
    assert refusal.value.reason == "bad_reading_line"
    assert field in refusal.value.detail


@given(st.text(max_size=60))
def test_any_text_is_a_line_or_refused(text: str) -> None:
    """No text makes the reader raise anything but the named refusal."""
    try:
        from_line(text)
    except RefusedError as error:
        refused = error.reason
    else:
        refused = "bad_reading_line"
    assert refused == "bad_reading_line"


def test_line_has_every_field_of_a_reading() -> None:
    """No field of the contract is missing from the line form."""
    written = {name.removesuffix("_ms") for name in Reading.__struct_fields__}
    assert written == set(ReadingLine.model_fields)


@pytest.mark.parametrize(
    ("names", "members"),
    [
        (FixKindName, [kind.name for kind in FixKind if kind]),
        (SealStateName, [state.name for state in SealState if state]),
        (SealEventName, [str(event.name) for event in SealEvent]),
        (FlagName, [str(flag.name) for flag in Flag]),
    ],
)
def test_names_are_those_of_the_contract(names: Any, members: list[str]) -> None:
    """The public spelling of an enumeration has exactly the contract's members, in order."""
    assert list(get_args(names)) == [member.lower() for member in members]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_sound(name: str) -> None:
    """Each public format has a valid JSON Schema, and its own examples fit it."""
    schema = SCHEMAS[name].model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for example in schema.get("examples", []):
        jsonschema.validate(example, schema)


@pytest.mark.parametrize("model", [DeviceReport, Fix, Seal, ReadingLine])
def test_every_field_is_described(model: Any) -> None:
    """Every field of the published models has a description."""
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def _rows() -> dict[str, str]:
    rows = {}
    payload = PROTOCOL_DOC.read_text(encoding="utf-8").split("## Payload")[1].split("**Seal states**")[0]
    for line in payload.splitlines():
        if line.startswith("| `"):
            name, _, rest = line.removeprefix("| `").partition("`")
            rows[name] = rest
    return rows


def test_field_table_is_complete() -> None:
    """The field table of docs/device-protocol.md has the fields of the protocol, with their ranges."""
    fields = {name for name in DeviceReport.model_fields if name not in {"fix", "seal"}}
    fields |= {f"fix.{name}" for name in Fix.model_fields} | {f"seal.{name}" for name in Seal.model_fields}
    rows = _rows()
    assert set(rows) == fields
    for name, row in rows.items():
        quantity = name.removeprefix("fix.")
        if quantity in RANGES:
            low, high = RANGES[quantity]
            assert f"{low:.9g} … {high:.9g}" in row, name


def test_examples_in_the_documentation_are_reports() -> None:
    """Every JSON example in docs/device-protocol.md is accepted by the published model."""
    text = PROTOCOL_DOC.read_text(encoding="utf-8")
    examples = [block.split("```")[0] for block in text.split("```json")[1:]]
    assert len(examples) >= 3
    for example in examples:
        found = json.loads(example)
        for report in found if isinstance(found, list) else [found]:
            DeviceReport.model_validate_json(json.dumps(report))


def test_event_and_state_names_are_documented() -> None:
    """Every seal event, seal state and kind of fix appears in docs/device-protocol.md."""
    text = PROTOCOL_DOC.read_text(encoding="utf-8")
    for names in (SealEventName, SealStateName, FixKindName):
        assert [name for name in get_args(names) if f"`{name}`" not in text] == []
