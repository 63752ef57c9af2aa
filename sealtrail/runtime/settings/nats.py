"""Settings of the log, its broker, and the embedded server."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from sealtrail.runtime.settings.section import Section


class NatsSettings(Section):
    """How to reach NATS, or that an embedded server is to be started."""

    url: str = Field(
        default="",
        description="Address of an external NATS server, nats://host:4222; several separated by commas. "
        "Empty: `sealtrail up` and `demo` start an embedded one.",
    )
    user: str = Field(default="", description="User name at NATS; empty where none is needed.")
    password: SecretStr = Field(default=SecretStr(""), description="Password at NATS.")
    tls_ca: Path | None = Field(default=None, description="CA certificate that signed the server's.")
    tls_cert: Path | None = Field(default=None, description="Client certificate, with tls_key.")
    tls_key: Path | None = Field(default=None, description="Key of tls_cert.")
    replicas: int = Field(default=1, ge=1, le=5, description="Copies of every stream; 3 on a cluster.")
    log_max_age_days: float = Field(
        default=14, gt=0, description="How long the log keeps readings and trip events for replay."
    )
    quarantine_max_age_days: float = Field(
        default=90, gt=0, description="How long refused messages are kept for a second try."
    )
    client_port: int = Field(default=0, ge=0, le=65535, description="Embedded: client port; 0 is a free one.")
    mqtt_port: int = Field(default=0, ge=0, le=65535, description="Embedded: MQTT port; 0 is a free one.")
    mqtt_host: str = Field(default="127.0.0.1", description="Embedded: address on which MQTT listens.")
    sync: Literal["always", "interval"] = Field(
        default="always",
        description="Embedded: 'always' writes to disk before every acknowledgement; 'interval' every two "
        "minutes, which a power cut may cost.",
    )
    device_password: SecretStr = Field(
        default=SecretStr(""),
        description="Embedded: password with which devices log in as user 'device'; empty: one is made up, "
        "see endpoint.json in the server's folder.",
    )
    mqtt_window: int = Field(
        default=10_922,
        ge=1,
        le=65_535,
        description="Embedded: unacknowledged MQTT messages that one subscription may have in flight; all "
        "of a session's together may not exceed 65535, and one that ends in /# counts twice.",
    )
    mqtt_parts: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Embedded: gateways that share the devices. With 2 or more a report arrives on "
        "sealtrail/<family>/<device_id>/up/<part>, parts counted from 0; each gateway subscribes to one.",
    )
    mqtt_ack_wait_s: float = Field(
        default=15.0,
        ge=1,
        le=3_600,
        description="Embedded: a message that isn't acknowledged for this long is delivered again, also to a "
        "gateway that comes back after a crash.",
    )
