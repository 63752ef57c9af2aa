"""A real NATS server in a folder of its own, for one test.

Use it by importing the fixtures in a ``conftest.py``::

    from tests.parts.nats import nats_server, nats_settings, open_log  # noqa: F401 - fixtures
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.log import Log
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.settings.nats import NatsSettings


def settings_of(endpoint: Endpoint) -> NatsSettings:
    """Settings with which a client reaches an embedded server."""
    return NatsSettings(url=endpoint.url, user=endpoint.user, password=SecretStr(endpoint.password))


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[EmbeddedNats]:
    """A started server, empty; tests may stop, kill and start it again."""
    server = EmbeddedNats(tmp_path / "nats", NatsSettings())
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest_asyncio.fixture
async def nats_settings(nats_server: EmbeddedNats) -> NatsSettings:
    """Settings of a fresh server on which every stream and bucket is declared."""
    if nats_server.endpoint is None:
        raise AssertionError("the server has just been started")
    settings = settings_of(nats_server.endpoint)
    log = await Log.connect(settings, "test-setup")
    await log.declare()
    await log.close()
    return settings


@pytest_asyncio.fixture
async def open_log(nats_settings: NatsSettings) -> AsyncIterator[Log]:
    """A connected log client on that server."""
    log = await Log.connect(nats_settings, "test")
    try:
        yield log
    finally:
        await log.close()
