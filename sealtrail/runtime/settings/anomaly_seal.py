"""Settings of the rules about a seal, its door and its number."""

from __future__ import annotations

from pydantic import Field

from sealtrail.runtime.settings.section import Section


class SealRuleSettings(Section):
    """What counts as one attempt, one fault, one open door."""

    unsealed_departure_s: float = Field(
        default=1_800,
        ge=0,
        description="A seal that was open or cut when its trip left the origin, and so long after that is so "
        "still, is a breach.",
    )
    refusal_join_s: float = Field(
        default=600, ge=0, description="Refusals of a seal within this time of each other are one attempt."
    )
    fault_join_s: float = Field(
        default=3_600, ge=0, description="A seal's fault that comes again within this time has not been away."
    )
    door_join_s: float = Field(
        default=120, ge=0, description="A door that closes and opens again within this time is open once."
    )
    door_light_lux: float = Field(
        default=20, gt=0, description="So bright inside of a container means that it is open."
    )
    door_dark_lux: float = Field(default=2, gt=0, description="Less is dark, as in a closed container.")
    door_noon_from_h: float = Field(
        default=9, ge=0, le=24, description="Dark after this hour of the sun's time where it is …"
    )
    door_noon_until_h: float = Field(
        default=15,
        ge=0,
        le=24,
        description="… and before this one is dark by day: the device is inside, and brightness an opening.",
    )
    door_dark_span_s: float = Field(
        default=64_800, gt=0, description="Dark for so long without a break shows the same."
    )
    replacement_grace_s: float = Field(
        default=7_200,
        ge=0,
        description="A seal that a check says was put on instead may report so long before the check.",
    )
