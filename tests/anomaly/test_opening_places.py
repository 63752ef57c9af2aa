"""Where an opening without a fix of its own was, for an authorisation that names a place."""

from __future__ import annotations

import itertools

import pytest

from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.reading import FixKind, Reading, SealEvent
from sealtrail.contract.trip import Place, TripEventKind
from tests.anomaly.world import authorised, judge, of_type, planned, reading, trip_event

YARD = Place(name="Yard", latitude_deg=50.0, longitude_deg=10.6, radius_m=300.0)
AT_YARD, AWAY, JUMPED = (50.0, 10.6), (50.0, 10.9), (26.7, 95.0)
LEAVE = authorised(0, 10_000, place=YARD)


def opened(minute: float, place: tuple[float, float] | None = None) -> Reading:
    return reading(minute, place, events=SealEvent.OPENED)


def outcome(reports: list[Reading], **settings: float) -> list[AlertAction]:
    """What was said about the opening, report by report."""
    made = judge(planned(reporting_interval_s=3600.0), LEAVE, **settings)
    events: list[AlertEvent] = []
    for report in reports:
        events += made.apply_readings([report])
    return [event.action for event in of_type(events, AlertType.SEAL_OPENED)]


COMING = [reading(-60 + minute, (50.0, 10 + minute / 100)) for minute in range(0, 60, 10)]
STANDING = [*COMING, reading(60, AT_YARD), reading(179, AT_YARD)]


@pytest.mark.parametrize("place", [None, JUMPED])
def test_an_hourly_device_that_stood_was_there(place: tuple[float, float] | None) -> None:
    """Fixes an hour before and after are of the yard: nothing is raised, or what was is taken back."""
    reports = [*STANDING[:-1], opened(119, place), STANDING[-1]]
    assert outcome(reports) == []
    assert outcome(reports, place_wait_periods=0) == [AlertAction.RAISED, AlertAction.RETRACTED]


@pytest.mark.parametrize("place", [None, JUMPED])
def test_one_that_never_speaks_again_was_nobody_knows_where(place: tuple[float, float] | None) -> None:
    """No fix comes after the opening: it is raised once the wait is over, though nothing is reported."""
    made = judge(planned(reporting_interval_s=3600.0), LEAVE)
    for report in [*STANDING[:-1], opened(119, place)]:
        assert of_type(made.apply_readings([report]), AlertType.SEAL_OPENED) == []
    assert (
        of_type(made.apply_trip_events([trip_event(TripEventKind.TICK, 119 + 74)]), AlertType.SEAL_OPENED)
        == []
    )
    raised = of_type(
        made.apply_trip_events([trip_event(TripEventKind.TICK, 119 + 76)]), AlertType.SEAL_OPENED
    )
    assert [event.action for event in raised] == [AlertAction.RAISED]


def test_one_report_without_a_fix_before_it_is_waited_for_too() -> None:
    """A device that reports every half hour stood in the yard an hour before, and still does after it."""
    reports = [*STANDING[:-1], reading(90, None), opened(120, JUMPED), reading(150, AT_YARD)]
    made = judge(planned(reporting_interval_s=1800.0), LEAVE)
    told = [event for report in reports for event in made.apply_readings([report])]
    assert of_type(told, AlertType.SEAL_OPENED) == []


def test_after_reports_without_a_fix_it_is_not_waited_for() -> None:
    """The last fix is far older than the device's reports are apart: nobody knows where it was opened."""
    reports = [*STANDING[:-1], *(reading(minute, None) for minute in range(65, 119, 5)), opened(119)]
    made = judge(planned(reporting_interval_s=300.0), LEAVE)
    told = [event for report in reports for event in made.apply_readings([report])]
    assert [event.action for event in of_type(told, AlertType.SEAL_OPENED)] == [AlertAction.RAISED]


def test_without_the_right_card_nothing_is_waited_for() -> None:
    """Who opened it is known at once, wherever it was."""
    made = judge(planned(reporting_interval_s=3600.0), authorised(0, 10_000, place=YARD, card_ids=("0001",)))
    for report in STANDING[:-1]:
        made.apply_readings([report])
    raised = of_type(made.apply_readings([opened(119)]), AlertType.SEAL_OPENED)
    assert [event.action for event in raised] == [AlertAction.RAISED]


def test_the_order_of_arrival_is_of_no_matter() -> None:
    """Whatever comes first, the opening is covered at the end."""
    for order in itertools.permutations([opened(119), *STANDING[-2:]]):
        said = outcome([*COMING, *order])
        assert said in ([], [AlertAction.RAISED, AlertAction.RETRACTED])


@pytest.mark.parametrize(
    ("before", "after"),
    [((60, AT_YARD), (179, AWAY)), ((60, AWAY), (179, AT_YARD)), ((-10, AT_YARD), (179, AT_YARD))],
)
def test_one_that_moved_or_said_nothing_for_long_was_nobody_knows_where(
    before: tuple[float, tuple[float, float]], after: tuple[float, tuple[float, float]]
) -> None:
    """Fixes of two places, or one from too long ago: the alert stands."""
    said = outcome([*COMING, reading(*before), opened(119), reading(*after)])
    assert said == [AlertAction.RAISED]


def test_a_fix_between_that_comes_late_shows_otherwise() -> None:
    """It left the yard in between: what was taken back is raised again."""
    late = reading(90, AWAY, late_min=200)
    said = outcome([*STANDING[:-1], opened(119), STANDING[-1], late])
    assert said == [AlertAction.RAISED]


def test_fixes_remembered_outlive_the_history() -> None:
    """The verdict stays when the reports around the opening are long gone."""
    after = [reading(180 + 60 * hour, (50.0, 10.6 + hour / 50)) for hour in range(60)]
    said = outcome([*STANDING[:-1], opened(119), STANDING[-1], *after], history_reports=8)
    assert said == []


def test_places_of_cells_dont_show_where_it_stood() -> None:
    """Two fixes by a cell of kilometres are no better than none."""
    cells = [reading(minute, AT_YARD, kind=FixKind.CELL, accuracy_m=5_000.0) for minute in (60, 179)]
    assert outcome([*COMING, cells[0], opened(119), cells[1]])[-1] is AlertAction.RAISED
