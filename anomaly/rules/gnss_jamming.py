"""GNSS_JAMMING: satellites are drowned out where the container is.

What: (a) the device says so; (b) its satellite fix is lost while its mobile
signal is good (at least ``jam_signal_pct``, or it is located by its cell), for
``jam_lost_s`` and so many reports in a row as its own habits make unlikely: of
its last 64 reports some had no fix anyway, and the run must be as rare as
``jam_chance``, but at least ``jam_reports``; (c) a run as rare as the root of
that, of at least three, while ``neighbours_least`` containers, this one included, lose theirs
within 20 km and 45 minutes. A run begins no later than ``jam_fix_age_s`` (or two
and a half reporting intervals, where the trip says them) after a fix, and a
longer gap ends it: nobody knows what was in it. Of the reports of one minute the
first counts: what is lost is lost for all that follow within seconds. Inside of allowed places (halls)
(b) and (c) are no surprise unless it has driven for so long, in dead zones
(tunnels) (c) is none.

When: at the first report that shows it; it ends with the first satellite fix
after it, and within ``gnss_join_s`` of its end it is the same jamming.

Severity: high, or the trip's own; outside of trips nothing is raised.
Settings: jam_signal_pct, jam_fix_age_s, jam_reports, jam_lost_s, jam_fixes,
jam_chance, neighbours_least, gnss_join_s. Source: ../shared/ALERTS.md. Equivalents: Traccar
``jamming``; Queclink GTJDR, GTJDS; Teltonika 249.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomaly.neighbourhood import Kind, Note
from anomaly.reports import AT_REST, COLUMN, MOVING, NO_PLACE
from anomaly.rules.breach import where_words
from anomaly.rules.levels import Episode, episode_findings, placed_signal
from anomaly.rules.places import in_allowed, in_zones
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.sphere import Bools, Floats, Ints, Structured
from anomaly.words import device_on, lateness, moment, span
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind, SealEvent
from sealtrail.contract.trip import Trip
from sealtrail.runtime.settings.anomaly import AnomalySettings

NAME = "gnss_jamming"
SAID, GONE, LASTED = 1, 2, 4
GONE_DRIVING, LASTED_DRIVING = 8, 16  # so long without a fix since it drives
ANY = SAID | GONE | LASTED | GONE_DRIVING | LASTED_DRIVING
SIGNAL = COLUMN["signal_pct"]
GONE_REPORTS = 3
MINUTE_MS = 60_000
WINDOW = 64
LONGEST = 40
LATELY = (16, 8)  # habits change, also at once: what is true of the last so many counts too
LEAST_SHARE, MOST_SHARE = 0.02, 0.99
INTERVALS = 2.5


class _Telling(NamedTuple):
    """Where a jamming begins, and whether its neighbours show it, too."""

    signal: Signal
    together: bool


class GnssJamming:
    """Keeps which of the last 64 reports, and of the last 64 on the way, had no fix."""

    name = NAME
    version = 3
    types = (AlertType.GNSS_JAMMING,)
    state = (
        ("jam_word", "u1"),
        ("jam_seen", "u1"),
        ("jam_none", "u8"),
        ("jam_way_seen", "u1"),
        ("jam_way_none", "u8"),
        ("jam_n", "u1"),
        ("jam_m", "u1"),
        ("jam_t", "i8"),
    )

    def step(self, rows: Rows) -> None:
        state, reports, settings = rows.state, rows.reports, rows.settings
        fixed = (reports["kind"] == FixKind.GNSS) & (reports["quality"] != NO_PLACE)
        said = (reports["events"] & int(SealEvent.JAMMING)) != 0
        counts = reports["t"] // MINUTE_MS != state["last_t"] // MINUTE_MS
        seen, none = state["jam_seen"].copy(), state["jam_none"].copy()  # as they were before this report
        state["jam_none"] = np.where(counts, (none << np.uint64(1)) | (~fixed).astype(np.uint64), none)
        state["jam_seen"] = np.minimum(seen + counts, WINDOW)
        moves = counts & ((reports["levels"] & MOVING) != 0)
        way_seen, way_none = state["jam_way_seen"].copy(), state["jam_way_none"].copy()
        state["jam_way_none"] = np.where(
            moves, (way_none << np.uint64(1)) | (~fixed).astype(np.uint64), way_none
        )
        state["jam_way_seen"] = np.minimum(way_seen + moves, WINDOW)
        if fixed.all() and not (state["jam_word"].any() or state["jam_n"].any() or said.any()):
            return
        located = (reports["kind"] == FixKind.CELL) | (reports["kind"] == FixKind.WIFI)
        good = located | (reports["values"][:, SIGNAL] >= settings.jam_signal_pct)
        age_ms = _age_ms(rows)
        recent = reports["t"] - state["spoof_t"] <= age_ms
        unbroken = reports["t"] - state["last_t"] <= age_ms
        number = state["jam_n"].astype(np.int64)
        had = np.maximum(_fixes(seen, none), _fixes(way_seen, way_none))
        begins = counts & ~fixed & good & recent & (number == 0) & (had >= settings.jam_fixes)
        goes_on = counts & ~fixed & good & unbroken & (number > 0)
        number = np.where(fixed | ~unbroken, 0, number) + (begins | goes_on)
        number = np.minimum(number, WINDOW - 1)
        since = np.where(begins, reports["t"], state["jam_t"])
        state["jam_n"], state["jam_t"] = number, np.where(number > 0, since, 0)
        driven = state["jam_m"] = np.where(number > 0, _driven(rows, moves), 0)
        lost_ms = settings.jam_lost_s * 1000
        some, many = _needed(number, seen, none, settings)
        word = said * SAID | (number >= some) * GONE
        word |= ((number >= many) & (reports["t"] - since >= lost_ms)) * LASTED
        if driven.any():
            some, many = _needed(driven, way_seen, way_none, settings)
            gap_ms = reports["t"] - state["last_t"]
            word |= (driven >= some) * GONE_DRIVING
            word |= ((driven >= many) & (driven * gap_ms >= lost_ms)) * LASTED_DRIVING
        word = np.where(counts, word, said * SAID)
        before: Ints = np.where(fixed | ~unbroken, 0, state["jam_word"])
        word |= before & (GONE | LASTED) | np.where(driven > 0, before & (GONE_DRIVING | LASTED_DRIVING), 0)
        for row in np.flatnonzero(word != state["jam_word"]).tolist():
            from_ms = float(since[row] if number[row] else reports["t"][row])
            rows.emit(row, NAME, placed_signal(rows, row, int(word[row]), since_ms=from_ms))
        state["jam_word"] = word

    def begins(self, signal: Signal) -> bool:
        return signal.word != 0

    def findings(self, case: Case) -> list[Finding]:
        return episode_findings(case, ANY, case.settings.gnss_join_s, self._finding)

    def _telling(
        self, case: Case, trip: Trip, episode: Episode, near: list[list[set[int]]]
    ) -> _Telling | None:
        """Where the first surprise begins that is said, long, or together with others.

        In a hall nothing else is; who was in one earlier in the episode is in it until it drives.
        """
        least, hall, tunnel, begun = case.settings.neighbours_least - 1, False, False, None
        for signal, others in zip(episode.signals, near, strict=True):
            hall |= in_allowed(trip, signal.place) or in_zones(case, trip.parking_zones, signal.place)
            tunnel |= in_zones(case, trip.dead_zones, signal.place)
            together = not tunnel and any(len(one) >= least for one in others)
            surprise = bool(signal.word & (GONE_DRIVING if hall else GONE | GONE_DRIVING))
            begun = (begun or signal) if surprise or signal.word & SAID else None
            lasted = signal.word & LASTED and (not hall or signal.word & LASTED_DRIVING)
            if begun and (signal.word & SAID or together or lasted):
                return _Telling(begun, together and surprise)
        return None

    def _finding(self, case: Case, episode: Episode) -> Finding | None:
        first, settings = episode.signals[0], case.settings
        at = first.at
        segment = case.segment_at(at.occurred_at_ms)
        if segment is None:
            return None
        near = [[case.others(note) for note in notes_of((signal,))] for signal in episode.signals]
        others = len(max((one for each in near for one in each), key=len, default=set()))
        telling = self._telling(case, segment.trip, episode, near)
        if telling is None:
            return None
        first, at = telling.signal, telling.signal.at
        segment = case.segment_at(at.occurred_at_ms) or segment
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
        told += f", as {others} containers near it" if telling.together else ""
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
                "jam_chance": settings.jam_chance,
                "jam_lost_s": settings.jam_lost_s,
                "neighbours_least": settings.neighbours_least,
            },
            details=details,
            evidence=tuple(signal.at for signal in episode.signals)[:EVIDENCE_KEPT],
        )


def _driven(rows: Rows, moves: Bools) -> Ints:
    """In how many reports devices have driven since they last stood; some reports say neither."""
    driven: Ints = np.minimum(rows.state["jam_m"].astype(np.int64) + moves, WINDOW)
    return np.where((rows.reports["levels"] & AT_REST) != 0, 0, driven)


def notes_of(signals: tuple[Signal, ...], row: int = -1) -> list[Note]:
    """What signals say to the neighbourhood: fixes lost."""
    return [
        Note(
            Kind.FIX_LOST,
            round(signal.numbers["since_ms"]),
            signal.place.latitude_deg,
            signal.place.longitude_deg,
            row,
        )
        for signal in signals
        if signal.word & (GONE | GONE_DRIVING | SAID) and signal.place is not None
    ]


def _age_ms(rows: Rows) -> Floats:
    """How long ago a report may be for the next one to follow on it."""
    interval_s = np.nan_to_num(rows.plan["interval_s"].astype(np.float64), nan=0.0)
    return np.maximum(rows.settings.jam_fix_age_s, INTERVALS * interval_s) * 1000


def _newest(number: Structured) -> Structured:
    """Masks of so many lowest bits, up to 64."""
    whole = np.uint64(0xFFFFFFFFFFFFFFFF)
    return np.where(
        number >= WINDOW, whole, (np.uint64(1) << number.astype(np.uint64) % np.uint64(64)) - np.uint64(1)
    )


def _fixes(seen: Structured, none: Structured) -> Ints:
    """How many of the last reports, up to 64, had a fix."""
    fixes: Ints = seen.astype(np.int64) - np.bitwise_count(none & _newest(seen))
    return fixes


def _needed(
    run: Ints, seen: Structured, none: Structured, settings: AnomalySettings
) -> tuple[Floats, Floats]:
    """How long runs without a fix must be for habit hardly to explain them: half so hardly, and wholly.

    ``seen`` and ``none`` are of the reports before this one: how many of the last 64, and which had no fix.
    A run of `LONGEST` that was no surprise is habit, which the window forgets: infinite.
    """
    earlier = np.maximum(run - 1, 0)
    before = np.maximum(seen.astype(np.int64) - earlier, 0)
    habits = (none >> earlier.astype(np.uint64)) & _newest(before)
    share = (np.bitwise_count(habits) + 1) / (before + 2)
    for most in LATELY:
        lately = np.minimum(before, most)
        of_late = np.bitwise_count(habits & _newest(lately))
        share = np.maximum(share, of_late / np.maximum(lately, 1))
    share = np.clip(share, LEAST_SHARE, MOST_SHARE)
    needed = np.where(run <= LONGEST, np.ceil(np.log(settings.jam_chance) / np.log(share)), np.inf)
    return np.maximum(np.ceil(needed / 2), GONE_REPORTS), np.maximum(needed, settings.jam_reports)
