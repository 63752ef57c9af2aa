"""GNSS_JAMMING: satellites are drowned out where the container is.

What: (a) the device says so; (b) its satellite fix is lost while its mobile
signal is good (at least ``jam_signal_pct``, or it is located by its cell), for
``jam_reports`` reports and ``jam_lost_s``; (c) as (b), for two reports only,
while ``neighbours_least`` containers, this one included, lose theirs within
20 km and 15 minutes. A device counts as having lost its fix if at least
``jam_fixes`` reports in a row had one before, the last no longer ago than
``jam_fix_age_s``; a longer gap ends it, for nobody knows what was in it; a report without any position
counts only of a device that had none such among its last ``jam_always``. Inside
of allowed places (halls), and in dead zones (tunnels), (b) is no surprise.

When: at the first report of it; it ends with the first satellite fix after it,
and within ``gnss_join_s`` of its end it is the same jamming.

Severity: high, or the trip's own; outside of trips nothing is raised.
Settings: jam_signal_pct, jam_fix_age_s, jam_reports, jam_lost_s, jam_fixes, jam_always,
neighbours_least, gnss_join_s. Source: ../shared/ALERTS.md. Equivalents: Traccar
``jamming``; Queclink GTJDR, GTJDS; Teltonika 249.
"""

from __future__ import annotations

import numpy as np

from anomaly.neighbourhood import Kind, Note
from anomaly.reports import COLUMN, NO_PLACE
from anomaly.rules.breach import where_words
from anomaly.rules.levels import Episode, episodes, follow
from anomaly.rules.places import in_any
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.words import device_on, lateness, moment, span
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind, SealEvent
from sealtrail.runtime.settings.anomaly import AnomalySettings

NAME = "gnss_jamming"
SAID, GONE, LASTED = 1, 2, 4
ANY = SAID | GONE | LASTED
SIGNAL = COLUMN["signal_pct"]
GONE_REPORTS = 2
MOST = 255


class GnssJamming:
    """Keeps how many reports in a row had a fix, and how many have had none since."""

    name = NAME
    version = 1
    types = (AlertType.GNSS_JAMMING,)
    state = (("jam_word", "u1"), ("jam_had", "u1"), ("jam_n", "u1"), ("jam_t", "i8"))

    def step(self, rows: Rows) -> None:
        state, reports, settings = rows.state, rows.reports, rows.settings
        fixed = (reports["kind"] == FixKind.GNSS) & (reports["quality"] != NO_PLACE)
        said = (reports["events"] & int(SealEvent.JAMMING)) != 0
        if fixed.all() and not (state["jam_word"].any() or state["jam_n"].any() or said.any()):
            state["jam_had"] = np.minimum(state["jam_had"].astype(np.int64) + 1, _most(settings))
            return
        signal = reports["values"][:, SIGNAL]
        located = (reports["kind"] == FixKind.CELL) | (reports["kind"] == FixKind.WIFI)
        good = located | (signal >= settings.jam_signal_pct)
        had, number = state["jam_had"].astype(np.int64), state["jam_n"].astype(np.int64)
        enough = np.where(reports["kind"] == FixKind.NONE, settings.jam_always, settings.jam_fixes)
        recent = reports["t"] - state["spoof_t"] <= settings.jam_fix_age_s * 1000  # after a gap nobody knows
        begins = ~fixed & good & recent & (number == 0) & (had >= enough)
        unbroken = reports["t"] - state["last_t"] <= settings.jam_fix_age_s * 1000
        goes_on = ~fixed & good & unbroken & (number > 0)
        number = np.where(fixed | ~unbroken, 0, np.minimum(number + (begins | goes_on), MOST))
        since = np.where(begins, reports["t"], state["jam_t"])
        lasted = (number >= settings.jam_reports) & (reports["t"] - since >= settings.jam_lost_s * 1000)
        word = (
            np.where(said, SAID, 0) | np.where(number >= GONE_REPORTS, GONE, 0) | np.where(lasted, LASTED, 0)
        )
        word |= np.where(fixed | ~unbroken, 0, state["jam_word"] & (GONE | LASTED))
        follow(rows, NAME, "jam_word", word.astype(np.int64))
        state["jam_had"] = np.where(fixed, np.minimum(had + 1, _most(settings)), 0)
        state["jam_n"], state["jam_t"] = number, since

    def begins(self, signal: Signal) -> bool:
        return signal.word != 0

    def findings(self, case: Case) -> list[Finding]:
        join_ms = round(case.settings.gnss_join_s * 1000)
        jammed = (episode for track in case.tracks for episode in episodes(track, ANY, join_ms))
        found = (self._finding(case, episode) for episode in jammed)
        return [finding for finding in found if finding is not None]

    def _finding(self, case: Case, episode: Episode) -> Finding | None:
        first, settings = episode.signals[0], case.settings
        at = first.at
        segment = case.segment_at(at.occurred_at_ms)
        if segment is None:
            return None
        others = len(max((case.others(note) for note in notes_of(episode.signals)), key=len, default=set()))
        together = others + 1 >= settings.neighbours_least
        lasted = episode.word & LASTED and not in_any(case, segment, first.place)
        if not (episode.word & SAID or together or lasted):
            return None
        place, last_known, where, details = where_words(case, segment, first)
        details |= {"said_by_device": bool(episode.word & SAID), "other_containers": others}
        who, late = (
            device_on(at.device_id, case.key),
            lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s),
        )
        deed = (
            "reports that its radio is jammed"
            if episode.word & SAID
            else "has lost its satellites, not its network,"
        )
        told = f"{who} {deed} {moment(at.occurred_at_ms)}{where}"
        told += f", as {others} containers near it" if together else ""
        cleared, ended = None, episode.ended
        if ended is not None:
            lasting = span(ended.at.occurred_at_ms - at.occurred_at_ms)
            said = f"{who} is jammed no more {moment(ended.at.occurred_at_ms)}, after {lasting}."
            cleared = Cleared(ended.at, ended.at.occurred_at_ms, said)
        return Finding(
            type=AlertType.GNSS_JAMMING,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=episode.track.lane,
            start=at,
            shown_by=at,
            severity=severity_under(segment, AlertType.GNSS_JAMMING),
            sentence=f"{told}{late}.",
            group=at.device_id,
            until_ms=None if ended is None else ended.at.occurred_at_ms,
            cleared=cleared,
            place=place,
            place_is_last_known=last_known,
            settings={
                "jam_signal_pct": settings.jam_signal_pct,
                "jam_reports": settings.jam_reports,
                "jam_lost_s": settings.jam_lost_s,
                "neighbours_least": settings.neighbours_least,
            },
            details=details,
            evidence=tuple(signal.at for signal in episode.signals)[:EVIDENCE_KEPT],
        )


def notes_of(signals: tuple[Signal, ...], row: int = -1) -> list[Note]:
    """What signals say to the neighbourhood: fixes lost."""
    return [
        Note(
            Kind.FIX_LOST,
            signal.at.occurred_at_ms,
            signal.place.latitude_deg,
            signal.place.longitude_deg,
            row,
        )
        for signal in signals
        if signal.word & (GONE | SAID) and signal.place is not None
    ]


def _most(settings: AnomalySettings) -> int:
    """Counting further tells nothing more."""
    return min(max(settings.jam_always, settings.jam_fixes), MOST)
