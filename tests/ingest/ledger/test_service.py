"""The ledger on a real log: killed, followed by another, and asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from sealtrail.cli import cli
from sealtrail.commands.devices_ask import days_of, list_all
from sealtrail.commands.quarantine_entries import newest
from sealtrail.commands.quarantine_retry import retry_all
from sealtrail.contract import subjects
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.codec import encode_quarantined, encode_tallies
from sealtrail.contract.completeness import DevicesAnswer, DevicesQuery, Tally
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.queries import QueryRefusal
from sealtrail.contract.reading import Reading
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.tree import Settings
from tests.ingest.ledger.samples import refused
from tests.ingest.test_app import publish

DEADLINE_S = 40.0
DAY_MS = 86_400_000
Process = asyncio.subprocess.Process


def _environment(nats: NatsSettings, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SEALTRAIL_STATE_DIR": str(folder),
        "SEALTRAIL_NATS__URL": nats.url,
        "SEALTRAIL_NATS__USER": nats.user,
        "SEALTRAIL_NATS__PASSWORD": nats.password.get_secret_value(),
        "SEALTRAIL_HEALTH__PORT": "0",
        "SEALTRAIL_INGEST__COMPLETENESS__SNAPSHOT_EVERY_S": "0.5",
        "SEALTRAIL_INGEST__COMPLETENESS__DAILY_RECORD_EVERY_S": "0.5",
    }


@contextlib.asynccontextmanager
async def _ingest(nats: NatsSettings, folder: Path) -> AsyncIterator[Process]:
    """The service as a process of its own."""
    with (folder / "ingest.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sealtrail.cli",
            "ingest",
            env=_environment(nats, folder),
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 15)


async def _answer(log: Log) -> DevicesAnswer | None:
    """All devices, or None while nobody answers."""
    try:
        return await list_all(log, DevicesQuery(), 0)
    except UnavailableError:
        return None


async def _until_counted(log: Log, received: int) -> DevicesAnswer:
    """The answer once so many reports are counted."""
    found = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while (found := await _answer(log)) is None or found.totals.received < received or found.behind:
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not {received} counted: {found}") from None
    return found


def _readings(numbers: range, devices: int, base_ms: int) -> list[Reading]:
    dice = random.Random(numbers.start)
    return [
        Reading(
            device_id=f"KE-{number % devices:04d}",
            family="json",
            reading_id=dice.getrandbits(64),
            occurred_at_ms=base_ms + number * 1_000,
            received_at_ms=base_ms + number * 1_000 + 500,
            sequence=number // devices,
        )
        for number in numbers
    ]


async def test_a_killed_ledger_counts_everything_once(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path
) -> None:
    """Killed at any moment and followed by another, it has exactly what is on the log, days included."""
    base_ms = wall_clock_ms() - 2 * DAY_MS
    readings = _readings(range(4_000), 40, base_ms)
    refusal = refused(received_at_ms=base_ms)
    copies = received = 0
    for life in range(4):
        async with _ingest(nats_settings, tmp_path) as process:
            for part in range(4):
                begin = life * 1_000 + part * 250
                again = readings[max(0, begin - 60) : begin]
                await publish(open_log, [*again, *readings[begin : begin + 250]], 40)
                copies += len(again)
                received += len(again) + 250
                await open_log.append(
                    subjects.TALLIES_SUBJECT,
                    encode_tallies([Tally("KE-0001", "json", base_ms, 2, 1, 0, {"rate_limited": 3})]),
                )
                await open_log.append(subjects.quarantine_subject("json"), encode_quarantined([refusal]))
                received += 7
                if part == life:  # in the middle of work; in the last life after all of it
                    found = await _until_counted(open_log, 1 if part else 0)
            if life == 3:
                found = await _until_counted(open_log, received)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    async with _ingest(nats_settings, tmp_path):
        found = await _until_counted(open_log, received)
        assert found.totals.received == found.came_in.received == received
        assert found.totals.messages == found.came_in.messages == received
        assert found.totals.accepted == 4_000
        assert found.totals.duplicate == copies + 32
        assert found.totals.empty == 16
        assert found.totals.refused == {"bad_json": 16, "rate_limited": 48}
        assert found.totals.missing == 0
        assert [one.accepted for one in found.devices] == [100] * 40
        assert all(one.balanced for one in found.devices)

        async def recorded() -> int:
            days = [
                await days_of(open_log, one.device_id, base_ms - DAY_MS, base_ms + 4 * DAY_MS)
                for one in found.devices[:5]
            ]
            return sum(day.received for each in days for day in each)

        expected = sum(one.received for one in found.devices[:5])
        async with asyncio.timeout(DEADLINE_S):
            while await recorded() != expected:
                await asyncio.sleep(0.1)


async def test_another_takes_over(open_log: Log, nats_settings: NatsSettings, tmp_path: Path) -> None:
    """Of two services one keeps the ledger; when it is killed the other has the same books."""
    readings = _readings(range(600), 6, wall_clock_ms())
    lost = [one for one in readings if one.sequence not in (40, 41)]
    async with _ingest(nats_settings, tmp_path) as first:
        await publish(open_log, lost[:300])
        await _until_counted(open_log, 300)
        async with _ingest(nats_settings, tmp_path):
            await publish(open_log, lost[300:])
            before = await _until_counted(open_log, len(lost))
            first.send_signal(signal.SIGKILL)
            await first.wait()
            after = await _until_counted(open_log, len(lost))
    assert (after.totals, after.devices) == (before.totals, before.devices)
    assert after.totals.missing == 12


async def test_a_retried_message_was_received_once(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path
) -> None:
    """What is put in from the quarantine is accepted, and not received again, however often it is tried."""
    message = refused("unknown_device", payload=b'{"sequence":1,"occurred_at":"2026-11-23T06:34:12Z"}')
    await open_log.append(subjects.quarantine_subject("json"), encode_quarantined([message]))
    await publish(open_log, _readings(range(10), 2, wall_clock_ms()))
    async with _ingest(nats_settings, tmp_path):
        await _until_counted(open_log, 11)
        settings = Settings(nats=nats_settings)
        for _ in range(2):
            entries = await newest(open_log, 0, None, None)
            (outcome,) = await retry_all(open_log, settings, entries, dry_run=False)
            assert outcome.readings == 1
        async with asyncio.timeout(DEADLINE_S):
            while (found := await _until_counted(open_log, 11)).totals.retried < 1:
                await asyncio.sleep(0.05)
    assert (found.totals.received, found.totals.accepted, found.totals.duplicate) == (11, 11, 0)
    assert found.totals.received == found.came_in.received


async def test_devices_are_listed_and_shown(
    open_log: Log, nats_settings: NatsSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verb lists, filters, sorts, sums up, and shows one device gap by gap and day by day."""
    readings = _readings(range(30), 3, wall_clock_ms() - 60_000)
    await publish(open_log, [one for one in readings if (one.device_id, one.sequence) != ("KE-0002", 4)])
    old = _readings(range(1), 1, wall_clock_ms() - 3 * DAY_MS)[0]
    await publish(open_log, [msgspec.structs.replace(old, device_id="KE-0009", reading_id=9)])
    for name, value in _environment(nats_settings, tmp_path).items():
        if name.startswith("SEALTRAIL_NATS"):
            monkeypatch.setenv(name, value)

    async def said(*words: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, cli, ["devices", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    async def names(*words: str) -> list[str]:
        return [json.loads(line)["device_id"] for line in (await said(*words, "--json")).splitlines()]

    async with _ingest(nats_settings, tmp_path):
        await _until_counted(open_log, 30)
        assert await names() == ["KE-0000", "KE-0001", "KE-0002", "KE-0009"]
        assert await names("--incomplete") == ["KE-0002"]
        assert await names("--silent") == ["KE-0009"]
        assert await names("--sort", "missing", "--limit", "1") == ["KE-0002"]
        assert "This is exactly what came in." in await said()
        totals = json.loads(await said("--totals", "--json"))
        assert totals["balanced"]
        assert totals["received"] == totals["came_in"]["received"] == 30
        async with asyncio.timeout(DEADLINE_S):
            while not (shown := json.loads(await said("KE-0002", "--json")))["days"]:
                await asyncio.sleep(0.1)
        assert [(gap["first"], gap["last"]) for gap in shown["gaps"]] == [(4, 4)]
        assert sum(day["received"] for day in shown["days"]) == shown["received"] == 9
        assert "missing 4, between" in await said("KE-0002")
        headers, body = await open_log.request(f"{subjects.DEVICES_REQUEST}.all", b"")
        assert headers["Sealtrail-Refused"] == "unknown_query"
        assert msgspec.msgpack.decode(body, type=QueryRefusal).reason == "unknown_query"
        headers, _ = await open_log.request(f"{subjects.DEVICES_REQUEST}.list", b"\xc1")
        assert headers["Sealtrail-Refused"] == "bad_query"
