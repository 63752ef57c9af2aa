"""Seals: every breach is raised, at its own time, whatever else is wrong with the report."""

from __future__ import annotations

from typing import Any

import pytest

from sealtrail.contract.alert import AlertAction, AlertType, Severity
from sealtrail.contract.reading import FixKind, Flag, SealEvent, SealState
from sealtrail.contract.trip import Authorisation, Place, SealCheck, TripEventKind
from tests.anomaly.world import (
    CONTAINER,
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
    told,
    trip_event,
)

CUT = ("raised", "SEAL_CUT")
OPENED = ("raised", "SEAL_OPENED")
HERE = (50.0, 10.1)
CARD = "0012260888"


@pytest.mark.parametrize(
    "report",
    [
        pytest.param({"place": None}, id="no fix"),
        pytest.param({"kind": FixKind.STALE}, id="stale fix"),
        pytest.param({"place": (12.0, 80.0)}, id="jump"),
        pytest.param({"place": (0.0, 0.0)}, id="zero island"),
        pytest.param({"place": (float("nan"), float("nan"))}, id="no number"),
        pytest.param({"flags": int(Flag.CLOCK_UNSET)}, id="no clock"),
        pytest.param({"flags": int(Flag.POSITION_REFUSED), "place": None}, id="position refused"),
        pytest.param({"late_min": 600.0}, id="out of a dead zone"),
    ],
)
@pytest.mark.parametrize(
    ("sign", "kind"),
    [
        ({"events": SealEvent.CUT}, AlertType.SEAL_CUT),
        ({"state": SealState.CUT}, AlertType.SEAL_CUT),
        ({"events": SealEvent.OPENED}, AlertType.SEAL_OPENED),
        ({"state": SealState.OPEN}, AlertType.SEAL_OPENED),
        ({"state": SealState.UNLOCKED}, AlertType.SEAL_OPENED),
        ({"events": SealEvent.TAMPERED}, AlertType.SEAL_TAMPER),
    ],
)
def test_a_breach_is_raised_whatever_the_fix(
    report: dict[str, Any], sign: dict[str, Any], kind: AlertType
) -> None:
    """A breach on a report without a usable fix is raised at once, placed by what is known."""
    made = judge()
    made.apply_readings(drive(range(10)))
    arguments = {"place": HERE, **report, **sign}
    [alert] = of_type(made.apply_readings([reading(10, **arguments)]), kind)
    assert alert.action is AlertAction.RAISED
    assert alert.severity is Severity.CRITICAL
    assert alert.occurred_at_ms == START_MS + 10 * MINUTE_MS
    assert alert.trip_id == f"T-{CONTAINER}"
    assert alert.latitude_deg == pytest.approx(50.0)
    assert alert.longitude_deg == pytest.approx(10.1, abs=0.011)
    usable = not {"place", "kind", "flags"} & report.keys()
    assert alert.place_is_last_known is not usable
    assert alert.evidence[0].reading_id == f"{reading(10, **arguments).reading_id:016x}"


def test_the_sentence_names_seal_time_place_and_lateness() -> None:
    """An officer reads which seal, on which container, when, where and how late."""
    made = judge()
    made.apply_readings(drive(range(10)))
    [alert] = of_type(
        made.apply_readings([reading(10, HERE, events=SealEvent.CUT, late_min=250)]), AlertType.SEAL_CUT
    )
    assert alert.sentence == (
        "Seal JT-123 on MSKU9070323 was cut at 08:10 UTC on 15 Jan 2027 near corridor km 7; "
        "the report arrived 4 h 10 min later."
    )
    assert alert.late_by_ms == 250 * MINUTE_MS + 2_000


def test_a_repeated_bit_is_one_breach_and_a_new_edge_is_another() -> None:
    """Devices repeat a level bit: one alert; a report without it ends it, and the next bit is a second."""
    made = judge()
    bits = [SealEvent.CUT, SealEvent.CUT, SealEvent.NONE, SealEvent.CUT, SealEvent.CUT]
    events = made.apply_readings([reading(n, HERE, events=bit) for n, bit in enumerate(bits)])
    assert [(e.action.value, e.occurred_at_ms) for e in of_type(events, AlertType.SEAL_CUT)] == [
        ("raised", START_MS),
        ("raised", START_MS + 3 * MINUTE_MS),
    ]


