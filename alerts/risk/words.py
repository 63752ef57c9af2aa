"""Words and figures of the reasons that people read."""

from __future__ import annotations

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS


def ago(at_ms: int, now_ms: int) -> str:
    """``3 days ago``, ``1 hour ago``, ``12 minutes ago``, ``just now``; the future is now."""
    passed = max(0, now_ms - at_ms)
    for unit_ms, unit in ((DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute")):
        if passed >= unit_ms:
            return f"{counted(passed // unit_ms, unit)} ago"
    return "just now"


def counted(number: int, what: str) -> str:
    """``1 trip``, ``3 trips``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def listed(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
