"""A service process: says why it isn't ready, stops within seconds, explains what is wrong in one line."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import httpx

from sealtrail.runtime.supervisor import health_port


async def _start(state: Path, verb: str, **settings: str) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEALTRAIL_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sealtrail.cli",
        verb,
        env={**environment, "SEALTRAIL_STATE_DIR": str(state), **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_waiting_for_the_log_is_unready_and_stops_on_sigterm(tmp_path: Path) -> None:
    """Without a log the service lives, says what it waits for, and leaves at once when told to."""
    process = await _start(tmp_path, "ingest", SEALTRAIL_NATS__URL="nats://127.0.0.1:9")
    async with asyncio.timeout(30), httpx.AsyncClient() as client:
        while (port := health_port(tmp_path, "ingest")) is None:
            await asyncio.sleep(0.02)
        while True:
            ready = await client.get(f"http://127.0.0.1:{port}/readyz")
            if "127.0.0.1:9" in ready.text:
                break
            await asyncio.sleep(0.05)
        assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == httpx.codes.OK
        assert "process_cpu_seconds_total" in (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        assert (await client.get(f"http://127.0.0.1:{port}/other")).status_code == httpx.codes.NOT_FOUND
    process.terminate()
    _, err = await asyncio.wait_for(process.communicate(), 12)
    assert b"Traceback" not in err
    assert health_port(tmp_path, "ingest") is None


async def test_missing_address_is_one_line(tmp_path: Path) -> None:
    """No trace for a setting that is missing, but what to do about it."""
    process = await _start(tmp_path, "ingest")
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert b"nats.url is empty" in err
    assert b"Traceback" not in err


async def test_wrong_settings_are_one_line(tmp_path: Path) -> None:
    """A misspelt variable stops the program before it connects anywhere."""
    process = await _start(tmp_path, "gateway", SEALTRAIL_NATS__ULR="x")
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert b"nats.ulr: no such setting" in err.lower()
    assert b"Traceback" not in err


async def test_taken_health_port_is_one_line(tmp_path: Path) -> None:
    """A port that is in use is named."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await _start(tmp_path, "gateway", SEALTRAIL_HEALTH__PORT=str(port))
    _, err = await asyncio.wait_for(process.communicate(), 30)
    server.close()
    await server.wait_closed()
    assert process.returncode == 1
    assert f"health.port {port}".encode() in err
    assert b"Traceback" not in err