def test_a_report_silent_about_the_seal_ends_nothing_on_a_device_that_reports_states() -> None:
    """Status frames with CUT between position frames without a word about the seal are one cut."""
    made = judge()
    states = [SealState.SEALED, SealState.CUT, SealState.UNKNOWN, SealState.CUT, SealState.UNKNOWN]
    events = made.apply_readings([reading(n, HERE, state=state) for n, state in enumerate(states)])
    assert told(events) == [CUT]


def test_a_cut_cable_that_shows_as_open_is_one_act() -> None:
    """After CUT the state OPEN says nothing new; an explicit opening does."""
    made = judge()
    events = made.apply_readings(
        [
            reading(0, HERE, state=SealState.SEALED),
            reading(1, HERE, events=SealEvent.CUT, state=SealState.OPEN),
            reading(2, HERE, state=SealState.OPEN),
        ]
    )
    assert told(events) == [CUT]
    assert told(made.apply_readings([reading(3, HERE, events=SealEvent.OPENED)])) == []
    made.apply_readings([reading(4, HERE, events=SealEvent.CLOSED)])
    assert told(made.apply_readings([reading(5, HERE, events=SealEvent.OPENED)])) == [OPENED]


def test_a_seal_is_watched_from_departure_to_the_end_of_the_trip() -> None:
    """Before departure and after the end openings are handling; in between they are breaches."""
    made = judge(planned(), trip_event(TripEventKind.ENDED, 60))
    for minute, expected in ((-1, []), (0, [OPENED]), (59, [OPENED]), (60, []), (90, [])):
        events = made.apply_readings([reading(minute, HERE, events=SealEvent.OPENED)])
        assert told(events) == expected, minute
        made.apply_readings([reading(minute + 0.1, HERE)])


@pytest.mark.parametrize(
    ("container", "sign", "settings", "severity"),
    [
        (CONTAINER, SealEvent.OPENED, {}, Severity.HIGH),
        (CONTAINER, SealEvent.CUT, {"severity_without_trip": "critical"}, Severity.CRITICAL),
        (None, SealEvent.OPENED, {}, Severity.MEDIUM),
        (None, SealEvent.CUT, {}, Severity.HIGH),
        (None, SealEvent.OPENED, {"severity_unpaired_opening": "off"}, None),
        (CONTAINER, SealEvent.CUT, {"severity_without_trip": "off"}, None),
    ],
)
def test_a_breach_without_any_trip_is_not_lost(
    container: str | None, sign: SealEvent, settings: dict[str, Any], severity: Severity | None
) -> None:
    """Where no trip was ever planned a breach is raised with the severity of the settings."""
    made = judge(trip_event(TripEventKind.TICK), **settings)
    events = made.apply_readings([reading(1, HERE, container=container, events=sign)])
    assert [event.severity for event in events] == ([severity] if severity else [])
    if events:
        assert events[0].trip_id == ""
        assert events[0].container_id == (container or SEAL)


def test_the_trip_may_set_the_severity() -> None:
    """A severity in the plan replaces the catalogue's; a name that is none is ignored."""
    for name, expected in (("medium", Severity.MEDIUM), ("loud", Severity.CRITICAL)):
        made = judge(planned(severities={"SEAL_CUT": name}))
        [alert] = made.apply_readings([reading(1, HERE, events=SealEvent.CUT)])[-1:]
        assert alert.severity is expected


PLACE = Place(name="Malaba", latitude_deg=50.0, longitude_deg=10.1, radius_m=800)
FAR_PLACE = Place(name="Elsewhere", latitude_deg=50.0, longitude_deg=10.2, radius_m=500)


