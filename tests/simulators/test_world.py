"""The world: reproducible, consistent with its ground truth, and calm where nothing happens."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections import defaultdict

import pytest

from gateway.decoders import decoder_for
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState
from sealtrail.contract.trip import TripEvent, TripEventKind
from simulators.geodesy import Line, Point, distance_m
from simulators.lanes import lane
from simulators.profile import HOUR_MS, Profile
from simulators.script import PLANS, Kind
from simulators.truth import Outgoing, OutgoingKind
from simulators.world import World
from tests.simulators.conftest import NOW_MS, profile

SEEDS = (7, 8)


@functools.cache
def world(seed: int) -> World:
    return World(profile(seed=seed))


@functools.cache
def items(seed: int) -> tuple[Outgoing | TripEvent, ...]:
    return tuple(world(seed).stream())


def messages(seed: int) -> list[Outgoing]:
    return [item for item in items(seed) if isinstance(item, Outgoing)]


def decoded(message: Outgoing) -> Reading:
    """What the gateway makes of a message that arrives on time."""
    family = message.topic.split("/")[1]
    readings = decoder_for(family).decode(message.payload, message.device_id, message.send_at_ms)
    assert len(readings) == 1
    return readings[0]


def fingerprint(found: World) -> str:
    digest = hashlib.sha256()
    for item in found.stream():
        if isinstance(item, Outgoing):
            digest.update(f"{item.send_at_ms}{item.topic}{item.kind}{item.event_no}".encode())
            digest.update(item.payload)
        else:
            digest.update(repr(item).encode())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two worlds of one profile, and one world streamed twice, agree in every byte, time and truth."""
    first, second = World(profile(containers=16)), World(profile(containers=16))
    assert first.scripted == second.scripted
    assert first.trips == second.trips
    assert fingerprint(first) == fingerprint(second) == fingerprint(first)


def test_another_seed_gives_another_fleet() -> None:
    """Nothing of one seed's containers, devices or events is in another's."""
    one, other = world(7), world(8)
    assert not {t.container_id for t in one.trips} & {t.container_id for t in other.trips}
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stream_is_in_order_of_sending(seed: int) -> None:
    """Send times never go back, and a container's plan comes before its first message."""
    times = [i.send_at_ms if isinstance(i, Outgoing) else i.recorded_at_ms for i in items(seed)]
    assert times == sorted(times)
    planned = set()
    for item in items(seed):
        if isinstance(item, TripEvent):
            planned.add(item.container_id)
        else:
            assert item.container_id in planned


@pytest.mark.parametrize("seed", SEEDS)
def test_every_report_decodes_and_every_corrupt_payload_is_refused(seed: int) -> None:
    """What is counted as a report is one distinct reading, a duplicate repeats one, a corrupt one is none."""
    seen: set[int] = set()
    for message in messages(seed):
        if message.kind is OutgoingKind.CORRUPT:
            with pytest.raises(DecodeError):
                decoded(message)
            continue
        reading = decoded(message)
        assert reading.occurred_at_ms <= message.send_at_ms
        assert (reading.reading_id in seen) == (message.kind is OutgoingKind.DUPLICATE)
        seen.add(reading.reading_id)
    kinds = {message.kind for message in messages(seed)}
    assert kinds == set(OutgoingKind)


EXPECTED_EVENT = {
    "SEAL_CUT": (SealEvent.CUT, {SealState.CUT}),
    "SEAL_OPENED": (SealEvent.OPENED, {SealState.OPEN, SealState.UNKNOWN}),  # P45 says no level
    "SEAL_TAMPER": (SealEvent.TAMPERED, {SealState.SEALED}),
    "DOOR_OPENED": (SealEvent.DOOR_OPENED, {SealState.SEALED}),
    "GNSS_JAMMING": (SealEvent.JAMMING, {SealState.SEALED}),
}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_scripted_event_is_in_the_messages(seed: int) -> None:
    """The marked report carries the event, at its time, from its device, within 45 s of the live part."""
    marked = {m.event_no: m for m in messages(seed) if m.event_no is not None}
    assert set(marked) == {event.event_no for event in world(seed).scripted}
    for event in world(seed).scripted:
        message = marked[event.event_no]
        reading = decoded(message)
        assert message.device_id == event.device_id
        assert message.container_id == event.container_id
        assert message.send_at_ms <= NOW_MS + 45_000
        if event.alert_type in EXPECTED_EVENT:
            bit, states = EXPECTED_EVENT[event.alert_type]
            assert reading.seal_events & bit
            assert reading.seal_state in states
            assert reading.occurred_at_ms == event.occurred_at_ms
        elif event.alert_type == "ROUTE_DEVIATION":
            assert 0 < reading.occurred_at_ms - event.occurred_at_ms < 20 * 60_000


