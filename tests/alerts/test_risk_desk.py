"""Which trips to inspect first, asked of the running alerts service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from ingest import app as record
from sealtrail.commands.trip import trip as verbs
from sealtrail.contract import codec, subjects
from sealtrail.contract.alert import AlertAction, AlertType
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.reading import FixKind, Reading
from sealtrail.contract.trip import Place, Trip, TripEvent, TripEventKind
from sealtrail.runtime.health import Health
from sealtrail.runtime.log import Log
from sealtrail.runtime.service import Service
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.trips import TripRecorder
from tests.alerts.samples import alert
from tests.alerts.worker import Worker

HOUR_MS = 3_600_000
MOMBASA = Place(name="Mombasa", latitude_deg=-4.05, longitude_deg=39.66, radius_m=3_000)
MALABA = Place(name="Malaba", latitude_deg=0.64, longitude_deg=34.27, radius_m=3_000)


def container_of(number: int) -> str:
    return f"MSCU{number:07d}"


class Office:
    """Trips on a log, the alerts service beside it, and the verb that asks it."""

    def __init__(self, log: Log, settings: Settings, worker: Worker) -> None:
        self.log = log
        self.settings = settings
        self.worker = worker
        self.now_ms = wall_clock_ms()

    async def plan(self, number: int, *, ended: bool = False) -> None:
        """A trip between two places that departed ten hours ago."""
        trip = Trip(
            trip_id=f"T{number}",
            container_id=container_of(number),
            device_ids=("867000000000001",) if number == 9 else (f"device-{number}",),
            departs_at_ms=self.now_ms - 10 * HOUR_MS,
            origin=MOMBASA,
            destination=MALABA,
        )
        recorder = TripRecorder(self.log, self.settings.partitions)
        for kind in (TripEventKind.PLANNED, TripEventKind.ENDED)[: 2 if ended else 1]:
            await recorder.record(
                TripEvent(
                    event_id=f"{kind.value}-{number}",
                    kind=kind,
                    occurred_at_ms=self.now_ms,
                    recorded_at_ms=self.now_ms,
                    container_id=trip.container_id,
                    trip_id=trip.trip_id,
                    trip=trip if kind is TripEventKind.PLANNED else None,
                )
            )

    async def alarm(self, number: int, kind: AlertType, action: AlertAction = AlertAction.RAISED) -> None:
        event = alert(
            f"{kind.value}-{number}",
            action,
            type=kind,
            trip_id=f"T{number}",
            container_id=container_of(number),
            occurred_at_ms=self.now_ms - HOUR_MS,
        )
        await self.log.append(subjects.alerts_subject(0), codec.encode_alert_events([event]))

    async def verb(self, *arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, verbs, ["risk", *arguments], obj=self.settings)

    async def risks(self, incidents: int, *arguments: str) -> list[dict[str, Any]]:
        """What the verb prints, once so many incidents are on disk and the service answers."""
        bucket = await self.log.bucket(subjects.INCIDENTS_BUCKET)
        deadline = time.monotonic() + 20
        while True:
            if len(await bucket.items()) >= incidents:
                result = await self.verb("--json", *arguments)
                if result.exit_code == 0:
                    return [json.loads(line) for line in result.stdout.splitlines()]
            assert time.monotonic() < deadline, self.worker.log
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def office(nats_settings: NatsSettings, open_log: Log, tmp_path: Path) -> AsyncIterator[Office]:
    settings = Settings(nats=nats_settings, state_dir=tmp_path / "state")
    worker = Worker(tmp_path, nats_settings, risk__refresh_s="0.01")
    worker.start()
    try:
        yield Office(open_log, settings, worker)
    finally:
        worker.kill()
    if "Traceback" in worker.log:
        pytest.fail(worker.log)


async def test_the_work_list_begins_with_the_worst(office: Office) -> None:
    """Trips come by their score with reasons; ended ones are gone but speak against their lane."""
    for number in (1, 2, 3):
        await office.plan(number)
    await office.alarm(1, AlertType.SHOCK)
    await office.alarm(2, AlertType.SEAL_CUT)
    await office.alarm(2, AlertType.SILENT)
    await office.plan(9, ended=True)
    await office.alarm(9, AlertType.SEAL_OPENED)
    found = await office.risks(4)
    assert [one["trip_id"] for one in found] == ["T2", "T1", "T3"]
    assert [part["name"] for part in found[0]["parts"]] == ["seal", "silence", "lane_history"]
    assert [part["name"] for part in found[2]["parts"]] == ["lane_history"]
    assert "Of 3 other trips from Mombasa to Malaba" in found[2]["parts"][0]["reason"]
    (first,) = await office.risks(4, "--limit", "1")
    assert first["trip_id"] == "T2"
    shown = (await office.verb("T2")).output
    assert f"risk {found[0]['score']} of 100" in shown
    assert "Seal cut 1 hour ago (not acknowledged)." in shown
    assert "places count nothing" in shown  # no record answers here


async def test_the_list_follows_what_happens(office: Office) -> None:
    """A retraction, an opening with leave and a trip's end show in the next answer, also after a restart."""
    await office.plan(1)
    await office.plan(2)
    await office.alarm(1, AlertType.SEAL_CUT)
    assert (await office.risks(1))[0]["trip_id"] == "T1"
    await office.alarm(1, AlertType.SEAL_CUT, AlertAction.RETRACTED)
    await office.alarm(2, AlertType.SEAL_DISARMED, AlertAction.LOGGED)
    deadline = time.monotonic() + 20
    while (found := await office.risks(1))[0]["trip_id"] != "T2" or found[1]["score"] != 0:
        assert time.monotonic() < deadline, found
    assert [part["name"] for part in found[0]["parts"]] == ["seal_open"]
    office.worker.stop()
    office.worker.start()
    again = await office.risks(1)
    assert [one["parts"] for one in again] == [one["parts"] for one in found]
    await office.plan(2, ended=True)
    assert [one["trip_id"] for one in await office.risks(1)] == ["T1"]


