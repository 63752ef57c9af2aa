"""What to do with a batch at which the judgement fails: judge its containers apart, set aside what fails.

A fault of this program must cost no more than the reports that show it. What is
set aside is named in the service's log and counted; everything else of the
batch is judged, and since the judgement is a function of the log, every worker
that comes to the batch sets the same aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.model import ModelEvent
from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import TripEvent
from sealtrail.runtime.settings.anomaly import AnomalySettings

Batch = Sequence[Reading] | Sequence[TripEvent] | Sequence[ModelEvent]


class Failure(NamedTuple):
    """Readings, or trip events, of one container that can't be judged."""

    container: str
    number: int
    error: str


def judge_all(judge: Judge, batch: Batch) -> list[AlertEvent]:
    """Judge one batch of the log."""
    if batch and isinstance(batch[0], TripEvent):
        return judge.apply_trip_events(batch)  # type: ignore[arg-type]  # all are of one kind
    if batch and isinstance(batch[0], ModelEvent):
        return judge.apply_model_events(batch)  # type: ignore[arg-type]  # likewise
    return judge.apply_readings(batch)  # type: ignore[arg-type]  # likewise


def judge_apart(
    settings: AnomalySettings, judge: Judge, batch: Batch
) -> tuple[Judge, list[AlertEvent], list[Failure]]:
    """Judge all containers of a batch but those that fail: the judge to go on with, its alert events, those.

    They are found by halving, since every try needs a copy of the whole state.
    """
    parts: dict[str, list[Reading | TripEvent | ModelEvent]] = {}
    for each in batch:
        parts.setdefault(_key_of(each), []).append(each)
    told: list[AlertEvent] = []
    failures: list[Failure] = []
    waiting = [list(parts)] if parts else []
    while waiting:
        containers = waiting.pop()
        part = [each for container in containers for each in parts[container]]
        before = judge.snapshot()
        try:
            told += judge_all(judge, part)  # type: ignore[arg-type]  # of one kind, as the batch
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are judged
            judge = Judge.restore(settings, before)
            half = len(containers) // 2
            if half:
                waiting += [containers[half:], containers[:half]]
            else:
                failures.append(Failure(containers[0], len(part), f"{type(error).__name__}: {error}"))
    return judge, told, failures


def _key_of(each: Reading | TripEvent | ModelEvent) -> str:
    """What is judged apart: a container; of decisions about models each by itself."""
    if isinstance(each, Reading):
        return each.key
    return each.event_id if isinstance(each, ModelEvent) else each.container_id
