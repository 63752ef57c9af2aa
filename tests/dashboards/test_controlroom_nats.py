"""The control room's backend and service on a real NATS server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from alerts.risk.desk import RiskDesk, answer_with
from dashboards.controlroom.backend import Change, IncidentChanged, ReadingsSeen, TripChanged, TripRemoved
from dashboards.controlroom.nats_backend import REFUSED_HEADER, NatsBackend
from sealtrail.contract import subjects
from sealtrail.contract.alert import AlertType
from sealtrail.contract.codec import encode_alert_events, encode_readings
from sealtrail.contract.errors import RefusedError, UnavailableError
from sealtrail.contract.incident import (
    CommandReply,
    IncidentAction,
    IncidentCommand,
    IncidentState,
    IncidentStep,
)
from sealtrail.contract.queries import LatestQuery, QueryRefusal, TrackQuery
from sealtrail.contract.risk import RiskQuery
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.controlroom import ControlRoomSettings
from sealtrail.runtime.settings.risk import RiskSettings
from tests.dashboards.controlroom_scene import Scene
from tests.dashboards.controlroom_server import running, until
from tests.parts.nats import nats_server, nats_settings, open_log  # noqa: F401 - fixtures

encode = msgspec.msgpack.encode


@pytest.fixture
def scene() -> Scene:
    return Scene(3)


@pytest_asyncio.fixture
async def backend(open_log: Log) -> AsyncIterator[NatsBackend]:  # noqa: F811 - the fixture
    yield NatsBackend(open_log, max_custody_events=1_000)


async def answer_record(log: Log, scene: Scene) -> None:
    """Answers the record's questions from the scene, on the real subjects."""

    async def answer(query: str, body: bytes) -> tuple[dict[str, str], bytes]:
        if query == "latest":
            if msgspec.msgpack.decode(body, type=LatestQuery).limit > 20_000:
                refusal = QueryRefusal(reason="answer_too_large", detail="")
                return {REFUSED_HEADER: refusal.reason}, encode(refusal)
            return {}, encode(await scene.latest())
        if scene.failing:
            refusal = QueryRefusal(reason=scene.failing, detail="down")
            return {REFUSED_HEADER: refusal.reason}, encode(refusal)
        return {}, encode(await scene.track(msgspec.msgpack.decode(body, type=TrackQuery)))

    await log.answer(f"{subjects.RECORD_REQUEST}.*", answer, group="test")


async def answer_commands(log: Log, scene: Scene) -> None:
    """Decides as the alerts service does: writes the incident to the bucket and replies with it."""

    async def answer(_query: str, body: bytes) -> tuple[dict[str, str], bytes]:
        reply: CommandReply = await scene.act(msgspec.msgpack.decode(body, type=IncidentCommand))
        if reply.incident:
            bucket = await log.bucket(subjects.INCIDENTS_BUCKET)
            await bucket.put(reply.incident.incident_id, msgspec.json.encode(reply.incident))
        return {}, encode(reply)

    await log.answer(subjects.INCIDENT_COMMAND, answer, group="test")


async def put_scene(log: Log, scene: Scene) -> None:
    trips, incidents = await log.bucket(subjects.TRIPS_BUCKET), await log.bucket(subjects.INCIDENTS_BUCKET)
    for trip in await scene.trips():
        await trips.put(trip.trip_id, msgspec.json.encode(trip))
    for incident in await scene.incidents():
        await incidents.put(incident.incident_id, msgspec.json.encode(incident))
    events = [event for box in scene.containers for event in await scene.custody(box)]
    await log.append(subjects.alerts_subject(0), encode_alert_events(events))


async def test_buckets_and_questions(backend: NatsBackend, open_log: Log, scene: Scene) -> None:  # noqa: F811
    """Trips and incidents come from buckets, positions by request; what can't be read is left out."""
    scene.breach(scene.containers[0], AlertType.SEAL_CUT, scene.now_ms)
    await put_scene(open_log, scene)
    await (await open_log.bucket(subjects.INCIDENTS_BUCKET)).put("broken", b"{")
    await answer_record(open_log, scene)
    assert sorted(await backend.trips(), key=lambda trip: trip.trip_id) == await scene.trips()
    assert await backend.incidents() == await scene.incidents()
    assert await backend.latest() == await scene.latest()
    query = TrackQuery(container_id=scene.containers[0], since_ms=0, until_ms=scene.now_ms)
    assert await backend.track(query) == await scene.track(query)


@pytest.mark.parametrize(
    ("reason", "error"), [("store_unavailable", UnavailableError), ("bad_range", RefusedError)]
)
async def test_refusal_of_the_record_keeps_its_meaning(
    backend: NatsBackend,
    open_log: Log,  # noqa: F811
    scene: Scene,
    reason: str,
    error: type[Exception],
) -> None:
    """A store that is down may be asked again; a refused question may not."""
    await answer_record(open_log, scene)
    scene.failing = reason
    with pytest.raises(error):
        await backend.track(TrackQuery(container_id="X", since_ms=0, until_ms=1))


