"""Cancelling what may swallow it, and asking whether one is to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 2.0


def is_being_cancelled() -> bool:
    """Asked where an error is caught and tried again after.

    What closes while a task is cancelled (an MQTT client that disconnects) may raise an error of
    its own, which takes the place of the cancellation: whoever caught it would go on for ever.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks until they have ended; what they raise is let go.

    A cancellation can be lost: `asyncio.wait_for` before Python 3.12 drops one that
    comes together with what it waits for, and whoever awaits the task waits for ever.
    """
    ending = list(tasks)
    left = {task for task in ending if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
    await asyncio.gather(*ending, return_exceptions=True)
