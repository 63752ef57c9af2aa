"""Which trips to inspect first, answered by the alerts service.

Request subject: ``sealtrail.request.risk``. Bodies are MessagePack of the structs
below; a refusal is a `sealtrail.contract.queries.QueryRefusal`, told apart by the
header ``Sealtrail-Refused``. Times are UTC milliseconds.
"""

from __future__ import annotations

import enum

import msgspec


class RiskPartName(enum.StrEnum):
    """What a trip's score is made of."""

    SEAL = "seal"  # alerts of the breach family
    SEAL_OPEN = "seal_open"  # opened with leave, and how it stands since
    ROUTE = "route"
    POSITION = "position"  # positions jammed or forged
    SILENCE = "silence"
    CARGO = "cargo"
    DEVICE = "device"
    IDENTITY = "identity"
    PLACE = "place"  # where it stands now
    REPORTS = "reports"  # numbered reports that never came
    DEVICE_HISTORY = "device_history"  # alerts of the same devices on other trips
    LANE_HISTORY = "lane_history"  # alerts of other trips of the same lane


class BasisKind(enum.StrEnum):
    """What a part of a score can rest on."""

    INCIDENT = "incident"
    ALERT = "alert"
    CUSTODY = "custody"  # `event_id` of a line of the custody log
    POSITION = "position"  # container and time of its newest place
    DEVICE = "device"
    TRIP = "trip"


class RiskBasis(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a part rests on, by its identity."""

    kind: BasisKind
    id: str


class RiskPart(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a score. ``points`` are above zero and at most the part's own bound."""

    name: RiskPartName
    points: float
    reason: str  # one plain sentence
    basis: tuple[RiskBasis, ...] = ()


class TripRisk(msgspec.Struct, frozen=True, kw_only=True):
    """A trip's score at one moment: ``score`` is ``points`` rounded, and 100 at most.

    ``points`` is the sum of the parts, which are in order of their points.
    """

    trip_id: str
    container_id: str
    origin: str
    destination: str
    score: int
    points: float
    parts: tuple[RiskPart, ...]


class RiskQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The trips of the highest scores, or one trip."""

    trip_id: str | None = None
    limit: int = 100


class RiskAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Trips under way, highest score first, as of ``at_ms``.

    ``trips`` counts all of them. ``unknown`` names what couldn't be asked
    (``record``: places, ``devices``: what came in) and so adds nothing.
    """

    at_ms: int
    trips: int
    unknown: tuple[str, ...]
    risks: tuple[TripRisk, ...]
