"""Settings of the rules about the cargo, the battery, and what alerts come to together."""

from __future__ import annotations

from pydantic import Field

from sealtrail.runtime.settings.section import Section

THEFT_SIGNALS = {
    "SEAL_CUT": "opened",
    "SEAL_OPENED": "opened",
    "SEAL_TAMPER": "opened",
    "SEAL_MISMATCH": "opened",
    "DOOR_OPENED": "opened",
    "UNLOCK_REFUSED": "opened",
    "UNSCHEDULED_STOP": "stopped",
    "ROUTE_DEVIATION": "off its way",
    "WRONG_WAY": "off its way",
    "ZONE_FORBIDDEN": "off its way",
    "SILENT": "blind",
    "GNSS_JAMMING": "forged",
    "GNSS_SPOOFING": "forged",
    "SEPARATION": "apart",
    "UNEXPECTED_MOVEMENT": "moved",
}


class CargoSettings(Section):
    """What the cargo bears, and what is too much at once."""

    excursion_join_s: float = Field(
        default=600, ge=0, description="Excursions of a quantity within this time of each other are one."
    )
    shock_most_g: float = Field(
        default=4.0, gt=0, description="A shock above this is told where the trip says nothing of shocks."
    )
    shock_join_s: float = Field(
        default=3_600, ge=0, description="Shocks within this time of each other are one handling."
    )
    battery_low_pct: float = Field(default=15, ge=0, le=100, description="A battery below this is low …")
    battery_fine_pct: float = Field(default=20, ge=0, le=100, description="… and is fine again from here on.")
    theft_signals: dict[str, str] = Field(
        default=THEFT_SIGNALS,
        description="Alert types that may be part of a theft, and which kind of sign each is.",
    )
    theft_strong: tuple[str, ...] = Field(
        default=("opened", "apart", "moved"),
        description="Kinds of signs of which one must be among them: a truck that stands still "
        "where it has no network is only parked.",
    )
    theft_least: int = Field(
        default=2, ge=2, description="So many kinds of signs together are a likely theft."
    )
    theft_window_s: float = Field(default=3_600, gt=0, description="So near in time they must be.")
