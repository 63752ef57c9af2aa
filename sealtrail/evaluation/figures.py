"""Figures by alert type, by family and in total."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from sealtrail.contract.alert import CATALOGUE, AlertFamily, AlertType
from sealtrail.evaluation.matching import Verdicts
from sealtrail.evaluation.told import Told
from simulators.evaluation.truth import Scripted

ALARMED = tuple(kind for kind, entry in CATALOGUE.items() if entry.family is not AlertFamily.CUSTODY)


class Delay(msgspec.Struct, frozen=True):
    """From the receipt of the evidence to the telling."""

    reports: int  # of the container, received in between
    seconds: float
    metres: float  # that the container travelled


class Spread(msgspec.Struct, frozen=True):
    """Median, 90 % quantile and greatest of some numbers; None of none."""

    median: float | None = None
    p90: float | None = None
    greatest: float | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one type, a family, or all. A share of nothing is None."""

    name: str
    truths: int
    found: int
    false: int
    retracted: int  # of `false`: told and taken back
    repeats: int
    excused: int
    recall: float | None
    precision: float | None
    f1: float | None
    delay_reports: Spread
    delay_s: Spread
    delay_m: Spread
    false_per_1000_container_days: float | None


DelayOf = Callable[[Scripted, Told], Delay]


def spread(values: Iterable[float]) -> Spread:
    """Quantiles by the nearest value at or above."""
    ordered = sorted(values)
    if not ordered:
        return Spread()

    def at(part: float) -> float:
        return ordered[min(len(ordered) - 1, max(0, -int(-part * len(ordered) // 1) - 1))]

    return Spread(at(0.5), at(0.9), ordered[-1])


def figures(
    name: str, types: Sequence[str], verdicts: Verdicts, delay_of: DelayOf, container_days: float
) -> Figures:
    """Figures of some types together."""
    chosen = frozenset(types)
    found = [(truth, alert) for truth, alert in verdicts.found if truth.alert_type in chosen]
    missed = sum(truth.alert_type in chosen for truth in verdicts.missed)
    false = [alert for alert in verdicts.false if alert.alert_type in chosen]
    delays = [delay_of(truth, alert) for truth, alert in found]
    truths = len(found) + missed
    recall, precision = _share(len(found), truths), _share(len(found), len(found) + len(false))
    return Figures(
        name=name,
        truths=truths,
        found=len(found),
        false=len(false),
        retracted=sum(alert.retracted for alert in false),
        repeats=sum(alert.alert_type in chosen for alert in verdicts.repeats),
        excused=sum(alert.alert_type in chosen for alert in verdicts.excused),
        recall=recall,
        precision=precision,
        f1=f1_of(recall, precision),
        delay_reports=spread(delay.reports for delay in delays),
        delay_s=spread(delay.seconds for delay in delays),
        delay_m=spread(delay.metres for delay in delays),
        false_per_1000_container_days=_rounded(_share(1000 * len(false), container_days)),
    )


def by_type(verdicts: Verdicts, delay_of: DelayOf, container_days: float) -> list[Figures]:
    """One for each type that is alarmed, in the catalogue's order."""
    return [figures(kind.value, [kind.value], verdicts, delay_of, container_days) for kind in ALARMED]


def by_family(verdicts: Verdicts, delay_of: DelayOf, container_days: float) -> list[Figures]:
    """One for each family that has types."""
    found = []
    for family in AlertFamily:
        types = [kind.value for kind in ALARMED if CATALOGUE[AlertType(kind)].family is family]
        if types:
            found.append(figures(family.value, types, verdicts, delay_of, container_days))
    return found


def total(verdicts: Verdicts, delay_of: DelayOf, container_days: float) -> Figures:
    """All types together."""
    return figures("total", [kind.value for kind in ALARMED], verdicts, delay_of, container_days)


def f1_of(recall: float | None, precision: float | None) -> float | None:
    """Harmonic mean; None where one is, or both are zero."""
    if recall is None or precision is None or recall + precision == 0:
        return None
    return _rounded(2 * recall * precision / (recall + precision))


def _share(part: float, whole: float) -> float | None:
    return None if whole == 0 else part / whole


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
