"""The corridor where reports are missing, sparse or false: these open and end no deviation."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.reports import IMPLAUSIBLE
from anomaly.rules.position_implausible import PositionImplausible
from anomaly.rules.rule import Rows
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from tests.anomaly.world import MINUTE_MS, START_MS, drive, judge, of_type, reading

FALSE_M = 12.0
"""Positions with exactly this accuracy stand for those that a rule about GNSS doesn't believe."""


def deviations(events: list[AlertEvent]) -> list[AlertEvent]:
    return of_type(events, AlertType.ROUTE_DEVIATION)


def test_a_gap_is_neither_a_deviation_nor_an_all_clear() -> None:
    """Hours of silence, and reports without a position, open nothing on it and end nothing off it."""
    made = judge()
    assert not deviations(
        made.apply_readings([*drive(range(10)), reading(200, None), *drive(range(290, 291))])
    )
    made = judge()
    made.apply_readings([*drive(range(10)), *drive(range(10, 20), north_deg=0.05)])
    assert not deviations(made.apply_readings([reading(m, None) for m in range(20, 300, 10)]))
    [ended] = deviations(made.apply_readings([reading(310, (50.0, 10.5)), reading(320, (50.0, 10.52))]))
    assert ended.action is AlertAction.CLEARED
    assert ended.details["ended_at_ms"] == START_MS + 320 * MINUTE_MS


def test_two_sparse_reports_on_the_corridor_are_no_deviation_between_them() -> None:
    """The straight way from before a bend to behind it runs kilometres beside the corridor: nothing."""
    assert not deviations(judge().apply_readings([reading(0, (50.0, 11.0)), reading(240, (50.75, 13.5))]))


def test_sparse_reports_outside_are_one_from_the_first_of_them() -> None:
    """Hours apart: the second report outside confirms it, dated to the first."""
    outside = [reading(120, (50.1, 10.8)), reading(240, (50.1, 11.4))]
    [raised] = deviations(judge().apply_readings([reading(0, (50.0, 10.0)), *outside]))
    assert (raised.action, raised.occurred_at_ms) == (AlertAction.RAISED, START_MS + 120 * MINUTE_MS)


def test_positions_that_are_not_believed_neither_end_nor_open_a_deviation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A track that a rule marks as false lies on the corridor: the deviation stands; off it: none begins."""
    step = PositionImplausible.step

    def doubting(self: PositionImplausible, rows: Rows) -> None:
        step(self, rows)
        false = np.isclose(rows.reports["unc"], FALSE_M)
        rows.reports["quality"][false] = IMPLAUSIBLE

    monkeypatch.setattr(PositionImplausible, "step", doubting)
    made = judge()
    [raised] = deviations(made.apply_readings([*drive(range(10)), *drive(range(10, 20), north_deg=0.05)]))
    assert raised.action is AlertAction.RAISED
    assert not deviations(made.apply_readings(drive(range(20, 40), accuracy_m=FALSE_M)))
    assert [e.action for e in deviations(made.apply_readings(drive(range(40, 43))))] == [AlertAction.CLEARED]
    assert not deviations(made.apply_readings(drive(range(50, 60), north_deg=0.05, accuracy_m=FALSE_M)))
