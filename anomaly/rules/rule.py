"""What a rule is: a step over many devices at once, and what follows from its transitions.

``step`` is vectorised and sees each device's reports in event-time order; it
keeps its state in columns that it declares, and says something only when
something changes (a `Signal`). ``findings`` is a pure function from the
signals and the custody log of one container to what is true of it; it runs
only for containers where a signal or the custody log has changed. Order of
arrival, duplicates and replays can't matter to either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np

from anomaly.corridor import Corridors
from anomaly.custody import Custody, Segment
from anomaly.reports import Sighting
from anomaly.sphere import Floats, Ints, Structured
from sealtrail.contract.alert import AlertType, Severity
from sealtrail.runtime.settings.anomaly import AnomalySettings

NEVER = np.iinfo(np.int64).min
EVIDENCE_KEPT = 8
BEGINNING = (-1, 0)  # before every report, in event-time order


class Spot(msgspec.Struct, frozen=True):
    """A plausible place and when it was reported."""

    latitude_deg: float
    longitude_deg: float
    uncertainty_m: float
    at_ms: int


class Signal(msgspec.Struct):
    """A transition of one device under one rule, with all that is needed to judge it later."""

    code: int
    at: Sighting
    order: int = 0  # among signals of one report
    word: int = 0  # seal rules: condition from here on
    place: Spot | None = None  # last plausible place at or before `at`
    nearest: Spot | None = None  # fix nearest in time, of any device of the container
    first: Sighting | None = None  # route: the first report outside
    last_inside: Sighting | None = None  # route: the last report inside before it
    numbers: dict[str, float] = {}

    @property
    def key(self) -> tuple[int, int, int]:
        return self.at.occurred_at_ms, self.at.reading_id, self.order


@dataclass(slots=True)
class Rows:
    """Reports of different devices, one each, and the state of their devices before them.

    All arrays have equal length; ``state`` and ``reports`` are written in place.
    """

    state: Structured
    reports: Structured
    vectors: Floats
    corridor: Ints  # number of the corridor that holds at the report's time, -1 for none
    settings: AnomalySettings
    corridors: Corridors
    sighting_of: Callable[[int], Sighting]
    segment_of: Callable[[int], Segment | None]
    carded: Callable[[int], bool]
    emit: Callable[[int, str, Signal], None]  # row, rule's name, signal


@dataclass(slots=True)
class Track:
    """Signals of one device under one rule, oldest first."""

    lane: int
    device_id: str
    signals: list[Signal]
    base: int = 0  # condition (seal rules) before the first of them
    given_up: tuple[int, int] = BEGINNING  # signals up to this report are no longer kept


@dataclass(slots=True)
class Case:
    """One container as a rule's ``findings`` sees it."""

    key: str
    paired: bool  # whether the key is a container; else it is a lone device
    custody: Custody | None
    tracks: list[Track]
    settings: AnomalySettings
    corridors: Corridors
    nearest: Callable[[int], Spot | None]  # plausible fix of the container nearest to a time

    def segment_at(self, at_ms: int) -> Segment | None:
        """The plan that holds at a time."""
        return self.custody.segment_at(at_ms) if self.custody is not None else None

    def corridor_at(self, at_ms: int) -> int:
        """Number of the corridor that holds at a time, -1 for none."""
        return self.custody.corridor_at(at_ms) if self.custody is not None else -1


@dataclass(slots=True)
class Cleared:
    """The end of a condition."""

    at: Sighting | None
    at_ms: int
    sentence: str
    details: dict[str, float | int | str | bool | None] = field(default_factory=dict)


@dataclass(slots=True)
class Finding:
    """Something that is true of a container as far as is known now."""

    type: AlertType
    rule: str
    rule_version: int
    scope: str  # what the alert's identity is bound to: the trip, else the container or device
    trip_id: str
    lane: int
    start: Sighting
    shown_by: Sighting  # the report that made it certain
    severity: Severity
    sentence: str
    logged: bool = False
    group: str = ""  # alerts of one type and group that overlap in time are one alert
    until_ms: int | None = None  # end of the condition for that overlap; None: not ended
    cleared: Cleared | None = None
    place: Spot | None = None
    place_is_last_known: bool = False
    settings: dict[str, float | int | str | bool] = field(default_factory=dict)
    details: dict[str, float | int | str | bool | None] = field(default_factory=dict)
    evidence: tuple[Sighting, ...] = ()


class Rule(Protocol):
    """One rule of judgement; listed in order in ``anomaly/rules/catalogue.py``."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def types(self) -> tuple[AlertType, ...]: ...

    @property
    def state(self) -> tuple[tuple[str, object], ...]:
        """Columns of state as (name, NumPy type); all start as zero."""
        ...

    def step(self, rows: Rows) -> None:
        """Judge one report of each of many devices."""
        ...

    def begins(self, signal: Signal) -> bool:
        """Whether older signals may be given up without a loss to what this one begins."""
        ...

    def findings(self, case: Case) -> list[Finding]:
        """What the signals of one container come to, given its custody log."""
        ...


class RetracedRule(Rule, Protocol):
    """A rule that judges path logs again (retrace.py).

    Its ``step`` lowers the marks of reports: a mark from HOME to UNSURE says
    that its state after the report is that of a step of this report alone from
    nothing, and then `seed`; NOTHING that the report has left its state as it was.
    """

    def seed(self, state: Structured, marks: Ints) -> None:
        """Add to states after one report each what their marks say about the time before it."""
        ...

    def pass_over(self, state: Structured, hidden: Ints, settings: AnomalySettings) -> None:
        """Take account of reports left out, by the marks that they left behind; 0: of none."""
        ...


def severity_of(text: str, default: Severity) -> Severity:
    """A severity by its name; ``default`` for a name that is none."""
    try:
        return Severity(text)
    except ValueError:
        return default
