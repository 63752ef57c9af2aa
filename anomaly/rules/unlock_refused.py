"""UNLOCK_REFUSED: somebody tried to open the seal and it refused.

What: the device says that a card was unknown to it, a password was wrong, or
that it was asked outside the area in which it may be opened. When: at the
first such report; further ones within ``refusal_join_s`` are the same attempt.
The seal is watched as for a breach (breach.py). Leave to open it changes
nothing: who has leave has the right card.

Severity: high, or the trip's own. Settings: refusal_join_s,
severity_without_trip. Source: ../shared/ALERTS.md. Equivalents: JT701 bits 9,
10; G-300 0x000B-0x000E, 0x0013.
"""

from __future__ import annotations

import numpy as np

from anomaly.rules.breach import arrival, watched_severity, where_words
from anomaly.rules.levels import Episode, episode_findings, follow
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Finding, Rows, Signal
from anomaly.words import moment, subject
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent

NAME = "unlock_refused"
REFUSALS = int(SealEvent.WRONG_PASSWORD | SealEvent.BAD_CARD | SealEvent.OUTSIDE_AREA)
WORDS = {
    SealEvent.BAD_CARD: "a card that it doesn't know",
    SealEvent.WRONG_PASSWORD: "a wrong password",
    SealEvent.OUTSIDE_AREA: "an attempt outside its permitted area",
}


class UnlockRefused:
    """Keeps the refusals of each device's last report."""

    name = NAME
    version = 1
    types = (AlertType.UNLOCK_REFUSED,)
    state = (("refused_word", "u1"),)

    def step(self, rows: Rows) -> None:
        word = rows.reports["events"] & REFUSALS
        if word.any() or rows.state["refused_word"].any():
            follow(rows, NAME, "refused_word", word.astype(np.int64))

    def begins(self, signal: Signal) -> bool:
        return signal.word != 0

    def findings(self, case: Case) -> list[Finding]:
        return episode_findings(case, REFUSALS, case.settings.refusal_join_s, self._finding)

    def _finding(self, case: Case, episode: Episode) -> Finding | None:
        first, settings = episode.signals[0], case.settings
        at = first.at
        segment = case.segment_at(at.occurred_at_ms)
        severity = watched_severity(case, segment, AlertType.UNLOCK_REFUSED, at.occurred_at_ms)
        if severity is None:
            return None
        why = " and ".join(words for event, words in WORDS.items() if episode.word & event)
        place, last_known, where, details = where_words(case, segment, first)
        late = arrival(at, settings)
        details["refusals"] = len(episode.signals)
        cards = {signal.at.card_id for signal in episode.signals if signal.at.card_id}
        if cards:
            details["card_id"] = ", ".join(sorted(cards))
        trip_id = segment.trip.trip_id if segment else ""
        who = subject(at.device_id, case.key)
        return Finding(
            type=AlertType.UNLOCK_REFUSED,
            rule=NAME,
            rule_version=self.version,
            scope=trip_id or case.key,
            trip_id=trip_id,
            lane=episode.track.lane,
            start=at,
            shown_by=at,
            severity=severity,
            sentence=f"{who} refused {why} {moment(at.occurred_at_ms)}{where}{late}.",
            group=at.device_id,
            until_ms=episode.signals[-1].at.occurred_at_ms,
            place=place,
            place_is_last_known=last_known,
            settings={
                "refusal_join_s": settings.refusal_join_s,
                "severity_without_trip": settings.severity_without_trip,
            },
            details=details,
            evidence=tuple(signal.at for signal in episode.signals)[:EVIDENCE_KEPT],
        )
