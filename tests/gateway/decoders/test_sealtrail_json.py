"""SealTrail's own JSON: the typed decoder against the published model, leniency, identity."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.decoders import sealtrail_json
from gateway.decoders.sealtrail_json import DECODER
from gateway.device_time import settle
from sealtrail.contract.clock import parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.public.device_report import RANGES, DeviceReport
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
EVENT_NAMES = [str(event.name).lower() for event in SealEvent]

sound_numbers = {
    name: st.one_of(
        st.integers(math.ceil(low), math.floor(high)), st.floats(low, high, allow_subnormal=False)
    )
    for name, (low, high) in RANGES.items()
}
sound_numbers["satellites"] = st.integers(0, 255)
times = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
oddities: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**15, max_value=10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=80),
    st.sampled_from(
        [
            *("2026-11-23", "2026-11-23 06:30:00Z", "2026-11-23T06:30:00", "2026-11-23T06:30:00+05:30"),
            *("2026-11-23T24:00:00Z", "2026-11-23t06:30:00z", "1", "gnss", "GNSS", "none", "cut", []),
            *({}, [None], ["cut"], ["cut", "cut"], {"state": "cut"}, 1.0, 0.0, -0.0, 90.0000001, 255.0),
        ]
    ),
)


def part(names: dict[str, st.SearchStrategy[Any]], required: tuple[str, ...] = ()) -> st.SearchStrategy[Any]:
    """Objects with any of these keys, now and then an odd value or an unknown key."""
    sound = st.fixed_dictionaries(
        {name: names[name] for name in required},
        optional={name: values for name, values in names.items() if name not in required},
    )
    odd = st.dictionaries(st.sampled_from([*names, "unknown", ""]), oddities, max_size=2)
    return st.one_of(sound, sound, st.builds(lambda a, b: {**a, **b}, sound, odd), oddities)


fixes = part(
    {
        **{name: sound_numbers[name] for name in RANGES if name in sealtrail_json._Fix.__struct_fields__},  # noqa: SLF001  the decoder's own form
        "kind": st.sampled_from(["gnss", "cell", "wifi", "stale"]),
    },
    ("latitude_deg", "longitude_deg"),
)
seals = part(
    {
        "state": st.sampled_from(["sealed", "unlocked", "open", "cut", "fault", None]),
        "events": st.lists(st.sampled_from(EVENT_NAMES), max_size=40),
        "number": st.text(max_size=66),
        "card_id": st.text(max_size=66),
    }
)
documents = part(
    {
        **{name: sound_numbers[name] for name in RANGES if name in DeviceReport.model_fields},
        **{name: st.booleans() for name in ("door_open", "mounted", "moving", "buffered", "charging")},
        "occurred_at": st.one_of(st.none(), times),
        "device_id": st.text(max_size=66),
        "sequence": st.integers(0, 2**63),
        "fix": fixes,
        "seal": seals,
    },
    ("occurred_at",),
)


def strict(document: bytes) -> dict[str, Any] | None:
    """What the typed decoder reads before any leniency; None where it refuses."""
    try:
        report = msgspec.json.decode(document, type=sealtrail_json._Report)  # noqa: SLF001  the decoder's own form
    except msgspec.DecodeError:
        return None
    found: dict[str, Any] = msgspec.structs.asdict(report)
    for name in ("fix", "seal"):
        if found[name] is not None:
            found[name] = msgspec.structs.asdict(found[name])
    return found


def decoded(document: object, device_id: str | None = "KE-1") -> Reading:
    """The reading of one report."""
    (reading,) = DECODER.decode(json.dumps(document).encode(), device_id, RECEIVED_AT_MS)
    return reading


@settings(max_examples=600, deadline=None)
@given(documents)
def test_published_model_and_decoder_agree(document: object) -> None:
    """The pydantic model and the typed decoder accept and refuse the same documents with the same values."""
    text = json.dumps(document).encode()
    try:
        published: dict[str, Any] | None = DeviceReport.model_validate_json(text).model_dump()
    except ValidationError:
        published = None
    assert strict(text) == published


@settings(max_examples=300, deadline=None)
@given(documents)
def test_what_the_model_accepts_is_decoded(document: object) -> None:
    """Every document of the published form gives a reading, with or without an identity of its own."""
    text = json.dumps(document).encode()
    found = strict(text)
    if found is None:
        return
    (reading,) = DECODER.decode(text, found["device_id"] or "KE-1", RECEIVED_AT_MS)
    for name in RANGES:
        source = found if name in found else found["fix"] or {}
        assert getattr(reading, name) == source.get(name)


@pytest.mark.parametrize("name", [name for name in RANGES if name in DeviceReport.model_fields])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, -1e30])
def test_incredible_numbers_cost_themselves_only(name: str, value: float) -> None:
    """A quantity out of range or not finite is left out and named; the seal event stays."""
    reading = decoded({"occurred_at": None, name: value, "seal": {"events": ["cut"]}, "moving": True})
    assert getattr(reading, name) is None
    assert reading.extra == {"refused": name}
    assert reading.seal_events == SealEvent.CUT
    assert reading.moving is True


@pytest.mark.parametrize(
    "fix",
    [
        {"latitude_deg": 90.1, "longitude_deg": 0},
        {"latitude_deg": 0, "longitude_deg": -180.1},
        {"latitude_deg": math.nan, "longitude_deg": 0},
        {"latitude_deg": "1.0", "longitude_deg": 0},
        {"latitude_deg": None, "longitude_deg": None},
        {"latitude_deg": 1.0},
        {"latitude_deg": 1.0, "longitude_deg": 1.0, "kind": "guess"},
        {},
        [],
        "none",
    ],
)
def test_bad_fix_never_hides_a_seal_event(fix: object) -> None:
    """Whatever is wrong with the fix, it alone is dropped, and the report says so."""
    document = {
        "occurred_at": None,
        "fix": fix,
        "seal": {"state": "cut", "events": ["cut"]},
        "battery_pct": 5,
    }
    reading = decoded(document)
    assert reading.flags & Flag.POSITION_REFUSED
    assert (reading.fix_kind, reading.latitude_deg, reading.speed_kmh) == (FixKind.NONE, None, None)
    assert (reading.seal_state, reading.seal_events) == (SealState.CUT, SealEvent.CUT)
    assert reading.battery_pct == 5


def test_detail_of_a_fix_costs_itself_only() -> None:
    """A speed out of range doesn't cost the position."""
    reading = decoded({"occurred_at": None, "fix": {"latitude_deg": 1, "longitude_deg": 2, "speed_kmh": 9e9}})
    assert (reading.latitude_deg, reading.longitude_deg, reading.speed_kmh) == (1.0, 2.0, None)
    assert reading.extra == {"refused": "fix.speed_kmh"}
    assert not reading.flags & Flag.POSITION_REFUSED


