"""SHOCK: an impact beyond what the cargo is packed for.

What: a shock above the trip's limit for ``shock_g`` or, where the trip has
none, above ``shock_most_g``, or one that the device itself calls a shock or a
drop. When: at the first such report; further ones within ``shock_join_s`` are
the same handling, and its strongest is told.

Severity: low, or the trip's own: evidence in an incident. Outside of trips
nothing is raised. Settings: shock_most_g, shock_join_s. Source:
../shared/ALERTS.md. Equivalents: JT701 bit 4; eSeal Event-Shock, Event-Drop.
"""

from __future__ import annotations

import numpy as np

from anomaly.reports import COLUMN
from anomaly.rules.breach import arrival, where_words
from anomaly.rules.levels import Episode, episode_findings, placed_signal
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Finding, Rows, Signal, severity_under
from anomaly.words import device_on, moment
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent

NAME = "shock"
SHOCK, DROP, FORCE = 1, 2, 4
ANY = SHOCK | DROP | FORCE
COLUMN_G = COLUMN["shock_g"]


class Shock:
    """Keeps what the last report said of shocks."""

    name = NAME
    version = 1
    types = (AlertType.SHOCK,)
    state = (("shock_word", "u1"),)

    def step(self, rows: Rows) -> None:
        reports, before = rows.reports, rows.state["shock_word"]
        force = reports["values"][:, COLUMN_G].astype(np.float64)
        events = reports["events"]
        said = events & int(SealEvent.SHOCK | SealEvent.DROP)
        felt = force > 0
        if not (said.any() or felt.any() or before.any()):
            return
        most = np.full(len(force), rows.settings.shock_most_g)
        limited = np.flatnonzero(rows.plan["limits"] >= 0)
        if limited.size:
            greatest = rows.plans.limits.greatest[rows.plan["limits"][limited], COLUMN_G]
            most[limited] = np.where(np.isfinite(greatest), greatest, most[limited])
        word = np.where((events & int(SealEvent.SHOCK)) != 0, SHOCK, 0)
        word |= np.where((events & int(SealEvent.DROP)) != 0, DROP, 0)
        word |= np.where(force > most, FORCE, 0)
        for row in np.flatnonzero((word != before) | ((word & FORCE) != 0)).tolist():
            strength = 0.0 if np.isnan(force[row]) else round(float(force[row]), 2)
            rows.emit(row, NAME, placed_signal(rows, row, int(word[row]), shock_g=strength))
        rows.state["shock_word"] = word

    def begins(self, signal: Signal) -> bool:
        return signal.word != 0

    def findings(self, case: Case) -> list[Finding]:
        return episode_findings(case, ANY, case.settings.shock_join_s, self._finding)

    def _finding(self, case: Case, episode: Episode) -> Finding | None:
        first, settings = episode.signals[0], case.settings
        at = first.at
        segment = case.segment_at(at.occurred_at_ms)
        if segment is None:
            return None
        place, last_known, where, details = where_words(case, segment, first)
        strongest = max(signal.numbers["shock_g"] for signal in episode.signals)
        details |= {"shocks": len(episode.signals), "shock_g": strongest or None}
        deed = "was dropped" if episode.word & DROP else "was hit"
        force = f" with {strongest:.3g} g" if strongest else ""
        late = arrival(at, settings)
        who = device_on(at.device_id, case.key)
        return Finding(
            type=AlertType.SHOCK,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=episode.track.lane,
            start=at,
            shown_by=at,
            severity=severity_under(segment, AlertType.SHOCK),
            sentence=f"{who} {deed}{force} {moment(at.occurred_at_ms)}{where}{late}.",
            group=at.device_id,
            until_ms=episode.signals[-1].at.occurred_at_ms,
            place=place,
            place_is_last_known=last_known,
            settings={"shock_most_g": settings.shock_most_g, "shock_join_s": settings.shock_join_s},
            details=details,
            evidence=tuple(signal.at for signal in episode.signals)[:EVIDENCE_KEPT],
        )
