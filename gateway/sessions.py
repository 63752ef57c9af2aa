"""The implementations of `MqttSession`, by the name that the setting ``gateway.mqtt.client`` has for each."""

from __future__ import annotations

from collections.abc import Callable

from gateway.course import Retry
from gateway.own_session import OwnSession
from gateway.session import MqttSession, OnState
from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.settings.gateway import GatewaySettings


def _paho(settings: GatewaySettings, on_state: OnState, retry: Retry | None) -> MqttSession:
    from gateway.paho_session import PahoSession  # noqa: PLC0415 - 3 MB that most gateways don't need

    return PahoSession(settings, on_state, retry)


SESSIONS: dict[str, Callable[[GatewaySettings, OnState, Retry | None], MqttSession]] = {
    "own": OwnSession,
    "paho": _paho,
}


def mqtt_session(settings: GatewaySettings, on_state: OnState, retry: Retry | None = None) -> MqttSession:
    """A session that isn't open yet. Raises `SettingsError` when its settings can't be used."""
    try:
        return SESSIONS[settings.mqtt.client](settings, on_state, retry)
    except ImportError as error:
        raise SettingsError(f"gateway.mqtt.client = {settings.mqtt.client!r}: {error}") from error
