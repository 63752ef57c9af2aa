"""Alerts against truths, event by event.

An alert shows a truth if it is of the truth's type and container and its event
time lies within the truth's time, ``tolerance_ms`` to either side. Then:

* a truth is *found* if an alert shows it that stands in the end (or was
  retracted, where the truth allows that); the one told first counts;
* further alerts that show it are *repeats*, neither right nor wrong;
* an alert that shows no truth, but is of a type that some truth of its container
  has in ``also`` at that time, is *excused*;
* where the truth says ``withdrawn``, an alert must be retracted in the end:
  it is then excused, and false if it still stands;
* every other alert is *false*, and so is one that was retracted without being
  excused: somebody was told.

One alert may show several truths (one silence told for two that touch).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sealtrail.evaluation.told import Told
from simulators.evaluation.truth import Scripted


@dataclass(slots=True)
class Verdicts:
    """What became of each truth that must be told, and of each alert."""

    found: list[tuple[Scripted, Told]] = field(default_factory=list)
    missed: list[Scripted] = field(default_factory=list)
    repeats: list[Told] = field(default_factory=list)
    excused: list[Told] = field(default_factory=list)
    false: list[Told] = field(default_factory=list)
    withdrawn: list[Told] = field(default_factory=list)  # of `excused`: retracted as they must be


def shows(truth: Scripted, alert: Told) -> bool:
    """Whether an alert lies within a truth's time; type and container are not looked at."""
    return truth.from_ms - truth.tolerance_ms <= alert.occurred_ms <= truth.until_ms + truth.tolerance_ms


def match(truths: Sequence[Scripted], alerts: Iterable[Told]) -> Verdicts:
    """Decide on every truth and alert; order of either doesn't matter but for ties."""
    by_container: dict[str, list[Scripted]] = defaultdict(list)
    for truth in truths:
        by_container[truth.container_id].append(truth)
    verdicts = Verdicts()
    first: dict[int, Told] = {}
    for alert in sorted(alerts, key=lambda each: (each.told_ms, each.alert_id)):
        _place(alert, by_container[alert.container_id], first, verdicts)
    for truth in truths:
        if truth.alert_type is None or truth.withdrawn:
            continue
        if id(truth) in first:
            verdicts.found.append((truth, first[id(truth)]))
        else:
            verdicts.missed.append(truth)
    return verdicts


def _place(alert: Told, truths: list[Scripted], first: dict[int, Told], verdicts: Verdicts) -> None:
    """File one alert; ``first`` has the alert that found each truth, by the truth's identity."""
    near = [truth for truth in truths if shows(truth, alert)]
    own = [truth for truth in near if truth.alert_type == alert.alert_type]
    if any(truth.withdrawn for truth in own):
        (verdicts.excused if alert.retracted else verdicts.false).append(alert)
        if alert.retracted:
            verdicts.withdrawn.append(alert)
        return
    right = [truth for truth in own if not alert.retracted or truth.may_be_withdrawn]
    new = [truth for truth in right if id(truth) not in first]
    for truth in new:
        first[id(truth)] = alert
    if new:
        return
    if right:
        verdicts.repeats.append(alert)
    elif any(alert.alert_type in truth.also for truth in near):
        verdicts.excused.append(alert)
    else:
        verdicts.false.append(alert)
