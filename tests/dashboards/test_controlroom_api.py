"""The HTTP API over a scene in memory, through a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from dashboards.controlroom.app import GRACE_S
from sealtrail.contract.alert import CATALOGUE, AlertFamily, AlertType
from sealtrail.contract.clock import iso
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.settings.controlroom import ControlRoomSettings
from tests.dashboards.controlroom_scene import HOUR_MS, Scene
from tests.dashboards.controlroom_server import Running, running, until

LOGGED = (AlertFamily.CUSTODY, AlertFamily.QUALITY)
QUICK = ControlRoomSettings(port=0, flush_interval_ms=50, stats_interval_ms=250, heartbeat_s=0.2)


@pytest.fixture
def scene() -> Scene:
    return Scene(14)


@pytest_asyncio.fixture
async def served(scene: Scene) -> AsyncIterator[Running]:
    async with running(scene, QUICK) as one:
        yield one


@pytest_asyncio.fixture
async def http(served: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url, timeout=10) as client:
        yield client


class Events:
    """Reads server-sent events of a response."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self, name: str) -> dict[str, Any]:
        """Data of the next event of a name."""
        event = ""
        async with asyncio.timeout(10):
            async for line in self._lines:
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event == name:
                    found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    return found
        raise AssertionError(f"the stream ended without {name}")


async def test_state_holds_everything_a_page_needs(http: httpx.AsyncClient, scene: Scene) -> None:
    """Containers as columns of equal length, incidents with both times, trips, a cursor."""
    state = (await http.get("/api/state")).json()
    lengths = {len(column) for column in state["containers"].values()}
    assert lengths == {14}
    assert set(state["containers"]["container_id"]) == set(scene.containers)
    assert len(state["trips"]) == 14
    cut = next(one for one in state["incidents"] if one["type"] == "SEAL_CUT")
    assert cut["title"] == "Seal cut"
    assert cut["late_by_ms"] == cut["received_at_ms"] - cut["occurred_at_ms"] > 3 * HOUR_MS
    assert "evidence" not in cut
    assert state["stats"]["feed_connected"] is True