@pytest.mark.parametrize(
    ("leave", "report", "covered"),
    [
        pytest.param({}, {}, True, id="anyone, anywhere"),
        pytest.param({"card_ids": (CARD,)}, {"card_id": CARD}, True, id="right card"),
        pytest.param({"card_ids": (CARD,)}, {"card_id": "1"}, False, id="wrong card"),
        pytest.param({"card_ids": (CARD,)}, {}, False, id="no card"),
        pytest.param({"place": PLACE}, {}, True, id="right place"),
        pytest.param({"place": FAR_PLACE}, {}, False, id="wrong place"),
        pytest.param(
            {"place": FAR_PLACE},
            {"accuracy_m": 8_000.0, "kind": FixKind.CELL},
            True,
            id="may be the place, as far as the fix can tell",
        ),
        pytest.param({"place": PLACE}, {"place": None}, True, id="placed by the fix a minute before"),
        pytest.param({"valid_until_ms": START_MS + 9 * MINUTE_MS}, {}, False, id="too late"),
        pytest.param({"valid_from_ms": START_MS + 11 * MINUTE_MS}, {}, False, id="too early"),
    ],
)
def test_an_authorisation_covers_who_where_and_when(
    leave: dict[str, Any], report: dict[str, Any], *, covered: bool
) -> None:
    """An opening is authorised only where card, place and time of the opening itself are covered."""
    made = judge(planned(), authorised(0, 60, **leave))
    made.apply_readings(drive(range(10)))
    events = made.apply_readings([reading(10, **{"place": HERE, "events": SealEvent.OPENED, **report})])
    assert told(events) == ([("logged", "SEAL_DISARMED")] if covered else [OPENED])


def test_an_opening_at_an_unknown_place_is_not_covered_by_an_authorisation_for_a_place() -> None:
    """Without a fix near in time the place is unknown, and the alert is raised."""
    made = judge(planned(), authorised(0, 600, place=PLACE))
    made.apply_readings([reading(0, HERE)])
    assert told(made.apply_readings([reading(100, None, events=SealEvent.OPENED)])) == [OPENED]


def test_a_fix_of_another_device_places_an_opening_even_when_it_comes_later() -> None:
    """The truck tracker's fix of the same minute shows that the seal was opened where it might be."""
    made = judge(planned(), authorised(0, 600, place=PLACE))
    assert told(made.apply_readings([reading(10, None, events=SealEvent.OPENED)])) == [OPENED]
    events = made.apply_readings([reading(11, HERE, device=TRACKER)])
    assert sorted(told(events)) == [("logged", "SEAL_DISARMED"), ("retracted", "SEAL_OPENED")]


def test_an_authorisation_in_the_trip_plan_counts() -> None:
    """Openings foreseen in the plan need no event of their own."""
    leave = Authorisation(
        authorisation_id="A", granted_by="KRA", valid_from_ms=START_MS, valid_until_ms=START_MS + MINUTE_MS
    )
    made = judge(planned(authorisations=(leave,)))
    assert told(made.apply_readings([reading(0.5, HERE, events=SealEvent.OPENED)])) == [
        ("logged", "SEAL_DISARMED")
    ]


def test_an_authorisation_that_arrives_late_retracts_the_alert() -> None:
    """The alert is taken back with the reason, and the custody log has the opening, however old it is."""
    made = judge(history_reports=8)
    raised = made.apply_readings([reading(1, HERE, events=SealEvent.OPENED)])
    for minute in range(2, 60):
        assert told(made.apply_readings([reading(minute, HERE)])) == []
    events = made.apply_trip_events([authorised(0, 5, minute=70)])
    assert sorted(told(events)) == [("logged", "SEAL_DISARMED"), ("retracted", "SEAL_OPENED")]
    [retraction] = of_type(events, AlertType.SEAL_OPENED)
    assert retraction.alert_id == raised[-1].alert_id
    assert retraction.details["reason"] == (
        "authorisation AUTH-0 covers it, as was not known when it was raised"
    )


def test_the_card_of_another_report_about_the_same_opening_counts() -> None:
    """A status frame says unlocked, the lock event with the card follows a second later: one opening."""
    made = judge(planned(), authorised(0, 60, card_ids=(CARD,)))
    events = made.apply_readings(
        [
            reading(9, HERE, state=SealState.SEALED),
            reading(10, HERE, state=SealState.UNLOCKED),
            reading(10.02, HERE, events=SealEvent.OPENED, card_id=CARD),
            reading(11, HERE, state=SealState.UNLOCKED),
        ]
    )
    assert told(events) == [("logged", "SEAL_DISARMED")]


