"""Settings of the rules about jammed and forged positions."""

from __future__ import annotations

from pydantic import Field

from sealtrail.runtime.settings.section import Section


class GnssSettings(Section):
    """When satellites are drowned out or forged, and not only weak."""

    jam_signal_pct: float = Field(
        default=30, ge=0, le=100, description="A mobile signal of so much is good: its antenna isn't covered."
    )
    jam_reports: int = Field(
        default=3, ge=2, description="So many reports without a fix, their signal good, may be jamming …"
    )
    jam_lost_s: float = Field(default=900, ge=0, description="… once they last so long.")
    jam_fixes: int = Field(
        default=5, ge=1, le=64, description="So many reports must have had a fix before one counts as lost."
    )
    jam_chance: float = Field(
        default=1e-6,
        gt=0,
        lt=0.1,
        description="A run of reports without a fix must be as rare as this by the device's own habits.",
    )
    jam_fix_age_s: float = Field(
        default=1_800, gt=0, description="After a longer gap nobody knows when the fix was lost."
    )
    neighbours_least: int = Field(
        default=3,
        ge=2,
        description="So many containers that report the same there and then are no coincidence.",
    )
    gnss_join_s: float = Field(
        default=1_800, ge=0, description="Jamming, or forging, that comes again within this time went on."
    )
    spoof_fixes: int = Field(
        default=5, ge=2, description="A track of so many fixes is one: who is elsewhere then was taken there."
    )
    spoof_doubt_s: float = Field(
        default=43_200, ge=0, description="So long places of a track that it can't have reached are not used."
    )
    spoof_cell_age_s: float = Field(
        default=3_600,
        gt=0,
        description="A place of the mobile network is compared with a satellite fix no older than this.",
    )
