"""SILENT: a device on a trip has not been heard of for longer than it ever is, outside a known dead zone.

What: nothing was received of a device for ``silent_periods`` of its reporting
interval and ``silent_grace_s``. The interval is the trip's, else what the
device has shown, apart for standing and for driving (many sleep while they
stand): the widest of its usual gaps, forgotten over ``silent_memory_s``, a wider one
being believed little by little. A device that has shown less than
``silent_learn_reports`` gaps, or for less than ``silent_learn_s``, is given
``silent_unlearned_s``; of one that was driving when it was last heard, and so isn't asleep,
``silent_learn_driving_s`` are enough. Sleeping devices that report in bursts are so judged by
their pauses, not by their bursts.

When: at the deadline, by the log's own clock; it ends with the next receipt,
whatever that is of: a backlog says what happened meanwhile, and is counted. A
straggler from before it ends it too, and the next silence begins at its receipt.
Where the last plausible place lies in one of the trip's dead zones, or so near
that the next report may, silence is expected until the device ought to be out
at the far side: the corridor's way through the zone (else the zone's width) at
``dead_zone_speed_kmh``, and its own interval. What was not heard while the log
itself stood still is nobody's silence. What was heard before a trip and not since is
silent from its beginning on; what was never heard at all: never_heard.py.

Severity: medium, high from ``silent_high_s`` on and at the far side of a dead
zone. Settings: silent_periods, silent_grace_s, silent_learn_reports,
silent_learn_s, silent_learn_driving_s, silent_unlearned_s, silent_gap_growth, silent_memory_s, silent_high_s,
standing_kmh, dead_zone_speed_kmh, outage_ticks, outage_grace_s. Source:
../shared/ALERTS.md; ../shared/DETECTION.md 5.6 item 10. Equivalents: EAEU 06.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from anomaly.custody import FOREVER_MS, Segment
from anomaly.fleet import Fleet
from anomaly.reports import AT_REST, COLUMN, MOVING, PLAUSIBLE, Sighting, kept
from anomaly.rows import put, take
from anomaly.rules import dead_zones
from anomaly.rules.rule import Case, Cleared, Finding, Signal, Spot, Track, severity_under
from anomaly.rules.seal_opened import held_spot
from anomaly.rules.spots import fix_of
from anomaly.rules.stretches import stretches
from anomaly.sphere import Bools, Floats, Ints, Structured
from anomaly.words import counted, device_on, moment, span
from sealtrail.contract.alert import AlertType, Severity
from sealtrail.contract.trip import TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings

NAME = "silent"
LOST, HEARD = 1, 2
DRIVING, STANDING = 0, 1
SPEED = COLUMN["speed_kmh"]


class Silent:
    """Keeps the usual gap of each device, driving and standing, and whether its silence was told."""

    name = NAME
    version = 4
    types = (AlertType.SILENT,)
    state = (
        ("silent_gap_s", "f4", 2),  # widest usual gap after a report while driving, while standing
        ("silent_gaps", "u2"),  # how many it has shown
        ("silent_first_s", "u4"),  # when the first report was received
        ("silent_kind", "u1"),  # of the report that was received last: DRIVING or STANDING
        ("silent_moves", "u1"),  # whether that report said that it drives
        ("silent_told", "u1"),
    )

    def arrived(self, fleet: Fleet, lanes: Ints, reports: Structured) -> None:
        order = np.lexsort((np.arange(len(lanes)), lanes))
        lanes, reports = lanes[order], take(reports, order)
        begins = np.flatnonzero(np.concatenate(([True], lanes[1:] != lanes[:-1])))
        nth = np.arange(len(lanes)) - np.repeat(begins, np.diff(np.append(begins, len(lanes))))
        heard_ms = np.concatenate(([0], reports["recv"][:-1]))
        heard_ms[begins] = fleet.lanes.watch["heard_ms"][lanes[begins]]
        for k in range(int(nth.max()) + 1):
            rows = np.flatnonzero(nth == k)
            self._hear(fleet, lanes[rows], take(reports, rows), heard_ms[rows])

    def _hear(self, fleet: Fleet, lanes: Ints, reports: Structured, heard_ms: Ints) -> None:
        """One receipt of each of different lanes."""
        watch = take(fleet.lanes.watch, lanes)
        since_ms = np.maximum(heard_ms, fleet.deaf_until_ms)
        gap_s = (reports["recv"] - since_ms) / 1000
        limit_s = _limit_s(fleet, watch, fleet.plans_at(lanes, heard_ms), heard_ms)
        late = (heard_ms > 0) & (gap_s > limit_s)
        for row in np.flatnonzero(late | (watch["silent_told"] != 0)).tolist():
            lane, until = int(lanes[row]), int(reports["recv"][row])
            if not watch["silent_told"][row]:
                self._lose(fleet, lane, int(heard_ms[row]), float(limit_s[row]))
            at = fleet.sighting(lane, reports[row])
            fleet.emit(lane, NAME, Signal(HEARD, at, numbers={"heard_at_ms": float(until)}))
        for row in fleet.lanes.container[lanes[heard_ms <= 0]].tolist():
            if fleet.containers.files[row].custody is not None:
                fleet.touch(row)  # a device that never spoke does now (never_heard.py)
        self._learn(fleet, watch, reports, gap_s, heard_ms > 0)
        watch["silent_told"] = 0
        put(fleet.lanes.watch, lanes, watch)

    def _learn(
        self, fleet: Fleet, watch: Structured, reports: Structured, gap_s: Floats, known: Bools
    ) -> None:
        settings = fleet.settings
        places = np.arange(len(watch))
        kind = watch["silent_kind"].astype(np.int64)
        usual = watch["silent_gap_s"][places, kind].astype(np.float64)
        recv_s = reports["recv"] // 1000
        first_s = np.where(known, watch["silent_first_s"], recv_s)
        watch["silent_first_s"] = first_s
        learned = _has_learned(watch, recv_s, settings) & (usual > 0)
        believed = np.where(learned, np.minimum(gap_s, usual * settings.silent_gap_growth), gap_s)
        after = np.maximum(believed, usual * np.exp(-np.maximum(gap_s, 0) / settings.silent_memory_s))
        usual = np.where(known & (gap_s >= 0), after, usual)
        watch["silent_gap_s"][places, kind] = usual
        watch["silent_gaps"] = np.minimum(watch["silent_gaps"] + known, np.iinfo(np.uint16).max)
        speed = np.nan_to_num(reports["values"][:, SPEED].astype(np.float64), nan=-1.0)
        resting = ((reports["levels"] & AT_REST) != 0) | ((speed >= 0) & (speed < settings.standing_kmh))
        resting &= (reports["levels"] & MOVING) == 0
        kind = np.where(resting, STANDING, DRIVING)
        moves = ((reports["levels"] & MOVING) != 0) | (speed >= settings.standing_kmh)
        at_once = known & (gap_s <= 0)  # reports received together say the same in any order
        watch["silent_kind"] = np.where(at_once, np.maximum(watch["silent_kind"], kind), kind)
        watch["silent_moves"] = moves & (~at_once | (watch["silent_moves"] != 0))

    def sweep(self, fleet: Fleet) -> None:
        size = fleet.size
        watch = fleet.lanes.watch[:size]
        heard_ms = watch["heard_ms"]
        quiet_s = (fleet.now_ms - np.maximum(heard_ms, fleet.deaf_until_ms)) / 1000
        waiting = (heard_ms > 0) & (watch["silent_told"] == 0)
        candidates = np.flatnonzero(waiting & (quiet_s > fleet.settings.silent_grace_s))
        if not candidates.size:
            return
        plans = fleet.plans_at(candidates, heard_ms[candidates])
        limit_s = _limit_s(fleet, take(watch, candidates), plans, heard_ms[candidates])
        expected = plans["watched"] | (plans["awaited"] != 0)
        lost = expected & (quiet_s[candidates] > limit_s)
        for lane, limit in zip(candidates[lost].tolist(), limit_s[lost].tolist(), strict=True):
            self._lose(fleet, lane, int(heard_ms[lane]), limit)
            fleet.lanes.watch["silent_told"][lane] = 1

    def _lose(self, fleet: Fleet, lane: int, heard_ms: int, limit_s: float) -> None:
        """Say that a silence began with the last report received up to a time."""
        due_ms = max(heard_ms, fleet.deaf_until_ms) + limit_s * 1000
        usual_s = float(_usual_s(take(fleet.lanes.watch, np.array([lane])))[0])
        numbers = {"due_ms": float(round(due_ms)), "limit_s": float(round(limit_s)), "gap_s": usual_s}
        at, first = self._last_heard(fleet, lane, heard_ms)
        place, newest_ms = _place_heard(fleet, lane, heard_ms)
        if place is not None:
            numbers["place_age_s"] = max(0, newest_ms - place.at_ms) / 1000
        fleet.emit(lane, NAME, Signal(LOST, at, place=place, first=first, numbers=numbers))

    def _last_heard(self, fleet: Fleet, lane: int, heard_ms: int) -> tuple[Sighting, Sighting | None]:
        """When a silence begins that follows a receipt, and the report if that is of another time.

        Mostly with the newest report. A straggler, received long after newer ones, is no new word of
        the device's whereabouts, but it was heard: the silence begins when it was received.
        """
        history = fleet.history(lane)
        before = np.flatnonzero(history["recv"] <= heard_ms)
        newest = history[int(before[-1]) if before.size else 0]
        stragglers = np.flatnonzero(history["recv"] == heard_ms)
        if heard_ms - int(newest["recv"]) <= fleet.settings.silent_grace_s * 1000 or not stragglers.size:
            return fleet.sighting(lane, newest), None
        report = fleet.sighting(lane, history[int(stragglers[-1])])
        return msgspec.structs.replace(report, occurred_at_ms=heard_ms), report

    def begins(self, signal: Signal) -> bool:
        return signal.code == LOST

    def findings(self, case: Case) -> list[Finding]:
        found: list[Finding] = []
        for track in case.tracks:
            for lost, heard in _lost_and_heard(track.signals):
                found += self._silences(case, track, lost, heard)
        return found

    def _silences(self, case: Case, track: Track, lost: Signal, heard: Signal | None) -> list[Finding]:
        """One silence on the trip on which it began, and on those that began while it lasted."""
        at, device_id = lost.at, track.device_id
        heard_ms = FOREVER_MS if heard is None else round(heard.numbers["heard_at_ms"])
        found: list[Finding | None] = []
        held, told_until_ms = case.segment_at(at.occurred_at_ms), -1
        if held is not None and _carries(case, held, device_id, at.received_at_ms):
            told_until_ms = FOREVER_MS if held.ended_at_ms is None else held.ended_at_ms
            times = round(lost.numbers["due_ms"]), min(heard_ms, told_until_ms)
            found.append(self._silence(case, held, track, lost, heard, times))
        for stretch in stretches(case, device_id):
            since_ms = max(stretch.since_ms, at.received_at_ms)
            its_own = held is not None and stretch.since_ms <= at.received_at_ms
            if its_own or stretch.since_ms < told_until_ms or since_ms >= heard_ms:
                continue
            overdue = stretch.overdue(case, since_ms, lost.numbers["limit_s"])
            if overdue is not None:
                segment, due_ms = overdue
                begun = msgspec.structs.replace(at, occurred_at_ms=since_ms)
                on_it = msgspec.structs.replace(lost, at=begun, first=lost.first or at)
                times = due_ms, min(heard_ms, stretch.until_ms)
                found.append(self._silence(case, segment, track, on_it, heard, times))
        return [finding for finding in found if finding is not None]

    def _silence(
        self,
        case: Case,
        segment: Segment,
        track: Track,
        lost: Signal,
        heard: Signal | None,
        times: tuple[int, int],
    ) -> Finding | None:
        """A silence under a plan, due and over at ``times``; none yet, or none at all, before it is due."""
        settings = case.settings
        due_ms, until_ms = times
        zone, due_ms = dead_zones.due_of(case, segment, lost, due_ms)
        if until_ms <= due_ms:
            return None
        known_ms = min(case.now_ms, until_ms)
        if known_ms < due_ms:
            case.wake(due_ms)
            return None
        high_ms = due_ms + round(settings.silent_high_s * 1000)
        severity = severity_under(segment, AlertType.SILENT)
        if (zone or known_ms >= high_ms) and severity.rank < Severity.HIGH.rank:
            severity = Severity.HIGH
        elif until_ms > high_ms:
            case.wake(high_ms)
        return self._finding(case, segment, track, lost, heard, (due_ms, until_ms, zone, severity))

    def _finding(
        self,
        case: Case,
        segment: Segment,
        track: Track,
        lost: Signal,
        heard: Signal | None,
        facts: tuple[int, int, str, Severity],
    ) -> Finding:
        due_ms, until_ms, zone, severity = facts
        at, settings, who = lost.at, case.settings, device_on(track.device_id, case.key)
        report = lost.first or at  # the last one, where that isn't when the silence of this trip began
        said = f"{who} has not been heard of since {moment(at.received_at_ms).removeprefix('at ')}"
        before = lost.first is not None and at.occurred_at_ms > at.received_at_ms
        said += ", before it was on this trip" if before else ""
        said += f", and should have left the dead zone {zone} by now" if zone else ""
        cleared = None
        if until_ms < FOREVER_MS and until_ms <= case.now_ms:
            cleared = self._end(case, track, lost, heard, until_ms)
        return Finding(
            type=AlertType.SILENT,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=track.lane,
            start=at,
            shown_by=msgspec.structs.replace(report, received_at_ms=due_ms),
            severity=severity,
            sentence=f"{said}{_expected(segment, lost.numbers['gap_s'])}.",
            group=track.device_id,
            until_ms=until_ms if cleared is not None else None,
            cleared=cleared,
            place=lost.place,
            place_is_last_known=True,
            settings={
                "silent_periods": settings.silent_periods,
                "silent_grace_s": settings.silent_grace_s,
                "silent_unlearned_s": settings.silent_unlearned_s,
                "dead_zone_speed_kmh": settings.dead_zone_speed_kmh,
            },
            details={
                "silent_after_s": round(lost.numbers["limit_s"]),
                "usual_gap_s": round(lost.numbers["gap_s"]),
                "due_at_ms": due_ms,
                "dead_zone": zone or None,
            },
            evidence=(report,),
        )

    def _end(self, case: Case, track: Track, lost: Signal, heard: Signal | None, until_ms: int) -> Cleared:
        who = device_on(track.device_id, case.key)
        if heard is None or round(heard.numbers["heard_at_ms"]) > until_ms:
            return Cleared(None, until_ms, f"The trip of {who} has ended; its silence is nobody's concern.")
        history = case.history(track.lane)
        of_gap = (history["t"] > lost.at.occurred_at_ms) & (history["t"] < until_ms)
        held = int((of_gap & (history["recv"] >= until_ms) & kept(history, case.settings.late_after_s)).sum())
        lasted = span(until_ms - lost.at.received_at_ms)
        words = f"{who} is heard again {moment(until_ms)}, after {lasted}"
        words += f"; its memory held {counted(held, 'report')} of that time so far" if held else ""
        return Cleared(heard.at, until_ms, f"{words}.", {"reports_of_the_gap": held})


def _expected(segment: Segment, gap_s: float) -> str:
    """How often it should have spoken: as the trip says, else as it has itself."""
    if segment.trip.reporting_interval_s is not None:
        return f"; it should report every {span(round(segment.trip.reporting_interval_s * 1000))}"
    return f"; it reports every {span(round(gap_s * 1000))} at the latest" if gap_s else ""


def _place_heard(fleet: Fleet, lane: int, heard_ms: int) -> tuple[Spot | None, int]:
    """The place held for true, and the newest report's time, of what was received up to a time.

    What ended the silence may have been judged with it, in one batch.
    """
    live, history = fleet.lanes.live[lane], fleet.history(lane)
    if not (history["recv"] > heard_ms).any():
        return held_spot(live), int(live["last_t"])
    heard = history[history["recv"] <= heard_ms]
    placed = np.flatnonzero(heard["quality"] == PLAUSIBLE)
    newest_ms = int(heard["t"][-1]) if heard.size else int(live["last_t"])
    if placed.size:
        return fix_of(heard[int(placed[-1])]), newest_ms
    held = held_spot(live)
    return (held if held is not None and held.at_ms <= newest_ms else None), newest_ms


def _has_learned(watch: Structured, at_s: Ints, settings: AnomalySettings, *, driving: bool = False) -> Bools:
    """Whether devices were heard often enough, and long enough (of ones that drive), up to a time."""
    often = watch["silent_gaps"] >= settings.silent_learn_reports
    least_s = min(settings.silent_learn_driving_s if driving else np.inf, settings.silent_learn_s)
    result: Bools = often & (at_s - watch["silent_first_s"] >= least_s)
    return result


def _lost_and_heard(signals: Sequence[Signal]) -> Iterator[tuple[Signal, Signal | None]]:
    """Each silence and what ended it, if anything has.

    Two that follow the same report are one: what was received in between was too old to be kept.
    """
    silences: dict[int, tuple[Signal, Signal | None]] = {}
    latest: int | None = None
    for signal in signals:
        if signal.code == LOST:
            latest = signal.at.reading_id
            silences[latest] = silences.get(latest, (signal, None))[0], None
        elif latest is not None:
            silences[latest] = silences[latest][0], signal
            latest = None
    yield from silences.values()


def _usual_s(watch: Structured) -> Floats:
    """Widest usual gap of each device in what it was doing when it was last heard, else at all; 0: none."""
    usual = watch["silent_gap_s"][np.arange(len(watch)), watch["silent_kind"]].astype(np.float64)
    result: Floats = np.where(usual > 0, usual, watch["silent_gap_s"].max(axis=1))
    return result


def _limit_s(fleet: Fleet, watch: Structured, plans: Structured, heard_ms: Ints) -> Floats:
    """After how long without a receipt each device counts as silent."""
    settings = fleet.settings
    usual = _usual_s(watch)
    learned = _has_learned(watch, heard_ms // 1000, settings)
    learned |= (watch["silent_moves"] != 0) & _has_learned(watch, heard_ms // 1000, settings, driving=True)
    interval = np.where(np.isnan(plans["interval_s"]), np.where(learned, usual, np.nan), plans["interval_s"])
    limit = settings.silent_periods * interval + settings.silent_grace_s
    return np.where(np.isnan(limit), settings.silent_unlearned_s, limit)


def _carries(case: Case, segment: Segment, device_id: str, heard_ms: int) -> bool:
    """Whether a device is the trip's to report, and hasn't been taken off since it was heard."""
    if segment.trip.device_ids and device_id not in segment.trip.device_ids:
        return False
    events = case.custody.events if case.custody is not None else []
    return not any(
        event.kind is TripEventKind.UNPAIRED
        and event.device_id == device_id
        and event.occurred_at_ms >= heard_ms
        for event in events
    )