async def test_events_continue_the_state_without_a_gap(
    http: httpx.AsyncClient, scene: Scene, served: Running
) -> None:
    """An incident that happens between state and stream arrives on the stream."""
    cursor = (await http.get("/api/state")).json()["cursor"]
    opened = scene.breach(scene.containers[3], AlertType.DOOR_OPENED, scene.now_ms)
    await until(lambda: served.room.board.incident(opened.incident_id) is not None)
    async with http.stream("GET", "/api/events", params={"after": cursor}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert (await Events(response).next("incident"))["incident_id"] == opened.incident_id


async def test_positions_come_in_batches(http: httpx.AsyncClient, scene: Scene) -> None:
    """Many reports within a moment are one message with the newest row of each container."""
    async with http.stream("GET", "/api/events") as response:
        events = Events(response)
        await events.next("resync")
        for _ in range(20):
            readings = scene.move(1.0)
        batch = await events.next("positions")
        moved = {one.container_id: one.occurred_at_ms for one in readings}
        assert len(batch["container_id"]) == len(set(batch["container_id"])) == len(moved)
        assert dict(zip(batch["container_id"], batch["occurred_at_ms"], strict=True)) == moved
        assert (await events.next("stats"))["containers"] == 14


async def test_reconnect_with_last_event_id_replays_what_was_missed(
    http: httpx.AsyncClient, scene: Scene, served: Running
) -> None:
    """The header of the browser's own reconnect wins over the address it was opened with."""
    old = (await http.get("/api/state")).json()["cursor"]
    first = scene.breach(scene.containers[2], AlertType.SEAL_TAMPER, scene.now_ms)
    await until(lambda: served.room.board.incident(first.incident_id) is not None)
    seen = served.room.hub.cursor
    second = scene.breach(scene.containers[3], AlertType.SEAL_TAMPER, scene.now_ms)
    await until(lambda: served.room.board.incident(second.incident_id) is not None)
    async with http.stream(
        "GET", "/api/events", params={"after": old}, headers={"Last-Event-ID": seen}
    ) as response:
        assert (await Events(response).next("incident"))["incident_id"] == second.incident_id


async def test_decision_is_passed_on_and_told_to_everyone(http: httpx.AsyncClient, scene: Scene) -> None:
    """Acknowledge and resolve answer with the incident, and other viewers hear of each once."""
    incident = scene.breach(scene.containers[2], AlertType.SEAL_CUT, scene.now_ms)
    path = f"/api/incidents/{incident.incident_id}"
    async with http.stream("GET", "/api/events") as response:
        events = Events(response)
        await events.next("resync")
        answer = await http.post(f"{path}/acknowledge", json={"actor": " A. Officer "})
        assert answer.status_code == 200
        assert answer.json()["state"] == "acknowledged"
        assert answer.json()["history"][-1]["actor"] == "A. Officer"
        await http.post(f"{path}/resolve", json={"actor": "A. Officer", "reason": "Seal replaced"})
        states: list[str] = []
        while not states or states[-1] != "resolved":
            told = await events.next("incident")
            if told["incident_id"] == incident.incident_id and told["state"] != "open":
                states.append(told["state"])
        assert states == ["acknowledged", "resolved"]
    detail = (await http.get(path)).json()
    assert [step["action"] for step in detail["history"]] == ["opened", "acknowledged", "resolved"]
    assert detail["alert_list"][0]["evidence"][0]["seal_events"] == ["cut"]


@pytest.mark.parametrize(
    ("path", "body", "status", "name"),
    [
        ("resolve", {"actor": "A"}, 422, "reason_missing"),
        ("acknowledge", {"actor": "   "}, 422, "invalid_request"),
        ("acknowledge", {"actor": "A", "surprise": 1}, 422, "invalid_request"),
        ("explode", {"actor": "A"}, 422, "invalid_request"),
    ],
)
async def test_bad_decision_is_refused_by_name(
    http: httpx.AsyncClient, scene: Scene, path: str, body: dict[str, Any], status: int, name: str
) -> None:
    """What a person forgot comes back as a problem with a stable name, and nothing was done."""
    incident = scene.breach(scene.containers[2], AlertType.SEAL_CUT, scene.now_ms)
    answer = await http.post(f"/api/incidents/{incident.incident_id}/{path}", json=body)
    assert (answer.status_code, answer.json()["name"]) == (status, name)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_refusal_of_the_alerts_service_keeps_its_name(http: httpx.AsyncClient) -> None:
    """An incident that doesn't exist, or is in another state, is refused as the service says."""
    answer = await http.post("/api/incidents/none/acknowledge", json={"actor": "A"})
    assert (answer.status_code, answer.json()["name"]) == (404, "unknown_incident")
    state = (await http.get("/api/state")).json()
    done = next(one["incident_id"] for one in state["incidents"] if one["state"] == "acknowledged")
    answer = await http.post(f"/api/incidents/{done}/acknowledge", json={"actor": "A"})
    assert (answer.status_code, answer.json()["name"]) == (409, "wrong_state")


async def test_another_sites_page_cannot_decide(http: httpx.AsyncClient, scene: Scene) -> None:
    """A form or script of another origin is refused, and so is a body that isn't JSON."""
    incident = scene.breach(scene.containers[2], AlertType.SEAL_CUT, scene.now_ms)
    path = f"/api/incidents/{incident.incident_id}/acknowledge"
    foreign = await http.post(path, json={"actor": "A"}, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["name"]) == (403, "foreign_origin")
    form = await http.post(path, content='{"actor":"A"}', headers={"Content-Type": "text/plain"})
    assert form.status_code == 422
    own = await http.post(path, json={"actor": "A"}, headers={"Origin": str(http.base_url).rstrip("/")})
    assert own.status_code == 200


async def test_record_of_a_container(http: httpx.AsyncClient, scene: Scene) -> None:
    """Track, sensors and seals come oldest first, inside the asked time, codes as words."""
    box = scene.containers[0]
    window = {"since": iso(scene.now_ms - 20 * HOUR_MS), "until": iso(scene.now_ms)}
    track = (await http.get(f"/api/containers/{box}/track", params=window)).json()
    times = [point["occurred_at_ms"] for point in track["points"]]
    assert times == sorted(times)
    assert scene.now_ms - 20 * HOUR_MS <= times[0] < times[-1] < scene.now_ms
    few = (await http.get(f"/api/containers/{box}/track", params={**window, "limit": 2})).json()
    assert few["truncated"] is True
    assert [point["occurred_at_ms"] for point in few["points"]] == times[-2:]
    sensors = (
        await http.get(f"/api/containers/{box}/sensors", params={**window, "quantity": "temperature_c"})
    ).json()
    assert sensors["samples"]
    seals = (await http.get(f"/api/containers/{box}/seals", params=window)).json()
    cut = next(report for report in seals["reports"] if report["events"] == ["cut"])
    assert (cut["state"], cut["late_by_ms"]) == ("cut", 4 * HOUR_MS)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("since=yesterday", "bad_time"),
        ("since=2026-01-01T00:00:00", "bad_time"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "bad_window"),
        ("since=1990-01-01T00:00:00Z", "window_too_long"),
        ("limit=0", "invalid_request"),
        ("limit=9999999", "invalid_request"),
    ],
)
async def test_bad_window_is_refused_by_name(http: httpx.AsyncClient, query: str, name: str) -> None:
    """Times without a zone, empty and endless spans and limits out of range are refused."""
    answer = await http.get(f"/api/containers/X/track?{query}")
    assert answer.json()["name"] == name
    assert 400 <= answer.status_code < 500


