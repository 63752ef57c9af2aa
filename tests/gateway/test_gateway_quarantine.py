"""`sealtrail quarantine` shows what was refused, newest first, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sealtrail.commands.quarantine import quarantine
from sealtrail.contract.codec import encode_quarantined
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.subjects import quarantine_subject
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
