"""Fixtures of the tests about who is speaking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.settings.nats import NatsSettings
from tests.gateway.access.desk import Desk
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["nats_server", "nats_settings", "open_log"]


@pytest.fixture
def endpoint(nats_server: EmbeddedNats, nats_settings: NatsSettings) -> Endpoint:
    """Where the server of this test answers; everything is declared on it."""
    del nats_settings
    assert nats_server.endpoint is not None
    return nats_server.endpoint


@pytest.fixture
def desk(endpoint: Endpoint, tmp_path: Path) -> Iterator[Desk]:
    """The access service, ready."""
    desk = Desk(tmp_path, endpoint)
    desk.start()
    try:
        yield desk
    finally:
        desk.kill()