async def test_unknown_quantity_is_refused(http: httpx.AsyncClient) -> None:
    """Only the series that the record keeps can be asked for."""
    answer = await http.get("/api/containers/X/sensors", params={"quantity": "colour"})
    assert answer.json()["name"] == "unknown_quantity"


async def test_trip_with_plan_incidents_and_custody(http: httpx.AsyncClient, scene: Scene) -> None:
    """The drawer gets corridor, authorisations, incidents and custody of one trip."""
    trip = (await http.get(f"/api/trips/{scene.trip_of(scene.containers[0]).trip_id}")).json()
    assert trip["trip"]["corridor"]["half_width_m"][0] == 4_000
    assert [event["type"] for event in trip["custody"]] == ["PAIRED", "SEAL_ARMED", "TRIP_STARTED"]
    assert [one["type"] for one in trip["incidents"]] == ["SEAL_CUT"]
    missing = await http.get("/api/trips/none")
    assert (missing.status_code, missing.json()["name"]) == (404, "unknown_trip")


async def test_deliveries_of_one_incident(http: httpx.AsyncClient) -> None:
    """The ledger can be asked for one incident, newest first."""
    everything = (await http.get("/api/deliveries")).json()["deliveries"]
    queued = [one["queued_at_ms"] for one in everything]
    assert queued == sorted(queued, reverse=True)
    one = (await http.get("/api/deliveries", params={"incident_id": everything[0]["incident_id"]})).json()
    assert [found["delivery_id"] for found in one["deliveries"]] == [everything[0]["delivery_id"]]


async def test_part_that_does_not_answer_is_named(http: httpx.AsyncClient, scene: Scene) -> None:
    """A dead record is a 503 with words, not a crash, and what is in memory goes on."""
    scene.failing = "the record doesn't answer"
    answer = await http.get(f"/api/containers/{scene.containers[0]}/track")
    assert (answer.status_code, answer.json()["name"]) == (503, "unavailable")
    assert (await http.get("/api/state")).status_code == 200


async def test_lost_feed_is_told_and_found_again(
    http: httpx.AsyncClient, scene: Scene, served: Running
) -> None:
    """When the log breaks the stats say so; when it is back every viewer starts afresh."""
    async with http.stream("GET", "/api/events") as response:
        events = Events(response)
        await events.next("resync")
        scene.break_feed("the log is gone")
        while (stats := await events.next("stats"))["feed_connected"]:
            pass
        assert stats["feed_error"] == "the log is gone"
        scene.failing = ""
        await events.next("resync")
    assert served.room.feed.connected


async def test_record_that_is_down_does_not_hold_up_the_alerts() -> None:
    """With the record down the queue and live positions work; positions follow when it is back."""

    class Down(Scene):
        down = True

        async def latest(self) -> list[Any]:
            if self.down:
                raise UnavailableError("the record is down")
            return await super().latest()

    scene = Down(14)
    async with running(scene, QUICK) as served, httpx.AsyncClient(base_url=served.url) as http:
        state = (await http.get("/api/state")).json()
        assert (len(state["incidents"]), state["containers"]["container_id"]) == (7, [])
        scene.down = False
        await until(lambda: len(served.room.board.fleet) == 14)


