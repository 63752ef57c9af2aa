"""Tasks that lose a cancellation end all the same."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from sealtrail.runtime import cancelling
from sealtrail.runtime.cancelling import end, is_being_cancelled


async def test_a_cancellation_that_is_swallowed_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that goes on after the first one, one that fails, and one that is done already."""
    monkeypatch.setattr(cancelling, "AGAIN_S", 0.01)
    waiting = asyncio.Event()

    async def deaf() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await waiting.wait()
        assert is_being_cancelled()
        await waiting.wait()

    async def failing() -> None:
        raise ValueError("on its own")

    tasks = [asyncio.create_task(each()) for each in (deaf, failing)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(tasks)
    assert tasks[0].cancelled()
    assert isinstance(tasks[1].exception(), ValueError)
    await end(tasks)
