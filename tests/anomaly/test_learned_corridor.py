"""Corridors learned from simulated journeys of a known lane, and from real ones that share none."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator

import numpy as np
import pytest

from anomaly.corridor import Corridors
from anomaly.learning.corridor import Learned, Manner, learn
from anomaly.learning.journeys import Journey, journey_of
from anomaly.sphere import Floats, between_m, unit_vectors
from sealtrail.contract.clock import parse_iso
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.geometry import length_m
from sealtrail.contract.reading import FixKind, Reading
from simulators.geodesy import Line, destination
from simulators.lanes import lane
from simulators.route import detour_route, ordinary_route
from tests.shared import shared

LANE = lane("KEMBA-UGMAL")
MINUTE_MS = 60_000


def fix(at_ms: int, latitude: float, longitude: float, kind: FixKind = FixKind.GNSS) -> Reading:
    return Reading(
        device_id="D",
        family="json",
        reading_id=at_ms,
        occurred_at_ms=at_ms,
        received_at_ms=at_ms,
        fix_kind=int(kind),
        latitude_deg=latitude,
        longitude_deg=longitude,
    )


def drive(
    name: str,
    line: Line,
    seed: int,
    *,
    back: bool = False,
    gap: tuple[float, float] = (2, 2),
    every_s: int = 300,
) -> Journey:
    """A lorry at 50 to 70 km/h along a line, fixes with 15 m of noise, a spike, cell-id fixes, and a gap."""
    rng = random.Random(seed)
    metres_per_report = rng.uniform(50, 70) / 3.6 * every_s
    count = int(line.length_m / metres_per_report)
    readings = []
    for i in range(count + 1):
        share = i / count
        if gap[0] < share < gap[1]:
            continue
        pose = line.at(line.length_m * (1 - share if back else share))
        place = destination(pose, rng.uniform(0, 360), abs(rng.gauss(0, 15)))
        kind = FixKind.GNSS
        if i == count // 3:
            place = destination(pose, 45, 40_000)  # multipath, a spike
        if i % 17 == 5:
            place, kind = destination(pose, 200, 6_000), FixKind.CELL
        readings.append(fix(seed * 10**9 + i * every_s * 1000, place.latitude_deg, place.longitude_deg, kind))
    found = journey_of(name, readings)
    assert found is not None
    return found


def ordinary(seed: int) -> Line:
    return ordinary_route(LANE, 0.0, random.Random(seed)).line


def excess(learned: Learned, vectors: Floats) -> Floats:
    store = Corridors(50_000)
    store.number_of(learned.corridor)
    zero = np.zeros(len(vectors), np.int64)
    return store.locate(zero, zero - 1, vectors).excess_m


def vectors_along(line: Line, count: int = 600) -> Floats:
    poses = [line.at(line.length_m * i / count) for i in range(count + 1)]
    return unit_vectors(
        np.array([pose.latitude_deg for pose in poses]), np.array([pose.longitude_deg for pose in poses])
    )


@pytest.fixture(scope="module")
def learned() -> Learned:
    """Ten ordinary journeys with gaps, two of them the other way, one with a detour, one of another lane."""
    journeys = [
        drive(f"J{i}", ordinary(i), i, back=i in {2, 5}, gap=(0.3, 0.42) if i % 3 == 0 else (2, 2))
        for i in range(10)
    ]
    rng = random.Random(77)
    off = detour_route(LANE, 0.0, 300_000, rng, back=True)
    journeys.append(drive("off", off.line, 77))
    journeys.append(drive("other", lane("NLRTM-PLWAW").line, 78))
    return learn(journeys, Manner())


def test_the_corridor_holds_journeys_that_it_was_not_learned_from(learned: Learned) -> None:
    """Other ordinary journeys of the lane lie inside from the first kilometre to the last."""
    for seed in range(500, 505):
        beyond = excess(learned, vectors_along(ordinary(seed)))
        assert float((beyond > 0).mean()) < 0.002
        assert float(beyond.max()) < 200


def test_the_corridor_is_narrow(learned: Learned) -> None:
    """It is about as wide as the journeys' play, not as the lane's legal width; a detour doesn't widen it."""
    widths = np.array(learned.corridor.half_width_m)
    assert float(np.median(widths)) <= 1_500
    assert float(widths.max()) < 5_000
    assert length_m(learned.corridor.coordinates) == pytest.approx(LANE.line.length_m, rel=0.03)
    off = detour_route(LANE, 0.0, 300_000, random.Random(77), back=True)
    assert float(excess(learned, vectors_along(off.line)).max()) > 5_000


def test_direction_strangers_and_evidence_are_told(learned: Learned) -> None:
    """The way is that of most journeys; those turned and those left out are named with why."""
    first, last = learned.corridor.coordinates[0], learned.corridor.coordinates[-1]
    assert between_m(first[::-1], (-4.0435, 39.6682)) < 20_000
    assert between_m(last[::-1], (0.635, 34.281)) < 20_000
    assert set(learned.evidence.reversed_journeys) == {"J2", "J5"}
    assert set(learned.evidence.left_out) == {"other"}
    assert "elsewhere" in learned.evidence.left_out["other"]
    assert [each.name for each in learned.left_out] == ["other"]