async def test_the_place_comes_from_the_record(office: Office, nats_settings: NatsSettings) -> None:
    """With the record running, a container that stands off the plan and lost reports has both parts."""
    await office.plan(1)
    settings = Settings(nats=nats_settings, state_dir=office.settings.state_dir)
    service = Service("ingest", settings, Health(), asyncio.Event())
    working = asyncio.create_task(record.main(service))
    readings = [
        Reading(
            device_id="device-1",
            family="jt701",
            reading_id=number,
            sequence=number,
            occurred_at_ms=office.now_ms - 600_000 + number * 1_000,
            received_at_ms=office.now_ms,
            container_id=container_of(1),
            fix_kind=FixKind.GNSS,
            latitude_deg=-1.3,
            longitude_deg=36.8,
            speed_kmh=0.0,
        )
        for number in (1, 2, 3, 40)
    ]
    await office.log.append(subjects.readings_subject(0), codec.encode_readings(readings))
    try:
        deadline = time.monotonic() + 20
        names: set[str] = set()
        while names != {"place", "reports"}:
            assert time.monotonic() < deadline, names
            (found,) = await office.risks(0)
            names = {part["name"] for part in found["parts"]}
        assert "It stands where the plan has no stop." in [part["reason"] for part in found["parts"]]
    finally:
        service.stop.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(working, 10)


async def test_wrong_questions_are_refused_by_name(office: Office) -> None:
    """An unknown trip, a limit out of bounds and an unreadable body get a reason, and nothing breaks."""
    await office.plan(1)
    await office.risks(0)
    unknown = await office.verb("T-none")
    assert unknown.exit_code == 1
    assert "no trip 'T-none' is under way" in str(unknown.exception)
    for body, reason in (
        (b"\xc1", "bad_request"),
        (msgspec.msgpack.encode({"limit": 0}), "bad_limit"),
        (msgspec.msgpack.encode({"limit": 10**6}), "bad_limit"),
    ):
        headers, _ = await office.log.request(subjects.RISK_REQUEST, body)
        assert headers["Sealtrail-Refused"] == reason