@pytest.mark.parametrize("extra", [{"lat": 1}, {"fix": {"lat": 1}}, {"seal": {"status": "cut"}}])
@pytest.mark.parametrize("also", [{}, {"battery_pct": math.nan}])
def test_unknown_key_is_refused_by_name(extra: dict[str, Any], also: dict[str, Any]) -> None:
    """A misspelt key is refused and named at every level, also where leniency is at work."""
    with pytest.raises(DecodeError) as refusal:
        decoded({"occurred_at": None, **also, **extra})
    assert refusal.value.reason == "unknown_field"
    assert "`lat`" in refusal.value.detail or "`status`" in refusal.value.detail


def test_copy_from_memory_is_the_same_reading() -> None:
    """Writing, key order, buffered and the repeated identity don't change what report it is."""
    for counted in ({"sequence": 4}, {}):
        report = {"occurred_at": "2026-11-23T06:00:00Z", "temperature_c": 4, **counted}
        copies = [
            report,
            {"buffered": True, **report},
            {**report, "device_id": "KE-1"},
            dict(reversed(report.items())),
            {**report, "occurred_at": "2026-11-23T09:00:00.000+03:00", "temperature_c": 4.0},
        ]
        assert len({decoded(copy).reading_id for copy in copies}) == 1


def test_different_reports_are_different_readings() -> None:
    """Another count, time, value or device is another report."""
    report = {"occurred_at": "2026-11-23T06:00:00Z", "temperature_c": 4.0}
    others = [
        report,
        {**report, "occurred_at": "2026-11-23T06:00:01Z"},
        {**report, "temperature_c": 4.1},
        {**report, "sequence": 1},
        {**report, "sequence": 2},
    ]
    identities = {decoded(each).reading_id for each in others} | {decoded(report, "KE-2").reading_id}
    assert len(identities) == 6


@given(
    claimed_ms=st.none()
    | st.integers(-(10**12), 2 * RECEIVED_AT_MS)
    | st.integers(-600_000, 600_000).map(RECEIVED_AT_MS.__add__)
)
def test_short_cut_settles_the_same_time(claimed_ms: int | None) -> None:
    """The decoder's short cut for credible clocks says what `settle` says."""
    expected = settle(claimed_ms, RECEIVED_AT_MS)
    found = sealtrail_json._settled(claimed_ms, RECEIVED_AT_MS)  # noqa: SLF001  the short cut itself
    assert found == (expected.occurred_at_ms, expected.device_time_ms, expected.flags)


@pytest.mark.parametrize("when", [None, "2000-01-01T00:00:05Z"])
def test_count_that_starts_again_without_a_clock(when: str | None) -> None:
    """Without a clock a restarted count is not mistaken for the past: content tells the reports apart."""
    before = decoded({"occurred_at": when, "sequence": 0, "seal": {"state": "sealed"}})
    after = decoded({"occurred_at": when, "sequence": 0, "seal": {"state": "cut", "events": ["cut"]}})
    assert before.flags & Flag.CLOCK_UNSET
    assert before.reading_id != after.reading_id


def test_report_without_clock_and_count() -> None:
    """With neither clock nor count every delivery is a report: a second cut is not taken for a copy."""
    frame = b'{"occurred_at":null,"seal":{"events":["cut"]}}'
    (first,) = DECODER.decode(frame, "KE-1", RECEIVED_AT_MS)
    (second,) = DECODER.decode(frame, "KE-1", RECEIVED_AT_MS + 1)
    assert first.reading_id != second.reading_id


def test_batch_is_as_its_reports() -> None:
    """An array gives the readings of its elements in order, and one bad element refuses it."""
    reports = [{"occurred_at": "2026-11-23T06:00:00Z", "sequence": n, "light_lux": n} for n in range(5)]
    batch = DECODER.decode(json.dumps(reports).encode(), "KE-1", RECEIVED_AT_MS)
    assert batch == [decoded(report) for report in reports]
    lenient = DECODER.decode(
        json.dumps([*reports, {**reports[0], "light_lux": -1}]).encode(), "KE-1", RECEIVED_AT_MS
    )
    assert lenient[:5] == batch
    with pytest.raises(DecodeError):
        DECODER.decode(json.dumps([*reports, {"sequence": 1}]).encode(), "KE-1", RECEIVED_AT_MS)
