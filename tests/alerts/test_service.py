"""The alerts service as a process, on a real log, with a real receiver; also killed at random."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from alerts.notices import delivery_id_of
from sealtrail.contract import subjects
from sealtrail.contract.alert import (
    CATALOGUE,
    AlertAction,
    AlertEvent,
    AlertFamily,
    AlertType,
    Severity,
)
from sealtrail.contract.codec import encode_alert_events
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.incident import (
    ChannelKind,
    CommandReply,
    Delivery,
    DeliveryState,
    Incident,
    IncidentAction,
    IncidentCommand,
    IncidentState,
)
from sealtrail.contract.public.subscriber import Subscriber
from sealtrail.runtime import streams
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings
from tests.alerts.receiver import SECRET, Answer, Receiver, Request
from tests.alerts.samples import alert, subscriber, until
from tests.alerts.worker import Worker

POSITION = "sealtrail_alerts_position"
QUEUED = "sealtrail_alerts_queued"


class House:
    """The log, one alerts process, one receiver, and what a test does with them."""

    def __init__(self, log: Log, worker: Worker, receiver: Receiver) -> None:
        self.log = log
        self.worker = worker
        self.receiver = receiver

    async def subscribe(
        self, *, subscriber_id: str = "customs", url: str = "", **filters: object
    ) -> Subscriber:
        who = subscriber(
            subscriber_id,
            channels={"webhook": {"url": url or self.receiver.url, "secret": SECRET}},
            filter=filters,
        )
        await (await self.log.bucket(subjects.SUBSCRIBERS_BUCKET)).put(who.id, who.to_json())
        return who

    async def tell(self, *events: AlertEvent, partition: int = 0) -> None:
        await self.log.append(subjects.alerts_subject(partition), encode_alert_events(events))

    async def incidents(self) -> dict[str, Incident]:
        bucket = await self.log.bucket(subjects.INCIDENTS_BUCKET)
        found = [msgspec.json.decode(one.value or b"", type=Incident) for one in await bucket.items()]
        return {one.incident_id: one for one in found}

    async def deliveries(self) -> list[Delivery]:
        bucket = await self.log.bucket(subjects.DELIVERIES_BUCKET)
        return [msgspec.json.decode(one.value or b"", type=Delivery) for one in await bucket.items()]

    async def ask(self, command: IncidentCommand, within_s: float = 15.0) -> CommandReply:
        """The answer, as soon as the service gives one."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                _, body = await self.log.request(subjects.INCIDENT_COMMAND, msgspec.msgpack.encode(command))
            except UnavailableError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)
            else:
                return msgspec.msgpack.decode(body, type=CommandReply)

    async def quiet(self, within_s: float = 20.0) -> None:
        """Until the service has read the log and has nothing left to deliver."""
        async with asyncio.timeout(within_s):
            while await self.unread() or await asyncio.to_thread(self.worker.figure, QUEUED) != 0:
                await asyncio.sleep(0.05)

    async def unread(self) -> float:
        """Messages in the stream that the service, once ready, has still before it."""
        position = await asyncio.to_thread(self.worker.figure, POSITION)
        return await self.log.last_sequence(subjects.ALERT_STREAM) - (position or 0)

    async def receives(self, requests: int) -> None:
        """Until so many requests have come in."""
        await until(lambda: len(self.receiver.requests) >= requests, 30)

    async def lag(self) -> int:
        return await self.log.lag(subjects.ALERT_STREAM, streams.ALERTS_EVENTS)

    def types(self) -> list[str]:
        return [request.event["type"].rsplit(".", 1)[-1] for request in self.receiver.requests]


@pytest_asyncio.fixture
async def house(
    nats_settings: NatsSettings, open_log: Log, receiver: Receiver, tmp_path: Path
) -> AsyncIterator[House]:
    worker = Worker(tmp_path, nats_settings)
    yield House(open_log, worker, receiver)
    worker.kill()
    if "Traceback" in worker.log:
        pytest.fail(worker.log)


async def test_a_breach_reaches_the_subscriber(house: House) -> None:
    """From an alert event on the log to a signed CloudEvent at the receiver, with the ledger to prove it."""
    who = await house.subscribe()
    house.worker.start()
    await house.tell(alert())
    await until(lambda: len(house.receiver.requests) == 1)
    (request,) = house.receiver.requests
    (incident,) = (await house.incidents()).values()
    assert request.signed
    assert request.key == delivery_id_of(who.id, ChannelKind.WEBHOOK, incident.incident_id, alert().event_id)
    event = request.event
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "time")} == {
        "specversion": "1.0",
        "id": request.key,
        "source": "urn:sealtrail",
        "type": "org.sealtrail.alert.raised",
        "subject": "MSCU6639870",
        "time": "2026-11-18T10:06:40.000Z",
    }
    data = event["data"]
    assert (data["type"], data["severity"], data["trip_id"]) == ("SEAL_CUT", "critical", "T1")
    assert (data["occurred_at"], data["received_at"], data["late_by_s"]) == (
        "2026-11-18T10:06:40.000Z",
        "2026-11-18T11:06:40.000Z",
        3600.0,
    )
    assert data["incident"]["incident_id"] == incident.incident_id
    assert data["evidence"][0]["seal_state"] == "cut"
    await house.quiet()
    (delivery,) = await house.deliveries()
    assert (delivery.delivery_id, delivery.state) == (request.key, DeliveryState.DELIVERED)
    assert [attempt.outcome for attempt in delivery.attempts] == ["delivered"]


