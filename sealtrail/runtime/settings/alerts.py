"""Settings of the alerts service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from sealtrail.contract.alert import Severity
from sealtrail.runtime.settings.section import Section


class WebhookSettings(Section):
    """Delivery by HTTP POST."""

    allow_private_addresses: bool = Field(
        default=False,
        description="Whether webhooks may go to loopback, private and link-local addresses. Off, so that a "
        "subscriber can't make this service call into your network.",
    )
    allow_plain_http: bool = Field(
        default=False,
        description="Whether webhooks may go to public addresses without TLS. Private addresses that are "
        "allowed may always be reached by http.",
    )
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="Time for one attempt, in seconds.")
    at_once: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Attempts under way to one subscriber at the same time, at most; subscribers never "
        "wait for each other.",
    )


class AlertMqttSettings(Section):
    """Delivery by MQTT: the broker that subscribers listen on."""

    host: str = Field(
        default="", description="Host of the broker; empty: the gateway's broker with its user and TLS."
    )
    port: int = Field(default=0, ge=0, le=65535, description="Port of the broker; 0: the gateway's.")
    username: str = Field(default="", description="User name at the broker, where host is given.")
    password: SecretStr = Field(
        default=SecretStr(""), description="Password at the broker, where host is given."
    )
    tls: bool = Field(default=False, description="Whether to speak TLS to the broker, where host is given.")
    tls_ca: Path | None = Field(default=None, description="CA certificate that signed the broker's.")
    client_id: str = Field(
        default="sealtrail-alerts", min_length=1, max_length=64, description="Client identifier."
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=60, description="Time for the broker's acknowledgement, in seconds."
    )


class AlertSettings(Section):
    """The voice: incidents and notifications."""

    notify_from: Severity = Field(
        default=Severity.MEDIUM, description="Alerts below this severity join incidents but notify nobody."
    )
    source: str = Field(
        default="urn:sealtrail",
        min_length=1,
        max_length=200,
        description="Source attribute of the CloudEvents: a URI that names this installation.",
    )
    retry_first_s: float = Field(
        default=1.0, gt=0, description="Waiting time after the first failed attempt."
    )
    retry_cap_s: float = Field(default=300.0, gt=0, description="Longest waiting time between attempts.")
    retry_for_h: float = Field(
        default=72.0, gt=0, description="A notification that can't be delivered for this long has failed."
    )
    queue_per_subscriber: int = Field(
        default=10_000,
        ge=10,
        description="Waiting notifications of one subscriber that are held in memory; more wait in the "
        "ledger until there is room.",
    )
    webhook: WebhookSettings = Field(default=WebhookSettings(), description="Delivery by HTTP POST.")
    mqtt: AlertMqttSettings = Field(default=AlertMqttSettings(), description="Delivery by MQTT.")