@pytest.mark.parametrize(
    ("what", "breach"),
    [
        pytest.param(None, False, id="still open"),
        pytest.param(reading(12, HERE, events=SealEvent.CLOSED), True, id="closed"),
        pytest.param(reading(12, HERE, state=SealState.SEALED), True, id="state sealed"),
        pytest.param(trip_event(TripEventKind.ARMED, 12), True, id="armed by hand"),
        pytest.param(
            trip_event(
                TripEventKind.SEAL_CHECKED,
                12,
                seal_check=SealCheck(
                    check_id="C", checked_at_ms=START_MS, condition=1, party="KRA", party_role="CU"
                ),
            ),
            True,
            id="checked",
        ),
    ],
)
def test_a_disarmed_seal_is_armed_again(what: Any, *, breach: bool) -> None:
    """An authorised opening disarms until closing, arming or a check; then a cut is a breach again."""
    made = judge(planned(), authorised(5, 60))
    made.apply_readings([reading(10, HERE, events=SealEvent.OPENED)])
    if hasattr(what, "kind"):
        made.apply_trip_events([what])
    elif what is not None:
        assert told(made.apply_readings([what])) == [("logged", "RESEALED")]
    assert told(made.apply_readings([reading(20, HERE, events=SealEvent.CUT)])) == ([CUT] if breach else [])


def test_an_expired_authorisation_arms_again_unless_set_otherwise() -> None:
    """A cut after the authorisation's end is a breach even where no closing was reported."""
    for rearm, expected in ((True, [CUT]), (False, [])):
        made = judge(planned(), authorised(5, 15), rearm_at_expiry=rearm)
        made.apply_readings([reading(10, HERE, events=SealEvent.OPENED)])
        assert told(made.apply_readings([reading(20, HERE, events=SealEvent.CUT)])) == expected


def test_a_cut_is_raised_although_an_opening_would_be_authorised() -> None:
    """Leave to open is no leave to cut."""
    made = judge(planned(), authorised(0, 60))
    assert told(made.apply_readings([reading(10, HERE, events=SealEvent.CUT)])) == [CUT]


def test_a_plan_that_becomes_known_late_corrects_what_was_raised_without_one() -> None:
    """Without a plan the breach is high; under the trip it is critical; before departure it is none."""
    for departs_min, action, severity in ((0, "updated", "critical"), (30, "retracted", "high")):
        made = judge(trip_event(TripEventKind.TICK))
        [first] = made.apply_readings([reading(10, HERE, events=SealEvent.CUT)])
        assert first.severity is Severity.HIGH
        events = made.apply_trip_events([planned(20, departs_at_ms=START_MS + departs_min * MINUTE_MS)])
        [second] = of_type(events, AlertType.SEAL_CUT)
        assert (second.action.value, second.severity.value) == (action, severity)
        assert second.alert_id == first.alert_id


def test_a_second_seal_of_the_container_has_its_own_custody() -> None:
    """Opening one seal with authorisation disarms that one only."""
    made = judge(planned(), authorised(0, 60, card_ids=(CARD,)))
    events = made.apply_readings(
        [
            reading(10, HERE, events=SealEvent.OPENED, card_id=CARD),
            reading(11, HERE, device="JT-124", events=SealEvent.CUT),
            reading(12, HERE, events=SealEvent.CUT),
        ]
    )
    assert [(e.type.value, e.device_id) for e in events if e.action is AlertAction.RAISED] == [
        ("SEAL_CUT", "JT-124")
    ]


def test_a_late_breach_is_raised_also_beyond_the_history() -> None:
    """Older than all that is kept: raised at its own time, once, and judged by that time's custody."""
    made = judge(planned(), authorised(0, 3), history_reports=8)
    made.apply_readings([reading(minute, HERE) for minute in range(5, 100)])
    late = [
        reading(1, HERE, events=SealEvent.OPENED, late_min=100),
        reading(2, HERE, late_min=100),
        reading(4, HERE, events=SealEvent.OPENED, late_min=100),
    ]
    expected = [("logged", "SEAL_DISARMED"), OPENED]
    assert told(made.apply_readings(late)) == expected
    assert told(made.apply_readings(late)) == []


