"""Recording trip events: the projections show what the log says."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from sealtrail.contract import subjects
from sealtrail.contract.codec import decode_trip_events
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.trip import Authorisation, Corridor, SealCheck, Trip, TripEvent, TripEventKind
from sealtrail.runtime.log import Log
from sealtrail.runtime.trips import TripRecorder
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["nats_server", "nats_settings", "open_log"]

CONTAINER = "CSQU3054383"
TRIP = Trip(trip_id="T1", container_id=CONTAINER, device_ids=("seal-1", "truck-1"))
PARTITIONS = 4


def _event(event_id: str, kind: TripEventKind, **parts: object) -> TripEvent:
    return TripEvent(
        event_id=event_id,
        kind=kind,
        occurred_at_ms=1,
        recorded_at_ms=1,
        container_id=CONTAINER,
        trip_id="T1",
        **parts,  # type: ignore[arg-type] # the test's own keywords
    )


def _leave(name: str) -> Authorisation:
    return Authorisation(authorisation_id=name, granted_by="Customs", valid_from_ms=1, valid_until_ms=2)


async def test_a_trip_from_plan_to_end(open_log: Log) -> None:
    """Planned: listed and its devices paired; authorised twice at once: both shown; ended: gone."""
    recorder = TripRecorder(open_log, PARTITIONS)
    await recorder.record(_event("e1", TripEventKind.PLANNED, trip=TRIP))
    assert await recorder.trips() == [TRIP]
    pairings = await (await open_log.bucket(subjects.PAIRINGS_BUCKET)).items()
    assert {entry.key: entry.value for entry in pairings} == dict.fromkeys(
        TRIP.device_ids, CONTAINER.encode()
    )

    await asyncio.gather(
        *(
            recorder.record(_event(f"a{name}", TripEventKind.AUTHORISED, authorisation=_leave(name)))
            for name in ("A", "B", "A")
        )
    )
    (shown,) = await recorder.trips()
    assert sorted(leave.authorisation_id for leave in shown.authorisations) == ["A", "B"]

    await recorder.record(_event("e2", TripEventKind.ENDED))
    assert await recorder.trips() == []


async def test_events_of_a_container_share_a_partition_in_order(open_log: Log) -> None:
    """The judgement reads them as they were recorded; one recorded again is there once."""
    recorder = TripRecorder(open_log, PARTITIONS)
    for event in (
        _event("e1", TripEventKind.PLANNED, trip=TRIP),
        _event("e1", TripEventKind.PLANNED, trip=TRIP),
        _event("e2", TripEventKind.PAIRED, device_id="seal-2"),
        _event("e3", TripEventKind.ENDED),
    ):
        await recorder.record(event)
    partition = subjects.partition_of(CONTAINER, PARTITIONS)
    reader = open_log.reader(subjects.LOG_STREAM, subjects.partition_filter(partition), 1)
    got: list[str] = []
    async with asyncio.timeout(10):
        while len(got) < 3:
            for message in await reader.take():
                got += [event.event_id for event in decode_trip_events(message.data)]
    assert got == ["e1", "e2", "e3"]
    await reader.close()


async def test_an_event_without_container_is_refused(open_log: Log) -> None:
    """It would have no partition."""
    event = TripEvent(event_id="e", kind=TripEventKind.ENDED, occurred_at_ms=1, recorded_at_ms=1)
    with pytest.raises(InvalidTripError, match="container_missing"):
        await TripRecorder(open_log, PARTITIONS).record(event)


async def test_a_seal_put_on_instead_is_the_trips_from_then_on(open_log: Log) -> None:
    """Recorded twice it is replaced once; a check without a new seal changes nothing."""
    recorder = TripRecorder(open_log, PARTITIONS)
    await recorder.record(
        _event("e1", TripEventKind.PLANNED, trip=msgspec.structs.replace(TRIP, seal_numbers=("A", "B")))
    )
    for name, new in (("c1", "C"), ("c1", "C"), ("c2", None)):
        check = SealCheck(
            check_id=name,
            checked_at_ms=1,
            condition=4,
            party="P",
            party_role="CU",
            seal_expected="A",
            replaced_by=new,
        )
        await recorder.record(_event(name, TripEventKind.SEAL_CHECKED, seal_check=check))
    (shown,) = await recorder.trips()
    assert shown.seal_numbers == ("B", "C")


async def test_a_plan_that_the_log_would_not_take_is_refused_whole(open_log: Log) -> None:
    """Neither device is paired nor the trip listed, and the reason names what to do."""
    points = tuple((i % 360 - 180 + 0.123456789, 45.123456789) for i in range(100_000))
    huge = msgspec.structs.replace(TRIP, corridor=Corridor(coordinates=points, half_width_m=(1.0,)))
    recorder = TripRecorder(open_log, PARTITIONS)
    with pytest.raises(InvalidTripError, match="plan_too_long"):
        await recorder.record(_event("e1", TripEventKind.PLANNED, trip=huge))
    assert await recorder.trips() == []
    assert await (await open_log.bucket(subjects.PAIRINGS_BUCKET)).items() == []
