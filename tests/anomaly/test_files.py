"""Files of containers: what was packed and is opened again is judged as if it had stayed open."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly import containers, files
from anomaly.file_state import FileCodec
from anomaly.judge import Judge
from anomaly.plans import Plans
from sealtrail.contract.codec import encode_alert_events
from sealtrail.contract.reading import Reading, SealEvent
from sealtrail.contract.trip import TripEvent, TripEventKind
from tests.anomaly.world import (
    CORRIDOR,
    MINUTE_MS,
    START_MS,
    authorised,
    drive,
    judge,
    planned,
    reading,
    told,
    trip,
    trip_event,
)

BOXES = ("MSKU9070323", "MSKU0000001", "MSKU0000002")
Message = list[TripEvent] | list[Reading]


def story() -> list[Message]:
    """Three containers: an opening with leave that comes late, a detour, a cut, a changed plan, an end."""
    seals = {box: f"JT-{n}" for n, box in enumerate(BOXES)}
    messages: list[Message] = [[planned(container=box, device_ids=(seals[box],)) for box in BOXES]]
    for begin, end in pairwise(range(0, 61, 5)):
        for box, seal in seals.items():
            aside = 0.05 if box == BOXES[1] and 20 <= begin < 40 else 0.0
            messages.append(drive(range(begin, end), north_deg=aside, device=seal, container=box))
        if begin == 10:
            cut = reading(14.5, None, device=seals[BOXES[2]], container=BOXES[2], events=SealEvent.CUT)
            opened = reading(14.5, None, device=seals[BOXES[0]], events=SealEvent.OPENED)
            messages += [[cut], [opened]]
        if begin == 20:
            messages.append([authorised(10, 20, minute=25)])
        if begin == 30:
            wide = trip(BOXES[1], corridor=None)
            changed = trip_event(TripEventKind.CHANGED, 15, trip=wide, container_id=BOXES[1])
            messages.append([changed])
        if begin == 40:
            messages.append([trip_event(TripEventKind.ENDED, 45)])
    return messages


def tell(made: Judge, messages: list[Message], *, restart: bool = False) -> bytes:
    """All that is said to messages of the log, with a restart after each if wanted."""
    said = []
    for message in messages:
        if isinstance(message[0], TripEvent):
            said += made.apply_trip_events([each for each in message if isinstance(each, TripEvent)])
        else:
            said += made.apply_readings([each for each in message if isinstance(each, Reading)])
        if restart:
            made = Judge.restore(made.settings, made.snapshot())
    assert {"SEAL_OPENED", "SEAL_CUT", "ROUTE_DEVIATION"} <= {name for _, name in told(said)}
    assert {"retracted", "raised"} <= {action for action, _ in told(said)}
    return encode_alert_events(said)


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("restart", [False, True])
def test_packing_files_changes_no_alert(kept: int, monkeypatch: pytest.MonkeyPatch, *, restart: bool) -> None:
    """With files packed after every message, and in snapshots, the same is said to the last byte."""
    expected = tell(judge(planned(container="MSKU7777777")), story())
    monkeypatch.setattr(files, "OPEN_KEPT", kept)
    assert tell(judge(planned(container="MSKU7777777")), story(), restart=restart) == expected


def test_a_packed_file_is_small() -> None:
    """A trip takes less than two hundred bytes: its corridor is kept once, its fields' names nowhere."""
    codec = FileCodec(Plans(100_000.0), 64)
    made = judge(planned())
    assert len(codec.pack(made.containers.files[0])) < 200


@given(st.lists(st.integers(-30, 130), min_size=1, max_size=30))
def test_the_plan_that_holds_is_found_whatever_was_looked_up_before(minutes: list[int]) -> None:
    """What is remembered of the last look-up holds for no other time than it may."""
    made = judge(
        planned(),
        trip_event(TripEventKind.ENDED, 20),
        planned(corridor=CORRIDOR, trip_id="T-2", departs_at_ms=START_MS + 50 * MINUTE_MS),
        trip_event(TripEventKind.CHANGED, 70, trip=trip(trip_id="T-2", corridor=None), trip_id="T-2"),
        trip_event(TripEventKind.ENDED, 100, trip_id="T-2"),
    )
    custody = made.containers.files[0].custody
    for minute in minutes:
        at = np.array([START_MS + minute * MINUTE_MS])
        found = made.containers.plans_at(np.zeros(1, np.int64), at)
        assert found.tobytes() == containers._plan_at(custody, int(at[0])).tobytes()  # noqa: SLF001
