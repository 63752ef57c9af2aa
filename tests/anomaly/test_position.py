"""Positions that can't be true: said once, never used, and never in the way of the truth."""

from __future__ import annotations

import csv
import datetime as dt
import gzip

import pytest

from anomaly.sphere import between_m
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, reading_id_of
from sealtrail.contract.trip import TripEventKind
from tests.anomaly.world import drive, judge, of_type, planned, reading, told, trip_event
from tests.shared import shared

JUMP = ("logged", "POSITION_IMPLAUSIBLE")
AWAY = (52.0, 13.0)
SWAP_M = 5_000


def held(made: object, device: str = "JT-123") -> tuple[float, float]:
    """The place held for true."""
    lanes = made.lanes  # type: ignore[attr-defined]
    lane = lanes.devices.index(device)
    return lanes.live["pos_lat"][lane] / 1e7, lanes.live["pos_lon"][lane] / 1e7


def test_a_jump_is_logged_once_per_episode_and_not_used() -> None:
    """Three reports from elsewhere are one entry, the place held for true stays."""
    made = judge()
    made.apply_readings(drive(range(5)))
    events = made.apply_readings([reading(5 + n, AWAY) for n in range(3)])
    assert told(events) == [JUMP]
    assert held(made) == (50.0, 10.04)
    assert events[0].details["why"] == "jump"
    assert events[0].details["distance_m"] == pytest.approx(between_m((50.0, 10.04), AWAY), rel=0.01)
    assert told(made.apply_readings(drive([8, 9]))) == []
    assert held(made) == (50.0, 10.09)
    assert told(made.apply_readings([reading(10, AWAY)])) == [JUMP]


def test_the_truth_is_never_locked_out() -> None:
    """After a first fix that was wrong, consistent fixes become the truth and the route goes on."""
    made = judge(reacquire_fixes=5)
    events = made.apply_readings([reading(0, (22.5, 114.0)), *drive(range(1, 5))])
    assert told(events) == [JUMP]
    assert held(made) == (22.5, 114.0)
    made.apply_readings(drive([5]))
    assert held(made) == (50.0, 10.05)
    assert told(made.apply_readings(drive([6, 7], north_deg=0.03))) == [("raised", "ROUTE_DEVIATION")]


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        pytest.param([(6, (50.0, 10.06))], False, id="back"),
        pytest.param([(5 + n / 2, AWAY) for n in range(1, 5)], True, id="five fixes elsewhere"),
        pytest.param([(5 + 24 * 60, (52.1, 13.1))], True, id="a day later, near the second place"),
        pytest.param([(5 + 24 * 60, (50.1, 10.1))], False, id="a day later, near the first place"),
    ],
)
def test_the_end_of_a_jump_says_whether_the_device_stayed_elsewhere(
    after: list[tuple[float, tuple[float, float]]], *, moved: bool
) -> None:
    """The last signal of the episode is ``moved`` unless the device came back to the place held for true."""
    made = judge(reacquire_fixes=5)
    made.apply_readings([*drive(range(5)), reading(5, AWAY)])
    made.apply_readings([reading(minute, place) for minute, place in after])
    [track] = made.containers.files[0].tracks_of("position_implausible")
    assert [signal.code for signal in track.signals] == [1, 0]
    assert track.signals[-1].numbers == ({"moved": 1.0} if moved else {})


def test_fixes_that_contradict_each_other_never_become_the_truth() -> None:
    """Only fixes that agree with each other count as a second hypothesis."""
    made = judge(reacquire_fixes=3)
    made.apply_readings(drive(range(3)))
    made.apply_readings([reading(3 + n / 2, (50.0 + 3 * (n % 2 + 1), 10.0)) for n in range(20)])
    assert held(made) == (50.0, 10.02)


def test_a_fix_reached_at_a_possible_speed_is_no_jump() -> None:
    """Far away after a long time is plausible."""
    made = judge()
    assert (
        told(made.apply_readings([reading(0), reading(600, (51.0, 16.0))]))
        == [
            # no word about the position: 440 km in ten hours
        ]
    )


