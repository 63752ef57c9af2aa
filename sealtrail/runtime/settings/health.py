"""Settings of the health and metrics endpoint."""

from __future__ import annotations

from pydantic import Field

from sealtrail.runtime.settings.section import Section


class HealthSettings(Section):
    """Where each service answers /healthz, /readyz and /metrics."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port of the endpoint; 0 is a free one (written to the state folder and the log). "
        "One per service on one machine.",
    )


class LoggingSettings(Section):
    """What the services write to standard error."""

    level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="Least severe level that is written: debug, info, warning or error.",
    )
    format: str = Field(
        default="auto",
        pattern="^(auto|json|console)$",
        description="'json' one object a line, 'console' for people, 'auto' console on a terminal.",
    )
