"""Learned models: what they rest on, what people decided about them, and how they reach the judgement.

A model is made for devices of one family, on one lane or on any. It is a
proposal until somebody accepts it. Accepting writes a `ModelEvent` with the
model's bytes to every partition of the log, since the log is the only input of
judgement; a trip is judged by the model that was the newest accepted one when
the trip began (`holding_at`), whatever is accepted or withdrawn later.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable

import msgspec

from sealtrail.contract.errors import InvalidModelError

NAME = re.compile(r"[a-z0-9]{1,32}(?:-[A-Za-z0-9_-]{1,64})?")
LANE = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_BLOB_BYTES = 700_000
"""A model travels in one message of the log, and the log takes messages of up to 1 MiB."""


class ModelState(enum.StrEnum):
    PROPOSED = "proposed"  # nobody has looked at it: nothing is judged by it
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"  # trips that begin later aren't judged by it


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One detector that was compared, together with its guard."""

    kind: str
    recall: float = 0.0  # of injected anomalies, the mean over their kinds; at the budget
    recall_by_kind: dict[str, float] = {}  # "spike 10" -> share of such events that were found
    failed: str = ""  # why it could not be compared


class HeldOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the model does on the part that neither fitting, choosing nor the threshold has seen.

    False alarms are counted as events: exceedances of one device further apart than the
    scores' own memory. ``realised`` are such events; ``expected`` what the budget allows
    in those container-days. Where that is less than ten, the same tail is tried at the
    ``looser_budget`` at which it is ten.
    """

    rows: int
    container_days: float
    recall: float
    recall_by_kind: dict[str, float]
    expected: float
    realised: int
    looser_budget: float
    looser_expected: float
    looser_realised: int


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """All that a person needs to know before accepting a model."""

    family: str
    lane: str  # empty: any
    from_ms: int
    until_ms: int
    sources: tuple[str, ...]  # files, or containers of the record
    devices: int
    containers: int
    container_days: float
    rows: int  # reports read
    rows_ready: int  # with all features
    rows_fitted: int
    rows_trimmed: int  # left out of the fitting as too strange
    features: tuple[str, ...]
    left_out: dict[str, str]  # channel -> why it is no feature
    divided: str  # into which parts, by what
    seed: int
    candidates: tuple[Candidate, ...]
    winner: str
    guard: str
    budget: float  # false alarms per container-day
    threshold: float
    calibrated: bool
    uncalibrated_because: str
    memory_reports: int  # so long a high score of a device says something of its next ones
    scores_pooled: int  # the largest of each stretch of so many reports
    tail_begin: float
    tail_scale: float
    tail_shape: float
    held_out: HeldOut
    versions: dict[str, str]
    sha256: str  # of the model's bytes
    blob_bytes: int
    licence: str


class KnownModel(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a model, its state and who brought it there."""

    name: str
    version: int
    state: ModelState
    card: ModelCard
    proposed_at_ms: int
    proposed_by: str
    decided_at_ms: int | None = None
    decided_by: str = ""
    reason: str = ""


class ModelEventKind(enum.StrEnum):
    ACCEPTED = "accepted"  # with `blob`
    WITHDRAWN = "withdrawn"


class ModelEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a model, at the time from which trips that begin are judged by it."""

    event_id: str
    kind: ModelEventKind
    occurred_at_ms: int
    recorded_at_ms: int
    actor: str
    name: str
    version: int
    family: str
    lane: str = ""  # empty: any lane that has none of its own
    sha256: str = ""
    blob: bytes = b""


def name_of(family: str, lane: str) -> str:
    """A model's name; raises `InvalidModelError` named ``bad_model_name``."""
    return check_name(f"{family}-{check_lane(lane)}" if lane else family)


def check_name(name: str) -> str:
    """The name itself; raises `InvalidModelError` named ``bad_model_name``."""
    if NAME.fullmatch(name) is None:
        raise InvalidModelError("bad_model_name", f"{name!r}: a family, or FAMILY-LANE")
    return name


def check_lane(lane: str) -> str:
    """The lane itself; raises `InvalidModelError` named ``bad_lane_name``."""
    if LANE.fullmatch(lane) is None:
        raise InvalidModelError("bad_lane_name", f"{lane!r}: 1 to 64 letters, digits, - and _")
    return lane


def holding_at(events: Iterable[ModelEvent], family: str, lane: str, at_ms: int) -> ModelEvent | None:
    """The acceptance that holds for a trip that begins at a time; None where there is none.

    A model of the lane goes before one for any lane. The order of the events doesn't
    matter, nor does one that comes twice.
    """
    for wanted in dict.fromkeys((lane, "")):
        past = [
            event
            for event in events
            if (event.family, event.lane) == (family, wanted) and event.occurred_at_ms <= at_ms
        ]
        standing: dict[int, ModelEvent] = {}
        for event in sorted(past, key=lambda each: (each.occurred_at_ms, each.version, each.event_id)):
            if event.kind is ModelEventKind.ACCEPTED:
                standing = {event.version: event}
            else:
                standing.pop(event.version, None)
        if standing:
            return next(iter(standing.values()))
    return None