async def test_nobody_there_is_said_at_once(backend: NatsBackend) -> None:
    """Without an alerts service or a record the answer is a name, not a time-out."""
    async with asyncio.timeout(3):
        with pytest.raises(UnavailableError):
            await backend.latest()
        with pytest.raises(UnavailableError):
            await backend.act(IncidentCommand(incident_id="I", action=IncidentAction.ACKNOWLEDGE, actor="A"))


async def test_the_work_list_is_the_alerts_services(
    backend: NatsBackend,
    open_log: Log,  # noqa: F811
    scene: Scene,
) -> None:
    """Scores come from the service that keeps incidents; its refusals keep their names."""
    with pytest.raises(UnavailableError):
        await backend.risks(RiskQuery())
    await put_scene(open_log, scene)
    desk = RiskDesk(open_log, RiskSettings(), lambda: scene.now_ms)
    await open_log.answer(subjects.RISK_REQUEST, answer_with(desk), group="test")
    found = await backend.risks(RiskQuery(limit=3))
    assert found.trips == len(await scene.trips())
    assert [one.score for one in found.risks] == sorted((one.score for one in found.risks), reverse=True)
    (one,) = (await backend.risks(RiskQuery(trip_id=found.risks[0].trip_id))).risks
    assert one == found.risks[0]
    with pytest.raises(RefusedError, match="unknown_trip"):
        await backend.risks(RiskQuery(trip_id="T-none"))


async def test_changes_of_every_kind_arrive(backend: NatsBackend, open_log: Log, scene: Scene) -> None:  # noqa: F811
    """Readings, incidents, trips and their removal come as they happen; garbage is passed over."""
    trip = scene.trip_of(scene.containers[0])
    found: list[Change] = []
    async with backend.changes() as changes:

        async def collect() -> None:
            async for change in changes:
                found.append(change)  # noqa: PERF401 - an endless feed

        collecting = asyncio.create_task(collect())
        readings = scene.move(1.0)
        await open_log.append(subjects.readings_subject(1), b"garbage")
        await open_log.append(subjects.readings_subject(0), encode_readings(readings))
        await put_scene(open_log, scene)
        incident = scene.breach(scene.containers[1], AlertType.SEAL_CUT, scene.now_ms)
        await put_scene(open_log, scene)
        await (await open_log.bucket(subjects.TRIPS_BUCKET)).delete(trip.trip_id)
        for wanted in (
            ReadingsSeen(encode_readings(readings), len(readings)),
            TripChanged(trip),
            IncidentChanged(incident),
            TripRemoved(trip.trip_id),
        ):
            await until(lambda wanted=wanted: wanted in found)
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
    assert await backend.custody(scene.containers[0]) == await scene.custody(scene.containers[0])


async def test_page_lives_on_the_log(
    backend: NatsBackend,
    open_log: Log,  # noqa: F811
    scene: Scene,
) -> None:
    """State, live report and decision through the whole service; a decision survives its restart."""
    incident = scene.breach(scene.containers[0], AlertType.SEAL_CUT, scene.now_ms)
    await put_scene(open_log, scene)
    await answer_record(open_log, scene)
    await answer_commands(open_log, scene)
    settings = ControlRoomSettings(port=0, flush_interval_ms=50)
    async with running(backend, settings) as served, httpx.AsyncClient(base_url=served.url) as http:
        await until(lambda: len(served.room.board.fleet) == 3)
        readings = scene.move(1.0)
        await open_log.append(subjects.readings_subject(0), encode_readings(readings))
        newest = readings[0].occurred_at_ms
        async with asyncio.timeout(20):
            while newest not in (await http.get("/api/state")).json()["containers"]["occurred_at_ms"]:
                await asyncio.sleep(0.01)
        path = f"/api/incidents/{incident.incident_id}"
        assert (await http.post(f"{path}/acknowledge", json={"actor": "A"})).status_code == 200
    async with running(backend, settings) as served, httpx.AsyncClient(base_url=served.url) as http:
        detail: dict[str, Any] = (await http.get(path)).json()
        assert (detail["state"], detail["history"][-1]["actor"]) == ("acknowledged", "A")


async def test_lost_server_is_told_and_the_feed_comes_back(
    backend: NatsBackend,
    nats_server: EmbeddedNats,  # noqa: F811
    open_log: Log,  # noqa: F811
    scene: Scene,
) -> None:
    """While NATS is down the page says so; afterwards it is current again without a restart."""
    async with running(backend, ControlRoomSettings(port=0)) as served:
        await asyncio.to_thread(nats_server.stop)
        await until(lambda: not served.room.feed.connected)
        await asyncio.to_thread(nats_server.start)
        await until(lambda: served.room.feed.connected, 40)
        incident = scene.breach(scene.containers[0], AlertType.SEAL_CUT, scene.now_ms)
        step = IncidentStep(at_ms=1, actor="A", action="acknowledged")
        incident = msgspec.structs.replace(
            incident, state=IncidentState.ACKNOWLEDGED, history=(*incident.history, step)
        )
        bucket = await open_log.bucket(subjects.INCIDENTS_BUCKET)
        await bucket.put(incident.incident_id, msgspec.json.encode(incident))
        await until(lambda: served.room.board.incident(incident.incident_id) == incident)
