"""GNSS_SPOOFING: a device is made to believe that it is elsewhere.

What: (a) a track that is consistent in itself, and to which the device got from
another consistent track (``spoof_fixes`` fixes) faster than anything travels,
or ``spoof_fixes`` impossible places in a row on one line at one speed;
(b) places of the mobile network that contradict the satellites', their
kilometres of uncertainty allowed for, twice in a row, or that are held for true
again where satellites' places between them were not; (c) implausible
places of ``neighbours_least`` containers, this one included, within 1 km and an
hour of each other. One device that jumps and comes back alone is a fault
(position_implausible.py).

When: at the first report of it; it ends when the device is back on a track that
it can have travelled, or its network agrees, and is the same within
``gnss_join_s`` of its end. Places of (a) are used by no rule for
``spoof_doubt_s``: they open no deviation and clear none. After that time they
are believed: nobody is locked out. Satellites' places that the network contradicts
(b) clear no deviation and show no passage, missed checkpoint or lateness, until the
network agrees or has said nothing for ``spoof_cell_age_s``; they may open a deviation.

Severity: high, or the trip's own; outside of trips nothing is raised.
Settings: spoof_fixes, spoof_doubt_s, spoof_cell_age_s, neighbours_least, gnss_join_s,
max_speed_m_s, time_slack_s, uncertainty_factor. Source: ../shared/ALERTS.md;
../shared/DETECTION.md 5.6 items 7, 8. Equivalents: none.
"""

from __future__ import annotations

import numpy as np

from anomaly.neighbourhood import Kind, Note
from anomaly.reports import IMPLAUSIBLE, MATTERS, NO_PLACE, PLAUSIBLE
from anomaly.rows import put, take
from anomaly.rules.breach import where_words
from anomaly.rules.levels import Episode, episode_findings, follow
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.sphere import DEGREE_E7, Bools, Floats, Ints, Structured, distance_m, unit_vectors
from anomaly.words import device_on, lateness, moment
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind

NAME = "gnss_spoofing"
SWITCHED, CELL, FALSE, TRACK = 1, 2, 4, 8
ANY = SWITCHED | CELL | FALSE | TRACK
DOUBTFUL = SWITCHED  # a cell that is wrong itself must not blind the rules
NEAR_E7 = 50_000
"""Half a kilometre: who moved less has jumped nowhere."""
FINE_M = 1_000.0
CELL_REPORTS = 2
STRAIGHT = 0.25
MOST = 255


