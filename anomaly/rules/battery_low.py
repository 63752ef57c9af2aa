"""BATTERY_LOW: a device on a trip may not last to its end.

What: its battery is below ``battery_low_pct``, or it says that it is low. When:
at the first such report of the trip; it ends above ``battery_fine_pct``, when
it no longer says so. The sentence says when the battery will be empty if it
goes on as in the device's recent reports.

Severity: medium, or the trip's own; outside of trips nothing is raised.
Settings: battery_low_pct, battery_fine_pct. Source: ../shared/ALERTS.md.
Equivalents: EAEU 05; JT701 bit 11.
"""

from __future__ import annotations

import numpy as np

from anomaly.custody import Segment
from anomaly.reports import COLUMN
from anomaly.rules.levels import follow
from anomaly.rules.rule import Case, Cleared, Finding, Rows, Signal, Track, severity_under
from anomaly.words import device_on, lateness, moment
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent

NAME = "battery_low"
PCT = COLUMN["battery_pct"]
LEAST_SPAN_MS = 3_600_000
LEAST_REPORTS = 4


class BatteryLow:
    """Keeps whether each device's battery is low, and for which trip that was said."""

    name = NAME
    version = 1
    types = (AlertType.BATTERY_LOW,)
    state = (("battery_word", "u4"),)  # of the trip; 0: not low

    def step(self, rows: Rows) -> None:
        reports, before, settings = rows.reports, rows.state["battery_word"], rows.settings
        level = reports["values"][:, PCT]
        said = (reports["events"] & int(SealEvent.LOW_BATTERY)) != 0
        below = level < settings.battery_low_pct
        if not (said.any() or below.any() or before.any()):
            return
        fine = ~said & (level >= settings.battery_fine_pct)
        silent = ~said & np.isnan(level) & (before != 0)
        low = said | below | (~fine & (before != 0) & ~np.isnan(level)) | silent
        word = np.where(low, rows.plan["trip"].astype(np.int64) | 1, 0)
        follow(rows, NAME, "battery_word", word)

    def begins(self, signal: Signal) -> bool:
        return signal.word != 0

    def findings(self, case: Case) -> list[Finding]:
        found: list[Finding] = []
        for track in case.tracks:
            told = ""
            for index, signal in enumerate(track.signals):
                segment = case.segment_at(signal.at.occurred_at_ms)
                if not signal.word or segment is None:
                    told = "" if not signal.word else told
                elif segment.trip.trip_id != told:
                    told = segment.trip.trip_id
                    found.append(self._finding(case, segment, track, index))
        return found

    def _finding(self, case: Case, segment: Segment, track: Track, index: int) -> Finding:
        signal = track.signals[index]
        at, settings = signal.at, case.settings
        ended = next((each for each in track.signals[index + 1 :] if not each.word), None)
        level, empty_ms = _trend(case, track.lane, at.occurred_at_ms)
        who = device_on(at.device_id, case.key)
        said = f"The battery of {who} is low {moment(at.occurred_at_ms)}"
        said += f", at {level:.0f} %" if level is not None else ""
        said += f"; as it goes it will be empty {moment(empty_ms)}" if empty_ms is not None else ""
        late = lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s)
        cleared = None
        if ended is not None:
            when = moment(ended.at.occurred_at_ms)
            cleared = Cleared(
                ended.at, ended.at.occurred_at_ms, f"The battery of {who} is charged again {when}."
            )
        return Finding(
            type=AlertType.BATTERY_LOW,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=track.lane,
            start=at,
            shown_by=at,
            severity=severity_under(segment, AlertType.BATTERY_LOW),
            sentence=f"{said}{late}.",
            group=at.device_id,
            until_ms=None if ended is None else ended.at.occurred_at_ms,
            cleared=cleared,
            place=signal.place,
            place_is_last_known=signal.place is not None and signal.place.at_ms != at.occurred_at_ms,
            settings={
                "battery_low_pct": settings.battery_low_pct,
                "battery_fine_pct": settings.battery_fine_pct,
            },
            details={"battery_pct": level, "empty_at_ms": empty_ms},
            evidence=(at,),
        )


def _trend(case: Case, lane: int, at_ms: int) -> tuple[float | None, int | None]:
    """The level at a time, and when it will be empty by the straight line through what came before."""
    history = case.history(lane)
    level = history["values"][:, PCT].astype(np.float64)
    known = (history["t"] <= at_ms) & ~np.isnan(level)
    if not known.any():
        return None, None
    t, level = history["t"][known].astype(np.float64), level[known]
    if len(t) < LEAST_REPORTS or t[-1] - t[0] < LEAST_SPAN_MS:
        return float(level[-1]), None
    from_mean = t - t.mean()
    slope = float((from_mean * (level - level.mean())).sum() / (from_mean * from_mean).sum())
    if slope >= 0:
        return float(level[-1]), None
    return float(level[-1]), round(float(t[-1] - level[-1] / slope))
