"""What a container's custody log gives up: what was said of that time stays as it was said."""

from __future__ import annotations

from collections import Counter

import pytest

from anomaly import ledger
from anomaly.judge import Judge
from anomaly.rules import catalogue
from sealtrail.contract.alert import AlertAction, AlertEvent
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import SealCheck, TripEvent, TripEventKind
from tests.anomaly.world import MINUTE_MS, START_MS, authorised, drive, judge, planned, reading, trip_event

KEPT = 16
LATER = 1_000
"""Minutes until the next trip."""


CHECK = SealCheck(
    check_id="C-1", checked_at_ms=START_MS + 97 * MINUTE_MS, condition=1, party="KRA", party_role="CU"
)


def next_trip() -> TripEvent:
    return planned(LATER - 1, trip_id="T-next", departs_at_ms=START_MS + LATER * MINUTE_MS)


def busy(minutes: range) -> list[TripEvent]:
    """Officers arm the seal again and again."""
    return [trip_event(TripEventKind.ARMED, minute, trip_id="T-next") for minute in minutes]


def said(events: list[AlertEvent]) -> Counter[tuple[str, str]]:
    return Counter((event.action.value, event.type.value) for event in events)


def travelled(**limits: int) -> tuple[Judge, list[AlertEvent]]:
    """A trip with an opening with leave and one without, a deviation and a seal check; it has ended."""
    made = judge(planned(), authorised(30, 40), custody_events_kept=KEPT, **limits)
    events = made.apply_readings(
        [
            *drive(range(30)),
            reading(35, (50.0, 10.35), events=SealEvent.OPENED),
            reading(36, (50.0, 10.36), events=SealEvent.CLOSED),
            *drive(range(40, 60)),
            *drive(range(60, 80), north_deg=0.03),
            *drive(range(80, 90)),
            reading(95, (50.0, 10.9), events=SealEvent.OPENED),
            reading(96, (50.0, 10.9), events=SealEvent.CLOSED),
        ]
    )
    events += made.apply_trip_events([trip_event(TripEventKind.SEAL_CHECKED, 97, seal_check=CHECK)])
    events += made.apply_trip_events([trip_event(TripEventKind.ENDED, 100)])
    return made, events


@pytest.mark.parametrize("restart", [False, True])
def test_alerts_of_an_ended_trip_stand_when_its_plan_is_given_up(*, restart: bool) -> None:
    """Neither are they taken back, nor is what was allowed then an alert now."""
    made, before = travelled()
    assert said(before)["raised", "ROUTE_DEVIATION"] == 1
    assert said(before)["raised", "SEAL_OPENED"] == 1
    after = made.apply_trip_events([next_trip(), *busy(range(LATER, LATER + 40))])
    if restart:
        made = Judge.restore(made.settings, made.snapshot())
    after += made.apply_readings(drive(range(LATER, LATER + 20)))
    custody = made.containers.files[0].custody
    assert custody is not None
    assert len(custody.events) <= KEPT
    assert {segment.trip.trip_id for segment in custody.segments} == {"T-next"}
    old = [event for event in after if event.occurred_at_ms < START_MS + LATER * MINUTE_MS - MINUTE_MS]
    assert said(old) == {}


def test_an_authorisation_that_is_given_up_makes_no_alert() -> None:
    """What was opened with leave stays so; what is opened later is judged by what is known then."""
    made = judge(planned(), custody_events_kept=KEPT)
    made.apply_trip_events([authorised(30, 40)])
    opened = reading(35, (50.0, 10.35), events=SealEvent.OPENED)
    assert said(made.apply_readings([*drive(range(30)), opened]))["raised", "SEAL_OPENED"] == 0
    later = [authorised(minute, minute + 1, minute=minute) for minute in range(50, 90)]
    assert said(made.apply_trip_events(later))["raised", "SEAL_OPENED"] == 0
    closed = reading(60, (50.0, 10.6), events=SealEvent.CLOSED)
    opened = reading(200, (50.0, 10.6), events=SealEvent.OPENED)
    assert said(made.apply_readings([closed, opened])) == {("raised", "SEAL_OPENED"): 1}


def test_leave_that_still_holds_is_given_up_last() -> None:
    """An authorisation for the whole trip outlives any number of short ones."""
    made = judge(planned(), authorised(0, 10_000), custody_events_kept=KEPT)
    made.apply_trip_events([authorised(n, n + 0.5, minute=n) for n in range(1, 60)])
    opened = reading(70, (50.0, 10.7), events=SealEvent.OPENED)
    assert said(made.apply_readings([*drive(range(58, 70)), opened]))["raised", "SEAL_OPENED"] == 0


def test_a_breach_of_that_time_that_becomes_known_afterwards_is_told() -> None:
    """A report of a trip given up that was never seen before still says what it says."""
    made, _ = travelled()
    made.apply_trip_events([next_trip(), *busy(range(LATER, LATER + 40))])
    late = reading(88.5, (50.0, 10.885), events=SealEvent.CUT, late_min=3 * LATER)
    assert said(made.apply_readings([late]))["raised", "SEAL_CUT"] == 1


def test_changes_of_a_plan_without_number_leave_the_newest() -> None:
    """A trip whose plan is changed hundreds of times keeps its beginning and its newest plan."""
    made = judge(planned(), custody_events_kept=KEPT)
    plans = [planned(minute, declaration=f"{minute}") for minute in range(1, 200)]
    for each in plans:
        made.apply_trip_events(
            [
                trip_event(
                    TripEventKind.CHANGED,
                    0,
                    trip=each.trip,
                    event_id=f"c{each.event_id}",
                    occurred_at_ms=each.occurred_at_ms,
                    recorded_at_ms=each.recorded_at_ms,
                )
            ]
        )
    custody = made.containers.files[0].custody
    assert custody is not None
    assert len(custody.events) <= KEPT
    assert custody.segments[0].from_ms == START_MS
    assert custody.segments[-1].trip == plans[-1].trip


def test_the_ledger_knows_which_alerts_rest_on_others() -> None:
    """The types that it keeps when parts are given up are those of the composed rules."""
    assert {kind for rule in catalogue.COMPOSED for kind in rule.types} == ledger.COMPOSED


def test_a_theft_stands_when_one_of_its_signs_is_given_up() -> None:
    """A likely theft isn't taken back because the alerts it rests on are too many to be remembered."""
    made = judge(planned(stop_max_s=60.0), signals_kept=16)
    events: list[AlertEvent] = []
    for leg in range(60):
        at = 20 * leg
        events += made.apply_readings(
            [
                *drive(range(at, at + 10), north_deg=0.03 if leg == 1 else 0.0),
                reading(at + 12, (50.0, 10 + (at + 12) / 100), events=SealEvent.OPENED),
                reading(at + 13, (50.0, 10 + (at + 13) / 100), events=SealEvent.CLOSED),
            ]
        )
    thefts = [event for event in events if event.type.value == "LIKELY_THEFT"]
    assert any(event.action is AlertAction.RAISED for event in thefts)
    assert not [event for event in events if event.action is AlertAction.RETRACTED]
