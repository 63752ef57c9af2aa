"""Settings of the gateway."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from sealtrail.runtime.settings.section import Section


class MqttSettings(Section):
    """The broker on which devices publish."""

    host: str = Field(default="", description="Host of the broker; empty: the embedded one.")
    port: int = Field(default=1883, ge=1, le=65535, description="Port of the broker.")
    username: str = Field(default="", description="User name at the broker.")
    password: SecretStr = Field(default=SecretStr(""), description="Password at the broker.")
    client_id: str = Field(
        default="sealtrail-gateway",
        min_length=1,
        max_length=64,
        description="Client identifier of the persistent session; one per gateway.",
    )
    topic_filter: str = Field(
        default="sealtrail/+/+/up",
        description="Topics that devices publish on. On a broker with MQTT 5 shared subscriptions several "
        "gateways share the load with $share/gateways/sealtrail/+/+/up.",
    )
    keep_alive_s: int = Field(default=30, ge=5, le=600, description="MQTT keep-alive in seconds.")
    tls: bool = Field(default=False, description="Whether to speak TLS to the broker.")
    tls_ca: Path | None = Field(default=None, description="CA certificate that signed the broker's.")
    tls_cert: Path | None = Field(default=None, description="Client certificate, with tls_key.")
    tls_key: Path | None = Field(default=None, description="Key of tls_cert.")


class GatewaySettings(Section):
    """The door: MQTT session, batching, quarantine."""

    mqtt: MqttSettings = Field(default=MqttSettings(), description="The broker on which devices publish.")
    batch_messages: int = Field(
        default=1_000, ge=1, le=20_000, description="Messages that are decoded and stored together at most."
    )
    linger_ms: int = Field(
        default=20, ge=0, le=1_000, description="How long a batch that isn't full waits for more."
    )
    max_pending_messages: int = Field(
        default=20_000,
        ge=100,
        description="Messages received but not yet in the log, at most; beyond it the socket isn't read.",
    )
    max_pending_bytes: int = Field(
        default=67_108_864,
        ge=1_048_576,
        description="Payload received but not yet taken from the session, at most; as above.",
    )
    max_payload_bytes: int = Field(
        default=65_536,
        ge=128,
        le=400_000,
        description="Larger MQTT payloads are quarantined, cut to this size.",
    )
    remembered_readings: int = Field(
        default=200_000,
        ge=0,
        description="Identities of recent readings, to drop repetitions before the log (100 bytes each).",
    )
