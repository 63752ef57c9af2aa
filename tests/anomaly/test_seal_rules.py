"""What a seal refuses, its faults, its number, its door, and what people find when they look at it."""

from __future__ import annotations

import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.reading import Reading, SealEvent, SealState
from sealtrail.contract.trip import Place, SealCheck, TripEvent, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import (
    CONTAINER,
    MINUTE_MS,
    ORIGIN,
    SEAL,
    START_MS,
    authorised,
    drive,
    judge,
    of_type,
    planned,
    reading,
    standing,
    trip_event,
)

A = AlertAction


def judged(readings: list[Reading], *events: TripEvent, **settings: object) -> list[AlertEvent]:
    """Alert events of readings under a plan, one batch for each."""
    made = judge(*events, **settings)
    return [event for each in readings for event in made.apply_readings([each])]


def check(minute: float, condition: int = 1, *, late_min: float = 0, **fields: object) -> TripEvent:
    """A person's look at the seal."""
    at_ms = START_MS + round(minute * MINUTE_MS)
    seal_check = SealCheck(
        check_id=f"C-{minute}",
        checked_at_ms=at_ms,
        condition=condition,
        party="Port police",
        party_role="CU",
        **fields,  # type: ignore[arg-type]  # fields by name
    )
    return trip_event(
        TripEventKind.SEAL_CHECKED,
        minute,
        event_id=f"check-{minute}",
        recorded_at_ms=at_ms + round(late_min * MINUTE_MS),
        seal_check=seal_check,
    )


class TestUnlockRefused:
    """UNLOCK_REFUSED."""

    def test_attempts_near_each_other_are_one(self) -> None:
        """Three refusals within minutes are one alert that counts them; one an hour later is another."""
        bad = [reading(m, events=SealEvent.BAD_CARD, card_id="0042") for m in (5, 7, 9)]
        quiet = [reading(m) for m in (6, 8, 10, 30)]
        later = [reading(75, events=SealEvent.WRONG_PASSWORD), reading(76)]
        events = judged(sorted(bad + quiet + later, key=lambda r: r.occurred_at_ms), planned())
        first, second = of_type(events, AlertType.UNLOCK_REFUSED)
        assert (first.action, second.action) == (A.RAISED, A.RAISED)
        assert "a card that it doesn't know" in first.sentence
        assert first.details["card_id"] == "0042"
        assert "a wrong password" in second.sentence

    def test_nothing_after_the_trip(self) -> None:
        """Once its trip has ended nobody watches the seal."""
        made = judge(planned(), trip_event(TripEventKind.ENDED, 5))
        assert not of_type(
            made.apply_readings([reading(6, events=SealEvent.BAD_CARD)]), AlertType.UNLOCK_REFUSED
        )


class TestSealFault:
    """SEAL_FAULT."""

    def test_contradicting_sensors_are_a_fault_and_no_breach(self) -> None:
        """A cable that is in while the lock is open is told as a fault, and ends."""
        states = [SealState.SEALED, SealState.FAULT, SealState.FAULT, SealState.SEALED]
        events = judged([reading(m, state=state) for m, state in enumerate(states)], planned())
        assert [event.action for event in of_type(events, AlertType.SEAL_FAULT)] == [A.RAISED, A.CLEARED]
        assert not of_type(events, AlertType.SEAL_OPENED, AlertType.SEAL_CUT)

    def test_a_lock_that_moves_with_leave_is_none(self) -> None:
        """While the seal may be opened there and then, its lock may be anywhere."""
        events = judged([reading(5, state=SealState.FAULT)], planned(), authorised(0, 10))
        assert not of_type(events, AlertType.SEAL_FAULT)

    def test_it_flickers_once(self) -> None:
        """A fault that comes and goes within the hour is one alert."""
        states = [SealState.FAULT, SealState.SEALED] * 6
        events = judged([reading(m, state=state) for m, state in enumerate(states)], planned())
        assert len({event.alert_id for event in of_type(events, AlertType.SEAL_FAULT)}) == 1


