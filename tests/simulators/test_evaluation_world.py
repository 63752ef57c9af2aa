"""The evaluation world: same seed, same bytes; truth and readings agree; plans that may be planned."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from sealtrail.contract.alert import AlertType
from sealtrail.contract.public.trip_checks import check_trip
from sealtrail.contract.reading import FixKind, Reading, SealEvent
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.evaluation.figures import ALARMED
from simulators.evaluation.making import Made
from simulators.evaluation.profile import DAY_MS, HOUR_MS, EvaluationProfile
from simulators.evaluation.truth import Scripted
from simulators.evaluation.ways import LAND_NAMES, OCEAN_NAMES, apart_m, unit_vectors, way
from simulators.evaluation.world import EvaluationWorld, Item

PROFILE = EvaluationProfile(seed=1, containers=80, days=10)
FASTEST_M_S = 40.0


@functools.cache
def _made() -> tuple[Made, ...]:
    return tuple(EvaluationWorld(PROFILE).made())


@functools.cache
def _sent() -> tuple[list[Scripted], list[tuple[int, list[Item]]]]:
    world = EvaluationWorld(PROFILE)
    ticks = list(world.stream())
    return world.truths, ticks


def _readings() -> Iterator[Reading]:
    for _, items in _sent()[1]:
        for item in items:
            if isinstance(item, list):
                yield from item


def _events() -> Iterator[TripEvent]:
    for _, items in _sent()[1]:
        yield from (item for item in items if not isinstance(item, list))


def test_equal_profiles_make_equal_bytes() -> None:
    """Readings, trip events and truth are a function of the profile, and of its seed."""

    def bytes_of(seed: int) -> bytes:
        world = EvaluationWorld(EvaluationProfile(seed=seed, containers=3, days=3))
        ticks = list(world.stream())
        return msgspec.msgpack.encode([ticks, world.truths])

    assert bytes_of(5) == bytes_of(5)
    assert bytes_of(5) != bytes_of(6)


def test_every_alert_type_is_scripted() -> None:
    """A world of ordinary size holds each of the 25 types as something that must be raised."""
    truths = _sent()[0]
    assert {truth.alert_type for truth in truths} - {None} == {kind.value for kind in ALARMED}


def test_plans_may_be_planned() -> None:
    """Every plan passes the checks that `sealtrail trip add` makes, changed ones too."""
    plans = [event.trip for made in _made() for event in made.events if event.trip is not None]
    for plan in plans:
        check_trip(plan)
    assert len(plans) >= len(_made())


def test_everything_comes_in_order_of_receipt() -> None:
    """Nothing is handed over before it was received, or after what was received later."""
    clock_before = 0
    for clock, items in _sent()[1]:
        times = [
            each
            for item in items
            for each in (
                [reading.received_at_ms for reading in item]
                if isinstance(item, list)
                else [item.recorded_at_ms]
            )
        ]
        assert times == sorted(times)
        assert all(clock_before <= each <= clock for each in times) or clock_before == 0
        clock_before = clock


def test_the_network_is_nasty() -> None:
    """Copies, hours of delay, newest first and clocks unset are all among what is received."""
    readings = list(_readings())
    ids = [reading.reading_id for reading in readings]
    assert len(ids) > len(set(ids))
    assert max(reading.late_by_ms for reading in readings) > 6 * HOUR_MS
    newest: dict[str, int] = defaultdict(int)
    backwards = 0
    for reading in readings:
        backwards += reading.occurred_at_ms < newest[reading.device_id] - HOUR_MS
        newest[reading.device_id] = max(newest[reading.device_id], reading.occurred_at_ms)
    assert backwards > 0
    assert {FixKind.NONE, FixKind.GNSS, FixKind.CELL, FixKind.STALE} <= {
        FixKind(reading.fix_kind) for reading in readings
    }


def test_evidence_is_among_the_readings() -> None:
    """Each truth's evidence was sent, and its last part arrived when the truth says."""
    received: dict[str, int] = {}
    for reading in _readings():
        received.setdefault(f"{reading.reading_id:016x}", reading.received_at_ms)
    recorded = {event.event_id: event.recorded_at_ms for event in _events()}
    checked = 0
    for truth in _sent()[0]:
        if truth.alert_type is None or not truth.evidence:
            continue
        times = [(received | recorded)[each] for each in truth.evidence]
        assert max(times) <= truth.complete_received_ms
        checked += 1
    assert checked > 20


