"""From when on a change of plans concerns what the rules look up: before that nothing is judged again."""

from __future__ import annotations

import pytest

from anomaly.custody import FOREVER_MS, Segment, looked_up_from
from sealtrail.contract.trip import Trip
from tests.anomaly.world import trip

ONE, OTHER, NEXT = trip(trip_id="T-1"), trip(trip_id="T-1", stop_max_s=60.0), trip(trip_id="T-2")


def held(from_ms: int, until_ms: int, plan: Trip, *, ended: bool = False) -> Segment:
    return Segment(from_ms, until_ms, plan, until_ms if ended else None)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [], None),
        ([], [held(100, FOREVER_MS, ONE)], 0),  # it is awaited from the beginning on
        ([held(100, FOREVER_MS, ONE)], [held(100, FOREVER_MS, ONE)], None),
        ([held(100, FOREVER_MS, ONE)], [held(100, 200, ONE, ended=True)], 200),
        ([held(100, FOREVER_MS, ONE)], [held(100, 150, ONE), held(150, FOREVER_MS, OTHER)], 150),
        ([held(100, FOREVER_MS, ONE)], [held(100, FOREVER_MS, OTHER)], 0),
        (
            [held(100, 200, ONE, ended=True)],
            [held(100, 200, ONE, ended=True), held(300, FOREVER_MS, NEXT)],
            200,  # since the end of the trip before it is awaited
        ),
        (
            [held(100, FOREVER_MS, ONE)],
            [held(100, 300, ONE), held(300, FOREVER_MS, NEXT)],
            300,
        ),
    ],
)
def test_the_first_moment_that_differs(
    before: list[Segment], after: list[Segment], expected: int | None
) -> None:
    """Of the plan that holds, or that is awaited where none does; in either direction."""
    assert looked_up_from(before, after) == expected
    assert looked_up_from(after, before) == expected
