"""Settings of the record."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from sealtrail.runtime.settings.completeness import CompletenessSettings
from sealtrail.runtime.settings.section import Section


class IngestSettings(Section):
    """Where readings are kept, and how they are collected before they are written."""

    store: Literal["sqlite", "influxdb"] = Field(
        default="sqlite", description="Where the record is kept: in a file, or in InfluxDB 2."
    )
    influxdb_url: str = Field(
        default="http://127.0.0.1:8086", pattern="^https?://", description="Address of InfluxDB 2."
    )
    influxdb_token: SecretStr = Field(
        default=SecretStr(""),
        description="Token that may read and write the bucket, and create it if missing.",
    )
    influxdb_org: str = Field(
        default="sealtrail", min_length=1, description="Organisation in InfluxDB, by name."
    )
    influxdb_bucket: str = Field(
        default="sealtrail", min_length=1, description="Bucket; made at the start where it is missing."
    )
    influxdb_retention_s: int = Field(
        default=0,
        ge=0,
        description="Seconds that InfluxDB keeps readings (at least 3600); 0 keeps them for ever.",
    )
    influxdb_timeout_s: float = Field(
        default=30.0, gt=0, description="Seconds until a request to InfluxDB counts as failed."
    )
    influxdb_gzip: bool = Field(
        default=False, description="Compress what is sent to InfluxDB: less network for more CPU."
    )
    sqlite_path: Path | None = Field(
        default=None, description="File of the embedded record; none means record.sqlite3 in state_dir."
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        default="FULL",
        description="FULL survives a power cut; NORMAL only a crash of the process, and is faster.",
    )
    batch_readings: int = Field(
        default=10_000, ge=1, le=50_000, description="Readings that are written at once at most."
    )
    writes_in_flight: int = Field(
        default=2,
        ge=1,
        le=16,
        description="Batches that the store is given at a time while there is a backlog; SQLite takes one.",
    )
    batch_wait_ms: int = Field(
        default=50, ge=0, le=10_000, description="Milliseconds to wait for more readings before writing."
    )
    answer_bytes: int = Field(
        default=7_500_000,
        ge=1_000,
        description="Largest answer to a question; must be below the log server's max_payload.",
    )
    completeness: CompletenessSettings = Field(
        default=CompletenessSettings(), description="What came in from each device, and what is missing."
    )