@pytest.mark.parametrize("seed", SEEDS)
def test_circumstances_are_as_scripted(seed: int) -> None:
    """Cuts without a fix have none, dead zones make hours of delay, live ones come live."""
    marked = {m.event_no: m for m in messages(seed) if m.event_no is not None}
    kinds = set()
    for event in world(seed).scripted:
        message, kind = marked[event.event_no], Kind(event.kind)
        kinds.add(kind)
        assert event.alert_type == PLANS[kind].alert
        reading = decoded(message)
        if kind is Kind.CUT_NO_FIX:
            assert reading.fix_kind in {FixKind.NONE, FixKind.STALE}
        if kind in {Kind.CUT_DEAD_ZONE, Kind.CUT_DEAD_ZONE_LIVE}:
            assert message.send_at_ms - event.occurred_at_ms > HOUR_MS
            assert reading.flags & Flag.BUFFERED
        if kind.value.endswith("_live"):
            assert NOW_MS < message.send_at_ms < NOW_MS + 45_000
    assert kinds >= set(Kind) - {Kind.PLAIN}


@pytest.mark.parametrize("seed", SEEDS)
def test_authorisations_cover_exactly_the_authorised_openings(seed: int) -> None:
    """Card, place and time fit the authorised opening; in every other one at least one of them doesn't."""
    granted = {
        i.container_id: i.authorisation for i in items(seed) if isinstance(i, TripEvent) and i.authorisation
    }
    marked = {m.event_no: m for m in messages(seed) if m.event_no is not None}
    for event in world(seed).scripted:
        if not event.kind.startswith("opened"):
            continue
        reading, leave = decoded(marked[event.event_no]), granted.get(event.container_id)
        covered = False
        if leave is not None and leave.place is not None and reading.latitude_deg is not None:
            assert reading.longitude_deg is not None
            here = Point(reading.latitude_deg, reading.longitude_deg)
            there = Point(leave.place.latitude_deg, leave.place.longitude_deg)
            covered = (
                reading.card_id in leave.card_ids
                and leave.valid_from_ms <= reading.occurred_at_ms <= leave.valid_until_ms
                and distance_m(here, there) <= leave.place.radius_m
            )
        assert covered == (event.alert_type is None), event


@pytest.mark.parametrize("seed", SEEDS)
def test_a_door_stays_open_and_a_jammer_stays_on(seed: int) -> None:
    """From the scripted moment on every report of that seal says so: door open, or no satellites and why."""
    for event in world(seed).scripted:
        own = [
            decoded(m)
            for m in messages(seed)
            if m.device_id == event.device_id and m.kind is OutgoingKind.REPORT
        ]
        after = [reading for reading in own if reading.occurred_at_ms >= event.occurred_at_ms]
        if event.kind == Kind.DOOR_LIVE:
            assert len(after) > 1
            assert {reading.door_open for reading in after} == {True}
            assert {reading.door_open for reading in own if reading not in after} == {False}
        elif event.kind == Kind.JAMMED_LIVE:
            assert len(after) > 1
            assert all(reading.seal_events & SealEvent.JAMMING for reading in after)
            assert FixKind.GNSS not in {reading.fix_kind for reading in after}


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_stands_for_long_but_where_it_is_scripted(seed: int) -> None:
    """Half an hour in one place happens where it is scripted and at an inspection, nowhere else."""
    kinds = {event.container_id: Kind(event.kind) for event in world(seed).scripted}
    fixes = fixes_by_device(seed)
    for trip in world(seed).trips:
        longest_ms, since = 0, None
        for reading in fixes[trip.device_ids[0]]:
            if since is None or distance_m(place(since), place(reading)) > 100:
                since = reading
            longest_ms = max(longest_ms, reading.occurred_at_ms - since.occurred_at_ms)
        kind = kinds.get(trip.container_id, Kind.PLAIN)
        if kind in {Kind.STOPPED, Kind.DETOUR}:
            assert longest_ms > 45 * 60_000
        elif kind is not Kind.OPENED_AUTHORISED:
            assert longest_ms < 28 * 60_000, (trip.container_id, kind)


def fixes_by_device(seed: int) -> dict[str, list[Reading]]:
    """Satellite fixes by device in order of event time."""
    found: dict[str, list[Reading]] = defaultdict(list)
    for message in messages(seed):
        if message.kind is OutgoingKind.REPORT:
            reading = decoded(message)
            if reading.fix_kind == FixKind.GNSS and not reading.flags & Flag.CLOCK_UNSET:
                found[message.device_id].append(reading)
    for readings in found.values():
        readings.sort(key=lambda r: r.occurred_at_ms)
    return found


