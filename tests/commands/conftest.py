"""Fixtures of the tests of verbs."""

from __future__ import annotations

from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["nats_server", "nats_settings", "open_log"]
