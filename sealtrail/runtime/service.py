"""Life of one service process: start, ready, stop on a signal, nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from sealtrail.contract.errors import SealTrailError, UnavailableError
from sealtrail.runtime import logs
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.health import Health, HealthEndpoint
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

LOGGER = structlog.get_logger(__name__)

STOP_WITH_PARENT = "SEALTRAIL_STOP_WITH_PARENT"
SHUTDOWN_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """What a service's main function gets.

    It sets ``health`` conditions, works until ``stop`` is set, then finishes
    what it has begun and returns.
    """

    name: str
    settings: Settings
    health: Health
    stop: asyncio.Event

    async def connect_log(self) -> Log:
        """An open log with everything declared; waits for the server, for ever or until ``stop``."""
        self.health.waiting("log", "not connected yet")
        for wait_s in backoff_s(cap_s=5.0):
            try:
                log = await Log.connect(self.settings.nats, self.name)
                await log.declare()
            except UnavailableError as error:
                if not self.settings.nats.url:
                    raise
                self.health.waiting("log", str(error))
                LOGGER.warning("log_unavailable", error=str(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), wait_s)
                if self.stop.is_set():
                    raise
            else:
                self.health.ready("log")
                return log
        raise UnavailableError("unreachable")  # pragma: no cover - backoff is endless


Main = Callable[[Service], Awaitable[None]]


async def _watch_parent(stop: asyncio.Event) -> None:
    """Stops the service when the pipe from its parent closes: no orphans after a crash."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass
    stop.set()


def _write_run_file(settings: Settings, name: str, port: int) -> Path:
    folder = settings.state_dir / "run"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps({"pid": os.getpid(), "health_port": port}))
    partial.replace(path)
    return path


async def _life(name: str, settings: Settings, main: Main) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    background = set()
    if os.environ.get(STOP_WITH_PARENT):
        background.add(asyncio.create_task(_watch_parent(stop)))
    health = Health()
    health.waiting("start", "starting")
    endpoint = HealthEndpoint(settings.health, name, health)
    port = endpoint.start()
    run_file = _write_run_file(settings, name, port)
    LOGGER.info("service_started", pid=os.getpid(), health=f"http://{settings.health.host}:{port}/readyz")
    try:
        health.ready("start")
        work = asyncio.ensure_future(main(Service(name, settings, health, stop)))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not work.done():
            health.waiting("stop", "stopping")
            done, _ = await asyncio.wait({work}, timeout=SHUTDOWN_DEADLINE_S)
            if not done:
                LOGGER.warning("shutdown_forced", after_s=SHUTDOWN_DEADLINE_S)
                work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        for task in background:
            task.cancel()
        endpoint.stop()
        run_file.unlink(missing_ok=True)
        LOGGER.info("service_stopped")


def run(name: str, settings: Settings, main: Main) -> int:
    """Runs a service until it ends or is told to stop; returns the process's exit code.

    An error that SealTrail knows is logged as one line; anything else is a bug
    and shows its trace.
    """
    logs.configure(settings.logging, name)
    try:
        asyncio.run(_life(name, settings, main))
    except SealTrailError as error:
        LOGGER.error("service_failed", error=str(error))  # noqa: TRY400 - an expected failure has no trace
        return 1
    return 0
