"""What is left of something after a time."""

from __future__ import annotations


def fading(happened_at_ms: int, now_ms: int, half_life_ms: float) -> float:
    """1 at once, a half after the half-life; what is dated in the future counts whole."""
    return float(0.5 ** (max(0, now_ms - happened_at_ms) / half_life_ms))
