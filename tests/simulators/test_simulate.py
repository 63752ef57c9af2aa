"""`sealtrail simulate` as a person runs it: its own process against a real Mosquitto."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from sealtrail.commands.trip import read_trip
from sealtrail.contract.clock import parse_iso
from simulators.profile import HOUR_MS, Profile
from simulators.world import World
from tests.parts.mosquitto import Mosquitto
from tests.shared import ROOT, shared
from tests.simulators.conftest import listening


async def simulate(folder: Path, *arguments: str, stop_after: int | None = None, port: int = 1) -> Any:
    """Exit code, standard output and standard error; SIGINT after so many heard messages."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sealtrail.cli",
        "simulate",
        "--mqtt-port",
        str(port),
        *arguments,
        cwd=folder,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "/usr/bin:/bin",
            "SEALTRAIL_SIMULATOR__MQTT__CONNECT_TIMEOUT_S": "5" if port > 1 else "1",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            if stop_after is not None:
                async with listening(port) as ear:
                    await ear.until(stop_after, within_s=40)
                    process.send_signal(signal.SIGINT)
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode(), errors.decode()


async def test_a_fleet_ends_with_one_json_object_and_a_truth_file(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """What was published is what the broker had; the truth file names every event and when it was sent."""
    async with listening(mosquitto.port) as ear:
        code, output, errors = await simulate(
            tmp_path,
            *("--seed", "5", "--containers", "6", "--hours-past", "2", "--for", "0", "--json"),
            *("--truth", "truth.json"),
            port=mosquitto.port,
        )
        assert code == 0, errors
        summary = json.loads(output)
        await ear.until(summary["published"])
        assert len(ear.heard) == summary["published"] > 200
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["events"] == summary["scripted"]
    assert truth["events"]
    assert all(event["sent_at"] for event in truth["events"])


async def test_the_same_seed_and_time_send_the_same(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """With --seed and --at two runs publish equal messages."""
    runs = []
    for _ in range(2):
        async with listening(mosquitto.port) as ear:
            at = ("--seed", "5", "--containers", "3", "--hours-past", "1", "--at", "2026-03-01T12:00:00Z")
            code, output, errors = await simulate(tmp_path, *at, "--for", "0", "--json", port=mosquitto.port)
            assert code == 0, errors
            await ear.until(json.loads(output)["published"])
            runs.append(sorted(ear.heard))
    assert runs[0] == runs[1]


async def test_interrupting_ends_in_order(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Ctrl-C stops an endless fleet with a summary and exit code 0."""
    code, output, errors = await simulate(
        tmp_path,
        *("--containers", "40", "--hours-past", "1", "--json"),
        stop_after=10,
        port=mosquitto.port,
    )
    assert code == 0, errors
    assert json.loads(output)["published"] >= 10
    assert "Traceback" not in errors


async def test_a_journey_is_replayed(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """--journey publishes each row of the file and says so."""
    path = shared("data/container-journeys/journey-A.csv")
    code, output, errors = await simulate(
        tmp_path, "--journey", str(path), "--shift-to-now", "--json", port=mosquitto.port
    )
    assert code == 0, errors
    assert json.loads(output)["published"] == 1_499


async def test_no_broker_is_one_line(tmp_path: Path) -> None:
    """Without a broker the command fails with the address, not with a traceback."""
    code, _, errors = await simulate(
        tmp_path,
        *("--mqtt-host", "127.0.0.1", "--containers", "1", "--for", "0"),
        port=1,
    )
    assert code == 1
    assert "127.0.0.1:1" in errors
    assert "Traceback" not in errors


async def test_planned_trips_are_files_for_trip_add(tmp_path: Path) -> None:
    """--plan-only writes one trip file for each container, authorisations included, and sends nothing."""
    arguments = ("--seed", "9", "--containers", "12", "--at", "2026-03-01T12:00:00Z")
    code, _, errors = await simulate(tmp_path, *arguments, "--trips-dir", "trips", "--plan-only")
    assert code == 0, errors
    live_ms = parse_iso("2026-03-01T12:00:00Z")
    world = World(Profile(seed=9, containers=12, start_ms=live_ms - 6 * HOUR_MS, live_ms=live_ms))
    files = sorted((tmp_path / "trips").iterdir())
    found = {trip.trip_id: trip for trip in (read_trip(path) for path in files)}
    assert set(found) == {trip.trip_id for trip in world.plans}
    assert any(trip.authorisations for trip in found.values())
    for trip in world.plans:
        assert found[trip.trip_id] == trip