class TestSealMismatch:
    """SEAL_MISMATCH by what the seal reports."""

    def test_another_number_than_declared(self) -> None:
        """Both numbers are in the sentence; dashes and case don't matter."""
        good = [reading(m, seal_number="slt-000 123") for m in range(3)]
        bad = [reading(m, seal_number="XX9") for m in range(3, 6)]
        events = of_type(judged(good + bad, planned(seal_numbers=("SLT000123",))), AlertType.SEAL_MISMATCH)
        [event] = events
        assert "XX9 instead of SLT000123" in event.sentence
        assert event.occurred_at_ms == START_MS + 3 * MINUTE_MS

    def test_it_was_wrong_before_the_trip_began(self) -> None:
        """A seal that reported another number before the departure is wrong from the next report on."""
        events = judged([reading(m, seal_number="XX9") for m in (-3, 3)], planned(seal_numbers=("SLT1",)))
        [event] = of_type(events, AlertType.SEAL_MISMATCH)
        assert event.occurred_at_ms == START_MS + 3 * MINUTE_MS

    def test_a_replacement_that_is_written_down_later_takes_it_back(self) -> None:
        """The new seal reports before its check is recorded: retracted; then the old one is wrong."""
        made = judge(planned(seal_numbers=("SLT1",)))
        events = made.apply_readings([reading(0, seal_number="SLT1"), reading(20, seal_number="NEW2")])
        events += made.apply_trip_events([check(25, late_min=60, seal_seen="SLT1", replaced_by="NEW2")])
        events += made.apply_readings([reading(40, seal_number="NEW2")])
        assert [e.action for e in of_type(events, AlertType.SEAL_MISMATCH)] == [A.RAISED, A.RETRACTED]
        events = made.apply_readings([reading(50, seal_number="SLT1")])
        assert [e.action for e in of_type(events, AlertType.SEAL_MISMATCH)] == [A.RAISED]

    def test_nothing_declared_nothing_raised(self) -> None:
        """A trip without seal numbers has none that could be wrong."""
        assert not of_type(judged([reading(1, seal_number="XX9")], planned()), AlertType.SEAL_MISMATCH)


class TestSealCheck:
    """What people find."""

    @pytest.mark.parametrize(
        ("condition", "kind"),
        [
            (2, AlertType.SEAL_TAMPER),
            (3, AlertType.SEAL_MISMATCH),
            (4, AlertType.SEAL_CUT),
            (5, AlertType.SEAL_FAULT),
        ],
    )
    def test_a_bad_condition_is_an_alert(self, condition: int, kind: AlertType) -> None:
        """UN/EDIFACT 4517: each condition but 1 raises its type, at the check's own time."""
        made = judge(planned())
        events = made.apply_readings(drive(range(10)))
        events += made.apply_trip_events([check(8, condition, late_min=90)])
        [event] = of_type(events, kind)
        assert event.action is A.RAISED
        assert event.occurred_at_ms == START_MS + 8 * MINUTE_MS
        assert event.late_by_ms == 90 * MINUTE_MS

    def test_the_right_seal_in_the_right_condition(self) -> None:
        """Nothing is raised of a check that finds what was declared, and its replacement."""
        made = judge(planned(seal_numbers=("SLT1",)))
        events = made.apply_trip_events([check(5, seal_seen="SLT1", replaced_by="NEW2")])
        events += made.apply_trip_events([check(15, seal_expected="NEW2", seal_seen="NEW2")])
        assert not of_type(events, AlertType.SEAL_MISMATCH)

    def test_the_right_number_in_other_spelling(self) -> None:
        """Case, spaces and dashes of the number seen are of no account, whatever was expected."""
        made = judge(planned(seal_numbers=("SLT1",)))
        events = made.apply_trip_events([check(5, seal_expected="SLT1", seal_seen="slt-1")])
        assert not of_type(events, AlertType.SEAL_MISMATCH)

    def test_another_number_seen(self) -> None:
        """A number that is not declared is a mismatch though the seal is in order."""
        made = judge(planned(seal_numbers=("SLT1",)))
        [event] = of_type(made.apply_trip_events([check(5, seal_seen="ZZ9")]), AlertType.SEAL_MISMATCH)
        assert "ZZ9 instead of SLT1" in event.sentence

    def test_it_confirms_what_the_device_said(self) -> None:
        """A broken seal that has said itself that it was cut is not told twice."""
        made = judge(planned())
        events = made.apply_readings([reading(3, events=SealEvent.CUT)])
        events += made.apply_trip_events([check(8, 4)])
        assert len(of_type(events, AlertType.SEAL_CUT)) == 1

    def test_unpaired_under_way(self) -> None:
        """A device that is taken off its container between the ends of its trip leaves it without a seal."""
        off = trip_event(TripEventKind.UNPAIRED, 9, device_id=SEAL, actor="jane")
        made = judge(planned(destination=ORIGIN))
        made.apply_readings(drive(range(3, 9)))
        [event] = of_type(made.apply_trip_events([off]), AlertType.SEAL_MISMATCH)
        assert "jane" in event.sentence
        home = Place(name="Here", latitude_deg=50.0, longitude_deg=10.08, radius_m=5_000)
        made = judge(planned(destination=home))
        made.apply_readings(drive(range(3, 9)))
        assert not of_type(made.apply_trip_events([off]), AlertType.SEAL_MISMATCH)