def test_a_cell_id_is_plausible_within_kilometres_and_moves_nothing() -> None:
    """A coarse fix is neither a jump nor better than the satellite fix of a minute before."""
    made = judge()
    made.apply_readings(drive(range(5)))
    assert told(made.apply_readings([reading(5, (50.06, 10.1), kind=FixKind.CELL)])) == []
    assert held(made) == (50.0, 10.04)
    made.apply_readings([reading(300, (50.06, 10.1), kind=FixKind.CELL)])
    assert held(made) == (50.06, 10.1)


def test_zero_island_and_a_clock_ahead_are_named() -> None:
    """The entry says why; the position of a report with a clock ahead is used."""
    made = judge()
    [zero] = of_type(made.apply_readings([reading(1, (0.0, 0.0))]), AlertType.POSITION_IMPLAUSIBLE)
    assert zero.details["why"] == "zero_island"
    made.apply_readings(drive([2]))
    events = made.apply_readings([reading(3, (50.0, 10.03), flags=int(Flag.CLOCK_FUTURE))])
    assert [event.details["why"] for event in events] == ["future_time"]
    assert held(made) == (50.0, 10.03)


def test_a_late_report_never_moves_the_live_position_back() -> None:
    """The newest position stays, whatever the backlog brings."""
    made = judge()
    made.apply_readings(drive([0, 1, 50, 51]))
    made.apply_readings(drive(range(2, 50), late_min=50))
    assert held(made) == (50.0, 10.51)


def test_a_late_fix_that_explains_a_jump_takes_its_entry_back() -> None:
    """What looked like a jump over a gap is none once the fixes between are there."""
    made = judge(planned(corridor=None), max_speed_m_s=20)
    events = made.apply_readings([reading(0, (50.0, 10.0)), reading(10, (50.2, 10.0))])
    assert told(events)[-1:] == [JUMP]
    late = [reading(n, (50.0 + 0.012 * n, 10.0), late_min=20) for n in range(1, 10)]
    assert told(made.apply_readings([late[0], *late[1:]]))[-1:] != [JUMP]


def test_copies_of_a_report_without_a_clock_are_one_report() -> None:
    """A device without a clock is judged at receipt: the copy has another time and the same identity."""
    made = judge()
    first = reading(1, events=SealEvent.CUT, flags=int(Flag.CLOCK_UNSET), reading_id=7)
    copy = reading(3, events=SealEvent.CUT, flags=int(Flag.CLOCK_UNSET), reading_id=7)
    between = reading(2)
    events = made.apply_readings([first, between]) + made.apply_readings([copy])
    assert told(events) == [("raised", "SEAL_CUT")]
    again = judge()
    assert told(again.apply_readings([first, copy])) == [("raised", "SEAL_CUT")]
    assert again.lanes.count[0] == 1


def test_readings_that_no_row_holds_are_counted_and_cost_nobody_else() -> None:
    """Absurd times and identities are left out by name; the rest of the batch is judged."""
    made = judge()
    bad = [
        reading(1, occurred_at_ms=1 << 63),
        reading(1, received_at_ms=-5),
        reading(1, reading_id=1 << 70),
    ]
    assert told(made.apply_readings([*bad, reading(2, events=SealEvent.CUT)])) == [("raised", "SEAL_CUT")]
    assert made.refused == {"reading_out_of_range": 3}


