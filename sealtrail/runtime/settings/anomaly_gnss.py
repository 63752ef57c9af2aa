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
        default=5, ge=1, description="So many reports in a row had a fix before it counts as lost."
    )
    jam_fix_age_s: float = Field(
        default=1_800, gt=0, description="After a longer gap nobody knows when the fix was lost."
    )
    jam_always: int = Field(
        default=20,
        ge=1,
        le=255,
        description="The same where the device says nothing of a position: it may just not send one.",
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
    spoof_cell_age_s: float = Field(
        default=3_600,
        gt=0,
        description="A place of the mobile network is compared with a satellite fix no older than this.",
    )
