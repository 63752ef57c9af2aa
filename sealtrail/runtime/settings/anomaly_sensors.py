"""Settings of the rule about unusual sensor values."""

from __future__ import annotations

from pydantic import Field

from sealtrail.runtime.settings.section import Section


class SensorSettings(Section):
    """When sensor values count as unusual."""

    sensor_streams: bool = Field(
        default=True,
        description="Whether values are judged by their own series' past too, not by learned models alone.",
    )
    sensor_jump_score: float = Field(
        default=8.5,
        gt=0,
        description="A change of quantities that belong together (temperature and humidity) counts where the "
        "probabilities of changes as wide, by the series' own past, multiply to less than 10 to minus this.",
    )
    sensor_confirm_values: int = Field(
        default=2, ge=1, le=7, description="So many unusual reports make an alert …"
    )
    sensor_confirm_of: int = Field(
        default=3, ge=1, le=7, description="… of so many reports with such values in a row."
    )
    sensor_quiet_s: float = Field(
        default=108_000,
        gt=0,
        description="What is unusual again within this time belongs to the same alert; it ends after so long "
        "without; more than a day, as the sun does again the next noon what it did.",
    )
    sensor_forget_s: float = Field(
        default=172_800,
        gt=0,
        description="Of a device on a trip that isn't heard of for this long its usual values are forgotten.",
    )
