"""Settings of the alerts service."""

from __future__ import annotations

from pydantic import Field

from sealtrail.contract.alert import Severity
from sealtrail.runtime.settings.section import Section


class WebhookSettings(Section):
    """Delivery by HTTP POST."""

    allow_private_addresses: bool = Field(
        default=False,
        description="Whether webhooks may go to loopback, private and link-local addresses. Off, so that a "
        "subscriber can't make this service call into your network.",
    )
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="Time for one attempt, in seconds.")
    at_once: int = Field(
        default=16, ge=1, le=256, description="Attempts under way at the same time, at most."
    )


class AlertMqttSettings(Section):
    """Delivery by MQTT: the broker that subscribers listen on."""

    host: str = Field(default="", description="Host of the broker; empty: the gateway's broker.")
    port: int = Field(default=0, ge=0, le=65535, description="Port of the broker; 0: the gateway's.")
    client_id: str = Field(
        default="sealtrail-alerts", min_length=1, max_length=64, description="Client identifier."
    )


class AlertSettings(Section):
    """The voice: incidents and notifications."""

    notify_from: Severity = Field(
        default=Severity.MEDIUM, description="Alerts below this severity join incidents but notify nobody."
    )
    retry_first_s: float = Field(
        default=1.0, gt=0, description="Waiting time after the first failed attempt."
    )
    retry_cap_s: float = Field(default=300.0, gt=0, description="Longest waiting time between attempts.")
    retry_for_h: float = Field(
        default=72.0, gt=0, description="A notification that can't be delivered for this long has failed."
    )
    webhook: WebhookSettings = Field(default=WebhookSettings(), description="Delivery by HTTP POST.")
    mqtt: AlertMqttSettings = Field(default=AlertMqttSettings(), description="Delivery by MQTT.")
