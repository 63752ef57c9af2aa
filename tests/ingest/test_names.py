"""The spelling of the record against the contract."""

from __future__ import annotations

import msgspec

from ingest import names
from sealtrail.contract.reading import SENSOR_FIELDS, Reading


def test_every_field_of_a_reading_has_its_place() -> None:
    """A field that is added to the contract must be spelt here too, as tag, time or field."""
    spelt = {*names.READING_TAGS, *names.READING_FIELDS, *names.DETAIL_FIELDS, "occurred_at_ms"}
    extras = {names.HAS_POSITION, names.DETAILS, names.SNAPSHOT}
    assert {field.name for field in msgspec.structs.fields(Reading)} == spelt - extras


def test_types_are_those_of_the_contract() -> None:
    """Floats are recorded as floats and codes as integers, whatever value comes first."""
    types = {field.name: str(field.type) for field in msgspec.structs.fields(Reading)}
    for fields, word in (
        (names.FLOAT_FIELDS, "float"),
        (names.INT_FIELDS, "int"),
        (names.BOOL_FIELDS, "bool"),
        (names.TEXT_FIELDS, "str"),
    ):
        assert {name for name in fields if word not in types[name]} == set()
    assert set(SENSOR_FIELDS) <= set(names.FLOAT_FIELDS)


def test_copies_share_a_point_and_others_do_not() -> None:
    """The time of a point is its millisecond plus an offset from the identity, below a millisecond."""
    assert names.point_time_ns(5, 2**64 - 1) == 5_000_000 + 551_615
    assert names.point_time_ns(5, 7) == names.point_time_ns(5, 7)
    assert names.point_time_ns(5, 7) != names.point_time_ns(5, 8)
    assert names.point_time_ns(5, 999_999) < names.point_time_ns(6, 0)
