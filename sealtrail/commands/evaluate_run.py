"""An evaluation world through the judgement, tick by tick, and the figures of it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable

import msgspec

from anomaly.judge import Judge
from sealtrail.contract.clock import iso
from sealtrail.contract.trip import TripEventKind
from sealtrail.evaluation.baselines import GROUPS, Baselines, Compared, compare
from sealtrail.evaluation.figures import Delay, Figures, by_family, by_type, figures, total
from sealtrail.evaluation.matching import Verdicts, match
from sealtrail.evaluation.told import Book, Told
from sealtrail.runtime.settings.anomaly import AnomalySettings
from simulators.evaluation.profile import EvaluationProfile
from simulators.evaluation.truth import Scripted
from simulators.evaluation.world import EvaluationWorld, tick

Progress = Callable[[float, int], None]


class Case(msgspec.Struct, frozen=True):
    """One miss or false alarm, as much of it as is needed to look into it."""

    alert_type: str
    scene: str  # of the trip
    container_id: str
    trip_id: str
    device_id: str
    occurred_at: str
    what: str  # the alert's sentence, or what was scripted
    evidence: tuple[str, ...] = ()


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one world."""

    profile: EvaluationProfile
    readings: int
    trips: int
    container_days: float
    budget_per_1000_container_days: float
    realised_to_budget: float | None
    types: list[Figures]
    families: list[Figures]
    total: Figures
    withdrawn: int  # alerts that were taken back as they must be
    baselines: list[Compared]
    by_scene: dict[str, dict[str, dict[str, int]]]  # scene -> type -> truths, found, false
    missed: list[Case]
    false: list[Case]


class Receipts:
    """When the reports of each container came, for delays; ``tick_ms`` is how long a batch gathers."""

    def __init__(self, world: EvaluationWorld) -> None:
        self._world = world
        self._times: dict[str, array[int]] = defaultdict(lambda: array("q"))

    def add(self, container_id: str, received_ms: int) -> None:
        self._times[container_id].append(received_ms)

    def delay(self, truth: Scripted, alert: Told) -> Delay:
        """Nothing where the alert was told with the very batch that completed the evidence."""
        tick_ms, start_ms = self._world.profile.tick_ms, self._world.profile.start_ms
        batch_ms = start_ms - (start_ms - truth.complete_received_ms) // tick_ms * tick_ms
        if alert.told_ms <= batch_ms:
            return Delay(0, 0.0, 0.0)
        times = self._times[truth.container_id]
        reports = bisect_right(times, alert.told_ms) - bisect_right(times, batch_ms)
        travelled = self._world.travelled.get(truth.container_id)
        metres = travelled.between_m(batch_ms, alert.told_ms) if travelled is not None else 0.0
        return Delay(reports, (alert.told_ms - truth.complete_received_ms) / 1000, round(metres))


def evaluate_world(
    profile: EvaluationProfile, settings: AnomalySettings, budget: float, progress: Progress
) -> Evaluation:
    """Run a world through the judgement. ``progress`` hears the part that is done, and readings so far."""
    world = EvaluationWorld(profile)
    judge, book, receipts, baselines = Judge(settings), Book(), Receipts(world), Baselines()
    readings = 0
    for clock_ms, items in world.stream():
        for item in items:
            if not isinstance(item, list):
                if item.kind is TripEventKind.PLANNED and item.trip is not None:
                    baselines.plan(item.trip)
                book.take(judge.apply_trip_events([item]), clock_ms)
                continue
            baselines.take(item)
            readings += len(item)
            for reading in item:
                receipts.add(reading.key, reading.received_at_ms)
            for start in range(0, len(item), settings.batch_readings):
                book.take(judge.apply_readings(item[start : start + settings.batch_readings]), clock_ms)
        book.take(judge.apply_trip_events([tick(clock_ms)]), clock_ms)
        progress((clock_ms - profile.start_ms) / (profile.end_ms - profile.start_ms), readings)
    verdicts = match(world.truths, book.alerts)
    return _evaluation(world, verdicts, receipts, baselines, budget, readings)


def _evaluation(
    world: EvaluationWorld,
    verdicts: Verdicts,
    receipts: Receipts,
    baselines: Baselines,
    budget: float,
    readings: int,
) -> Evaluation:
    days = world.container_days
    everything = total(verdicts, receipts.delay, days)
    judged = {
        name: figures(name, [kind.value for kind in types], verdicts, receipts.delay, days)
        for name, types in GROUPS.items()
    }
    rate = everything.false_per_1000_container_days
    return Evaluation(
        profile=world.profile,
        readings=readings,
        trips=len(world.scenes),
        container_days=round(days, 2),
        budget_per_1000_container_days=budget,
        realised_to_budget=None if rate is None else round(rate / budget, 3),
        types=by_type(verdicts, receipts.delay, days),
        families=by_family(verdicts, receipts.delay, days),
        total=everything,
        withdrawn=len(verdicts.withdrawn),
        baselines=compare(baselines, world.truths, judged, days),
        by_scene=_by_scene(world, verdicts),
        missed=[_missed(world, truth) for truth in verdicts.missed],
        false=[_false(world, alert) for alert in verdicts.false],
    )


def _missed(world: EvaluationWorld, truth: Scripted) -> Case:
    return Case(
        truth.alert_type or "",
        world.scenes.get(truth.trip_id, ""),
        truth.container_id,
        truth.trip_id,
        truth.device_id,
        iso(truth.from_ms),
        f"{truth.kind}, until {iso(min(truth.until_ms, world.profile.end_ms))}, "
        f"known {iso(truth.complete_received_ms)}",
        truth.evidence,
    )


def _scene_of(world: EvaluationWorld, alert: Told) -> str:
    """The scene of the alert's trip, or of the trips of its container where it names none."""
    if alert.trip_id:
        return world.scenes.get(alert.trip_id, "")
    return "between trips"


def _false(world: EvaluationWorld, alert: Told) -> Case:
    taken_back = ", retracted" if alert.retracted else ""
    return Case(
        alert.alert_type,
        _scene_of(world, alert),
        alert.container_id,
        alert.trip_id,
        alert.device_id,
        iso(alert.occurred_ms),
        f"{alert.sentence} (told {iso(alert.told_ms)}{taken_back})",
    )


def _by_scene(world: EvaluationWorld, verdicts: Verdicts) -> dict[str, dict[str, dict[str, int]]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for truth, _ in verdicts.found:
        counts[world.scenes.get(truth.trip_id, ""), truth.alert_type or "", "found"] += 1
    for truth in verdicts.missed:
        counts[world.scenes.get(truth.trip_id, ""), truth.alert_type or "", "missed"] += 1
    for alert in verdicts.false:
        counts[_scene_of(world, alert), alert.alert_type, "false"] += 1
    found: dict[str, dict[str, dict[str, int]]] = {}
    for (scene, kind, what), count in sorted(counts.items()):
        found.setdefault(scene, {}).setdefault(kind, {"found": 0, "missed": 0, "false": 0})[what] = count
    return found
