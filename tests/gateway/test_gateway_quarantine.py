"""`sealtrail quarantine` shows what was refused, newest first, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sealtrail.commands.quarantine import quarantine
from sealtrail.contract.codec import decode_readings, encode_quarantined
from sealtrail.contract.device import Device
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.subjects import LOG_STREAM, LOG_SUBJECTS, quarantine_subject
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.tree import Settings
from tests.gateway.door import connected
from tests.parts.nats import settings_of

Run = Callable[..., Result]


def refused(number: int, **changes: object) -> QuarantinedMessage:
    values: dict[str, object] = {
        "received_at_ms": 1_795_000_000_000 + number,
        "topic": f"sealtrail/jt701/d{number}/up",
        "family": "jt701",
        "device_id": f"d{number}",
        "reason": "bad_checksum",
        "detail": f"number {number}",
        "payload": b"$\xff" + bytes([number % 256]),
    }
    return QuarantinedMessage(**{**values, **changes})  # type: ignore[arg-type]


async def fill(settings: NatsSettings) -> None:
    async with connected(settings) as log:
        await log.declare()
        for begin in range(0, 600, 2):  # more log messages than one window of reading
            batch = encode_quarantined([refused(begin), refused(begin + 1)])
            await log.append(quarantine_subject("jt701"), batch)
        odd = refused(600, family="json", reason="bad\x1b", topic="x\x1b[2J", payload=b"plain text")
        await log.append(quarantine_subject("json"), encode_quarantined([odd]))


@pytest.fixture
def run(nats_server: EmbeddedNats) -> Run:
    """Runs `sealtrail quarantine …` against a filled quarantine."""
    assert nats_server.endpoint is not None
    nats = settings_of(nats_server.endpoint)
    asyncio.run(fill(nats))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(quarantine, arguments, obj=Settings(nats=nats))

    return invoke


def test_list_is_newest_first_and_limited(run: Run) -> None:
    """The newest entries come first, across log messages, at most as many as asked for."""
    result = run("list", "--json", "--limit", "4")
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert [row["device_id"] for row in rows] == ["d600", "d599", "d598", "d597"]
    assert rows[1]["payload_hex"] == "24ff57"
    assert rows[0]["payload_text"] == "plain text"


def test_filters_reach_beyond_the_first_window(run: Run) -> None:
    """Family and reason select, and limit 0 gives every entry there is."""
    assert len(run("list", "--json", "--limit", "0", "--family", "jt701").output.splitlines()) == 600
    assert len(run("list", "--json", "--limit", "0", "--reason", "bad_checksum").output.splitlines()) == 600
    assert "Nothing" in run("list", "--reason", "nobody").output


def test_terminal_is_safe_from_devices(run: Run) -> None:
    """Control characters that a device sent don't reach the terminal."""
    output = run("list", "--limit", "1").output
    assert "x\ufffd[2J" in output
    assert "\x1b" not in output


def test_show_gives_every_byte(run: Run) -> None:
    """One entry is shown whole, by the number that the list gives."""
    row = json.loads(run("list", "--json", "--limit", "2").output.splitlines()[1])
    shown = run("show", row["number"], "--json")
    assert json.loads(shown.output) == row
    assert row["payload_hex"] in run("show", row["number"]).output


@pytest.mark.parametrize("number", ["0.0", "9999.0", "1.7", "x", "", "1"])
def test_unknown_number_is_refused_by_name(run: Run, number: str) -> None:
    """A number that isn't there says so."""
    result = run("show", number)
    assert isinstance(result.exception, RefusedError)
    assert result.exception.reason == "unknown_number"


def test_export_writes_everything_that_matches(run: Run, tmp_path: Path) -> None:
    """The export holds each matching entry once, as JSON lines."""
    target = tmp_path / "refused.jsonl"
    assert run("export", str(target), "--family", "jt701").exit_code == 0
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert sorted(int(row["device_id"][1:]) for row in rows) == list(range(600))


def test_retry_puts_the_readings_of_a_mended_decoder_on_the_log(nats_server: EmbeddedNats) -> None:
    """What decodes now lands on the log with the time at which it was received; the rest says why not."""
    assert nats_server.endpoint is not None
    nats = settings_of(nats_server.endpoint)
    report = {
        "device_id": "d1",
        "sequence": 7,
        "occurred_at": "2026-11-18T10:00:00Z",
        "seal": {"state": "cut"},
    }
    good = refused(1, family="json", topic="sealtrail/json/d1/up", payload=json.dumps(report).encode())
    cut = refused(2, reason="payload_too_large")

    async def put() -> None:
        async with connected(nats) as log:
            await log.declare()
            for device_id, family in ((good.device_id, "json"), (refused(3).device_id, "jt701")):
                await DeviceRegistry(log).add(Device(device_id=device_id, family=family), "test")
            for message in (good, refused(3), cut):
                await log.append(quarantine_subject("jt701"), encode_quarantined([message]))

    asyncio.run(put())

    def retry(*arguments: str) -> list[dict[str, object]]:
        result = CliRunner().invoke(quarantine, ["retry", "--json", *arguments], obj=Settings(nats=nats))
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    async def readings() -> list[tuple[str, int]]:
        async with connected(nats) as log:
            last = await log.last_sequence(LOG_STREAM)
            reader = log.reader(LOG_STREAM, LOG_SUBJECTS, 1)
            try:
                taken = await reader.take(10, 2.0) if last else []
            finally:
                await reader.close()
        return [(one.device_id, one.received_at_ms) for each in taken for one in decode_readings(each.data)]

    first, second, third, sums = retry("--all", "--dry-run")
    assert (first.get("refused"), first["readings"]) == (None, 1), first
    assert asyncio.run(readings()) == []
    assert (second["refused"], third["refused"]) == ("bad_length", "payload_too_large")
    assert sums == {"messages": 3, "accepted": 1, "refused": 2, "readings": 1, "dry_run": True}
    assert retry("1.0")[0] == {"number": "1.0", "readings": 1}
    assert asyncio.run(readings()) == [("d1", good.received_at_ms)]
