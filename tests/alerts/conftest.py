"""Real parts for the tests of the alerts service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.alerts.receiver import Receiver
from tests.parts.mosquitto import mosquitto
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["mosquitto", "nats_server", "nats_settings", "open_log"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A subscriber's HTTP server on a free port of this machine."""
    server = Receiver()
    server.start()
    try:
        yield server
    finally:
        server.stop()
