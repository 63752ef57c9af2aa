"""Work beside a service's main work: the first of it that fails ends the service.

A process whose main loop runs while a part of it is dead looks well and isn't.
So nothing that runs in the background may end unseen: its owner starts it here,
or hands its failure in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Background:
    """Tasks of one service. `failed` returns when the first of them has failed."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._happened = asyncio.Event()
        self.failure: BaseException | None = None

    def start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Runs ``work`` as a task; its owner may cancel it at any time."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Ends the service with ``error``; later ones change nothing."""
        if self.failure is None:
            self.failure = error
            self._happened.set()

    async def failed(self) -> None:
        """Returns once ``failure`` is set."""
        await self._happened.wait()

    def cancel(self) -> None:
        """Ends what still runs."""
        for task in tuple(self._tasks):
            task.cancel()
