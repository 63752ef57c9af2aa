"""`BenchError`: a measurement that can't be made."""

from __future__ import annotations


class BenchError(RuntimeError):
    """The measurement can't be made or would be worth nothing; the text says why."""
