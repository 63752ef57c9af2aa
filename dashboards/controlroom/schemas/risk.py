"""Which trips to inspect first, at the HTTP edge."""

from __future__ import annotations

from pydantic import Field

from dashboards.controlroom.schemas.base import Model
from sealtrail.contract.risk import BasisKind, RiskPartName


class RiskBasis(Model):
    """One thing that a part rests on, by its identity."""

    kind: BasisKind
    id: str


class RiskPart(Model):
    """One part of a score."""

    name: RiskPartName
    points: float
    reason: str = Field(description="One plain sentence.")
    basis: list[RiskBasis]


class TripRisk(Model):
    """A trip's score and all that makes it, the weightiest part first."""

    trip_id: str
    container_id: str
    origin: str = Field(description="Name of the place; empty where the plan names none.")
    destination: str
    score: int = Field(description="Sum of the parts' points, rounded, 100 at most.")
    points: float = Field(description="Sum of the parts' points.")
    parts: list[RiskPart]


class WorkList(Model):
    """Trips under way, highest score first."""

    at_ms: int
    trips: int = Field(description="How many trips are under way.")
    unknown: list[str] = Field(
        description="What couldn't be asked and so adds nothing: record (places), devices (what came in)."
    )
    risks: list[TripRisk]