class GnssSpoofing:
    """Keeps the last place held for true, how well it is supported, and what contradicts it."""

    name = NAME
    version = 1
    types = (AlertType.GNSS_SPOOFING,)
    state = (
        ("spoof_t", "i8"),
        ("spoof_lat", "i4"),
        ("spoof_lon", "i4"),
        ("spoof_ok", "u1"),
        ("spoof_cell", "u1"),
        ("spoof_cell_t", "i8"),  # of the newest contradiction
        ("spoof_word", "u1"),
        ("spoof_since", "i8"),  # since when its places are doubtful
        ("false_t", "i8"),  # the last place that can't be, and how fast places like it move
        ("false_lat", "i4"),
        ("false_lon", "i4"),
        ("false_v", "f4", 2),  # 1e-7 degree a second north, east
        ("false_n", "u1"),  # so many in a row lie on one line at one speed
    )
    only_while = (("spoof_cell", ("spoof_cell_t",)),)

    def step(self, rows: Rows) -> None:
        state, reports = rows.state, rows.reports
        fine = (reports["quality"] == PLAUSIBLE) & (reports["kind"] == FixKind.GNSS)
        word = state["spoof_word"].astype(np.int64) & ~FALSE
        word = np.where(self._switched(rows, fine), word ^ SWITCHED, word)
        cells = (reports["kind"] == FixKind.CELL) & (reports["quality"] != NO_PLACE)
        if cells.any():
            word = self._against_cells(rows, cells, word)
        false = (reports["quality"] == IMPLAUSIBLE) & (reports["kind"] == FixKind.GNSS)
        false &= (np.abs(reports["lat"]) > NEAR_E7) | (np.abs(reports["lon"]) > NEAR_E7)
        word |= np.where(false, FALSE, 0)
        word = self._along_false_track(rows, fine, false, word)
        begins = (word & DOUBTFUL != 0) & (state["spoof_word"] & DOUBTFUL == 0)
        since = state["spoof_since"]
        if word.any() or state["spoof_word"].any():
            follow(rows, NAME, "spoof_word", word)
        rows.state["spoof_since"] = np.where(word & DOUBTFUL, np.where(begins, reports["t"], since), 0)
        self._doubt(rows, fine, word)
        for column, name in (("spoof_t", "t"), ("spoof_lat", "lat"), ("spoof_lon", "lon")):
            state[column] = np.where(fine, reports[name], state[column])

    def _doubt(self, rows: Rows, fine: Bools, word: Ints) -> None:
        """Places of a track that it can't have reached are used by no rule, for a time: never locked out."""
        state, reports = rows.state, rows.reports
        young = reports["t"] - state["spoof_since"] < rows.settings.spoof_doubt_s * 1000
        doubtful = fine & (word & DOUBTFUL != 0) & young
        if doubtful.any():
            reports["quality"][doubtful] = IMPLAUSIBLE
            reports["mark"][doubtful] = MATTERS

    def _switched(self, rows: Rows, fine: Bools) -> Bools:
        """Which devices are on another track now, that they can't have travelled to; counts support."""
        state, reports, settings = rows.state, rows.reports, rows.settings
        ok = state["spoof_ok"].astype(np.int64)
        moved = np.abs(reports["lat"].astype(np.int64) - state["spoof_lat"]) > NEAR_E7
        moved |= np.abs(reports["lon"].astype(np.int64) - state["spoof_lon"]) > NEAR_E7
        switched = np.zeros(len(state), bool)
        some = np.flatnonzero(fine & moved & (ok > 0))
        if some.size:
            before = take(state, some)
            vectors = unit_vectors(before["spoof_lat"] / DEGREE_E7, before["spoof_lon"] / DEGREE_E7)
            away_m = distance_m(vectors, rows.vectors[some])
            seconds = np.maximum((reports["t"][some] - before["spoof_t"]) / 1000, 0) + settings.time_slack_s
            reach_m = (
                settings.max_speed_m_s * seconds + 2 * settings.uncertainty_factor * reports["unc"][some]
            )
            switched[some] = away_m > reach_m
        state["spoof_ok"] = np.where(switched, 1, np.minimum(ok + fine, min(settings.spoof_fixes, MOST)))
        result: Bools = switched & ((ok >= settings.spoof_fixes) | ((state["spoof_word"] & SWITCHED) != 0))
        return result

    def _along_false_track(self, rows: Rows, fine: Bools, false: Bools, word: Ints) -> Ints:
        """Count impossible places that lie on one line at one speed: forged by a machine, not by a fault."""
        state, reports, settings = rows.state, rows.reports, rows.settings
        number = np.where(fine, 0, state["false_n"].astype(np.int64))
        word = np.where(fine, word & ~TRACK, word)
        some = np.flatnonzero(false)
        if some.size:
            before, at = take(state, some), take(reports, some)
            seconds = (at["t"] - before["false_t"]) / 1000
            follows = (number[some] > 0) & (seconds > 0) & (seconds <= settings.spoof_cell_age_s)
            pace = _step(before, at) / np.maximum(seconds, 1)[:, None]
            turn = np.sqrt(((pace - before["false_v"]) ** 2).sum(axis=1))
            moves = np.abs(pace).max(axis=1) * seconds > NEAR_E7
            straight = turn <= STRAIGHT * np.sqrt((pace**2).sum(axis=1))
            long = follows & moves & straight & (number[some] > 1)
            count = np.where(long, number[some] + 1, np.where(follows & moves, 2, 1))
            number[some] = np.minimum(count, settings.spoof_fixes)
            before["false_v"] = pace
            for column in ("t", "lat", "lon"):
                before["false_" + column] = at[column]
            put(state, some, before)
            word[some] = np.where(number[some] >= settings.spoof_fixes, word[some] | TRACK, word[some])
        state["false_n"] = number
        return word

    def _against_cells(self, rows: Rows, cells: Bools, word: Ints) -> Ints:
        """Count network places that contradict a recent satellite place."""
        state, reports, settings = rows.state, rows.reports, rows.settings
        age_s = (reports["t"] - state["spoof_t"]) / 1000
        known = cells & (state["spoof_ok"] > 0) & (age_s >= 0) & (age_s <= settings.spoof_cell_age_s)
        vectors = unit_vectors(state["spoof_lat"] / DEGREE_E7, state["spoof_lon"] / DEGREE_E7)
        away_m = distance_m(vectors, rows.vectors)
        reach_m = settings.max_speed_m_s * (age_s + settings.time_slack_s)
        reach_m += settings.uncertainty_factor * (reports["unc"] + FINE_M)
        rejected = cells & (reports["quality"] == PLAUSIBLE) & ((state["spoof_word"] & FALSE) != 0)
        against = rejected | (known & (away_m > reach_m))
        number = np.where(
            against, np.minimum(state["spoof_cell"].astype(np.int64) + 1, MOST), state["spoof_cell"]
        )
        number = np.where(known & ~against, 0, number)
        state["spoof_cell"] = number
        state["spoof_cell_t"] = np.where(against, reports["t"], state["spoof_cell_t"])
        word = np.where(number >= CELL_REPORTS, word | CELL, np.where(number == 0, word & ~CELL, word))
        result: Ints = word
        return result

    def begins(self, signal: Signal) -> bool:
        return signal.word != 0

    def findings(self, case: Case) -> list[Finding]:
        return episode_findings(case, ANY, case.settings.gnss_join_s, self._finding)

    def _finding(self, case: Case, episode: Episode) -> Finding | None:
        first, settings = episode.signals[0], case.settings
        at = first.at
        segment = case.segment_at(at.occurred_at_ms)
        if segment is None:
            return None
        others = len(max((case.others(note) for note in notes_of(episode.signals)), key=len, default=set()))
        why = _reasons(episode, others, settings.neighbours_least)
        if not why:
            return None
        place, last_known, where, details = where_words(case, segment, first)
        details |= {"why": "; ".join(why), "other_containers": others}
        late = lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s)
        who, ended, cleared = device_on(at.device_id, case.key), episode.ended, None
        if ended is not None:
            when = moment(ended.at.occurred_at_ms)
            cleared = Cleared(
                ended.at, ended.at.occurred_at_ms, f"The positions of {who} are sound again {when}."
            )
        return Finding(
            type=AlertType.GNSS_SPOOFING,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=episode.track.lane,
            start=at,
            shown_by=at,
            severity=severity_under(segment, AlertType.GNSS_SPOOFING),
            sentence=f"The positions of {who} may be forged {moment(at.occurred_at_ms)}{where}: "
            f"{'; '.join(why)}{late}.",
            group=at.device_id,
            until_ms=None if ended is None else ended.at.occurred_at_ms,
            cleared=cleared,
            place=place,
            place_is_last_known=last_known,
            settings={
                "spoof_fixes": settings.spoof_fixes,
                "spoof_cell_age_s": settings.spoof_cell_age_s,
                "neighbours_least": settings.neighbours_least,
                "max_speed_m_s": settings.max_speed_m_s,
                "time_slack_s": settings.time_slack_s,
                "uncertainty_factor": settings.uncertainty_factor,
            },
            details=details,
            evidence=tuple(signal.at for signal in episode.signals)[:EVIDENCE_KEPT],
        )


