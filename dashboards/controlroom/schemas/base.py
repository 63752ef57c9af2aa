"""Base of every model at the HTTP edge."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Read from contract structs by attribute; unknown keys in requests are refused."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", frozen=True)