def test_the_order_of_the_journeys_means_nothing() -> None:
    """The same journeys in another order are the same corridor, to the last digit."""
    journeys = [drive(f"J{i}", ordinary(i), i, every_s=900) for i in range(5)]
    assert learn(journeys, Manner()).corridor == learn(journeys[::-1], Manner()).corridor


def test_a_stretch_that_nobody_shows_is_straight_wide_and_told() -> None:
    """Where all journeys are silent there is no evidence: a tenth of its length to either side, and named."""
    journeys = [drive(f"J{i}", ordinary(i), i, gap=(0.3, 0.5)) for i in range(5)]
    found = learn(journeys, Manner())
    [(begin_km, end_km)] = found.evidence.unobserved_km
    total_km = length_m(found.corridor.coordinates) / 1000
    assert 0.25 < begin_km / total_km < 0.33
    assert 0.45 < end_km / total_km < 0.52
    assert max(found.corridor.half_width_m) == pytest.approx((end_km - begin_km) * 100, rel=0.02)


def test_two_ways_of_one_lane_are_both_inside() -> None:
    """Where half of the journeys take a bypass, it follows one way and is wide enough for the other."""
    rng = random.Random(5)
    lines = [ordinary(i) if i % 2 else detour_route(LANE, 0, 200_000, rng, back=True).line for i in range(6)]
    found = learn([drive(f"J{i}", line, i) for i, line in enumerate(lines)], Manner())
    for line in lines[:2]:
        assert float((excess(found, vectors_along(line)) > 0).mean()) < 0.05


def test_across_the_antimeridian() -> None:
    """A sea lane over the Pacific is learned like any other."""
    points = [(10.0 + 0.2 * i, (170.0 + i + 180) % 360 - 180) for i in range(20)]
    journeys = []
    for seed in range(4):
        rng = random.Random(seed)
        shift = rng.gauss(0, 0.02)
        readings = [
            fix(seed * 10**10 + i * 3 * 3_600_000, lat + shift, lon) for i, (lat, lon) in enumerate(points)
        ]
        found = journey_of(f"S{seed}", readings)
        assert found is not None
        journeys.append(found)
    result = learn(journeys, Manner(floor_m=10_000, gap_m=300_000))
    assert result.evidence.unobserved_km == ()
    assert length_m(result.corridor.coordinates) < 2_300_000
    assert {longitude > 0 for longitude, _ in result.corridor.coordinates} == {True, False}


def _real(letter: str) -> Iterator[Reading]:
    with shared(f"data/container-journeys/journey-{letter}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["lat"] and row["lon"]:
                kind = FixKind.CELL if row["accuracy"] == "cellid" else FixKind.GNSS
                at_ms = parse_iso(f"{row['date']}T{row['time_utc']}Z")
                yield fix(at_ms, float(row["lat"]), float(row["lon"]), kind)


def test_real_journeys_of_different_lanes_are_no_lane() -> None:
    """The recorded journeys share no way: learning refuses by name, instead of drawing one."""
    journeys = [journey_of(letter, _real(letter)) for letter in "ABDFH"]
    assert all(each is not None for each in journeys)
    with pytest.raises(InvalidTripError) as refusal:
        learn([each for each in journeys if each is not None], Manner())
    assert refusal.value.reason == "no_common_way"


@pytest.mark.parametrize("letter", "ABDFH")
def test_a_real_journey_made_again_is_inside_what_it_taught(letter: str) -> None:
    """A real journey sampled in three parts of its fixes teaches a corridor that holds all of it."""
    readings = list(_real(letter))
    parts = [
        journey_of(f"{letter}{keep}", [each for i, each in enumerate(readings) if i % 4 != keep])
        for keep in range(3)
    ]
    journeys = [each for each in parts if each is not None]
    found = learn(journeys, Manner(floor_m=20_000, gap_m=500_000))
    whole = journey_of(letter, readings)
    assert whole is not None
    assert float((excess(found, whole.vectors) > 0).mean()) < 0.05


def test_too_few_journeys_and_journeys_without_a_way_are_refused() -> None:
    """Two journeys are no lane; a container that stood still or had cell-id fixes only shows no way."""
    with pytest.raises(InvalidTripError, match="too_few_journeys"):
        learn([drive("a", ordinary(1), 1), drive("b", ordinary(2), 2)], Manner())
    assert journey_of("still", [fix(i * MINUTE_MS, 50.0, 10.0) for i in range(100)]) is None
    assert journey_of("cells", [fix(i * MINUTE_MS, 50 + i, 10, FixKind.CELL) for i in range(30)]) is None
    assert journey_of("nothing", []) is None
