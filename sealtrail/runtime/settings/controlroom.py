"""Settings of the control-room page and its HTTP API."""

from __future__ import annotations

from pydantic import Field, model_validator

from sealtrail.runtime.settings.section import Section


class ControlRoomSettings(Section):
    """Where the page is served, when a container counts as late, and what one viewer may cost."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. People are not signed in yet: keep it local, "
        "or behind a proxy that signs them in.",
    )
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    late_after_s: int = Field(
        default=1_800, gt=0, description="Without a report for this long a container is shown as late."
    )
    silent_after_s: int = Field(
        default=21_600, gt=0, description="Without a report for this long a container is shown as silent."
    )
    flush_interval_ms: int = Field(
        default=250, ge=50, le=5_000, description="Position changes are collected this long, then sent."
    )
    stats_interval_ms: int = Field(
        default=2_000, ge=250, le=60_000, description="How often the pipeline figures are sent."
    )
    heartbeat_s: float = Field(
        default=10.0, gt=0, le=60, description="A viewer's stream carries a sign of life at least this often."
    )
    viewer_queue_frames: int = Field(
        default=128,
        ge=8,
        le=10_000,
        description="A viewer this many messages behind is dropped and starts afresh.",
    )
    replay_frames: int = Field(
        default=512, ge=0, le=10_000, description="Messages kept for viewers that reconnect."
    )
    send_timeout_s: float = Field(
        default=15.0, gt=0, le=300, description="A viewer that takes nothing for this long is dropped."
    )
    max_viewers: int = Field(default=200, ge=1, description="Open live streams; further ones are refused.")
    max_containers: int = Field(
        default=100_000, ge=1, description="Containers kept in memory for the live map."
    )
    max_custody_events: int = Field(
        default=200_000, ge=1, description="Custody events kept in memory for the drawer, the newest ones."
    )
    unread_bytes: int = Field(
        default=33_554_432,
        ge=1_048_576,
        description="Reports kept unread while nobody watches; of more than that, the record is asked by "
        "the next who does.",
    )
    closed_incidents: int = Field(
        default=500, ge=0, description="Resolved and retracted incidents shown, the newest ones."
    )
    default_window_h: int = Field(
        default=72,
        gt=0,
        le=24 * 366,
        description="Hours of track, sensors and seals when no time is asked for.",
    )
    max_window_days: int = Field(default=366, gt=0, description="Longest time that one request may span.")

    @model_validator(mode="after")
    def _silent_is_later_than_late(self) -> ControlRoomSettings:
        if self.silent_after_s <= self.late_after_s:
            raise ValueError(
                f"silent_after_s ({self.silent_after_s}) must be longer "
                f"than late_after_s ({self.late_after_s})"
            )
        return self
