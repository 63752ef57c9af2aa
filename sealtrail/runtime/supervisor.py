"""Starts the services as processes of their own, restarts what dies, stops all in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import structlog

from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.service import STOP_WITH_PARENT

LOGGER = structlog.get_logger(__name__)

STOP_DEADLINE_S = 12.0
STEADY_S = 10.0


class Supervised:
    """One child process that runs a verb of the command line."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log_file: Path
    ) -> None:
        self.name = name
        self._arguments = arguments
        self._environment = dict(environment)
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    async def _start(self) -> asyncio.subprocess.Process:
        environment = {**os.environ, **self._environment, STOP_WITH_PARENT: "1"}
        with self._log_file.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "sealtrail.cli",
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    async def keep(self) -> None:
        """Runs the child until `stop`; one that dies or doesn't start is started again, ever more slowly."""
        waits: Iterator[float] = backoff_s(0.2, 10.0)
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self._process = process = await self._start()
            except OSError as error:  # no memory, no process, no file left; there may be some later
                LOGGER.warning("service_not_started", name=self.name, error=str(error))
            else:
                if self._stopping.is_set():
                    await self._end(process)
                code = await process.wait()
                if self._stopping.is_set():
                    return
                self.restarts += 1
                LOGGER.warning("service_died", name=self.name, exit_code=code, log=str(self._log_file))
            if time.monotonic() - begun > STEADY_S:
                waits = backoff_s(0.2, 10.0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), next(waits))

    async def stop(self) -> None:
        """Ends the child: SIGTERM, then SIGKILL after a deadline."""
        self._stopping.set()
        if self._process is not None:
            await self._end(self._process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_DEADLINE_S)
            except TimeoutError:
                LOGGER.warning("service_killed", name=self.name)
                process.kill()
                await process.wait()


def health_port(state_dir: Path, name: str) -> int | None:
    """Port on which a running service answers /readyz, from its run file."""
    try:
        found = json.loads((state_dir / "run" / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None
    port = found.get("health_port")
    return port if isinstance(port, int) else None


class Supervisor:
    """Several children; made for `sealtrail up` and `demo`."""

    def __init__(self, log_dir: Path, environment: Mapping[str, str]) -> None:
        self._log_dir = log_dir
        self._environment = environment
        self.children: dict[str, Supervised] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Starts a child that runs ``sealtrail <arguments>``."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        child = Supervised(
            name, arguments, {**self._environment, **(environment or {})}, self._log_dir / f"{name}.log"
        )
        self.children[name] = child
        self._tasks.append(asyncio.create_task(child.keep()))

    async def stop(self) -> None:
        """Ends the children, all at once: one that hangs is waited for no longer than its deadline."""
        await asyncio.gather(*(child.stop() for child in self.children.values()))
        if self._tasks:  # a child that was just being started is ended by its own task
            await asyncio.wait(self._tasks, timeout=STOP_DEADLINE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
