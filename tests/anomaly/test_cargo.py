"""The cargo's profile, shocks, batteries, and what several alerts come to together."""

from __future__ import annotations

import random

import msgspec
import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.reading import FixKind, Reading, SealEvent
from sealtrail.contract.trip import Place, SensorLimit
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import SEAL, TRACKER, drive, judge, of_type, planned, reading, standing

A = AlertAction
COLD = SensorLimit(quantity="temperature_c", least=2.0, greatest=8.0, lasting_s=900.0)
DRY = SensorLimit(quantity="humidity_pct", greatest=60.0)


def degrees(*values: float | None, start: int = 0, step: int = 5, **fields: object) -> list[Reading]:
    """Temperatures, one every ``step`` minutes."""
    return [
        reading(start + step * i, temperature_c=value, **fields)  # type: ignore[arg-type]
        for i, value in enumerate(values)
    ]


def one_by_one(made: Judge, readings: list[Reading]) -> list[AlertEvent]:
    return [event for each in readings for event in made.apply_readings([each])]


def said(events: list[AlertEvent], kind: AlertType) -> list[AlertAction]:
    return [event.action for event in of_type(events, kind)]


class TestExcursion:
    """SENSOR_EXCURSION."""

    def test_long_enough_outside(self) -> None:
        """Told once the last value outside is a quarter of an hour after the first; its worst is told."""
        events = one_by_one(judge(planned(cargo_limits=(COLD,))), degrees(5, 9, 11, 10, 9, 9, 6))
        assert said(events, AlertType.SENSOR_EXCURSION) == [A.RAISED, A.CLEARED]
        told, _ = of_type(events, AlertType.SENSOR_EXCURSION)
        assert "11 °C at the worst" in told.sentence
        assert "2 °C to 8 °C" in told.sentence
        assert told.occurred_at_ms == degrees(5, 9)[1].occurred_at_ms

    @pytest.mark.parametrize(
        "values",
        [(5, 9, 9, 7, 5), (5, None, 5), (8.0, 2.0, 8.0, 2.0), (float("nan"),) * 5],
        ids=["too short", "missing", "on the edge", "NaN"],
    )
    def test_what_is_none(self, values: tuple[float | None, ...]) -> None:
        """Short, missing, exactly at the limit, not a number."""
        assert not said(
            one_by_one(judge(planned(cargo_limits=(COLD,))), degrees(*values)), AlertType.SENSOR_EXCURSION
        )

    def test_missing_values_do_not_end_it(self) -> None:
        """A report without a temperature in between changes nothing."""
        events = one_by_one(judge(planned(cargo_limits=(COLD,))), degrees(9, None, None, 9, 9))
        assert said(events, AlertType.SENSOR_EXCURSION) == [A.RAISED]

    def test_one_value_where_none_is_allowed(self) -> None:
        """Without a time of its own a limit is broken by one value; two quantities are two alerts."""
        wet = [reading(m, temperature_c=9.0, humidity_pct=70.0) for m in (0, 20)]
        events = one_by_one(judge(planned(cargo_limits=(COLD, DRY))), wet)
        assert len({event.alert_id for event in of_type(events, AlertType.SENSOR_EXCURSION)}) == 2

    def test_it_stands_when_the_history_has_moved_on(self) -> None:
        """Hundreds of reports later it is still what it was, whatever else is told."""
        made = judge(planned(cargo_limits=(COLD,)))
        events = one_by_one(made, degrees(5, 9, 9, 9, 9, 6))
        events += made.apply_readings(drive(range(40, 300)))
        events += made.apply_readings([reading(301, events=SealEvent.CUT)])
        assert said(events, AlertType.SENSOR_EXCURSION) == [A.RAISED, A.CLEARED]

    def test_however_it_arrives(self) -> None:
        """In one batch, shuffled and doubled, the same stands."""
        readings = degrees(5, 9, 11, 10, 9, 9, 6, 5, 9, 5)
        made = judge(planned(cargo_limits=(COLD,)))
        expected = standing(of_type(one_by_one(made, readings), AlertType.SENSOR_EXCURSION))
        assert expected
        for seed in range(5):
            mixed = readings * 2
            random.Random(seed).shuffle(mixed)
            made = judge(planned(cargo_limits=(COLD,)))
            events = [e for i in range(0, 20, 3) for e in made.apply_readings(mixed[i : i + 3])]
            assert standing(of_type(events, AlertType.SENSOR_EXCURSION)) == expected


