"""Two devices of one trip that are in different places."""

from __future__ import annotations

import random

import pytest

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.reading import FixKind, Reading
from sealtrail.contract.trip import Place
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import SEAL, TRACKER, authorised, drive, judge, of_type, planned, reading, standing

A = AlertAction
BOTH = (SEAL, TRACKER)


def together(minutes: range) -> list[Reading]:
    """Both devices along the way, the tracker half a minute after the seal."""
    return [*drive(minutes), *drive([m + 0.5 for m in minutes], device=TRACKER)]


def parted(minutes: range, *, back_at: int | None = None) -> list[Reading]:
    """The tracker stays at minute 20's place from there on, until it drives after the seal, and finds it."""
    tracker = []
    for m in minutes:
        waits = 20.5 if back_at is None or m < back_at else 20.5 + 3 * (m - back_at)
        at = min(m + 0.5, waits)
        tracker.append(reading(m + 0.5, (50.0, 10.0 + 0.01 * at), device=TRACKER))
    return sorted(drive(minutes) + tracker, key=lambda each: each.occurred_at_ms)


def apart(events: list[AlertEvent]) -> list[AlertAction]:
    return [event.action for event in of_type(events, AlertType.SEPARATION)]


def one_by_one(made: Judge, readings: list[Reading]) -> list[AlertEvent]:
    return [event for each in readings for event in made.apply_readings([each])]


def test_on_the_way_together() -> None:
    """Devices that drive together at 43 km/h and report half a minute apart are never separated."""
    assert apart(one_by_one(judge(planned(device_ids=BOTH)), together(range(60)))) == []


def test_a_tracker_that_stays_behind() -> None:
    """Told within a few reports, from its first fix that shows it; ended when they are together again."""
    events = one_by_one(judge(planned(device_ids=BOTH)), parted(range(60), back_at=40))
    assert apart(events) == [A.RAISED, A.CLEARED]
    [told, _] = of_type(events, AlertType.SEPARATION)
    assert 21 <= (told.occurred_at_ms - drive([0])[0].occurred_at_ms) / 60_000 <= 25
    assert told.details["devices"] == f"{SEAL}, {TRACKER}"


def test_however_it_arrives() -> None:
    """In one batch, shuffled, doubled, or in chunks, the same separation stands."""
    readings = parted(range(28), back_at=25)
    expected = standing(of_type(one_by_one(judge(planned(device_ids=BOTH)), readings), AlertType.SEPARATION))
    assert expected
    for seed in range(5):
        mixed = readings * 2
        random.Random(seed).shuffle(mixed)
        made = judge(planned(device_ids=BOTH))
        chunks = [mixed[start : start + 7] for start in range(0, len(mixed), 7)]
        events = [event for chunk in chunks for event in made.apply_readings(chunk)]
        assert standing(of_type(events, AlertType.SEPARATION)) == expected
    made = judge(planned(device_ids=BOTH))
    assert standing(of_type(made.apply_readings(readings), AlertType.SEPARATION)) == expected


@pytest.mark.parametrize(
    "kind", [FixKind.CELL, FixKind.STALE], ids=["mobile cells", "a position that the device repeats"]
)
def test_coarse_and_stale_places_show_nothing(kind: FixKind) -> None:
    """A place that may be kilometres off, or is old, says nothing about two kilometres."""
    far = [reading(m + 0.5, (50.02, 10.0 + 0.01 * m), device=TRACKER, kind=kind) for m in range(20)]
    events = one_by_one(
        judge(planned(device_ids=BOTH)), sorted(drive(range(20)) + far, key=lambda r: r.occurred_at_ms)
    )
    assert apart(events) == []


def test_where_devices_may_part() -> None:
    """At the destination, and with leave, the truck may go."""
    end = Place(name="Yard", latitude_deg=50.0, longitude_deg=10.22, radius_m=5_000)
    events = one_by_one(judge(planned(device_ids=BOTH, destination=end)), parted(range(40)))
    assert apart(events) == []
    events = one_by_one(judge(planned(device_ids=BOTH), authorised(15, 35)), parted(range(40)))
    assert apart(events) == []


@pytest.mark.parametrize("leaves", [SEAL, TRACKER])
def test_one_may_leave_the_other_at_the_destination(leaves: str) -> None:
    """The truck that brought the container goes on, whichever device's fix shows it first."""
    stays = TRACKER if leaves == SEAL else SEAL
    end = Place(name="Yard", latitude_deg=50.0, longitude_deg=10.2, radius_m=800)
    readings = [*drive(range(45), device=leaves), *drive(range(20), device=stays)]
    readings += [reading(minute, (50.0, 10.2), device=stays) for minute in range(20, 45)]
    for plan, expected in (
        (planned(device_ids=BOTH, destination=end), []),
        (planned(device_ids=BOTH), [A.RAISED]),
    ):
        made = judge(plan)
        events = one_by_one(made, sorted(readings, key=lambda each: each.occurred_at_ms))
        assert apart(events) == expected


def test_a_device_of_another_trip_is_nobodys() -> None:
    """Only the devices that the trip names belong together."""
    assert apart(one_by_one(judge(planned(device_ids=(SEAL,))), parted(range(40)))) == []


def test_a_snapshot_in_between_changes_nothing() -> None:
    """A separation goes on, and ends, over a restart."""
    made = judge(planned(device_ids=BOTH))
    readings, events = parted(range(60), back_at=40), []
    for start in range(0, len(readings), 9):
        events += made.apply_readings(readings[start : start + 9])
        made = Judge.restore(AnomalySettings(), made.snapshot())
    assert apart(events) == [A.RAISED, A.CLEARED]