class TestDoorOpened:
    """DOOR_OPENED."""

    def test_by_its_sensor(self) -> None:
        """A door that opens under way is told, and so is its end; one that bounces is open once."""
        doors = [False, True, False, True, True, False, False]
        events = judged([reading(m, door_open=door) for m, door in enumerate(doors)], planned())
        assert [e.action for e in of_type(events, AlertType.DOOR_OPENED)] == [
            A.RAISED,
            A.CLEARED,
            A.RAISED,
            A.CLEARED,
        ]
        assert len({e.alert_id for e in of_type(events, AlertType.DOOR_OPENED)}) == 1

    def test_of_a_device_that_never_tells_of_a_closed_door(self) -> None:
        """Each opening is told; the one before it ends with it, and says no more than the device does."""
        readings = [
            reading(60 * at, door_open=True, events=SealEvent.DOOR_OPENED)
            if at in {1, 5}
            else reading(60 * at)
            for at in range(8)
        ]
        events = of_type(judged(readings, planned()), AlertType.DOOR_OPENED)
        assert len({e.alert_id for e in events}) == 2
        (cleared,) = (e for e in events if e.action is A.CLEARED)
        assert "opened anew" in cleared.sentence
        assert len([e for e in events if e.action is A.RAISED]) == 2

    def test_of_a_device_that_tells_of_its_door_now_and_then(self) -> None:
        """One that has told of a closed door is open until it says closed."""
        doors = [False, True, None, None, False, None]
        readings = [reading(60 * at, door_open=door) for at, door in enumerate(doors)]
        raised, cleared = of_type(judged(readings, planned()), AlertType.DOOR_OPENED)
        assert (raised.action, cleared.action) == (A.RAISED, A.CLEARED)
        assert "closed again" in cleared.sentence

    def test_with_leave(self) -> None:
        """Where the seal may be opened, whosever card it takes, the door may be too."""
        leave = authorised(0, 10, card_ids=("0042",), place=ORIGIN)
        events = judged([reading(1, door_open=False), reading(2, door_open=True)], planned(), leave)
        assert not of_type(events, AlertType.DOOR_OPENED)

    def test_before_the_departure(self) -> None:
        """Loading is not watched, and a door that is still open then has not been opened."""
        events = judged([reading(m, door_open=True) for m in (-8, -2, 1, 2)], planned())
        assert not of_type(events, AlertType.DOOR_OPENED)

    def test_light_in_a_place_that_is_dark_by_day(self) -> None:
        """Bright where it was dark at noon is an opening; outside it is only the morning."""
        noon = 60 * 11 - (START_MS // MINUTE_MS) % 1440  # sun time is 40 min ahead at 10 E
        inside = [
            reading(noon + m, light_lux=lux) for m, lux in ((0, 0.1), (10, 0.1), (20, 900.0), (30, 0.2))
        ]
        events = judged(inside, planned())
        assert [e.action for e in of_type(events, AlertType.DOOR_OPENED)] == [A.RAISED, A.CLEARED]
        night = [reading(noon + 720 + m, light_lux=lux) for m, lux in ((0, 0.1), (240, 0.1), (480, 900.0))]
        assert not of_type(judged(night, planned()), AlertType.DOOR_OPENED)

    def test_the_device_says_light(self) -> None:
        """What a device itself calls light inside is believed."""
        events = judged([reading(1), reading(2, events=SealEvent.LIGHT)], planned())
        [event] = of_type(events, AlertType.DOOR_OPENED)
        assert event.details["shown_by"] == "light"


def test_a_snapshot_in_between_changes_nothing() -> None:
    """All of it goes on after a restart as if there had been none."""
    journey = [
        reading(1, seal_number="XX9", door_open=False),
        reading(2, state=SealState.FAULT, seal_number="XX9"),
        reading(3, door_open=True, events=SealEvent.BAD_CARD, seal_number="SLT1", state=SealState.SEALED),
        reading(4, door_open=False, seal_number="SLT1", state=SealState.SEALED),
    ]
    plan = planned(seal_numbers=("SLT1",))
    whole = judged(journey, plan)
    made, events = judge(plan), []
    for each in journey:
        events += made.apply_readings([each])
        made = Judge.restore(AnomalySettings(), made.snapshot())
    assert events == whole
    assert len(standing(whole)) == 4, standing(whole)
    assert all(event.container_id == CONTAINER for event in whole)