class TestShock:
    """SHOCK."""

    def test_one_handling_is_one_though_old_shocks_are_given_up(self) -> None:
        """Where the oldest signals go, they go between two handlings, so that no half of one is told anew."""
        made, hits = judge(signals_kept=16), []
        for start in range(0, 3_000, 150):
            hits += [reading(start + 3 * n, shock_g=5.0 * (n % 2)) for n in range(7)]
        assert said(one_by_one(made, hits), AlertType.SHOCK).count(A.RAISED) == 20

    def test_the_strongest_of_one_handling(self) -> None:
        """Shocks of one hour are one alert of low severity; the trip's own limit holds, else the setting."""
        hits = [reading(m, shock_g=g) for m, g in ((1, 5.0), (3, 7.5), (6, 1.0), (90, 6.0))]
        events = of_type(one_by_one(judge(planned()), hits), AlertType.SHOCK)
        assert len({event.alert_id for event in events}) == 2
        assert {event.severity.value for event in events} == {"low"}
        robust = SensorLimit(quantity="shock_g", greatest=10.0)
        made = judge(planned(cargo_limits=(robust,)))
        events = one_by_one(made, hits)
        assert not of_type(events, AlertType.SHOCK, AlertType.SENSOR_EXCURSION)

    def test_the_device_says_so(self) -> None:
        """A drop that the device reports needs no figure."""
        [event] = of_type(one_by_one(judge(planned()), [reading(1, events=SealEvent.DROP)]), AlertType.SHOCK)
        assert "was dropped" in event.sentence


class TestBattery:
    """BATTERY_LOW."""

    def test_low_with_its_end_foretold_and_charged(self) -> None:
        """Told below 15 % with the time of its end, not again while it wavers, ended at 20."""
        levels = [*range(40, 12, -2), 16, 13, 18, 12, 25]
        readings = [reading(30 * i, battery_pct=float(level)) for i, level in enumerate(levels)]
        events = one_by_one(judge(planned()), readings)
        assert said(events, AlertType.BATTERY_LOW) == [A.RAISED, A.CLEARED]
        assert "will be empty at" in of_type(events, AlertType.BATTERY_LOW)[0].sentence

    def test_it_was_low_at_the_departure(self) -> None:
        """A device that goes on a trip with a low battery is told at its first report of it."""
        events = one_by_one(judge(planned()), [reading(m, battery_pct=9.0) for m in (-9, -3, 2, 5)])
        [event] = of_type(events, AlertType.BATTERY_LOW)
        assert event.occurred_at_ms == reading(2).occurred_at_ms

    def test_charging_says_nothing(self) -> None:
        """No level and no word of it is no low battery."""
        assert not said(one_by_one(judge(planned()), drive(range(5))), AlertType.BATTERY_LOW)


