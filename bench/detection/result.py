"""What the detection benchmark finds, as it goes into JSON."""

from __future__ import annotations

import msgspec


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How events found compare with events that are true."""

    right: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        found = self.right + self.false
        return self.right / found if found else 1.0

    @property
    def recall(self) -> float:
        true = self.right + self.missed
        return self.right / true if true else 1.0

    @property
    def f1(self) -> float:
        total = 2 * self.right + self.false + self.missed
        return 2 * self.right / total if total else 1.0


def compared(found: set[int], true: set[int]) -> Outcome:
    """Outcome of events known by their places."""
    return Outcome(right=len(found & true), false=len(found - true), missed=len(true - found))


def pooled(outcomes: list[Outcome]) -> Outcome:
    """All together, each event counting once."""
    return Outcome(
        right=sum(each.right for each in outcomes),
        false=sum(each.false for each in outcomes),
        missed=sum(each.missed for each in outcomes),
    )


class TrackFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One track under the position rule."""

    name: str
    fixes: int
    onsets: int
    judged: Outcome  # by the position rule, and by the range check before it
    rule: Outcome  # by the position rule alone
    speed_limit: Outcome
    speed_filter: Outcome
    rejected: int  # fixes not held for true
    longest_run: int  # most of them in a row
    longest_run_s: float
    filter_longest_run: int


class GfwFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Position jumps on AIS tracks with shared identities."""

    tracks: list[TrackFigures]
    explained: int  # onsets missed that a ship at its own speed reaches: no jump of the position


class SeriesFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One detector on the scored series; scores are NAB's, by profile."""

    detector: str
    threshold: float
    tuned_score: float  # standard profile, on the series that set the threshold
    scores: dict[str, float]
    exchanged_score: float  # standard profile, the other way round: threshold from the scored ones
    alarms: int
    windows: int
    windows_found: int


class NabFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Streaming detectors on the Numenta Anomaly Benchmark."""

    tuned_on: list[str]
    scored_on: list[str]
    detectors: list[SeriesFigures]
    value_us: float  # CPU time a value and series, in batches of `batch`
    batch: int
    state_bytes: int


class JourneyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One real journey under `sealtrail judge`."""

    name: str
    readings: int
    positions: int
    breaches_authorised: int  # breach alerts with the authorisations of departure and arrival
    breaches_unauthorised: int  # the same journey without them
    deviations: int  # false: nothing in these journeys is known to be one
    deviations_aside: int  # the same positions 5 degrees to the north: must be found
    jumps_by_speed: int  # pairs of fixes that no container travels between
    jumps_said: int
    jumps_injected: int
    jumps_found: int
    jumps_invented: int
    shock_episodes: int
    shocks_said: int | None  # None: no rule says SHOCK
    shocks_right: int
    variants: dict[str, list[str]]  # types of alerts that differ; none should


class Report(msgspec.Struct, kw_only=True):
    """All parts that ran."""

    journeys: list[JourneyFigures] | None = None
    gfw: GfwFigures | None = None
    nab: NabFigures | None = None
    skipped: list[str] = []