def contradicted(rows: Rows) -> Bools:
    """Satellites' places of devices that their network placed elsewhere lately; for rules behind this one."""
    against: Bools = (rows.state["spoof_word"] & CELL) != 0
    if against.any():
        reports = rows.reports
        age_ms = reports["t"] - rows.state["spoof_cell_t"]
        against &= (reports["kind"] == FixKind.GNSS) & (age_ms <= rows.settings.spoof_cell_age_s * 1000)
    return against


def _step(before: Structured, at: Structured) -> Floats:
    """From the last false place to this one, shape (n, 2): 1e-7 degree north, east."""
    half = round(180 * DEGREE_E7)
    north = at["lat"].astype(np.float64) - before["false_lat"]
    east = (at["lon"].astype(np.int64) - before["false_lon"] + half) % (2 * half) - half
    return np.stack((north, east.astype(np.float64)), axis=1)


def _reasons(episode: Episode, others: int, least: int) -> list[str]:
    """Why positions may be forged, in words."""
    why = []
    if episode.word & SWITCHED:
        why.append("they went on from a place that it can't have reached")
    if episode.word & TRACK:
        why.append("they go along one line faster than anything travels")
    if episode.word & CELL:
        why.append("its mobile network places it elsewhere")
    if others + 1 >= least:
        why.append(f"{others} other containers report the same false place")
    return why


def notes_of(signals: tuple[Signal, ...], row: int = -1) -> list[Note]:
    """What signals say to the neighbourhood: false places."""
    return [
        Note(Kind.FALSE_PLACE, signal.at.occurred_at_ms, signal.at.latitude_deg, signal.at.longitude_deg, row)
        for signal in signals
        if signal.word & (FALSE | SWITCHED)
        and signal.at.latitude_deg is not None
        and signal.at.longitude_deg is not None
    ]