@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        (AlertType.SEAL_CUT, SealEvent.CUT),
        (AlertType.SEAL_OPENED, SealEvent.OPENED),
        (AlertType.UNLOCK_REFUSED, SealEvent.BAD_CARD | SealEvent.WRONG_PASSWORD | SealEvent.OUTSIDE_AREA),
    ],
)
def test_what_the_seal_says_is_in_the_evidence(kind: AlertType, bits: SealEvent) -> None:
    """The reading that a seal's truth rests on says so at the truth's time."""
    by_id = {f"{reading.reading_id:016x}": reading for reading in _readings()}
    truths = [t for t in _sent()[0] if t.alert_type == kind.value and not t.withdrawn]
    assert truths
    for truth in truths:
        evidence = by_id[truth.evidence[0]]
        assert evidence.seal_events & bits
        assert abs(evidence.occurred_at_ms - truth.from_ms) <= truth.tolerance_ms


def test_a_detour_lies_outside_its_corridor() -> None:
    """The fixes that show a deviation are beyond the half width of the way."""
    by_id = {f"{reading.reading_id:016x}": reading for reading in _readings()}
    plans = {event.trip_id: event.trip for event in _events() if event.kind is TripEventKind.PLANNED}
    truths = [truth for truth in _sent()[0] if truth.alert_type == AlertType.ROUTE_DEVIATION.value]
    assert truths
    for truth in truths:
        plan = plans[truth.trip_id]
        assert plan is not None
        assert plan.corridor is not None
        ways = (way(name) for name in (*LAND_NAMES, *OCEAN_NAMES))
        line = next(each for each in ways if set(each.corridor.coordinates) == set(plan.corridor.coordinates))
        for reading_id in truth.evidence:
            reading = by_id[reading_id]
            off_m = line.off_m(np.array([reading.latitude_deg]), np.array([reading.longitude_deg]))
            assert off_m[0] > plan.corridor.half_width_m[0]


def test_silence_is_silence() -> None:
    """In the time of a silence nothing new is received of the device; a copy is no word of it."""
    truths = [truth for truth in _sent()[0] if truth.alert_type == AlertType.SILENT.value]
    assert truths
    times: dict[str, list[int]] = defaultdict(list)
    firsts = {reading.reading_id: reading for reading in reversed(list(_readings()))}
    for reading in firsts.values():
        times[reading.device_id].append(reading.received_at_ms)
    for truth in truths:
        assert not [at for at in times[truth.device_id] if truth.from_ms < at < truth.until_ms]


def test_boxes_move_as_boxes_do() -> None:
    """Where a box truly is, it never gets to faster than trucks and ships do."""
    for made in _made():
        for columns in made.devices:
            vectors = unit_vectors(columns.true_latitude_deg, columns.true_longitude_deg)
            seconds = np.diff(columns.true_ms) / 1000
            metres = apart_m(vectors[1:], vectors[:-1])
            assert (metres <= FASTEST_M_S * seconds + 700).all(), made.trip_id


def test_trips_follow_each_other_from_where_they_ended() -> None:
    """A container's next trip begins where, and no earlier than, the one before ended."""
    before: dict[str, Made] = {}
    for made in _made():
        container = made.trip_id.rsplit("-", 1)[0]
        if (last := before.get(container)) is not None and last.scene != "turned back":
            assert made.departs_ms > last.ended_ms
            old, new = last.devices[0], made.devices[0]
            end = unit_vectors(old.true_latitude_deg[-1:], old.true_longitude_deg[-1:])
            start = unit_vectors(new.true_latitude_deg[:1], new.true_longitude_deg[:1])
            assert apart_m(end, start)[0] < 20_000
        before[container] = made


def test_rates_of_the_profile_hold() -> None:
    """Without late reports and copies there are none."""
    profile = EvaluationProfile(
        seed=4, containers=4, days=4, slow_rate=0, late_rate=0, duplicate_rate=0, start_ms=20_000 * DAY_MS
    )
    readings = [
        reading
        for _, items in EvaluationWorld(profile).stream()
        for item in items
        if isinstance(item, list)
        for reading in item
    ]
    assert len({reading.reading_id for reading in readings}) == len(readings)
    assert all(reading.received_at_ms >= profile.start_ms for reading in readings)