async def test_viewer_that_reads_nothing_is_dropped() -> None:
    """A stalled browser costs a bounded queue and is then cut off."""
    scene = Scene(400)
    settings = ControlRoomSettings(
        port=0, flush_interval_ms=50, viewer_queue_frames=8, send_timeout_s=0.5, heartbeat_s=0.2
    )
    async with running(scene, settings) as served:
        host, port = urlsplit(served.url).hostname, urlsplit(served.url).port
        with socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            stalled.connect((host, port))
            stalled.sendall(b"GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: served.room.hub.viewers == 1)

            def gone() -> bool:
                scene.move(1.0)
                return served.room.hub.viewers == 0

            await until(gone)


async def test_open_streams_do_not_hold_up_a_shutdown(scene: Scene) -> None:
    """A viewer's stream ends when the service is told to stop, and the service ends with it."""
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient() as http:
        async with running(scene, QUICK) as served:
            response = await http.send(http.build_request("GET", f"{served.url}/api/events"), stream=True)
            await Events(response).next("resync")
            told_at = loop.time()
        assert loop.time() - told_at < GRACE_S  # uvicorn would cut streams off only then
        await response.aclose()


async def test_headers_keep_the_page_to_itself(http: httpx.AsyncClient) -> None:
    """Every answer forbids foreign scripts, frames and connections."""
    for path in ("/", "/api/state", "/nowhere"):
        policy = (await http.get(path)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self'" in policy
        assert "unsafe" not in policy


async def test_unknown_path_is_a_problem_too(http: httpx.AsyncClient) -> None:
    """A wrong address is answered in the same form."""
    answer = await http.get("/api/nothing")
    assert (answer.status_code, answer.json()["name"]) == (404, "not_found")


async def test_schema_is_published(http: httpx.AsyncClient) -> None:
    """The OpenAPI document names every route that the page calls."""
    schema = (await http.get("/api/openapi.json")).json()
    assert {
        "/api/state",
        "/api/events",
        "/api/containers/{container_id}/track",
        "/api/containers/{container_id}/sensors",
        "/api/containers/{container_id}/seals",
        "/api/trips/{trip_id}",
        "/api/incidents/{incident_id}",
        "/api/incidents/{incident_id}/{action}",
        "/api/deliveries",
    } <= set(schema["paths"])


async def test_the_work_list_and_the_risk_of_one_trip(http: httpx.AsyncClient, scene: Scene) -> None:
    """Trips come by their score, each with its parts and what they rest on; an ended trip is unknown."""
    found = (await http.get("/api/risk?limit=3")).json()
    assert found["trips"] == 14
    scores = [one["score"] for one in found["risks"]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert scores[0] >= 60
    worst = found["risks"][0]
    one = (await http.get(f"/api/risk/{worst['trip_id']}")).json()
    assert one["container_id"] == worst["container_id"]
    assert one["points"] == pytest.approx(sum(part["points"] for part in one["parts"]), abs=0.1)
    assert all(part["reason"].endswith(".") and part["basis"] for part in one["parts"])
    unknown = await http.get("/api/risk/T-none")
    assert (unknown.status_code, unknown.json()["name"]) == (404, "unknown_trip")
    assert (await http.get("/api/risk?limit=0")).json()["name"] == "invalid_request"
    scene.failing = "the alerts service is away"
    assert (await http.get("/api/risk")).status_code == 503


async def test_alerts_of_every_type_are_shown(http: httpx.AsyncClient, served: Running, scene: Scene) -> None:
    """Each type that can open an incident has its words, also where no report, device or place backs it."""
    kinds = [kind for kind in AlertType if CATALOGUE[kind].family not in LOGGED]
    for number, kind in enumerate(kinds):
        for bare in (False, True):
            at_ms = scene.now_ms - (2 * number + bare) * 60_000
            incident = scene.breach(scene.containers[number % 14], kind, at_ms, bare=bare)
            await until(partial(served.room.board.incident, incident.incident_id))
            found = (await http.get(f"/api/incidents/{incident.incident_id}")).json()
            assert found["title"] == CATALOGUE[kind].title
            assert found["sentence"]
            assert (found["longitude_deg"] is None) == bare
            assert [len(alert["evidence"]) for alert in found["alert_list"]] == [0 if bare else 1]