class TestLikelyTheft:
    """LIKELY_THEFT."""

    def test_a_door_opens_off_the_way(self) -> None:
        """A detour and an open door within the hour are told together, with both in the sentence."""
        detour = drive(range(10, 20), north_deg=0.1)
        door = [reading(17.5, (50.1, 10.175), door_open=True)]
        readings = sorted(
            [*drive(range(10), door_open=False), *detour, *door], key=lambda r: r.occurred_at_ms
        )
        events = one_by_one(judge(planned()), readings)
        [event] = of_type(events, AlertType.LIKELY_THEFT)
        assert event.severity.value == "critical"
        assert "off the corridor" in event.sentence
        assert "door opened" in event.sentence

    def test_one_kind_twice_is_one(self) -> None:
        """A cut seal and an open door are the same act."""
        readings = [
            *drive(range(5), door_open=False),
            reading(6, events=SealEvent.CUT),
            reading(7, door_open=True),
        ]
        assert not said(one_by_one(judge(planned()), readings), AlertType.LIKELY_THEFT)

    def test_one_device_alone_off_the_way_is_one_thing(self) -> None:
        """A wrong position explains both alerts while the other device is on its way; a door is more."""
        seal = drive(range(10), door_open=False)
        seal += [reading(10 + north, (50.0 + 0.01 * north, 10.1)) for north in range(40)]
        readings = [*seal, *drive([minute + 0.5 for minute in range(50)], device=TRACKER)]
        readings.sort(key=lambda each: each.occurred_at_ms)
        made = judge(planned(device_ids=(SEAL, TRACKER)))
        events = one_by_one(made, readings)
        assert said(events, AlertType.SEPARATION)
        assert said(events, AlertType.ROUTE_DEVIATION)
        assert not said(events, AlertType.LIKELY_THEFT)
        assert said(made.apply_readings([reading(51, (50.4, 10.1), door_open=True)]), AlertType.LIKELY_THEFT)

    def test_far_apart_in_time_is_a_coincidence(self) -> None:
        """A detour that ended hours before the door opened is none of it."""
        readings = [
            *drive(range(10), door_open=False),
            *drive(range(10, 20), north_deg=0.1),
            *drive(range(20, 30)),
        ]
        readings += [reading(200, (50.0, 10.4), door_open=True)]
        events = one_by_one(judge(planned(reporting_interval_s=36_000.0)), readings)
        assert not said(events, AlertType.LIKELY_THEFT)

    def test_in_an_allowed_place(self) -> None:
        """Where the container may stand, what happens is told by its own name only."""
        yard = Place(name="Yard", latitude_deg=50.1, longitude_deg=10.22, radius_m=2_000)
        detour = drive(range(10, 20), north_deg=0.1)
        readings = [*drive(range(10), door_open=False), *detour, reading(21, (50.1, 10.22), door_open=True)]
        events = one_by_one(judge(planned(allowed_places=(yard,))), readings)
        assert said(events, AlertType.DOOR_OPENED)
        assert not said(events, AlertType.LIKELY_THEFT)

    def test_a_vague_place_of_one_part_hides_nothing(self) -> None:
        """The door's place by a cell may be the yard's; the detour's isn't, and the two are one theft."""
        yard = Place(name="Yard", latitude_deg=50.13, longitude_deg=10.22, radius_m=2_000)
        detour = drive(range(10, 21), north_deg=0.1)
        door = reading(21, (50.1, 10.22), door_open=True, kind=FixKind.CELL, accuracy_m=3_000.0)
        for places, told in (((yard,), True), ((msgspec.structs.replace(yard, radius_m=8_000),), False)):
            readings = [*drive(range(10), door_open=False), *detour, door]
            events = one_by_one(judge(planned(allowed_places=places)), readings)
            assert said(events, AlertType.DOOR_OPENED)
            assert bool(said(events, AlertType.LIKELY_THEFT)) is told


def test_a_snapshot_in_between_changes_nothing() -> None:
    """Excursions, shocks and batteries go on over restarts."""
    readings = [
        *degrees(5, 9, 9, 9, 9, 6, shock_g=6.0, battery_pct=10.0),
        *degrees(9, 9, 9, 9, start=60, battery_pct=30.0),
    ]
    plan = planned(cargo_limits=(COLD,))
    whole = one_by_one(judge(plan), readings)
    made, events = judge(plan), []
    for each in readings:
        events += made.apply_readings([each])
        made = Judge.restore(AnomalySettings(), made.snapshot())
    assert events == whole
    assert {event.type for event in whole} >= {
        AlertType.SENSOR_EXCURSION,
        AlertType.SHOCK,
        AlertType.BATTERY_LOW,
    }
