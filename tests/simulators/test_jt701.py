"""The lock's encoder against a captured frame and against the gateway's own reading of it."""

from __future__ import annotations

import datetime as dt

import pytest

from sealtrail.contract.reading import FixKind, SealEvent, SealState
from simulators import jt701
from simulators.report import Fix, Report, SealView
from tests.shared import shared_rows

CAPTURED = "2475604055531611002311111600311326144436028210791d016c0000001f070000000020c03c4f6d07d80ccf"
CAPTURED_AT_MS = int(dt.datetime(2016, 11, 11, 0, 31, 13, tzinfo=dt.UTC).timestamp() * 1000)
CAPTURED_FIX = Fix(
    FixKind.GNSS,
    latitude_deg=-(26 + 14.4436 / 60),
    longitude_deg=28 + 21.0791 / 60,
    accuracy_m=5.0,
    speed_kmh=1.0,
    course_deg=216.0,
    satellites=7,
)


def report(seal: SealView, *, fix: Fix | None = CAPTURED_FIX, at_ms: int | None = CAPTURED_AT_MS) -> Report:
    """The captured frame's report with another seal, place or time."""
    return Report("7560405553", 0xCF, at_ms, 122, fix, seal, True, 31.4, 20.0, 50.0, 60.0, 38.7, 0.0)


SEALED = SealView(SealState.SEALED, SealEvent.NONE, mounted=True, number="")


def test_a_captured_frame_is_reproduced_byte_by_byte() -> None:
    """The encoder writes exactly what a real lock sent for the same values."""
    rows = [row for row in shared_rows("vectors/traccar/jt600.jsonl") if row["frame"] == CAPTURED]
    assert rows, "the captured frame is one of the vectors"
    assert jt701.encode(report(SEALED), buffered=False).hex() == CAPTURED


@pytest.mark.parametrize(
    ("state", "event", "status"),
    [
        (SealState.SEALED, SealEvent.NONE, 0x20C0),
        (SealState.CUT, SealEvent.CUT, 0x20A8),  # rope out, still locked, bits 3 and 5
        (SealState.OPEN, SealEvent.OPENED, 0x2120),  # rope out, unlocked, bits 8 and 5
        (SealState.UNLOCKED, SealEvent.NONE, 0x2040),
        (SealState.SEALED, SealEvent.TAMPERED, 0x10E0),  # cap open, bits 12 and 5
    ],
)
def test_status_bits_say_what_happened(state: SealState, event: SealEvent, status: int) -> None:
    """Alarm bits and level bits stand where the maker's table puts them."""
    seal = SealView(state, event, mounted=not event & SealEvent.TAMPERED, number="")
    frame = jt701.encode(report(seal), buffered=False)
    assert int.from_bytes(frame[36:38], "big") == status


def test_memory_and_missing_clock_are_marked() -> None:
    """A frame from memory has data kind 3 and bit 5; one without a clock the year 2000 and no place."""
    frame = jt701.encode(report(SEALED), buffered=True)
    assert frame[7] == 0x13
    assert frame[37] & 1 << 5
    clockless = jt701.encode(report(SEALED, fix=None, at_ms=None), buffered=False)
    assert clockless[10:16].hex() == "010100000202"
    assert clockless[16:25].hex() == "00000000000000000e"


def test_an_opening_by_card_is_a_lock_event() -> None:
    """P45 names the card, the place in degrees and the verification."""
    seal = SealView(SealState.OPEN, SealEvent.OPENED, mounted=True, number="", card_id="0012260888")
    text = jt701.encode(report(seal), buffered=False).decode("ascii")
    assert text == "(7560405553,P45,111116,003113,26.240727,S,28.351318,E,A,1,216,1,1,0012260888,0,0,207)"
