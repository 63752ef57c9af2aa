"""`sealtrail demo` as its user runs it: an account without a gap, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.rig import until


def _environment(state: Path) -> dict[str, str]:
    return {**os.environ, "SEALTRAIL_STATE_DIR": str(state), "SEALTRAIL_CONTROLROOM__PORT": "0"}


def _processes_in(folder: Path) -> list[str]:
    """Command lines of processes that mention a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(folder) in command or f"SEALTRAIL_STATE_DIR={folder}" in environment:
                found.append(command)
    return found


async def _demo(state: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sealtrail.cli",
        "demo",
        "--no-browser",
        *arguments,
        env=_environment(state),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.slow
async def test_every_message_and_event_is_accounted_for(tmp_path: Path) -> None:
    """Exit code 0, one JSON object whose sums agree, every scripted event raised and delivered once."""
    process = await _demo(tmp_path, "--for", "35", "--json", "--seed", "4")
    out, err = await asyncio.wait_for(process.communicate(), 150)
    assert process.returncode == 0, err.decode()
    account: dict[str, Any] = json.loads(out)
    assert account["published"] == account["accepted"] + account["duplicates"] + account["quarantined"]
    assert account["stored"] == account["readings"] > 3_000
    assert account["by_device"] == account["published"]
    assert account["duplicates"] > 0
    assert account["quarantined"] > 0
    expected = [event for event in account["scripted"] if event["expected"]]
    assert len(expected) > 10
    assert {(event["raised"], event["delivered"]) for event in expected} == {(1, 1)}
    assert sum(account["alerts"].values()) == len(expected) + sum(len(event["also"]) for event in expected)
    assert account["alerts"].keys() >= {"DOOR_OPENED", "GNSS_JAMMING", "UNSCHEDULED_STOP"}
    assert _processes_in(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_stopping_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C ends everything; after kill -9 the services end by themselves and the next start cleans up."""
    process = await _demo(tmp_path, "--containers", "4")
    assert process.stderr is not None
    address = ""
    async with asyncio.timeout(90):
        while "live map" not in address:
            address = (await process.stderr.readline()).decode()
    url = address.split()[-1]
    async with httpx.AsyncClient() as client:
        assert "SealTrail" in (await client.get(url)).text
    process.send_signal(how)
    await asyncio.wait_for(process.communicate(), 60)
    if how is signal.SIGINT:
        assert _processes_in(tmp_path) == []
        return
    await until(
        lambda: all("nats-server" in command for command in _processes_in(tmp_path)),
        30,
        "the services have ended",
    )
    again = await _demo(tmp_path, "--containers", "4", "--for", "10")
    out, err = await asyncio.wait_for(again.communicate(), 120)
    assert again.returncode == 0, (out.decode(), err.decode())
    assert _processes_in(tmp_path) == []
