"""Fixtures of the gateway's tests."""

from __future__ import annotations

from tests.gateway.brokers import broker, mosquitto_broker, nats_broker
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["broker", "mosquitto_broker", "nats_broker", "nats_server", "nats_settings", "open_log"]
