"""Jammed and forged positions, told from faults by the network, by neighbours, and by what a track can do."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from anomaly.judge import Judge
from anomaly.neighbourhood import Kind, Neighbourhood, Note
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.reading import FixKind, Reading, SealEvent
from sealtrail.contract.trip import Checkpoint, Corridor, Place, Zone
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import drive, judge, of_type, planned, reading, standing

A = AlertAction
FAR_AWAY = (48.0, 20.0)
HALL = Place(name="Hall", latitude_deg=50.0, longitude_deg=10.19, radius_m=2_000)


def lost(minutes: Iterable[float], *, signal_pct: float | None = 80.0, **fields: object) -> list[Reading]:
    """Reports that repeat the last place, marked invalid, over a good network."""
    return [
        reading(m, (50.0, 10.19), kind=FixKind.STALE, signal_pct=signal_pct, **fields)  # type: ignore[arg-type]
        for m in minutes
    ]


def said(events: list[AlertEvent], kind: AlertType) -> list[AlertAction]:
    return [event.action for event in of_type(events, kind)]


def one_by_one(made: Judge, readings: list[Reading]) -> list[AlertEvent]:
    return [event for each in readings for event in made.apply_readings([each])]


class TestJamming:
    """GNSS_JAMMING."""

    def test_the_device_says_so(self) -> None:
        """Raised at once, ended with the first report that says nothing of it; flickering is one."""
        jammed = [reading(m, events=SealEvent.JAMMING if m % 2 else SealEvent.NONE) for m in range(10, 20)]
        events = one_by_one(judge(planned()), [*drive(range(10)), *jammed])
        assert len({event.alert_id for event in of_type(events, AlertType.GNSS_JAMMING)}) == 1
        assert said(events, AlertType.GNSS_JAMMING)[0] is A.RAISED

    def test_satellites_lost_and_the_network_not(self) -> None:
        """A quarter of an hour without a fix under a good signal, and a fix ends it."""
        readings = [*drive(range(20)), *lost(range(20, 40)), *drive(range(40, 45))]
        events = one_by_one(judge(planned()), readings)
        assert said(events, AlertType.GNSS_JAMMING) == [A.RAISED, A.CLEARED]

    @pytest.mark.parametrize(
        ("readings", "plan"),
        [
            ([*drive(range(20)), *lost(range(20, 40), signal_pct=10.0)], {}),
            ([*drive(range(20)), *lost(range(20, 40), signal_pct=None)], {}),
            ([*drive(range(20)), *lost(range(20, 30)), *drive(range(30, 40))], {}),
            ([*drive(range(20)), *lost(range(20, 40))], {"allowed_places": (HALL,)}),
            ([*drive(range(20)), *lost(range(20, 30))], {"dead_zones": (Zone(name="T", circle=HALL),)}),
            ([*drive(range(3)), *lost(range(20, 40))], {}),
            ([*drive(range(20)), *lost(range(20, 21)), *lost(range(200, 202))], {}),
            ([reading(m, None if m % 3 else (50.0, 10.0), signal_pct=90.0) for m in range(60)], {}),
        ],
        ids=[
            "weak",
            "unknown signal",
            "short",
            "in a hall",
            "in a tunnel",
            "never sure",
            "a gap between",
            "sparse by habit",
        ],
    )
    def test_what_is_no_jamming(self, readings: list[Reading], plan: dict[str, object]) -> None:
        """Weak networks, short losses, halls, tunnels, and devices that seldom send a place."""
        made = judge(planned(**plan))  # type: ignore[arg-type]  # fields by name
        assert said(one_by_one(made, readings), AlertType.GNSS_JAMMING) == []

    def hall(self, minutes: range, **fields: object) -> list[Reading]:
        """Reports of a container that stands in the hall and is located by its cell."""
        return [
            reading(m, (50.0, 10.19), kind=FixKind.CELL, accuracy_m=1_500.0, moving=False, **fields)  # type: ignore[arg-type]
            for m in minutes
        ]

    def test_a_fix_lost_on_the_way_into_a_hall(self) -> None:
        """A few reports without a fix at the gate, and a night in the hall, are no jamming."""
        readings = [*drive(range(20)), *lost(range(20, 22), moving=True), *self.hall(range(22, 60))]
        made = judge(planned(allowed_places=(HALL,)))
        assert said(one_by_one(made, readings), AlertType.GNSS_JAMMING) == []

    def test_who_drives_on_without_a_fix_is_in_no_hall(self) -> None:
        """Satellites that are lost in the hall and stay lost on the way from it: told from the way on."""
        readings = [
            *drive(range(20), moving=True),
            *self.hall(range(20, 26)),
            *lost(range(26, 50), moving=True),
        ]
        made = judge(planned(allowed_places=(HALL,)))
        events = of_type(one_by_one(made, readings), AlertType.GNSS_JAMMING)
        assert [event.action for event in events] == [A.RAISED]
        assert events[0].occurred_at_ms >= readings[26].occurred_at_ms

    @pytest.mark.parametrize(("names", "expected"), [(("C1", "C2", "C3"), 3), (("C1", "C2"), 0)])
    def test_together_right_after_a_night_in_a_hall(self, names: tuple[str, ...], expected: int) -> None:
        """Hours in a hall are no habit of the way: three that lose their fixes behind it are jammed."""
        made = judge(*(planned(container=name, allowed_places=(HALL,)) for name in names))
        events: list[AlertEvent] = []
        for name in names:
            own = {"container": name, "device": f"D-{name}"}
            made.apply_readings(drive(range(20), moving=True, **own))  # type: ignore[arg-type]
            made.apply_readings(self.hall(range(20, 120), **own))
            leaving = [(m, (50.0, 10.19 + 0.01 * (m - 120))) for m in range(120, 123)]
            made.apply_readings([reading(m, place, moving=True, **own) for m, place in leaving])  # type: ignore[arg-type]
        for name in names:
            own = {"container": name, "device": f"D-{name}"}
            events += made.apply_readings(lost(range(123, 130), moving=True, **own))  # type: ignore[arg-type]
        assert len(of_type(events, AlertType.GNSS_JAMMING)) == expected

    def test_neighbours_lose_it_together(self) -> None:
        """Three reports are enough where three containers lose theirs together, and not where two do."""
        for names, expected in ((["C1", "C2", "C3"], 3), (["C1", "C2"], 0)):
            made = judge(*(planned(container=name) for name in names))
            for name in names:
                made.apply_readings(drive(range(20), container=name, device=f"D-{name}"))
            events: list[AlertEvent] = []
            for name in names:
                events += made.apply_readings(lost(range(20, 23), container=name, device=f"D-{name}"))
            assert len(of_type(events, AlertType.GNSS_JAMMING)) == expected

    def test_reports_of_one_minute_count_once(self) -> None:
        """Neighbours whose devices send six reports within seconds, all without a fix, are not jammed."""
        names = ["C1", "C2", "C3"]
        made = judge(*(planned(container=name) for name in names))
        events: list[AlertEvent] = []
        for name in names:
            own = {"container": name, "device": f"D-{name}"}
            burst = [each for m in range(6) for each in lost([20 + m / 10], **own)]  # type: ignore[arg-type]
            events += one_by_one(made, [*drive(range(20), **own), *burst, *drive(range(21, 30), **own)])  # type: ignore[arg-type]
        assert said(events, AlertType.GNSS_JAMMING) == []


class TestSpoofing:
    """GNSS_SPOOFING."""

    def false_track(self) -> list[Reading]:
        """A sound track, another one far away to which it jumps, and back."""
        away = [reading(m, (FAR_AWAY[0], FAR_AWAY[1] + 0.01 * m)) for m in range(20, 40)]
        return [*drive(range(20)), *away, *drive(range(40, 60))]

    def test_a_consistent_track_that_it_cannot_have_reached(self) -> None:
        """Told from the first false place, ended when it is back; however it arrives."""
        events = one_by_one(judge(planned()), self.false_track())
        assert said(events, AlertType.GNSS_SPOOFING) == [A.RAISED, A.CLEARED]
        expected = standing(of_type(events, AlertType.GNSS_SPOOFING))
        mixed = self.false_track() * 2
        random.Random(3).shuffle(mixed)
        made = judge(planned(), history_reports=256)
        again = [e for i in range(0, len(mixed), 11) for e in made.apply_readings(mixed[i : i + 11])]
        assert standing(of_type(again, AlertType.GNSS_SPOOFING)) == expected

    def test_a_track_faster_than_anything_travels(self) -> None:
        """Places that fly on along one line are forged, though no two agree; scattered ones are not."""
        flight = [reading(m, (50.0 - 0.06 * (m - 10), 15.0)) for m in range(20, 30)]
        events = one_by_one(judge(planned()), [*drive(range(20)), *flight, *drive(range(30, 40))])
        assert said(events, AlertType.GNSS_SPOOFING) == [A.RAISED, A.CLEARED]
        noise = random.Random(1)
        scatter = [reading(m, (noise.uniform(-60, 60), noise.uniform(-170, 170))) for m in range(20, 30)]
        events = one_by_one(judge(planned()), [*drive(range(20)), *scatter, *drive(range(30, 40))])
        assert said(events, AlertType.GNSS_SPOOFING) == []

    def test_a_single_jump_is_a_fault(self) -> None:
        """One device that jumps for a few fixes and comes back is not spoofed."""
        jump = [reading(m, FAR_AWAY) for m in (20, 21)]
        events = one_by_one(judge(planned()), [*drive(range(20)), *jump, *drive(range(22, 40))])
        assert said(events, AlertType.GNSS_SPOOFING) == []

    def test_a_wrong_first_fix_is_none(self) -> None:
        """A device that begins with a wrong place has no track that it was taken from."""
        events = one_by_one(judge(planned()), [reading(0, FAR_AWAY), *drive(range(1, 30))])
        assert said(events, AlertType.GNSS_SPOOFING) == []

    def test_the_network_says_otherwise(self) -> None:
        """Two cells in a row a hundred kilometres from the satellites' place; one alone is nothing."""
        cells = [reading(m + 0.5, (51.0, 11.5), kind=FixKind.CELL) for m in range(30, 33)]
        readings = sorted([*drive(range(60)), *cells], key=lambda each: each.occurred_at_ms)
        assert said(one_by_one(judge(planned()), readings), AlertType.GNSS_SPOOFING)[:1] == [A.RAISED]
        readings = sorted([*drive(range(60)), cells[0]], key=lambda each: each.occurred_at_ms)
        assert said(one_by_one(judge(planned()), readings), AlertType.GNSS_SPOOFING) == []

    def forged_home(self) -> list[Reading]:
        """A lorry 33 km off its corridor from minute 50 on; satellites drag it home until minute 80."""
        north = [0.0] * 20 + [0.01 * m for m in range(30)] + [0.3 - 0.01 * m for m in range(30)] + [0.0] * 30
        track = [each for m in range(110) for each in drive([m], north_deg=north[m])]
        cells = drive([m + 0.5 for m in range(50, 110, 5)], north_deg=0.3, kind=FixKind.CELL)
        return sorted([*track, *cells], key=lambda each: each.occurred_at_ms)

    def test_a_forged_track_on_the_corridor_clears_no_deviation(self) -> None:
        """The network places it elsewhere; sound positions end the deviation, once the network agrees."""
        made = judge(planned())
        events = one_by_one(made, self.forged_home())
        assert said(events, AlertType.ROUTE_DEVIATION)[0] is A.RAISED
        assert A.CLEARED not in said(events, AlertType.ROUTE_DEVIATION)
        agree = drive([110.5, 111.5], kind=FixKind.CELL)
        sound = sorted([*drive(range(110, 115)), *agree], key=lambda each: each.occurred_at_ms)
        assert said(one_by_one(made, sound), AlertType.ROUTE_DEVIATION) == [A.CLEARED]

    def test_a_network_that_falls_silent_locks_nobody_out(self) -> None:
        """An hour after its last contradiction satellites' places are believed again."""
        made = judge(planned())
        one_by_one(made, self.forged_home())
        assert said(one_by_one(made, drive(range(110, 175))), AlertType.ROUTE_DEVIATION) == [A.CLEARED]

    @pytest.mark.parametrize(("contradicted", "expected"), [(True, []), (False, [A.RAISED])])
    def test_a_contradicted_track_shows_no_missed_checkpoint(
        self, *, contradicted: bool, expected: list[A]
    ) -> None:
        """It leads past a checkpoint at which the container may have been; uncontradicted it counts."""
        gate = Place(name="Gate", latitude_deg=50.05, longitude_deg=10.6, radius_m=1_000.0)
        wide = Corridor(coordinates=((10.0, 50.0), (12.0, 50.0)), half_width_m=(6_000.0,))
        made = judge(planned(checkpoints=(Checkpoint(place=gate),), corridor=wide))
        cells = drive([m + 0.5 for m in range(30, 90, 5)], north_deg=0.4, kind=FixKind.CELL)
        readings = sorted([*drive(range(120)), *cells * contradicted], key=lambda each: each.occurred_at_ms)
        assert said(one_by_one(made, readings), AlertType.CHECKPOINT_MISSED) == expected

    def test_several_at_one_false_place(self) -> None:
        """Three containers that jump to the same place are spoofed, each told of the others."""
        names = ["C1", "C2", "C3"]
        made = judge(*(planned(container=name) for name in names))
        events: list[AlertEvent] = []
        for name in names:
            fields = {"container": name, "device": f"D-{name}"}
            made.apply_readings(drive(range(20), **fields))  # type: ignore[arg-type]
            events += made.apply_readings([reading(20, FAR_AWAY, **fields)])  # type: ignore[arg-type]
        assert len(of_type(events, AlertType.GNSS_SPOOFING)) == 3
        assert {event.container_id for event in of_type(events, AlertType.GNSS_SPOOFING)} == set(names)