async def test_the_life_of_an_incident_is_told_once_each(house: House) -> None:
    """Raised, escalated and retracted are told; joined, repeated and cleared are not; mild ones to nobody."""
    await house.subscribe()
    house.worker.start()
    kind = AlertType.ROUTE_DEVIATION
    raised = alert("r", type=kind)
    worse = alert("r", AlertAction.UPDATED, type=kind, severity=Severity.CRITICAL, cause=1)
    retracted = alert("r", AlertAction.RETRACTED, type=kind)
    await house.tell(raised, alert("w", type=AlertType.WRONG_WAY))
    await house.tell(raised, worse, alert("r", AlertAction.CLEARED, type=kind))
    await house.tell(alert("shock", type=AlertType.SHOCK))
    await house.tell(retracted, alert("w", AlertAction.RETRACTED, type=AlertType.WRONG_WAY))
    await house.tell(raised, worse, retracted)
    await house.quiet()
    assert house.types() == ["raised", "escalated", "retracted"]
    assert house.receiver.requests[-1].event["data"]["reason"]
    assert len(await house.incidents()) == 2


async def test_what_no_report_shows_is_told_too(house: House) -> None:
    """An alert of any type without evidence, device and place opens its incident and is told as it is."""
    await house.subscribe(minimum_severity=Severity.LOW.value)
    house.worker.start()
    kinds = [
        kind for kind in AlertType if CATALOGUE[kind].family not in (AlertFamily.CUSTODY, AlertFamily.QUALITY)
    ]
    events = [
        msgspec.structs.replace(
            alert(kind.value, type=kind, trip_id=f"T-{kind.value}", severity=Severity.HIGH, evidence=0),
            device_id="",
            latitude_deg=None,
            longitude_deg=None,
            details={},
        )
        for kind in kinds
    ]
    await house.tell(*events)
    await house.receives(len(kinds))
    told = {request.event["data"]["type"]: request.event["data"] for request in house.receiver.requests}
    assert told.keys() == {kind.value for kind in kinds}
    for kind in kinds:
        data = told[kind.value]
        assert (data["title"], data["device_id"], data["evidence"]) == (CATALOGUE[kind].title, "", [])
        assert data["latitude_deg"] is data["longitude_deg"] is None
        assert data["incident"]["family"] == CATALOGUE[kind].family.value
    assert len(await house.incidents()) == len(kinds)


async def test_subscribers_hear_what_they_asked_for(house: House) -> None:
    """Filters by container, trip, family and severity, also for a subscriber added while running."""
    house.worker.start()
    await house.subscribe(subscriber_id="all", url=f"{house.receiver.url}/all")
    await house.subscribe(
        subscriber_id="critical", url=f"{house.receiver.url}/critical", minimum_severity="critical"
    )
    await house.subscribe(subscriber_id="t2", url=f"{house.receiver.url}/t2", trips=["T2"])
    await house.subscribe(
        subscriber_id="route", url=f"{house.receiver.url}/route", containers=["C1"], families=["route"]
    )
    await house.ask(IncidentCommand(incident_id="none", action=IncidentAction.ACKNOWLEDGE, actor="test"))
    await house.tell(
        alert("a", trip_id="T1", container_id="C1"),
        alert("b", trip_id="T1", container_id="C1", type=AlertType.ROUTE_DEVIATION),
        alert("c", trip_id="T2", container_id="C2", type=AlertType.ROUTE_DEVIATION),
    )
    await house.quiet()
    heard = sorted(
        (request.path.rsplit("/", 1)[-1], request.event["data"]["alert_id"])
        for request in house.receiver.requests
    )
    assert heard == [
        ("all", "a"),
        ("all", "b"),
        ("all", "c"),
        ("critical", "a"),
        ("route", "b"),
        ("t2", "c"),
    ]


async def test_people_decide(house: House) -> None:
    """Acknowledge, resolve and retract by request; who was told hears of the retraction; refusals by name."""
    await house.subscribe()
    house.worker.start()
    await house.tell(alert())
    await house.quiet()
    (incident_id,) = await house.incidents()

    def command(action: IncidentAction, reason: str = "") -> IncidentCommand:
        return IncidentCommand(incident_id=incident_id, action=action, actor="J. Otieno", reason=reason)

    acknowledged = await house.ask(command(IncidentAction.ACKNOWLEDGE))
    assert acknowledged.incident is not None
    assert acknowledged.incident.state is IncidentState.ACKNOWLEDGED
    assert (await house.incidents())[incident_id] == acknowledged.incident
    assert (await house.ask(command(IncidentAction.ACKNOWLEDGE))).refused == "bad_transition"
    assert (await house.ask(command(IncidentAction.RESOLVE))).refused == "reason_missing"
    retracted = await house.ask(command(IncidentAction.RETRACT, "seal was changed by us"))
    assert retracted.incident is not None
    assert retracted.incident.state is IncidentState.RETRACTED
    await until(lambda: house.types() == ["raised", "retracted"])
    assert house.receiver.requests[-1].event["data"]["reason"] == "seal was changed by us"
    _, body = await house.log.request(subjects.INCIDENT_COMMAND, b"\xc1 nonsense")
    assert msgspec.msgpack.decode(body, type=CommandReply).refused == "bad_request"


