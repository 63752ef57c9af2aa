"""`KnownCorridor`: the way of a lane, learned from journeys, and what people decided about it."""

from __future__ import annotations

import enum
import re

import msgspec

from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.trip import Corridor

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class CorridorState(enum.StrEnum):
    PROPOSED = "proposed"  # nobody has looked at it: no trip may use it
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"  # no new trip may use it; trips under way keep their plan


class LaneEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a learned corridor rests on."""

    journeys: tuple[str, ...]  # those that it was learned from
    left_out: dict[str, str] = {}  # journey -> why it was not
    reversed_journeys: tuple[str, ...] = ()  # travelled the other way, and turned round
    positions: int = 0
    from_ms: int = 0
    until_ms: int = 0
    quantile: float = 0.0  # of the journeys' spread, that the width covers
    unobserved_km: tuple[tuple[float, float], ...] = ()  # stretches that too few journeys show


class KnownCorridor(msgspec.Struct, frozen=True, kw_only=True):
    """A corridor by name, its state and who brought it there."""

    name: str
    corridor: Corridor
    state: CorridorState
    proposed_at_ms: int
    proposed_by: str
    evidence: LaneEvidence
    decided_at_ms: int | None = None
    decided_by: str = ""
    reason: str = ""


def check_name(name: str) -> str:
    """The name itself; raises `InvalidTripError` named ``bad_corridor_name``."""
    if NAME.fullmatch(name) is None:
        raise InvalidTripError("bad_corridor_name", f"{name!r}: 1 to 64 letters, digits, - and _")
    return name
