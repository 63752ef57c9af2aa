"""Conformance suite: what holds for every device family, discovered."""

from __future__ import annotations

import functools
import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gateway.decoders
from gateway.decoders import decoder_for, decoders, sealtrail_json
from sealtrail.contract.codec import decode_readings, encode_readings
from sealtrail.contract.errors import DecodeError, RefusedError
from sealtrail.contract.public.device_report import RANGES
from sealtrail.contract.public.reading_line import from_line, to_line
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState
from sealtrail.contract.subjects import quarantine_subject
from tests.gateway.decoders.cases import CASES, SOUND, Case

FAMILIES = sorted(decoders())
RECEIVED_AT_MS = 1_795_415_400_000
EVERY_EVENT = sum(event.value for event in SealEvent)
EVERY_FLAG = sum(flag.value for flag in Flag)
QUANTITIES = [name for name in RANGES if name in Reading.__struct_fields__]
names = [f"{case.family}-{case.name}" for case in CASES]
sound_names = [f"{case.family}-{case.name}" for case in SOUND]


def assert_in_range(reading: Reading, received_at_ms: int) -> None:
    """Every value of a reading is one that the contract knows."""
    assert reading.device_id
    assert reading.received_at_ms == received_at_ms
    assert 0 <= reading.reading_id < 2**64
    FixKind(reading.fix_kind)
    SealState(reading.seal_state)
    assert not reading.seal_events & ~EVERY_EVENT
    assert not reading.flags & ~EVERY_FLAG
    for name in QUANTITIES:
        value = getattr(reading, name)
        assert value is None or (math.isfinite(value) and RANGES[name][0] <= value <= RANGES[name][1]), name
    located = reading.latitude_deg is not None
    assert located == (reading.longitude_deg is not None)
    assert located == (reading.fix_kind != FixKind.NONE)
    assert not (located and reading.flags & Flag.POSITION_REFUSED)


def decoded_or_refused(family: str, frame: bytes, device_id: str | None) -> list[Reading]:
    """Readings of any bytes; refusal by name is the only other outcome."""
    reason = "none"
    try:
        readings = decoder_for(family).decode(frame, device_id, RECEIVED_AT_MS)
    except DecodeError as error:
        reason = error.reason
        readings = []
    assert re.fullmatch("[a-z_]+", reason)
    for reading in readings:
        assert_in_range(reading, RECEIVED_AT_MS)
        assert from_line(to_line(reading)) == reading
    assert decode_readings(encode_readings(readings)) == readings
    return readings


@pytest.mark.parametrize("case", CASES, ids=names)
def test_golden_case(case: Case) -> None:
    """Every field of every reading of a recorded frame, or the reason for its refusal, is as recorded."""
    decoder = decoder_for(case.family)
    if case.refused is not None:
        with pytest.raises(DecodeError) as refusal:
            decoder.decode(case.frame, case.device_id, case.received_at_ms)
        assert refusal.value.reason == case.refused
        return
    readings = decoder.decode(case.frame, case.device_id, case.received_at_ms)
    assert [json.loads(to_line(reading)) for reading in readings] == case.readings
    for reading in readings:
        assert_in_range(reading, case.received_at_ms)


@pytest.mark.parametrize("case", SOUND, ids=sound_names)
def test_equal_input_gives_equal_output(case: Case) -> None:
    """A decoder has no state: a frame decoded twice gives equal readings."""
    decoder = decoder_for(case.family)
    first = decoder.decode(case.frame, case.device_id, case.received_at_ms)
    assert decoder.decode(case.frame, case.device_id, case.received_at_ms) == first


@pytest.mark.parametrize("case", SOUND, ids=sound_names)
def test_another_devices_frame_is_refused(case: Case) -> None:
    """A frame that names its device is refused from any other device's topic."""
    decoder = decoder_for(case.family)
    try:
        named = decoder.decode(case.frame, None, case.received_at_ms)
    except DecodeError as error:
        assert error.reason == "no_identity"  # noqa: PT017  a frame without identity takes the topic's
        return
    if not named:
        return
    with pytest.raises(DecodeError) as refusal:
        decoder.decode(case.frame, named[0].device_id + "0", case.received_at_ms)
    assert refusal.value.reason == "identity_mismatch"