def place(reading: Reading) -> Point:
    assert reading.latitude_deg is not None
    assert reading.longitude_deg is not None
    return Point(reading.latitude_deg, reading.longitude_deg)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_leaves_its_corridor_but_the_scripted_detours(seed: int) -> None:
    """Satellite fixes lie well inside the corridor; a detour has 5 or more outside, a jump one."""
    kinds = {event.container_id: Kind(event.kind) for event in world(seed).scripted}
    fixes = fixes_by_device(seed)
    for trip in world(seed).trips:
        assert trip.corridor is not None
        line = Line([Point(lat, lon) for lon, lat in trip.corridor.coordinates])
        half_width_m = trip.corridor.half_width_m[0]
        kind = kinds.get(trip.container_id, Kind.PLAIN)
        outside = [r for r in fixes[trip.device_ids[0]] if line.distance_m(place(r)) > 0.9 * half_width_m]
        if kind in {Kind.DETOUR, Kind.DETOUR_RETURN}:
            assert len(outside) >= 5
            assert max(line.distance_m(place(r)) for r in outside) > 1.5 * half_width_m
        else:
            assert len(outside) == (kind is Kind.JUMP), trip.container_id


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_moves_faster_than_it_can_but_the_scripted_jumps(seed: int) -> None:
    """From one satellite fix of a device to the next at most 35 m/s, apart from a jump's wrong fix."""
    jumping = {e.device_id for e in world(seed).scripted if e.kind == Kind.JUMP.value}
    assert jumping
    for device_id, readings in fixes_by_device(seed).items():
        leaps = 0
        for a, b in itertools.pairwise(readings):
            seconds = (b.occurred_at_ms - a.occurred_at_ms) / 1000
            leaps += distance_m(place(a), place(b)) > 35.0 * seconds + 60.0
        assert leaps == (2 if device_id in jumping else 0), device_id  # there and back


@pytest.mark.parametrize("seed", SEEDS)
def test_a_trip_has_at_most_one_event_and_some_have_none(seed: int) -> None:
    """Incidents stay apart: one scripted event for a trip, and more than a third of the trips are plain."""
    scripted = [event.trip_id for event in world(seed).scripted]
    assert len(scripted) == len(set(scripted))
    assert len(scripted) < 0.67 * len(world(seed).trips)


def test_noise_is_there() -> None:
    """Dead zones, clockless starts, cell fixes and stale fixes all occur in an ordinary fleet."""
    readings = [decoded(m) for m in messages(7) if m.kind is OutgoingKind.REPORT]
    assert sum(bool(r.flags & Flag.BUFFERED) for r in readings) > 50
    assert sum(bool(r.flags & Flag.CLOCK_UNSET) for r in readings) >= 2
    assert {FixKind.NONE, FixKind.GNSS, FixKind.CELL, FixKind.STALE} <= {r.fix_kind for r in readings}
    late = [m.send_at_ms - decoded(m).occurred_at_ms for m in messages(7) if m.kind is OutgoingKind.REPORT]
    assert max(late) > HOUR_MS


def test_an_endless_world_goes_on_with_later_events() -> None:
    """Without an end there are further live events, and the stream goes on past them."""
    endless = World(profile(end_ms=None, containers=12))
    newest = max(event.occurred_at_ms for event in endless.scripted)
    assert newest > NOW_MS + 60_000
    reached = next(i for i in endless.stream() if isinstance(i, Outgoing) and i.send_at_ms > newest + 60_000)
    assert reached.kind in set(OutgoingKind)


@pytest.mark.parametrize("hours_past", [0.0, 0.5, 3.0, 30.0, 72.0])
def test_any_length_of_past_makes_a_sound_world(hours_past: float) -> None:
    """Short and long pasts build, and every scripted event's evidence is sent."""
    found = World(
        Profile(
            seed=3,
            containers=20,
            start_ms=NOW_MS - round(hours_past * HOUR_MS),
            live_ms=NOW_MS,
            end_ms=NOW_MS + 60_000,
        )
    )
    sent = {i.event_no for i in found.stream() if isinstance(i, Outgoing) and i.event_no is not None}
    assert sent == {event.event_no for event in found.scripted}


def test_a_finished_trip_ends_and_its_devices_fall_silent() -> None:
    """After arrival an ENDED event comes, and nothing of that container after it."""
    found = World(profile(containers=6, start_ms=NOW_MS - 60 * HOUR_MS, end_ms=None, seed=5))
    arriving = next(t for t in found.trips if t.corridor == lane("SGSIN-KEMBA").corridor)
    ended_at_ms = None
    for item in found.stream():
        if isinstance(item, TripEvent) and item.container_id == arriving.container_id:
            ended_at_ms = item.recorded_at_ms if item.kind is TripEventKind.ENDED else None
        elif isinstance(item, Outgoing) and ended_at_ms is not None:
            assert item.container_id != arriving.container_id
            if item.send_at_ms > ended_at_ms + HOUR_MS:
                break
    assert ended_at_ms is not None