async def test_damaged_batches_stop_nothing(house: House) -> None:
    """A batch on the log that can't be read is skipped; the next breach is told."""
    await house.subscribe()
    house.worker.start()
    for damaged in (b"", b"ST\x01\x03\xff", b"ST\x09\x03", b"garbage" * 100):
        await house.log.append(subjects.alerts_subject(1), damaged)
    await house.tell(alert())
    await house.quiet()
    assert house.types() == ["raised"]


async def test_a_standby_takes_over(house: House, nats_settings: NatsSettings, tmp_path: Path) -> None:
    """Of two workers one is active; when it is killed the other goes on, and nothing is told twice."""
    await house.subscribe()
    folder = tmp_path / "second"
    folder.mkdir()
    second = Worker(folder, nats_settings)
    house.worker.start()
    await house.tell(alert("a", trip_id="T1"))
    await until(lambda: len(house.receiver.requests) == 1)
    second.start()
    await until(lambda: "lease_held_by_another" in second.log)
    house.worker.kill()
    await house.tell(alert("b", trip_id="T2"))
    await until(lambda: len(house.receiver.requests) == 2, 15)
    assert second.stop() == 0
    assert max(house.receiver.keys().values()) == 1
    assert "Traceback" not in second.log


async def test_stopping_in_order_loses_and_repeats_nothing(house: House) -> None:
    """SIGTERM under load ends within seconds with exit code 0; the next process continues exactly there."""
    await house.subscribe()
    total = 800
    sending = asyncio.create_task(_send(house, range(total), 0.004))
    for _ in range(3):
        house.worker.start()
        goal = len(house.receiver.requests) + 30
        await house.receives(goal)
        begun_s = time.monotonic()
        assert house.worker.stop() == 0
        assert time.monotonic() - begun_s < 8
    await sending
    house.worker.start()
    await house.quiet(30)
    keys = house.receiver.keys()
    assert len(keys) == total
    assert max(keys.values()) == 1
    async with asyncio.timeout(10):
        while await house.lag():
            await asyncio.sleep(0.05)


async def _send(house: House, numbers: Sequence[int], pause_s: float) -> None:
    for number in numbers:
        await house.tell(
            alert(f"cut-{number}", trip_id=f"T{number}", container_id=f"C{number % 50}"), partition=number % 4
        )
        await asyncio.sleep(pause_s)


@pytest.mark.slow
async def test_killed_at_random_every_notification_arrives(house: House) -> None:
    """Kill -9 under load, again and again: every key arrives; what comes twice has the same key and body."""
    dice = random.Random(20)
    flaky = random.Random(21)
    who = await house.subscribe()

    def decide(_request: Request) -> Answer:
        return Answer(503 if flaky.random() < 0.1 else 204)

    house.receiver.decide = decide
    total = 1_000
    sending = asyncio.create_task(_send(house, range(total), 0.005))
    for _ in range(6):
        house.worker.start()
        goal = len(house.receiver.requests) + dice.randrange(20, 120)
        await house.receives(goal)
        house.worker.kill()
    await sending
    house.worker.start()
    await house.quiet(60)
    incidents = await house.incidents()
    expected = {
        delivery_id_of(who.id, ChannelKind.WEBHOOK, one.incident_id, one.alerts[0].event_id)
        for one in incidents.values()
    }
    assert len(expected) == total
    assert set(house.receiver.keys()) == expected
    deliveries = await house.deliveries()
    assert {one.delivery_id for one in deliveries} == expected
    assert {one.state for one in deliveries} == {DeliveryState.DELIVERED}
    bodies: dict[str, set[bytes]] = {}
    for request in house.receiver.requests:
        assert request.signed
        bodies.setdefault(request.key, set()).add(request.body)
    assert {len(versions) for versions in bodies.values()} == {1}


@pytest.mark.slow
async def test_a_log_that_goes_away_is_waited_for(house: House, nats_server: EmbeddedNats) -> None:
    """The NATS server is killed and started again on its ports: what was stored is told, once."""
    await house.subscribe()
    house.worker.start()
    await house.tell(alert("a", trip_id="T1"))
    await until(lambda: len(house.receiver.requests) == 1)
    endpoint = nats_server.endpoint
    assert endpoint is not None
    await asyncio.to_thread(nats_server.stop)
    await asyncio.to_thread(nats_server.start)
    await until(lambda: house.log.connected, 20)
    await house.tell(alert("b", trip_id="T2"))
    await until(lambda: len(house.receiver.requests) == 2, 20)
    await house.quiet()
    assert max(house.receiver.keys().values()) == 1
