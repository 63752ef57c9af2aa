"""Fixtures of the tests of the gateway's own ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio

from sealtrail.runtime.log import Log
from tests.gateway.listeners.gate import Device, Gate, OpenGate
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["nats_server", "nats_settings", "open_gate", "open_log"]


@pytest_asyncio.fixture
async def open_gate(open_log: Log) -> AsyncIterator[OpenGate]:
    """Opens gateways over a real log; each ends with the test."""
    async with AsyncExitStack() as stack:

        async def opened(**settings: object) -> Gate:
            return await stack.enter_async_context(Gate.opened(open_log, settings))

        yield opened
        await Device.close_all()