def test_a_level_that_arrives_beyond_the_history_is_one_breach() -> None:
    """A backlog of cut states, newest first, older than all that is kept, is one cut at its first report."""
    made = judge(history_reports=8)
    made.apply_readings([reading(minute, HERE, state=SealState.SEALED) for minute in range(50, 100)])
    events = []
    for minute in range(40, 20, -1):
        events += made.apply_readings([reading(minute, HERE, state=SealState.CUT, late_min=90)])
    assert standing(events) == [
        ("RESEALED", START_MS + 50 * MINUTE_MS, "info", "open"),
        ("SEAL_CUT", START_MS + 21 * MINUTE_MS, "critical", "open"),
    ]
    assert len({event.alert_id for event in of_type(events, AlertType.SEAL_CUT)}) == 1


def test_a_flapping_seal_is_bounded_and_retracts_nothing() -> None:
    """Thousands of edges stay bounded in memory; what was told long ago stays told."""
    made = judge(signals_kept=16, history_reports=8)
    events = []
    for start in range(0, 2_000, 50):
        bits = (SealEvent.CUT if n % 2 else SealEvent.NONE for n in range(start, start + 50))
        events += made.apply_readings([reading(start + n, HERE, events=bit) for n, bit in enumerate(bits)])
    assert {action for action, _ in told(events)} == {"raised"}
    assert len(of_type(events, AlertType.SEAL_CUT)) == 1_000
    [file] = made.containers.files
    assert len(file.ledger) <= 16
    assert all(len(track.signals) <= 16 for track in file.tracks.values())


def test_the_origin_circle_is_only_about_the_route() -> None:
    """A breach inside an allowed place is a breach."""
    made = judge(planned(origin=ORIGIN, allowed_places=(ORIGIN,)))
    assert told(made.apply_readings([reading(1, (50.0, 10.0), events=SealEvent.CUT)])) == [CUT]


def test_opened_again_after_a_check_though_it_never_said_closed() -> None:
    """A check arms a seal that goes on to say that it stands open; its next opening is a breach, once."""
    check = SealCheck(
        check_id="c", checked_at_ms=START_MS + 20 * MINUTE_MS, condition=1, party="KRA", party_role="CU"
    )
    made = judge(planned(), authorised(0, 10))
    level: dict[str, Any] = {"state": SealState.OPEN}
    events = made.apply_readings([reading(5, events=SealEvent.OPENED, **level), reading(6, **level)])
    events += made.apply_readings([reading(15, events=SealEvent.OPENED, **level), reading(16, **level)])
    assert told(events) == [("logged", "SEAL_DISARMED")]
    made.apply_trip_events([trip_event(TripEventKind.SEAL_CHECKED, 20, seal_check=check)])
    events = made.apply_readings([reading(25, events=SealEvent.OPENED, **level), reading(26, **level)])
    events += made.apply_readings([reading(27, events=SealEvent.OPENED, **level)])
    assert told(events) == [("raised", "SEAL_OPENED")]


@pytest.mark.parametrize("card", ["04a3 b2-0c", " 04A3B20C ", "04-A3-B2-0C"])
def test_a_card_is_the_same_however_it_is_written(card: str) -> None:
    """Readers and offices write one card's number with and without case, spaces and dashes."""
    made = judge(planned(), authorised(0, 60, card_ids=("04A3B20C",)))
    events = made.apply_readings([reading(5, events=SealEvent.OPENED, card_id=card)])
    assert told(events) == [("logged", "SEAL_DISARMED")]


@pytest.mark.parametrize("years", [1, 1024 * 7 / 365.25])
def test_a_breach_of_a_clock_far_behind_is_judged_at_its_receipt(years: float) -> None:
    """A device whose year is wrong, or whose satellite weeks ran over, hides no breach."""
    made = judge()
    made.apply_readings(drive(range(5)))
    behind_min = years * 365.25 * 24 * 60
    cut = reading(5 - behind_min, state=SealState.CUT, late_min=behind_min)
    events = made.apply_readings([cut])
    assert told(events) == [("raised", "SEAL_CUT")]
    assert events[0].occurred_at_ms == cut.received_at_ms
    assert "the device's clock is wrong" in events[0].sentence
    assert told(made.apply_readings([cut])) == []
