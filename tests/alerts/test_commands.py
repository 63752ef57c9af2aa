"""The verbs `subscriber`, `deliveries` and `incident` on a real log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from alerts.book import Book
from sealtrail.commands.deliveries import deliveries
from sealtrail.commands.incident import incident
from sealtrail.commands.subscriber import subscriber
from sealtrail.contract import subjects
from sealtrail.contract.incident import DeliveryAttempt, DeliveryState, Incident
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.tree import Settings
from tests.alerts.samples import NOW_MS, alert, entry


@pytest.fixture
def settings(nats_settings: NatsSettings, tmp_path: Path) -> Settings:
    return Settings(nats=nats_settings, state_dir=tmp_path / "state")


async def run(settings: Settings, command: object, *arguments: str) -> Result:
    """One call of a verb, as the command line makes it (with an event loop of its own)."""
    return await asyncio.to_thread(
        CliRunner().invoke,
        command,  # type: ignore[arg-type] # a click command
        list(arguments),
        obj=settings,
    )


async def put(log: Log, bucket: str, key: str, value: object) -> None:
    await (await log.bucket(bucket)).put(key, msgspec.json.encode(value))


async def test_subscribers_are_added_listed_and_removed(settings: Settings) -> None:
    """The secret is made and printed once; adding twice needs --replace; lists show no secret."""
    added = await run(
        settings, subscriber, "add", "--id", "customs", "--webhook", "https://customs.example/", "--json"
    )
    assert added.exit_code == 0, added.output
    secret = json.loads(added.output)["secret"]
    assert len(secret) >= 40
    again = await run(settings, subscriber, "add", "--id", "customs", "--mqtt")
    assert again.exit_code == 1
    assert "--replace" in again.output
    assert (await run(settings, subscriber, "add", "--id", "customs", "--mqtt", "--replace")).exit_code == 0
    listed = await run(settings, subscriber, "list", "--json")
    (line,) = listed.output.splitlines()
    assert json.loads(line)["channels"] == {"webhook": None, "mqtt": True}
    assert secret not in listed.output
    assert (await run(settings, subscriber, "remove", "customs")).exit_code == 0
    gone = await run(settings, subscriber, "remove", "customs")
    assert gone.exit_code == 1
    assert "no subscriber" in gone.output


async def test_subscribers_from_files(settings: Settings, tmp_path: Path) -> None:
    """A file is taken as it is, a missing secret is made, and what is wrong is named."""
    file = tmp_path / "subscriber.json"
    file.write_text(
        json.dumps(
            {"id": "carrier", "name": "Carrier", "channels": {"webhook": {"url": "https://c.example/"}}}
        )
    )
    added = await run(settings, subscriber, "add", str(file))
    assert added.exit_code == 0, added.output
    assert "shown only now" in added.output
    for wrong in ('{"id": "x"}', "[]", "{"):
        file.write_text(wrong)
        refused = await run(settings, subscriber, "add", str(file))
        assert refused.exit_code == 1
        assert refused.output.startswith("Error: ")
        assert refused.exception is None or isinstance(refused.exception, SystemExit)


async def test_the_ledger_is_listed(settings: Settings, open_log: Log) -> None:
    """Deliveries, newest first, by subscriber, incident and state, with every attempt."""
    failed = msgspec.structs.replace(
        entry(1, "carrier"),
        state=DeliveryState.FAILED,
        attempts=(DeliveryAttempt(at_ms=NOW_MS, outcome="http_410", detail="gone", took_ms=3),),
    )
    for one in (failed, entry(2)):
        await put(open_log, subjects.DELIVERIES_BUCKET, one.delivery_id, one)
    lines = (await run(settings, deliveries, "--json")).output.splitlines()
    assert [json.loads(line)["delivery_id"] for line in lines] == ["customs-0002", "carrier-0001"]
    (line,) = (await run(settings, deliveries, "--state", "failed", "--json")).output.splitlines()
    attempt = {"at": "2026-11-18T11:06:40.000Z", "outcome": "http_410", "detail": "gone", "took_ms": 3}
    assert json.loads(line)["attempts"] == [attempt]
    assert (await run(settings, deliveries, "--subscriber", "nobody")).output == ""
    assert len((await run(settings, deliveries, "--incident", "i1")).output.splitlines()) == 2
    assert len((await run(settings, deliveries, "--limit", "1")).output.splitlines()) == 1


async def test_incidents_are_listed_and_shown(settings: Settings, open_log: Log) -> None:
    """Incidents with both times and their history; an unknown one is an error that says where to look."""
    change = Book().apply(alert(), NOW_MS)
    assert change is not None
    one: Incident = change.incident
    await put(open_log, subjects.INCIDENTS_BUCKET, one.incident_id, one)
    listed = await run(settings, incident, "list")
    assert one.incident_id in listed.output
    assert "late by 60 min" in listed.output
    shown = json.loads((await run(settings, incident, "show", one.incident_id, "--json")).output)
    assert (shown["occurred_at"], shown["received_at"], shown["late_by_s"]) == (
        "2026-11-18T10:06:40.000Z",
        "2026-11-18T11:06:40.000Z",
        3600.0,
    )
    assert shown["history"][0]["at"] == "2026-11-18T11:06:40.000Z"
    assert (await run(settings, incident, "list", "--state", "resolved")).output == ""
    for unknown in ("0123", "../x"):
        missing = await run(settings, incident, "show", unknown)
        assert missing.exit_code == 1
        assert "no incident" in missing.output
