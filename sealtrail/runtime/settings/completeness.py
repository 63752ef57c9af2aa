"""Settings of the ledger of what came in from each device."""

from __future__ import annotations

from pydantic import Field

from sealtrail.runtime.settings.section import Section


class CompletenessSettings(Section):
    """What counts as late, how much is remembered, how often it is saved."""

    late_after_s: float = Field(
        default=300.0, ge=0, description="A report that comes in so long after it happened counts as late."
    )
    followed_devices: int = Field(
        default=100_000,
        ge=1,
        description="So many devices are followed one by one; further ones are counted together.",
    )
    remembered_readings: int = Field(
        default=500_000,
        ge=0,
        description="Identities of recent readings by which a repetition is known (100 bytes each).",
    )
    gaps_kept: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Newest gaps in a device's numbers that are known one by one (150 bytes each); "
        "of older ones only the sum is.",
    )
    daily_record_every_s: float = Field(
        default=900.0, gt=0, description="How often the present day's figures go to the record."
    )
    snapshot_every_s: float = Field(
        default=60.0,
        gt=0,
        description="How often the ledger is saved; what came since is counted again after a crash.",
    )
