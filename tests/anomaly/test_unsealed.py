"""Trips that set out with their seals open or cut."""

from __future__ import annotations

import pytest

from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealState
from tests.anomaly.world import (
    MINUTE_MS,
    ORIGIN,
    SEAL,
    START_MS,
    TRACKER,
    authorised,
    drive,
    judge,
    of_type,
    planned,
    reading,
    standing,
)


@pytest.mark.parametrize("state", [SealState.OPEN, SealState.CUT])
@pytest.mark.parametrize(
    ("closed_at", "leave", "expected"),
    [
        pytest.param(200, False, True, id="never closed"),
        pytest.param(60, False, True, id="closed on the way"),
        pytest.param(20, False, False, id="closed soon after it left"),
        pytest.param(200, True, False, id="with leave"),
    ],
)
def test_a_trip_that_leaves_unsealed(
    state: SealState, closed_at: int, *, leave: bool, expected: bool
) -> None:
    """A seal that was open before the trip is a breach once the trip has left its origin so, in any order."""
    events = [planned(origin=ORIGIN), *([authorised(-60, 300)] if leave else [])]
    journey = [reading(minute, state=state) for minute in range(-60, 0, 10)]
    journey += drive([m for m in range(100) if m < closed_at], state=state)
    journey += drive([m for m in range(100) if m >= closed_at], state=SealState.SEALED)
    for readings in (journey, journey[::-1]):
        made = judge(*events)
        found = [event for each in readings for event in made.apply_readings([each])]
        kind = AlertType.SEAL_CUT.value if state is SealState.CUT else AlertType.SEAL_OPENED.value
        stands = [each for each in standing(found) if each[2] == "critical"]
        assert [each[0] for each in stands] == [kind] * expected
        assert all(each[1] < START_MS + 5 * MINUTE_MS for each in stands)


@pytest.mark.parametrize(("opens_at_45", "expected"), [(False, 0), (True, 1)])
def test_a_seal_that_reports_seldom_may_have_been_closed_long_before(
    *, opens_at_45: bool, expected: int
) -> None:
    """Open at the loading, closed in its next report, long after the truck has left: in time, maybe."""
    made = judge(planned(origin=ORIGIN, device_ids=(SEAL, TRACKER)))
    truck = drive(range(120), device=TRACKER)
    states = [SealState.OPEN, SealState.OPEN if opens_at_45 else SealState.SEALED, SealState.SEALED]
    seal = [reading(m, None, state=state) for m, state in zip((-20, 45, 110), states, strict=True)]
    told_in_order = sorted([*truck, *seal], key=lambda each: each.received_at_ms)
    found = [event for each in told_in_order for event in made.apply_readings([each])]
    stands = [each for each in standing(found) if each[0] == AlertType.SEAL_OPENED.value]
    assert len(stands) == expected


def test_a_trip_that_leaves_late_is_sealed_late() -> None:
    """An open seal in the origin is nobody's alarm, however long after the planned departure."""
    made = judge(planned(origin=ORIGIN))
    found = made.apply_readings([reading(minute, state=SealState.OPEN) for minute in range(-60, 300, 10)])
    assert of_type(found, AlertType.SEAL_OPENED) == []
