"""Helpers of verbs that talk to a running system."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from sealtrail.runtime import logs
from sealtrail.runtime.embedded_nats import with_running_server
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

T = TypeVar("T")


def with_log(ctx: click.Context, work: Callable[[Log, Settings], Awaitable[T]]) -> T:
    """Runs ``work`` with a connection to the log that the settings name (or that runs in state_dir)."""
    settings: Settings = with_running_server(ctx.obj)
    logs.configure(settings.logging.model_copy(update={"level": "error"}), "cli")

    async def run() -> T:
        log = await Log.connect(settings.nats, "cli")
        try:
            await log.declare()
            return await work(log, settings)
        finally:
            await log.close()

    return asyncio.run(run())