def _ais_rows(path: str) -> list[dict[str, str]]:
    with gzip.open(shared(path), "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_real_identity_swaps_are_found() -> None:
    """On real AIS tracks with shared identities, begins of episodes and returns from them are the swaps."""
    hits = found = onsets = 0
    for path in sorted(shared("data/gfw-tracks").glob("*.csv.gz")):
        made = judge(trip_event(TripEventKind.TICK), signals_kept=100_000)
        swaps: set[int] = set()
        batch: list[Reading] = []
        before: dict[str, str] | None = None
        for row in _ais_rows(f"data/gfw-tracks/{path.name}"):
            at_ms = round(dt.datetime.fromisoformat(row["time_utc"]).timestamp() * 1000)
            place = float(row["lat"]), float(row["lon"])
            number = reading_id_of(path.name, len(batch), at_ms, b"")
            batch.append(reading(0, place, reading_id=number, occurred_at_ms=at_ms, received_at_ms=at_ms))
            if before is not None and before["segment"] != row["segment"]:
                was = float(before["lat"]), float(before["lon"])
                swaps |= {number} if between_m(place, was) > SWAP_M else set()
            before = row
        made.apply_readings(batch)
        [file] = made.containers.files
        said = {
            signal.at.reading_id
            for (_, rule), track in file.tracks.items()
            if rule == "position_implausible"
            for signal in track.signals
            if "moved" not in signal.numbers
        }
        hits, found, onsets = hits + len(swaps & said), found + len(said), onsets + len(swaps)
    precision, recall = hits / found, hits / onsets
    assert precision > 0.98
    assert recall > 0.9


FROZEN = (50.0, 10.05)


def test_a_place_that_a_moving_device_repeats_exactly_is_frozen() -> None:
    """At 60 km/h the last place again half an hour later: logged, not used, and no stop."""
    made = judge(planned(stop_max_s=1_800.0))
    events = made.apply_readings([*drive(range(5)), *(reading(m, FROZEN, speed_kmh=60.0) for m in (5, 35))])
    events += made.apply_readings([reading(38, FROZEN, speed_kmh=60.0)])
    assert told(events) == [JUMP]
    assert (events[-1].details["why"], events[-1].occurred_at_ms) == ("frozen", reading(35).occurred_at_ms)
    assert "exactly the place of its last report" in events[-1].sentence


@pytest.mark.parametrize("after", [0.0, None])
def test_where_it_drove_it_does_not_stand_to_the_last_digit(after: float | None) -> None:
    """A fix at 60 km/h repeated once at rest, or without a speed, is frozen; no stop is told."""
    made = judge(planned(stop_max_s=1_800.0))
    events = made.apply_readings([reading(5, FROZEN, speed_kmh=60.0), reading(45, FROZEN, speed_kmh=after)])
    assert told(events) == [JUMP]


@pytest.mark.parametrize(
    "parked",
    [
        pytest.param([(5, 0.0), (45, 0.0)], id="parked"),
        pytest.param([(5, None), (45, None)], id="no speed"),
        pytest.param([(5, 4.0), (45, 4.0)], id="creeping"),
        pytest.param([(5, 60.0), (5.1, 0.0), (45, 0.0)], id="twice within seconds"),
    ],
)
def test_a_parked_device_repeats_its_place_rightly(parked: list[tuple[float, float | None]]) -> None:
    """Exactly the same place at rest is a stop, not a fault."""
    made = judge(planned(stop_max_s=1_800.0))
    events = made.apply_readings([reading(m, FROZEN, speed_kmh=speed) for m, speed in parked])
    assert told(events) == [("raised", "UNSCHEDULED_STOP")]


def test_a_device_that_pins_its_place_when_it_stops_is_believed_the_second_time() -> None:
    """The place of its last report under way, ever again at rest: one isn't used, the stop is told."""
    made = judge(planned(stop_max_s=1_800.0))
    pinned = [reading(5, FROZEN, speed_kmh=60.0), *(reading(m, FROZEN, speed_kmh=0.0) for m in (25, 45, 65))]
    assert sorted(told(made.apply_readings(pinned))) == [JUMP, ("raised", "UNSCHEDULED_STOP")]


def test_a_cell_fix_of_the_same_mast_is_not_frozen() -> None:
    """Masts have one place however a device drives about below them."""
    made = judge()
    fixes = [reading(m, FROZEN, kind=FixKind.CELL, speed_kmh=60.0, accuracy_m=3_000.0) for m in (5, 8, 11)]
    assert told(made.apply_readings(fixes)) == []
