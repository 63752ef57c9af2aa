"""A whole fleet on a real Mosquitto, and its clock."""

from __future__ import annotations

import asyncio
import time

from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.trip import TripEvent
from sealtrail.runtime.settings.simulator import PublisherSettings
from simulators.fleet import Fleet, run_fleet
from simulators.profile import HOUR_MS, Profile
from simulators.truth import Outgoing, OutgoingKind
from simulators.world import World
from tests.parts.mosquitto import Mosquitto
from tests.simulators.conftest import NOW_MS, listening, profile


async def no_sink(_event: TripEvent) -> None:
    """Trips are of no interest here."""


async def test_every_byte_of_the_world_arrives_in_each_devices_order(mosquitto: Mosquitto) -> None:
    """Broker and world agree message by message and device by device, and the report in every count."""
    world = World(profile(containers=20, corrupt_rate=0.02))
    expected = [item for item in world.stream() if isinstance(item, Outgoing)]
    async with listening(mosquitto.port) as ear:
        report = await run_fleet(
            world, PublisherSettings(port=mosquitto.port), no_sink, wall_clock_ms, asyncio.Event()
        )
        await ear.until(len(expected))
    assert report.published == len(ear.heard) == len(expected)
    assert report.duplicates_sent == sum(m.kind is OutgoingKind.DUPLICATE for m in expected)
    assert report.corrupt_sent == sum(m.kind is OutgoingKind.CORRUPT for m in expected)
    assert (report.resent, report.unacknowledged) == (0, 0)
    for topic in {m.topic for m in expected}:
        heard = [payload for heard_topic, payload in ear.heard if heard_topic == topic]
        assert heard == [m.payload for m in expected if m.topic == topic]
    assert [sent.event for sent in report.scripted] == list(world.scripted)
    assert all(sent.sent_at_ms is not None for sent in report.scripted)


async def test_trip_events_are_known_before_what_follows(mosquitto: Mosquitto) -> None:
    """Nothing of a container is on the wire before its plan has been awaited, however slow the sink."""
    world = World(profile(containers=5))
    async with listening(mosquitto.port) as ear:
        done: dict[str, int] = {}

        async def slow_sink(event: TripEvent) -> None:
            await asyncio.sleep(0.02)
            done.setdefault(event.event_id, len(ear.heard))

        fleet = Fleet(world, PublisherSettings(port=mosquitto.port), slow_sink, wall_clock_ms, settle_s=0)
        report = await fleet.run(asyncio.Event())
    assert report.trip_events == len(done) >= 5
    assert all(done[f"{trip.trip_id}-planned"] == 0 for trip in world.trips)


async def test_the_past_goes_at_once_and_the_rest_at_its_time(mosquitto: Mosquitto) -> None:
    """Two seconds of live part end two seconds from now, with hours of past before them."""
    now_ms = wall_clock_ms()
    world = World(
        Profile(seed=2, containers=6, start_ms=now_ms - 2 * HOUR_MS, live_ms=now_ms, end_ms=now_ms + 2_000)
    )
    newest_ms = max(m.send_at_ms for m in world.stream() if isinstance(m, Outgoing))
    fleet = Fleet(world, PublisherSettings(port=mosquitto.port), no_sink, wall_clock_ms)
    report = await fleet.run(asyncio.Event())
    assert report.published > 200
    assert newest_ms <= wall_clock_ms() < newest_ms + 3_000


async def test_pace_stretches_the_past(mosquitto: Mosquitto) -> None:
    """At 7200 times real time two hours of past take one second, not none."""
    world = World(profile(containers=3, start_ms=NOW_MS - 2 * HOUR_MS, end_ms=NOW_MS))
    began = time.monotonic()
    await Fleet(world, PublisherSettings(port=mosquitto.port), no_sink, wall_clock_ms, pace=7_200).run(
        asyncio.Event()
    )
    assert 0.9 < time.monotonic() - began < 6


async def test_stopping_is_prompt_and_accounts_for_everything(mosquitto: Mosquitto) -> None:
    """Stopped while it waits, an endless fleet returns at once; all that it counted has arrived."""
    now_ms = wall_clock_ms()
    world = World(Profile(seed=2, containers=4, start_ms=now_ms - HOUR_MS, live_ms=now_ms))
    stop = asyncio.Event()
    async with listening(mosquitto.port) as ear:
        fleet = Fleet(world, PublisherSettings(port=mosquitto.port), no_sink, wall_clock_ms)
        running = asyncio.create_task(fleet.run(stop))
        await ear.until(50)
        began = time.monotonic()
        stop.set()
        report = await running
        assert time.monotonic() - began < 3
        await ear.until(report.published)
    assert fleet.progress.published == report.published == len(ear.heard)
