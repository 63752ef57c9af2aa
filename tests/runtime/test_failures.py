"""Faults that must not leave a process that lives and does nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.supervisor import Supervised, health_port

FAILING = """
import asyncio
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime import service
from sealtrail.runtime.settings.tree import load

async def part():
    await asyncio.sleep(0.1)
    raise UnavailableError("the part has ended")

async def main(own):
    own.background.start(part(), "part")
    await own.stop.wait()

raise SystemExit(service.run("failing", load(), main))
"""


def _environment(state: Path, endpoint: Endpoint | None = None) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEALTRAIL_")}
    settings = {"SEALTRAIL_STATE_DIR": str(state)}
    if endpoint is not None:
        settings |= {
            "SEALTRAIL_NATS__URL": endpoint.url,
            "SEALTRAIL_NATS__USER": endpoint.user,
            "SEALTRAIL_NATS__PASSWORD": endpoint.password,
        }
    return {**inherited, **settings}


async def _readiness(state: Path, wanted: str, *, code: int) -> None:
    """Waits until /readyz of the record says that."""
    async with asyncio.timeout(30), httpx.AsyncClient() as client:
        while True:
            port = health_port(state, "ingest")
            if port is not None:
                try:
                    answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                except httpx.TransportError:
                    pass
                else:
                    if answer.status_code == code and wanted in answer.text:
                        return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _record(state: Path, endpoint: Endpoint) -> AsyncIterator[asyncio.subprocess.Process]:
    """The record as a process, ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sealtrail.cli", "ingest"),
        env=_environment(state, endpoint),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await _readiness(state, "ingest", code=httpx.codes.OK)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_failure_in_the_background_ends_the_service(tmp_path: Path) -> None:
    """A part that dies beside the main work ends the process with one line that says why."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FAILING), env=_environment(tmp_path), stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 1
    assert b"the part has ended" in err
    assert b"Traceback" not in err


async def test_readiness_follows_the_log(tmp_path: Path) -> None:
    """A service whose log is away says so, and is ready again when it is back."""
    server = EmbeddedNats(tmp_path / "nats", NatsSettings())
    endpoint = await asyncio.to_thread(server.start)
    try:
        async with _record(tmp_path, endpoint):
            os.kill(endpoint.pid, signal.SIGKILL)
            await _readiness(tmp_path, "connection lost", code=httpx.codes.SERVICE_UNAVAILABLE)
            await asyncio.to_thread(server.start)
            await _readiness(tmp_path, "ingest", code=httpx.codes.OK)
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_log_that_refuses_for_good_ends_the_service(tmp_path: Path) -> None:
    """The client never connects again after a password is changed under it; the process must not live on."""
    server = EmbeddedNats(tmp_path / "nats", NatsSettings())
    endpoint = await asyncio.to_thread(server.start)
    try:
        async with _record(tmp_path, endpoint) as process:
            config = tmp_path / "nats" / "nats.conf"
            config.write_text(config.read_text().replace(endpoint.password, "p0123456789"))
            os.kill(endpoint.pid, signal.SIGHUP)
            _, err = await asyncio.wait_for(process.communicate(), 30)
    finally:
        await asyncio.to_thread(server.stop)
    assert process.returncode == 1
    assert b"ended for good" in err


async def test_a_child_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    """Lacking a file, a process or memory for a moment doesn't cost a service for ever."""
    folder = tmp_path / "logs"
    child = Supervised("settings", ["settings"], {"SEALTRAIL_STATE_DIR": str(tmp_path)}, folder / "x.log")
    keeping = asyncio.create_task(child.keep())
    await asyncio.sleep(0)
    assert not keeping.done()
    async with asyncio.timeout(20):
        await asyncio.sleep(0.3)  # at least one try fails
        assert not keeping.done()
        folder.mkdir()
        while not child.restarts:
            await asyncio.sleep(0.02)
    await child.stop()
    await asyncio.wait_for(keeping, 10)


async def test_stopping_while_a_child_is_being_started_leaves_none(tmp_path: Path) -> None:
    """A stop that comes between the decision to start and the process ends that process too."""
    child = Supervised("ingest", ["ingest"], _environment(tmp_path), tmp_path / "x.log")
    keeping = asyncio.create_task(child.keep())
    await asyncio.sleep(0)  # it is starting
    assert child.pid is None
    await child.stop()
    await asyncio.wait_for(keeping, 15)
    assert child.pid is None
