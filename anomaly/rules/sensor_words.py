"""Names and units of sensor quantities in sentences."""

from __future__ import annotations

_WORDS = {
    "temperature_c": ("temperature", " °C"),
    "humidity_pct": ("humidity", " %"),
    "light_lux": ("light", " lux"),
    "shock_g": ("shock", " g"),
    "tilt_deg": ("tilt", "°"),
    "battery_pct": ("battery", " %"),
    "battery_v": ("battery voltage", " V"),
    "external_v": ("supply voltage", " V"),
    "signal_pct": ("mobile signal", " %"),
    "speed_kmh": ("speed", " km/h"),
}


def name_of(quantity: str) -> str:
    """``temperature`` for ``temperature_c``."""
    return _WORDS[quantity][0]


def figure(quantity: str, value: float) -> str:
    """``8.5 °C``."""
    return f"{value:.4g}{_WORDS[quantity][1]}"
