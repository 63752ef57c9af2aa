"""SILENT, of a device that a plan names and that has never said anything: `silent` knows only who has spoken.

What: nothing at all was ever received, for this container, of a device of the
trip since the trip began, since a changed plan or a pairing put it on the trip,
or since that was known, whichever is last; for ``silent_periods`` of the trip's
reporting interval and ``silent_grace_s``, and where the trip names no interval
for ``silent_unlearned_s``.

When: at the deadline, by the log's own clock. Where the origin lies in one of
the trip's dead zones the way out of it is added, as `silent` does. What was not
heard while the log itself stood still is nobody's silence. It ends with the
first receipt, whatever that is of, and with the device's part in the trip.

Severity: medium, high from ``silent_high_s`` on and out of a dead zone, or the trip's own if that is higher.
By itself it is no sign of theft: what never spoke hasn't gone blind. Settings:
silent_periods, silent_grace_s, silent_unlearned_s, silent_high_s,
dead_zone_speed_kmh, outage_ticks, outage_grace_s. Source: ../shared/ALERTS.md.
Equivalents: EAEU 06.
"""

from __future__ import annotations

import msgspec

from anomaly.custody import FOREVER_MS, Segment
from anomaly.plan_parts import ends_of
from anomaly.reports import kept
from anomaly.rules import dead_zones
from anomaly.rules.rule import (
    Case,
    Cleared,
    Finding,
    Signal,
    Spot,
    planned_moment,
    severity_under,
)
from anomaly.rules.stretches import Stretch, stretches
from anomaly.words import counted, device_on, moment, span
from sealtrail.contract.alert import AlertType, Severity

NAME = "never_heard"


class NeverHeard:
    """Reads the custody log, and when each device was first heard; has no state of its own."""

    name = NAME
    version = 1
    types = (AlertType.SILENT,)

    def begins(self, signal: Signal) -> bool:
        del signal
        return True

    def findings(self, case: Case) -> list[Finding]:
        segments = case.custody.segments if case.custody is not None else []
        lanes = {device_id: lane for lane, device_id in case.lanes.items()}
        found: list[Finding] = []
        for device_id in dict.fromkeys(each for s in segments for each in s.trip.device_ids):
            lane = lanes.get(device_id)
            first_ms = FOREVER_MS if lane is None else int(case.watch(lane)["silent_first_s"]) * 1000
            for stretch in stretches(case, device_id):
                if first_ms > stretch.since_ms:
                    found += self._judge(case, stretch, first_ms, lane)
        return found

    def _judge(self, case: Case, stretch: Stretch, first_ms: int, lane: int | None) -> list[Finding]:
        overdue = stretch.overdue(case, stretch.since_ms, case.settings.silent_unlearned_s)
        if overdue is None:
            return []
        segment, due_ms = overdue
        zone, due_ms = _out_of_dead_zone(case, stretch, segment, due_ms)
        until_ms = min(first_ms, stretch.until_ms)
        if until_ms <= due_ms:
            return []
        known_ms = min(case.now_ms, until_ms)
        if known_ms < due_ms:
            case.wake(due_ms)
            return []
        severity = severity_under(segment, AlertType.SILENT)
        high_ms = due_ms + round(case.settings.silent_high_s * 1000)
        if (zone or known_ms >= high_ms) and severity.rank < Severity.HIGH.rank:
            severity = Severity.HIGH
        elif until_ms > high_ms:
            case.wake(high_ms)
        cleared = None
        if until_ms < FOREVER_MS and until_ms <= case.now_ms:
            cleared = _end(case, stretch, until_ms, lane if until_ms == first_ms else None)
        return [self._finding(case, stretch, segment, (due_ms, until_ms, zone), severity, cleared)]

    def _finding(
        self,
        case: Case,
        stretch: Stretch,
        segment: Segment,
        facts: tuple[int, int, str],
        severity: Severity,
        cleared: Cleared | None,
    ) -> Finding:
        due_ms, until_ms, zone = facts
        settings, device_id, trip = case.settings, stretch.device_id, segment.trip
        start = msgspec.structs.replace(
            planned_moment(stretch.trip_id, f"{NAME}/{device_id}/{stretch.nth}", stretch.since_ms),
            device_id=device_id,
        )
        return Finding(
            type=AlertType.SILENT,
            rule=NAME,
            rule_version=self.version,
            scope=stretch.trip_id,
            trip_id=stretch.trip_id,
            lane=-1,
            start=start,
            shown_by=msgspec.structs.replace(start, received_at_ms=due_ms),
            severity=severity,
            sentence=_sentence(case, stretch, segment, zone),
            group=f"{NAME}/{device_id}",
            until_ms=until_ms if cleared is not None else None,
            cleared=cleared,
            settings={
                "silent_periods": settings.silent_periods,
                "silent_grace_s": settings.silent_grace_s,
                "silent_unlearned_s": settings.silent_unlearned_s,
                "dead_zone_speed_kmh": settings.dead_zone_speed_kmh,
            },
            details={
                "never_heard": True,
                "silent_after_s": (due_ms - stretch.since_ms) // 1000,
                "interval_s": trip.reporting_interval_s,
                "due_at_ms": due_ms,
                "dead_zone": zone or None,
            },
        )


def _sentence(case: Case, stretch: Stretch, segment: Segment, zone: str) -> str:
    who, since = device_on(stretch.device_id, case.key), moment(stretch.since_ms)
    said = f"{who} has never been heard on this trip, "
    said += f"which began {since}" if stretch.at_beginning(case) else f"of which it is part since {since[3:]}"
    said += f", and should have left the dead zone {zone} by now" if zone else ""
    interval_s = segment.trip.reporting_interval_s
    said += "" if interval_s is None else f"; it should report every {span(round(interval_s * 1000))}"
    return f"{said}."


def _out_of_dead_zone(case: Case, stretch: Stretch, segment: Segment, due_ms: int) -> tuple[str, int]:
    """(name of the dead zone, when it is due) of a device whose trip begins in a dead zone."""
    origin = ends_of(segment.trip)[0]
    if origin is None or not stretch.at_beginning(case):
        return "", due_ms
    spot = Spot(origin.latitude_deg, origin.longitude_deg, 0.0, stretch.since_ms)
    begins = planned_moment(stretch.trip_id, NAME, stretch.since_ms)
    return dead_zones.due_of(case, segment, Signal(0, begins, place=spot, numbers={"gap_s": 0.0}), due_ms)


def _end(case: Case, stretch: Stretch, until_ms: int, heard: int | None) -> Cleared:
    """How it ended; ``heard`` is the lane that speaks since, if that is why."""
    who = device_on(stretch.device_id, case.key)
    if heard is None:
        if stretch.at_end(case):
            return Cleared(None, until_ms, f"The trip of {who} has ended; it was never heard on it.")
        words = f"{who} was taken off the trip, or put on it anew, {moment(until_ms)}; it was never heard."
        return Cleared(None, until_ms, words)
    history = case.history(heard)
    of_gap = (history["t"] >= stretch.since_ms) & (history["t"] < until_ms)
    held = int((of_gap & kept(history, case.settings.late_after_s)).sum())
    words = f"{who} is heard for the first time {moment(until_ms)}, after {span(until_ms - stretch.since_ms)}"
    words += f"; its memory held {counted(held, 'report')} of that time so far" if held else ""
    return Cleared(None, until_ms, f"{words}.", {"reports_of_the_gap": held})
