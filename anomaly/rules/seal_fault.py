"""SEAL_FAULT: the seal itself is out of order, so that what it says of the cargo may be wrong.

What: the device says that its motor is stuck or its self-test failed, or its
sensors contradict each other (the cable is in and the lock open though nobody
unlocked it). That is no breach: nothing was opened. When: at the first such
report; it ends with the first that says otherwise, and begins anew if it comes
again later than ``fault_join_s`` after. While the seal may be opened (an
authorisation covers place and time) its parts move, and nothing is raised.

Severity: high, or the trip's own; outside of trips nothing is raised.
Settings: fault_join_s. Source: ../shared/ALERTS.md. Equivalents: EAEU 04;
EDIFACT 4517=5; JT701 bit 14.
"""

from __future__ import annotations

import numpy as np

from anomaly.rules.breach import arrival, where_words
from anomaly.rules.levels import Episode, episode_findings, follow
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.rules.seal_opened import leave_at, place_for
from anomaly.words import moment, subject
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent, SealState

NAME = "seal_fault"
LOCK, SENSORS = 1, 2
_WORDS = {
    LOCK: "reports that its lock is out of order",
    SENSORS: "reports sensors that contradict each other",
    LOCK | SENSORS: "reports that its lock is out of order and its sensors contradict each other",
}


class SealFault:
    """Keeps the faults of each device as last reported."""

    name = NAME
    version = 1
    types = (AlertType.SEAL_FAULT,)
    state = (("fault_word", "u1"),)

    def step(self, rows: Rows) -> None:
        reports, before = rows.reports, rows.state["fault_word"]
        lock = (reports["events"] & int(SealEvent.LOCK_FAULT)) != 0
        sensors = reports["state"] == SealState.FAULT
        if not (lock.any() or sensors.any() or before.any()):
            return
        kept = np.where(reports["state"] == SealState.UNKNOWN, before & SENSORS, 0)
        word = lock * LOCK | np.where(sensors, SENSORS, kept)
        follow(rows, NAME, "fault_word", word.astype(np.int64))

    def begins(self, signal: Signal) -> bool:
        return signal.word != 0

    def findings(self, case: Case) -> list[Finding]:
        return episode_findings(case, LOCK | SENSORS, case.settings.fault_join_s, self._finding)

    def _finding(self, case: Case, episode: Episode) -> Finding | None:
        first, settings = episode.signals[0], case.settings
        at = first.at
        segment = case.segment_at(at.occurred_at_ms)
        if segment is None or leave_at(case, place_for(case, first), at.occurred_at_ms) is not None:
            return None
        place, last_known, where, details = where_words(case, segment, first)
        details["faults"] = len(episode.signals)
        late = arrival(at, settings)
        who, ended = subject(at.device_id, case.key), episode.ended
        cleared = None
        if ended is not None:
            when = moment(ended.at.occurred_at_ms)
            cleared = Cleared(ended.at, ended.at.occurred_at_ms, f"{who} reports no fault any more {when}.")
        return Finding(
            type=AlertType.SEAL_FAULT,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=episode.track.lane,
            start=at,
            shown_by=at,
            severity=severity_under(segment, AlertType.SEAL_FAULT),
            sentence=f"{who} {_WORDS[episode.word]} {moment(at.occurred_at_ms)}{where}{late}.",
            group=at.device_id,
            until_ms=None if ended is None else ended.at.occurred_at_ms,
            cleared=cleared,
            place=place,
            place_is_last_known=last_known,
            settings={"fault_join_s": settings.fault_join_s},
            details=details,
            evidence=tuple(signal.at for signal in episode.signals)[:EVIDENCE_KEPT],
        )
