"""Base of every settings section."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen; unknown keys are refused; every field carries a description."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
