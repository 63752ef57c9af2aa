"""DOOR_OPENED: the container's door opens, or light falls inside, while it is sealed.

What: the door's sensor says open, the device says that its door was opened or
that there is light inside, or it measures ``door_light_lux`` or more in a place
that is dark by day. Dark by day is a device that reported less than
``door_dark_lux`` between ``door_noon_from_h`` and ``door_noon_until_h`` of the
sun's time where it was, or for ``door_dark_span_s`` without a break: so a
tracker on the outside of a container raises nothing at dawn.

When: at the first report after one that said nothing of the kind; a door that
closes and opens again within ``door_join_s`` is open once. It ends with the
report of a closed, dark container, or with the next opening: a device that says
that a door was opened, after reports that said nothing of doors, had closed it
meanwhile without a word (an alarm that is set when a door opens, and no more).
Doors are opened as a matter of course where an authorisation covers place and
time, whosever card it asks for: who opens is the seal's business
(seal_opened.py). The container is watched as for a breach.

Severity: critical, or the trip's own. Settings: door_join_s, door_light_lux,
door_dark_lux, door_noon_from_h, door_noon_until_h, door_dark_span_s. Source:
../shared/ALERTS.md. Equivalents: DCSA DOOR_OPENED; JT/T 808 bit 31.
"""

from __future__ import annotations

import numpy as np

from anomaly.reports import COLUMN, DOOR_OPEN, DOOR_SHUT, PLAUSIBLE
from anomaly.rules.breach import arrival, watched_severity, where_words
from anomaly.rules.levels import ANEW, Episode, episode_findings, follow, placed_signal
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Cleared, Finding, Rows, Signal
from anomaly.rules.seal_opened import leave_at, place_for
from anomaly.sphere import DEGREE_E7, Floats, Ints
from anomaly.words import device_on, moment
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent

NAME = "door_opened"
SAID, SEEN, LIGHT_SAID, LIGHT_SEEN = 1, 2, 4, 8
UNSAID = 16  # it was open, and the report says nothing of it
DOOR, LIGHT = SAID | SEEN, LIGHT_SAID | LIGHT_SEEN
OPEN = DOOR | LIGHT
LUX = COLUMN["light_lux"]
HOUR_MS, DAY_H = 3_600_000, 24
SPEAKING = int(SealEvent.DOOR_OPENED | SealEvent.DOOR_CLOSED | SealEvent.LIGHT)


class DoorOpened:
    """Keeps each door's word, since when it is dark inside, and whether that was by day."""

    name = NAME
    version = 2
    types = (AlertType.DOOR_OPENED,)
    state = (("door_word", "u1"), ("door_dark_t", "i8"), ("door_inside", "u1"))

    def step(self, rows: Rows) -> None:
        reports, before = rows.reports, rows.state["door_word"]
        events, levels = reports["events"], reports["levels"]
        lux = reports["values"][:, LUX]
        lit = ~np.isnan(lux)
        told = ((events & SPEAKING) != 0) | ((levels & (DOOR_OPEN | DOOR_SHUT)) != 0)
        if not (told.any() or lit.any() or before.any()):
            return
        said = (events & int(SealEvent.DOOR_OPENED)) != 0
        shut = ((levels & DOOR_SHUT) != 0) | ((events & int(SealEvent.DOOR_CLOSED)) != 0)
        seen = (levels & DOOR_OPEN) != 0
        unsaid = ~(said | shut | seen) & ((before & SEEN) != 0)
        word: Ints = said * SAID + seen * SEEN + unsaid * (SEEN | UNSAID)
        for row in np.flatnonzero(said & ((before & UNSAID) != 0)).tolist():
            anew = placed_signal(rows, row, UNSAID)
            anew.code = ANEW
            rows.emit(row, NAME, anew)  # it was closed meanwhile, without a word
        word |= np.where((events & int(SealEvent.LIGHT)) != 0, LIGHT_SAID, 0)
        if lit.any():
            word |= self._light(rows, lux.astype(np.float64))
        else:
            word |= before & LIGHT_SEEN
        follow(rows, NAME, "door_word", word, order=1)

    def _light(self, rows: Rows, lux: Floats) -> Ints:
        """LIGHT_SEEN where it is bright in a place that is dark by day; no value leaves it as it was."""
        state, reports, settings = rows.state, rows.reports, rows.settings
        dark, bright = lux < settings.door_dark_lux, lux >= settings.door_light_lux
        since = np.where(dark & (state["door_dark_t"] == 0), reports["t"], state["door_dark_t"])
        lasted = dark & (reports["t"] - since >= settings.door_dark_span_s * 1000)
        placed = reports["quality"] == PLAUSIBLE
        hour = (reports["t"] / HOUR_MS + reports["lon"] / DEGREE_E7 / 15) % DAY_H
        noon = (hour >= settings.door_noon_from_h) & (hour < settings.door_noon_until_h)
        inside = (state["door_inside"] != 0) | lasted | (dark & placed & noon)
        state["door_dark_t"] = np.where(bright, 0, since)
        seen = np.where(bright & inside, LIGHT_SEEN, 0)
        was = state["door_word"] & LIGHT_SEEN
        state["door_inside"] = np.where(bright & (was == 0) & (seen == 0), 0, inside)
        result: Ints = np.where(np.isnan(lux) | ~(dark | bright), was, seen).astype(np.int64)
        return result

    def begins(self, signal: Signal) -> bool:
        return signal.word & OPEN != 0

    def findings(self, case: Case) -> list[Finding]:
        return episode_findings(case, OPEN, case.settings.door_join_s, self._finding)

    def _finding(self, case: Case, episode: Episode) -> Finding | None:
        first, settings = episode.signals[0], case.settings
        at = first.at
        segment = case.segment_at(at.occurred_at_ms)
        severity = watched_severity(case, segment, AlertType.DOOR_OPENED, at.occurred_at_ms)
        if severity is None or leave_at(case, place_for(case, first), at.occurred_at_ms) is not None:
            return None
        place, last_known, where, details = where_words(case, segment, first)
        details["shown_by"] = "door" if episode.word & DOOR else "light"
        late = arrival(at, settings)
        deed = "its door was opened" if episode.word & DOOR else "there was light inside"
        ended, cleared = episode.ended, None
        if ended is not None:
            when = moment(ended.at.occurred_at_ms)
            closed = f"is closed again {when}"
            if ended.word & UNSAID:
                closed = f"had been closed when its door was opened anew {when}"
            cleared = Cleared(ended.at, ended.at.occurred_at_ms, f"{case.key} {closed}.")
        trip_id = segment.trip.trip_id if segment else ""
        return Finding(
            type=AlertType.DOOR_OPENED,
            rule=NAME,
            rule_version=self.version,
            scope=trip_id or case.key,
            trip_id=trip_id,
            lane=episode.track.lane,
            start=at,
            shown_by=at,
            severity=severity,
            sentence=f"{device_on(at.device_id, case.key)}: {deed} without authorisation "
            f"{moment(at.occurred_at_ms)}{where}{late}.",
            group=at.device_id,
            until_ms=None if ended is None else ended.at.occurred_at_ms,
            cleared=cleared,
            place=place,
            place_is_last_known=last_known,
            settings={
                "door_join_s": settings.door_join_s,
                "door_light_lux": settings.door_light_lux,
                "door_dark_lux": settings.door_dark_lux,
                "door_dark_span_s": settings.door_dark_span_s,
            },
            details=details,
            evidence=tuple(signal.at for signal in episode.signals)[:EVIDENCE_KEPT],
        )
