"""`Judge`: readings and trip events in, alert events out. Pure; event time only.

One log message is one call, so alert events are a function of the log alone,
byte for byte. The way of a batch, in order::

    gather      readings -> rows                                  (reports.py)
    recognise   duplicates go, late reports are told from others
    step        reports in order: every rule, all devices at once (rules/)
    replay      devices with late reports: from a checkpoint, all at once (replay.py)
    old         older than the history: among what is kept of it  (backlog.py)
    watch       what has arrived, what hasn't, who is apart       (fleet.py)
    settle      what is true now against what was told            (settling.py)

Not reported by exception: a reading or trip event that can't be judged is
counted in ``refused`` by its reason, since the log can't take it back.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

import numpy as np

from anomaly.backlog import take_old
from anomaly.custody import Custody, Segment, looked_up_from
from anomaly.custody_bounds import PLAN_KINDS
from anomaly.fleet import Fleet
from anomaly.forgetting import forget_plans
from anomaly.ledger import Cause
from anomaly.memory import OUTAGES_KEPT, Memory
from anomaly.replay import replay, replay_since
from anomaly.reports import CLOCKLESS, gather, sound, vectors_of
from anomaly.retrace import retrace_plan
from anomaly.rows import put, take
from anomaly.rules import custody_log, identity_suspect
from anomaly.rules.catalogue import WATCHERS
from anomaly.settling import settle_touched
from anomaly.snapshot import pack, unpack
from anomaly.sphere import Ints, Structured
from anomaly.words import LATEST_MS
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import ModelEvent
from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings

CAUSES = {
    TripEventKind.PLANNED: "the trip's plan",
    TripEventKind.CHANGED: "the trip's changed plan",
    TripEventKind.ENDED: "the end of the trip",
    TripEventKind.AUTHORISED: "an authorisation",
    TripEventKind.ARMED: "the arming by hand",
    TripEventKind.SEAL_CHECKED: "a seal check",
}


class Judge(Memory):
    """Judges the containers of one partition, and remembers them."""

    # -- readings ---------------------------------------------------------------

    def apply_readings(self, batch: Sequence[Reading]) -> list[AlertEvent]:
        """Judge one batch; the order of readings within it doesn't matter."""
        reports = gather(batch, self.settings) if batch else None
        if reports is None:
            good = [reading for reading in batch if sound(reading)]
            self.refused["reading_out_of_range"] += len(batch) - len(good)
            batch = good
            reports = gather(batch, self.settings) if batch else None
        if reports is None:
            return []
        lanes = self._lanes_of(batch)
        received_at_ms = int(reports["recv"].max())
        self.now_ms = max(self.now_ms, received_at_ms)
        self._keep_names(batch, reports, lanes)
        reports, lanes, late = self._recognise(reports, lanes)
        whole = np.isin(lanes, lanes[late])
        self._in_order(lanes[~whole], take(reports, ~whole))
        self._late(lanes[whole], take(reports, whole))
        self._mark_waiting(lanes)
        self._watch(lanes, reports)
        cause = Cause("a late report", received_at_ms)
        events = self._departed() + settle_touched(self, cause)
        self.stepper.forget_cards()
        self.lanes.logs.reduce()
        self.containers.files.close_old()
        return events

    def _lanes_of(self, batch: Sequence[Reading]) -> Ints:
        """Lane of each reading, new ones made."""
        find = self.lanes.find
        found = np.empty(len(batch), np.int64)
        for i, reading in enumerate(batch):
            key = reading.container_id or reading.device_id
            lane = find(key, reading.device_id)
            if lane is None:
                row = self.containers.row_of(key)
                file = self.containers.files[row]
                file.paired = file.paired or reading.container_id is not None
                lane = self.lanes.add(self.containers.keys[row], reading.device_id, row)
                self.lanes.watch["sensor_family"][lane] = self.sensors.family_number(reading.family)
                self.containers.add_lane(row, lane)
            found[i] = lane
        return found

    def _keep_names(self, batch: Sequence[Reading], reports: Structured, lanes: Ints) -> None:
        """Texts that have no place in a row: cards, and numbers of seals that no plan names."""
        for i, reading in enumerate(batch):
            if reading.card_id is not None:
                self.stepper.cards.setdefault(int(lanes[i]), {})[reading.reading_id] = reading.card_id
        numbers = reports["number"].tolist()
        new = set(numbers).difference(self.plans.seal_numbers)
        for number in sorted(new.difference(self.stepper.seal_numbers)):
            if number:
                self.stepper.keep_number(number, str(batch[numbers.index(number)].seal_number))

    def _recognise(self, reports: Structured, lanes: Ints) -> tuple[Structured, Ints, Ints]:
        """Reports not seen before, by lane and event-time order, and which of them are late."""
        clockless = (reports["flags"] & CLOCKLESS) != 0
        if clockless.any():  # copies of a report may differ in time, not in identity: the first counts
            order = np.lexsort((np.arange(len(lanes)), reports["rid"], lanes))
            rids, of = reports["rid"][order], lanes[order]
            again = np.concatenate(([False], (rids[1:] == rids[:-1]) & (of[1:] == of[:-1])))
            keep = np.sort(order[~again])
            reports, lanes, clockless = take(reports, keep), lanes[keep], clockless[keep]
        order = np.lexsort((reports["rid"], reports["t"], lanes))
        reports, lanes, clockless = take(reports, order), lanes[order], clockless[order]
        fresh = np.ones(len(lanes), bool)
        fresh[1:] = (
            (lanes[1:] != lanes[:-1])
            | (reports["t"][1:] != reports["t"][:-1])
            | (reports["rid"][1:] != reports["rid"][:-1])
        )
        newer = self.lanes.newer(lanes, reports)
        suspects = np.flatnonzero(fresh & (~newer | clockless))
        if suspects.size:
            fresh[suspects] = ~self.lanes.known(lanes[suspects], take(reports, suspects))
        return take(reports, fresh), lanes[fresh], np.flatnonzero(~newer[fresh])

    def _in_order(self, lanes: Ints, reports: Structured) -> None:
        """Step reports that are newer than all their lanes have: the k-th of each lane in round k."""
        if not lanes.size:
            return
        begins = np.flatnonzero(np.concatenate(([True], lanes[1:] != lanes[:-1])))
        sizes = np.diff(np.append(begins, len(lanes)))
        for burst in np.flatnonzero(sizes > self.lanes.least):
            size = int(sizes[burst])
            self.lanes.expect_late(int(lanes[begins[burst]]), size, coming=size)
        nth = np.arange(len(lanes)) - np.repeat(begins, sizes)
        vectors = vectors_of(reports)
        by_round = np.argsort(nth, kind="stable")
        start = 0
        for size in np.bincount(nth):
            rows = by_round[start : start + size]
            start += int(size)
            of, part = lanes[rows], take(reports, rows)
            state = take(self.lanes.live, of)
            self.stepper.run(of, state, part, vectors[rows])
            put(self.lanes.live, of, state)
            self.lanes.append(of, part)

    def _late(self, lanes: Ints, reports: Structured) -> None:
        """Put reports of lanes with late ones where they belong, and judge those lanes again."""
        if not lanes.size:
            return
        old = self.lanes.older(lanes, reports)
        fit = np.flatnonzero(~old)
        begins = (
            np.flatnonzero(np.concatenate(([True], lanes[fit][1:] != lanes[fit][:-1]))) if fit.size else fit
        )
        groups = np.split(fit, begins[1:]) if fit.size else []
        replay(self.stepper, {int(lanes[group[0]]): reports[group] for group in groups})
        if old.any():
            take_old(self.stepper, lanes[old], reports[old])

    def _watch(self, lanes: Ints, reports: Structured) -> None:
        """Show watchers what has arrived, and now and then how time passes."""
        fleet = self._fleet()
        if lanes.size:
            order = np.lexsort((reports["rid"], reports["t"], reports["recv"]))
            lanes, reports = lanes[order], take(reports, order)
            for watcher in WATCHERS:
                watcher.arrived(fleet, lanes, reports)
            np.maximum.at(self.lanes.watch["heard_ms"], lanes, reports["recv"])
        self._sweep(fleet)

    def _sweep(self, fleet: Fleet) -> None:
        """Look for what is overdue by the log's own clock."""
        if self.now_ms - self.swept_ms < self.settings.sweep_interval_s * 1000:
            return
        self.swept_ms = self.now_ms
        for watcher in WATCHERS:
            watcher.sweep(fleet)
        due = np.flatnonzero(self.containers.wake_at[: len(self.containers)] <= self.now_ms)
        self.stepper.touched.update(due.tolist())

    def _fleet(self) -> Fleet:
        return Fleet(
            lanes=self.lanes,
            containers=self.containers,
            plans=self.plans,
            settings=self.settings,
            now_ms=self.now_ms,
            deaf_until_ms=self.deaf_until_ms,
            sensors=self.sensors,
            emit=self.stepper.file_signal,
            touch=self.stepper.touched.add,
        )

    def _mark_waiting(self, lanes: Ints) -> None:
        """Containers with an opening that waits for a place are looked at whenever they report."""
        rows = self.lanes.container[lanes]
        self.stepper.touched.update(rows[self.containers.wants_place[rows]].tolist())

    # -- trip events ------------------------------------------------------------

    def apply_trip_events(self, events: Sequence[TripEvent]) -> list[AlertEvent]:
        """Take trip events in; whatever they correct is corrected at its own time."""
        told: list[AlertEvent] = []
        replan: dict[int, list[Segment]] = {}  # row -> its plans before
        cause = Cause("the passing of time", self.now_ms)
        for event in events:
            if not _in_time(event):
                self._refuse("trip_event_out_of_range")
                continue
            self.now_ms = max(self.now_ms, event.recorded_at_ms)
            if event.kind is TripEventKind.TICK:
                self._tick(event.occurred_at_ms)
                continue
            key = event.container_id or (event.trip.container_id if event.trip else "")
            if not key:
                self.refused["trip_event_without_container"] += 1
                continue
            if event.kind is TripEventKind.IDENTITY_SUSPECT:
                told.append(identity_suspect.alert_of(event, self._segment_at(key, event.occurred_at_ms)))
                continue
            row = self.containers.row_of(key)
            file = self.containers.files[row]
            file.paired = True
            if file.custody is None:
                file.custody = Custody(self.settings.custody_events_kept)
            before = file.custody.segments
            given_up_ms = file.custody.add(self.plans.shared(event), self.now_ms)
            if given_up_ms is None:
                continue
            file.fix_before(given_up_ms, self.now_ms)
            cause = Cause(CAUSES.get(event.kind, event.kind.value), event.recorded_at_ms)
            if (line := custody_log.entry_of(event)) is not None:
                told.append(line)
            self.stepper.touched.add(row)
            if event.kind in PLAN_KINDS:
                replan.setdefault(row, before)
            else:
                self.containers.replan(row, self._refuse)
        self._replan(replan)
        self.lanes.logs.reduce()
        self._sweep(self._fleet())
        told += self._departed() + settle_touched(self, cause)
        forget_plans(self)
        self.containers.files.close_old()
        return told

    # -- learned models ---------------------------------------------------------

    def apply_model_events(self, events: Sequence[ModelEvent]) -> list[AlertEvent]:
        """Take decisions about models in; trips that have begun before keep theirs, so none says anything."""
        for event in events:
            try:
                self.sensors.take(event)
            except InvalidModelError as error:
                self._refuse(error.reason)
        return []

    def _tick(self, at_ms: int) -> None:
        """Time has passed; where ticks are missing, the log stood still and heard nothing."""
        self.now_ms = max(self.now_ms, at_ms)
        if self.ticked_ms and at_ms > self.ticked_ms:
            gap_ms, settings = at_ms - self.ticked_ms, self.settings
            usual_ms = max(self.tick_gap_ms, round(settings.tick_interval_s * 1000))
            if self.tick_gap_ms and gap_ms > settings.outage_ticks * usual_ms:
                until_ms = max(self.deaf_until_ms, at_ms + round(settings.outage_grace_s * 1000))
                self.outages = [*self.outages, (self.ticked_ms, until_ms)][-OUTAGES_KEPT:]
            else:
                self.tick_gap_ms = gap_ms
        self.ticked_ms = max(self.ticked_ms, at_ms)

    def _segment_at(self, key: str, at_ms: int) -> Segment | None:
        """The plan that holds at a time, for a key that may never have reported."""
        row = self.containers.index.get(key)
        return None if row is None else self.containers.segment_at(row, at_ms)

    def _refuse(self, reason: str) -> None:
        self.refused[reason] += 1

    def _replan(self, before: Mapping[int, list[Segment]]) -> None:
        """Judge containers again under their changed plans."""
        targets: dict[int, int] = {}
        for row in sorted(before):
            self.containers.replan(row, self._refuse)
            file = self.containers.files[row]
            since_ms = looked_up_from(before[row], file.custody.segments if file.custody else [])
            if since_ms is not None:
                targets |= dict.fromkeys(file.lanes, since_ms)
            retrace_plan(self.stepper, row, before[row])
            for segment in file.custody.segments if file.custody else ():
                if segment.trip.trip_id not in file.started:
                    heapq.heappush(self.departures, (segment.from_ms, file.key, segment.trip.trip_id))
        replay_since(self.stepper, {lane: at for lane, at in targets.items() if self.lanes.count[lane]})

    def _departed(self) -> list[AlertEvent]:
        """Trips whose beginning has passed by the log's own clock."""
        told: list[AlertEvent] = []
        while self.departures and self.departures[0][0] <= self.now_ms:
            from_ms, key, trip_id = heapq.heappop(self.departures)
            file = self.containers.files[self.containers.index[key]]
            first = next(
                (s for s in (file.custody.segments if file.custody else ()) if s.trip.trip_id == trip_id),
                None,
            )
            if first is not None and first.from_ms == from_ms and trip_id not in file.started:
                file.started.add(trip_id)
                told.append(custody_log.start_of(first, key, self.now_ms))
        return told

    # -- persistence ------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All state, for `restore`; versioned."""
        return pack(self)

    @classmethod
    def restore(cls, settings: AnomalySettings, snapshot: bytes) -> Judge:
        """A judge that goes on where the snapshot was taken.

        Raises `UnknownVersionError` for a snapshot of another version or of
        other rules, `MalformedBatchError` for damaged bytes.
        """
        judge = cls(settings)
        unpack(judge, snapshot)
        return judge


def _in_time(event: TripEvent) -> bool:
    """Whether an event's times are times at all."""
    departs_at_ms = event.trip.departs_at_ms if event.trip is not None else None
    times = event.occurred_at_ms, event.recorded_at_ms, departs_at_ms or 0
    return all(0 <= at <= LATEST_MS for at in times)
