"""What a rule is: a step over many devices at once, and what follows from its transitions.

``step`` is vectorised and sees each device's reports in event-time order; it
keeps its state in columns that it declares, and says something only when
something changes (a `Signal`). ``findings`` is a pure function from the
signals and the custody log of one container to what is true of it; it runs
only for containers where a signal or the custody log has changed. Order of
arrival, duplicates and replays can't matter to either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np

from anomaly.custody import FOREVER_MS, Custody, Segment
from anomaly.neighbourhood import Note
from anomaly.plans import Plans
from anomaly.reports import Sighting
from anomaly.sensors import Held
from anomaly.sphere import Floats, Ints, Structured
from sealtrail.contract.alert import CATALOGUE, AlertType, Severity
from sealtrail.runtime.settings.anomaly import AnomalySettings

if TYPE_CHECKING:
    from anomaly.fleet import Fleet  # it knows of containers, and they of signals

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
    before: Spot | None = None  # last fix up to `at`, of any device of the container
    after: Spot | None = None  # first fix after it
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
    plan: Structured  # dtype `plans.PLAN`: what holds at the report's time
    corridor: Ints  # its number of the corridor, -1 for none
    settings: AnomalySettings
    plans: Plans
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
    fixed_before_ms: int  # of the time before it not all of the custody log is left
    tracks: list[Track]  # of the rule that is asked
    settings: AnomalySettings
    plans: Plans
    now_ms: int  # the log's own clock: newest receipt, recording or tick
    lanes: Mapping[int, str]  # the container's lanes and their devices
    around: Callable[[int], tuple[Spot | None, Spot | None]]
    """The container's last plausible fix up to a time, and its first after it."""
    history: Callable[[int], Structured]  # a lane's newest reports in event-time order, judged
    live: Callable[[int], np.void]  # a lane's state after its newest report
    watch: Callable[[int], np.void]  # a lane's columns of the watchers, after all that has arrived
    outages: Sequence[tuple[int, int]]  # (from, until) of times in which the log itself heard nothing
    tracks_of: Callable[[str], list[Track]]  # of any rule, by its name
    others: Callable[[Note], set[int]]  # containers that have noted the same there and then
    number_of_seal: Callable[[int], str]  # a seal's number by its hash, "" where it isn't known
    model_of: Callable[[int], Held]  # a learned model by its number in signals
    found: list[Finding] = field(default_factory=list)  # by the rules before, in the catalogue's order
    wake_at_ms: int = FOREVER_MS

    def wake(self, at_ms: int) -> None:
        """Ask to be asked again when the log's own clock has come to a time, though nothing happens."""
        self.wake_at_ms = min(self.wake_at_ms, at_ms)

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


class Judgement(Protocol):
    """What all rules have in common; by itself one that rests on plans, or on what other rules found."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def types(self) -> tuple[AlertType, ...]: ...

    def begins(self, signal: Signal) -> bool:
        """Whether older signals may be given up without a loss to what this one begins."""
        ...

    def findings(self, case: Case) -> list[Finding]:
        """What the signals of one container come to, given its custody log."""
        ...


class Rule(Judgement, Protocol):
    """One rule over reports in event-time order; listed in order in ``anomaly/rules/catalogue.py``."""

    @property
    def state(self) -> tuple[tuple[Any, ...], ...]:
        """Columns of state as (name, NumPy type) or (name, type, shape); all start as zero."""
        ...

    def step(self, rows: Rows) -> None:
        """Judge one report of each of many devices.

        State should forget: a late report is judged together with what follows until the state is
        as it was, so a counter ends where counting further tells nothing more. Columns that mean
        something only while another isn't zero stand in ``only_while``, if a rule has any:
        ((column, (columns, …)), …).
        """
        ...


class Watcher(Judgement, Protocol):
    """A rule over what has arrived, and when; its columns are never judged again (fleet.py)."""

    @property
    def state(self) -> tuple[tuple[Any, ...], ...]:
        """Columns of `Lanes.watch`; as those of a rule."""
        ...

    def arrived(self, fleet: Fleet, lanes: Ints, reports: Structured) -> None:
        """Reports have arrived and are judged: sorted by receipt, a lane may occur more than once.

        ``reports`` are as they arrived; what was made of them is in the lanes' histories.
        ``watch["heard_ms"]`` doesn't take account of them yet.
        """
        ...

    def sweep(self, fleet: Fleet) -> None:
        """The log's own clock has gone on; called every ``sweep_interval_s`` of it at least."""
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


def severity_under(segment: Segment | None, kind: AlertType) -> Severity:
    """The severity of a type under a plan: the trip's own, else the catalogue's."""
    wanted = segment.trip.severities.get(kind.value, "") if segment is not None else ""
    return severity_of(wanted, CATALOGUE[kind].severity)


def planned_moment(scope: str, what: str, at_ms: int) -> Sighting:
    """A moment that no report but a plan names, as the start of a finding; equal for equal names."""
    digest = hashlib.blake2b(f"{scope}/{what}".encode(), digest_size=8).digest()
    return Sighting(
        reading_id=int.from_bytes(digest, "big"),
        device_id="",
        occurred_at_ms=at_ms,
        received_at_ms=at_ms,
        latitude_deg=None,
        longitude_deg=None,
        uncertainty_m=0.0,
        fix_kind=0,
        seal_events=0,
        seal_state=0,
        quality=0,
    )


def severity_of(text: str, default: Severity) -> Severity:
    """A severity by its name; ``default`` for a name that is none."""
    try:
        return Severity(text)
    except ValueError:
        return default
