"""Settings of the simulated fleet."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from sealtrail.runtime.settings.section import Section


class PublisherSettings(Section):
    """The broker to publish to, and how hard."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Host of the broker.")
    port: int = Field(default=1883, ge=1, le=65535, description="Port of the broker.")
    username: str = Field(default="", description="User name at the broker; empty: anonymous.")
    password: SecretStr = Field(default=SecretStr(""), description="Password at the broker.")
    tls: bool = Field(default=False, description="Whether to speak TLS to the broker.")
    tls_ca: Path | None = Field(default=None, description="CA certificate that signed the broker's.")
    client_id: str = Field(
        default="sealtrail-fleet",
        min_length=1,
        max_length=48,
        description="Client identifiers of the connections begin with this.",
    )
    connections: int = Field(
        default=2, ge=1, le=256, description="Connections; a device always uses the same one of them."
    )
    window: int = Field(
        default=200, ge=1, le=2_000, description="Messages sent but not yet acknowledged, on each connection."
    )
    waiting: int = Field(
        default=1_000, ge=1, le=100_000, description="Messages that wait for each connection at most."
    )
    puback_timeout_s: float = Field(
        default=10.0, gt=0, le=300, description="How long an acknowledgement may take before reconnecting."
    )
    connect_timeout_s: float = Field(
        default=20.0, gt=0, le=600, description="How long the first connection may take before giving up."
    )
    max_backoff_s: float = Field(
        default=15.0, gt=0, le=600, description="Longest pause between attempts to reconnect."
    )


class SimulatorSettings(Section):
    """The simulated fleet."""

    mqtt: PublisherSettings = Field(default=PublisherSettings(), description="Where the fleet publishes.")
    seed: int = Field(default=1, ge=0, description="Equal seeds and times give equal bytes.")
    containers: int = Field(default=40, ge=1, le=100_000, description="Containers in the fleet.")
    hours_past: float = Field(
        default=6.0, ge=0, le=72, description="How long ago the fleet's reports begin; sent at once."
    )
    duplicate_rate: float = Field(
        default=0.02, ge=0, le=1, description="Part of the reports that is sent a second time."
    )
    corrupt_rate: float = Field(
        default=0.005, ge=0, le=1, description="Part of the reports that a corrupt payload follows."
    )
    cell_fix_rate: float = Field(
        default=0.03, ge=0, le=0.5, description="Part of the positions that comes from the mobile network."
    )
    stale_fix_rate: float = Field(
        default=0.01, ge=0, le=0.5, description="Part of the reports that repeats the last position."
    )