@pytest.mark.parametrize("case", SOUND, ids=sound_names)
def test_identity_does_not_depend_on_receipt(case: Case) -> None:
    """A copy received later has the identity of the first, as far as the device has any clock or count."""
    decoder = decoder_for(case.family)
    first = decoder.decode(case.frame, case.device_id, case.received_at_ms)
    later = decoder.decode(case.frame, case.device_id, case.received_at_ms + 3_600_000)
    assert [reading.reading_id for reading in later] == [reading.reading_id for reading in first]


def test_records_never_collide() -> None:
    """Readings of all recorded frames that differ in time or values differ in identity."""
    seen: dict[int, tuple[str, object]] = {}
    for case in SOUND:
        for reading in decoder_for(case.family).decode(case.frame, case.device_id, case.received_at_ms):
            what = (reading.device_id, reading.occurred_at_ms, reading.seal_events, reading.temperature_c)
            known = seen.setdefault(reading.reading_id, (case.family, what))
            assert known == (case.family, what)


@pytest.mark.parametrize("family", FAMILIES)
def test_family_is_complete(family: str) -> None:
    """A family has a name fit for topics and subjects, a datasheet, and recorded frames of each outcome."""
    decoder = decoder_for(family)
    assert quarantine_subject(family).endswith(family)
    assert len(type(decoder).__module__) > 0
    module = __import__(type(decoder).__module__, fromlist=["DECODER"])
    assert "Source" in (module.__doc__ or "")
    assert "Sample" in (module.__doc__ or "")
    mine = [case for case in CASES if case.family == family]
    assert any(case.readings for case in mine)
    assert any(case.refused for case in mine)


def test_names_lead_to_their_family() -> None:
    """Family names and aliases find their decoder in any case; others are refused with the list."""
    for family, decoder in decoders().items():
        for name in (family, *decoder.aliases):
            assert decoder_for(name.upper()) is decoder
    with pytest.raises(RefusedError, match="jt701") as refusal:
        decoder_for("morse")
    assert refusal.value.reason == "unknown_family"


def test_a_file_is_all_that_a_family_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module put into the folder of decoders is found; one with a leading underscore is no family."""
    source = Path(sealtrail_json.__file__).read_text(encoding="utf-8").replace("sealtrail", "zz")
    source = source.replace("from zz.", "from sealtrail.").replace('family = "json"', 'family = "zz0"')
    (tmp_path / "zz_family.py").write_text(source, encoding="utf-8")
    (tmp_path / "_zz_part.py").write_text("raise AssertionError", encoding="utf-8")
    monkeypatch.setattr(gateway.decoders, "__path__", [*gateway.decoders.__path__, str(tmp_path)])
    monkeypatch.setattr(gateway.decoders, "_by_name", functools.cache(gateway.decoders._by_name.__wrapped__))  # noqa: SLF001  a fresh discovery
    assert set(decoders()) == {*FAMILIES, "zz0"}
    assert decoder_for("zz0").family == "zz0"


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=150, deadline=None)
@given(frame=st.binary(max_size=400))
def test_random_bytes(family: str, frame: bytes) -> None:
    """Random bytes are refused by name or give readings in range, nothing else."""
    decoded_or_refused(family, frame, None)
    decoded_or_refused(family, frame, "device")


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_mutated_frames(family: str, data: st.DataObject) -> None:
    """Real frames with bytes changed, cut out or put in are refused by name or give readings in range."""
    case = data.draw(st.sampled_from([case for case in CASES if case.family == family]))
    frame = bytearray(case.frame)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(frame) - 1)))
        match data.draw(st.sampled_from(["change", "cut", "insert", "end", "double"])):
            case "change" if frame:
                frame[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b',0123456789-."{}[]=')))
            case "cut":
                del frame[at : at + data.draw(st.integers(1, 8))]
            case "insert":
                frame[at:at] = data.draw(st.binary(min_size=1, max_size=8))
            case "end":
                del frame[at:]
            case _:
                frame += frame[at : at + 64]
    decoded_or_refused(family, bytes(frame), case.device_id)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [100_000, 3_000_000])
@pytest.mark.parametrize("byte", [b"[", b"$", b"(", b"#", b"0", b"{", b"\x00"])
def test_huge_frames(family: str, size: int, byte: bytes) -> None:
    """Frames of megabytes are refused at once and by name."""
    with pytest.raises(DecodeError):
        decoder_for(family).decode(byte * size, "device", RECEIVED_AT_MS)
