"""Snapshots: complete, versioned, and refused by name where they can't be read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.judge import Judge
from anomaly.snapshot import MAGIC, VERSION
from sealtrail.contract.errors import MalformedBatchError, UnknownVersionError, WireError
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import Corridor
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import CORRIDOR, authorised, drive, judge, planned, reading, told

SETTINGS = AnomalySettings()


def lived() -> Judge:
    """A judge that has seen a deviation, an authorised opening, a breach and a card."""
    made = judge(planned(), authorised(0, 5, card_ids=("7",)))
    made.apply_readings([*drive(range(10)), *drive(range(10, 15), north_deg=0.03)])
    made.apply_readings([reading(3.5, events=SealEvent.OPENED, card_id="7")])
    made.apply_readings([reading(16, None, events=SealEvent.CUT)])
    return made


def test_a_restored_judge_is_the_same() -> None:
    """The snapshot of the restored judge has the same bytes, and it goes on from there."""
    made = lived()
    again = Judge.restore(SETTINGS, made.snapshot())
    assert again.snapshot() == made.snapshot()
    more = [reading(17, events=SealEvent.CUT), *drive(range(18, 22))]
    expected = made.apply_readings(more)
    assert again.apply_readings(more) == expected
    assert ("cleared", "ROUTE_DEVIATION") in told(expected)


def test_a_snapshot_of_another_history_goes_on_with_its_own() -> None:
    """A changed history setting doesn't spoil a snapshot."""
    made = lived()
    again = Judge.restore(AnomalySettings(history_reports=16), made.snapshot())
    assert again.lanes.history == SETTINGS.history_reports
    assert again.snapshot() == made.snapshot()


def test_an_unknown_version_is_refused_by_name() -> None:
    """A snapshot of a later program is not guessed at."""
    data = bytearray(lived().snapshot())
    data[2] = 99
    with pytest.raises(UnknownVersionError, match="unknown_snapshot_version"):
        Judge.restore(SETTINGS, bytes(data))


HEADER = MAGIC + bytes((VERSION,))


@pytest.mark.parametrize("data", [b"", b"SJ", b"XX\1abc", HEADER, HEADER + b"\xff\xff", HEADER + bytes(20)])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    """Bytes that are none are refused by name."""
    with pytest.raises(MalformedBatchError):
        Judge.restore(SETTINGS, data)


SNAPSHOT = lived().snapshot()


@given(st.integers(3, len(SNAPSHOT) - 1), st.integers(0, 255), st.booleans())
def test_damaged_bytes_are_refused(place: int, value: int, cut: bool) -> None:  # noqa: FBT001
    """A changed byte or a cut end raises the named refusal and nothing else."""
    data = SNAPSHOT[:place] if cut else SNAPSHOT[:place] + bytes((value,)) + SNAPSHOT[place + 1 :]
    if data != SNAPSHOT:
        with pytest.raises(WireError):
            Judge.restore(SETTINGS, data)


def test_trips_along_one_corridor_share_it() -> None:
    """Equal corridors are kept once, however many messages they came in, and after a restart too."""

    def corridors(made: Judge) -> list[Corridor]:
        logs = [file.custody for file in made.containers.files]
        trips = [event.trip for log in logs if log is not None for event in log.events]
        return [trip.corridor for trip in trips if trip is not None and trip.corridor is not None]

    again = [msgspec.msgpack.decode(msgspec.msgpack.encode(CORRIDOR), type=Corridor) for _ in range(3)]
    plans = [planned(container=f"MSKU000000{n}", corridor=each) for n, each in enumerate(again)]
    made = judge(*plans)
    restored = Judge.restore(made.settings, made.snapshot())
    for each in (made, restored):
        found = corridors(each)
        assert found == again
        assert len({id(corridor) for corridor in found}) == 1
    assert restored.snapshot() == made.snapshot()
