"""Life of one service process: start, ready, stop on a signal, nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from sealtrail.contract.errors import SealTrailError, UnavailableError
from sealtrail.runtime import logs
from sealtrail.runtime.background import Background
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.health import Health, HealthEndpoint
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

LOGGER = structlog.get_logger(__name__)

STOP_WITH_PARENT = "SEALTRAIL_STOP_WITH_PARENT"
SHUTDOWN_DEADLINE_S = 10.0
FAILURE_DEADLINE_S = 3.0
"""After a failure in the background what is in hand gets only this long: a successor is waiting."""
YOUNG_OBJECTS = 20_000
"""So many new objects that may be parts of cycles are looked at together: 700, Python's limit, are few."""
LOG_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Service:
    """What a service's main function gets.

    It sets ``health`` conditions, works until ``stop`` is set, then finishes
    what it has begun and returns. A failure in ``background`` ends it too.
    """

    name: str
    settings: Settings
    health: Health
    stop: asyncio.Event
    background: Background = field(default_factory=Background)

    async def connect_log(self) -> Log:
        """An open log with everything declared; waits for the server, for ever or until ``stop``.

        While it is away later the service isn't ready; when the client has
        given it up for good, the service ends, so that another can begin anew.
        """
        self.health.waiting("log", "not connected yet")
        for wait_s in backoff_s(cap_s=5.0):
            try:
                log = await self._declared_log()
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
                self.background.start(self.follow(log), "log connection")
                return log
        raise UnavailableError("unreachable")  # pragma: no cover - backoff is endless

    async def _declared_log(self) -> Log:
        log = await Log.connect(self.settings.nats, self.name)
        try:
            await log.declare(self.settings.partitions)
        except BaseException:
            await log.close()
            raise
        return log

    async def follow(self, log: Log, name: str = "log") -> None:
        """Says whether a connection stands, as health condition ``name``, until it is closed."""
        while not log.closing:
            if log.connected:
                self.health.ready(name)
            else:
                self.health.waiting(name, "connection lost")
            if log.given_up is not None:
                raise UnavailableError(f"the connection to the {name} has ended for good: {log.given_up}")
            await asyncio.sleep(LOG_LOOK_S)


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
    health = Health()
    health.waiting("start", "starting")
    endpoint = HealthEndpoint(settings.health, name, health)
    port = endpoint.start()
    service = Service(name, settings, health, stop)
    if os.environ.get(STOP_WITH_PARENT):
        service.background.start(_watch_parent(stop), "parent")
    run_file = _write_run_file(settings, name, port)
    LOGGER.info("service_started", pid=os.getpid(), health=f"http://{settings.health.host}:{port}/readyz")
    try:
        work = asyncio.create_task(_run_main(main, service))
        await asyncio.sleep(0)  # until it has said what it waits for
        health.ready("start")
        await _until_ended(service, work)
    finally:
        service.background.cancel()
        endpoint.stop()
        run_file.unlink(missing_ok=True)
        LOGGER.info("service_stopped")


async def _run_main(main: Main, service: Service) -> None:
    await main(service)


async def _until_ended(service: Service, work: asyncio.Task[None]) -> None:
    """Waits for the end of the main work, which a signal or a failure in the background brings about."""
    background = service.background
    causes: set[asyncio.Task[Any]] = {
        asyncio.create_task(service.stop.wait()),
        asyncio.create_task(background.failed()),
    }
    await asyncio.wait({work, *causes}, return_when=asyncio.FIRST_COMPLETED)
    for cause in causes:
        cause.cancel()
    if not work.done():
        service.health.waiting("stop", str(background.failure or "stopping"))
        service.stop.set()
        deadline_s = SHUTDOWN_DEADLINE_S if background.failure is None else FAILURE_DEADLINE_S
        done, _ = await asyncio.wait({work}, timeout=deadline_s)
        if not done:
            LOGGER.warning("shutdown_forced", after_s=deadline_s)
            work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    if background.failure is not None:
        raise background.failure


def run(name: str, settings: Settings, main: Main) -> int:
    """Runs a service until it ends or is told to stop; returns the process's exit code.

    An error that SealTrail knows is logged as one line; anything else is a bug
    and shows its trace.
    """
    logs.configure(settings.logging, name)
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    try:
        asyncio.run(_life(name, settings, main))
    except SealTrailError as error:
        LOGGER.error("service_failed", error=str(error))  # noqa: TRY400 - an expected failure has no trace
        return 1
    return 0
