"""Settings of the rules about devices that aren't heard of, and about two devices of one trip."""

from __future__ import annotations

from pydantic import Field

from sealtrail.runtime.settings.section import Section


class SilenceSettings(Section):
    """When silence is an alert, and how far apart two devices may be."""

    silent_periods: float = Field(
        default=2.0, ge=1, description="So many of its reporting intervals may pass without a receipt."
    )
    silent_grace_s: float = Field(
        default=900, ge=0, description="Added to that: networks are slow, clocks coarse."
    )
    silent_learn_reports: int = Field(
        default=8, ge=2, description="So many gaps must a device have shown before its own are believed."
    )
    silent_learn_s: float = Field(
        default=43_200, ge=0, description="And so long it must have been heard: bursts are no interval."
    )
    silent_learn_driving_s: float = Field(
        default=10_800,
        ge=0,
        description="The same where it was driving when it was last heard: who drives isn't asleep.",
    )
    silent_unlearned_s: float = Field(
        default=86_400,
        gt=0,
        description="Silence of a device whose interval is neither in the trip's plan nor shown yet.",
    )
    silent_gap_growth: float = Field(
        default=1.5, gt=1, description="A gap wider than the usual ones by more counts only as so much wider."
    )
    silent_memory_s: float = Field(
        default=604_800, gt=0, description="In this time the widest usual gap is forgotten to a third."
    )
    silent_high_s: float = Field(
        default=21_600, gt=0, description="A silence this much longer than allowed is high."
    )
    standing_kmh: float = Field(
        default=5, ge=0, description="Slower than this a device stands: its reports may then be rarer."
    )
    dead_zone_speed_kmh: float = Field(
        default=15, gt=0, description="So slow a container may cross a dead zone before it is overdue."
    )
    outage_ticks: float = Field(
        default=4,
        ge=2,
        description="So many missing ticks mean that the log itself stood still: what wasn't heard "
        "then is nobody's silence.",
    )
    outage_grace_s: float = Field(
        default=300, ge=0, description="After such an outage devices have this long to be heard again."
    )
    separation_max_m: float = Field(
        default=1_000,
        gt=0,
        description="Devices of one trip further apart than this (and their uncertainties) are separated.",
    )
    separation_reports: int = Field(
        default=2, ge=1, description="So many fixes in a row must show it, or that they are together again."
    )
    separation_apart_s: float = Field(
        default=900,
        gt=0,
        description="Fixes of two devices are compared if no further apart in time.",
    )