def test_neighbours_over_the_antimeridian() -> None:
    """180 degrees east and west are one place, and each container counts once."""
    around = Neighbourhood()
    for row, longitude in ((1, 179.999), (2, -179.999), (2, -179.998), (3, 179.0)):
        around.note(Note(Kind.FIX_LOST, 1_000_000, -17.0, longitude, row))
    assert around.others(Note(Kind.FIX_LOST, 1_200_000, -17.0, 180.0, 9)) == {1, 2}
    assert around.others(Note(Kind.FIX_LOST, 9_200_000, -17.0, 180.0, 9)) == set()
    assert around.others(Note(Kind.FALSE_PLACE, 1_200_000, -17.0, 180.0, 9)) == set()


def test_a_snapshot_in_between_changes_nothing() -> None:
    """Counters, episodes and neighbours' notes survive a restart."""
    names = ["C1", "C2", "C3"]
    made = judge(*(planned(container=name) for name in names))
    events: list[AlertEvent] = []
    for name in names:
        made.apply_readings(drive(range(20), container=name, device=f"D-{name}"))
        events += made.apply_readings(lost(range(20, 23), container=name, device=f"D-{name}"))
        made = Judge.restore(AnomalySettings(), made.snapshot())
    assert len(of_type(events, AlertType.GNSS_JAMMING)) == 3
