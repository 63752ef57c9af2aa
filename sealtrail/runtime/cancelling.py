"""Whether the task in hand is to end."""

from __future__ import annotations

import asyncio


def is_being_cancelled() -> bool:
    """Asked where an error is caught and tried again after.

    What closes while a task is cancelled (an MQTT client that disconnects) may raise an error of
    its own, which takes the place of the cancellation: whoever caught it would go on for ever.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
