"""POSITION_IMPLAUSIBLE: a position that can't be true. Data quality, logged once per episode.

What: (a) a *jump*: further from the place held for true than the time between
allows at ``max_speed_m_s``, both fixes' uncertainty allowed for; (b) *zero
island*, within ``zero_island_deg`` of 0 N 0 E; (c) *frozen*: a satellite fix
that repeats the place held for true to the last digit, while the device's own
speed, at least ``frozen_speed_kmh``, says that it has come ``frozen_m`` or more
since: the speed in this report, or for one repetition that in the fix repeated
(a parked device repeats its place rightly: its speed is nil); (d) *future time*:
the device's clock was ahead, so the report is judged at its receipt.

When: at the first such report after a plausible one; the episode lasts until
the next plausible one. A jump, zero or frozen fix is never used by the other
rules and never places an alert. A future time is only said: its fix is used.

Never locked out: fixes that contradict the place held for true but agree with
each other are a second hypothesis, and after ``reacquire_fixes`` of them in a
row it is the truth (Traccar's filter and a plain innovation gate reject for
ever). The signal that ends an episode says whether the device was believed to
be elsewhere from then on (``moved``) or came back. A fix so coarse that the
place held for true says more (a cell id a minute after a satellite fix) is
plausible but moves nothing.

Settings: max_speed_m_s, time_slack_s, uncertainty_factor, reacquire_fixes,
zero_island_deg, frozen_speed_kmh, frozen_m. Source: ../shared/DETECTION.md 5.6
items 5-8; equivalents: none.
"""

from __future__ import annotations

import numpy as np

from anomaly.reports import COLUMN, HOME, IMPLAUSIBLE, MATTERS, NO_PLACE, NOTHING, PLAUSIBLE, Sighting
from anomaly.rows import put, take
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Finding, Rows, Signal, severity_under
from anomaly.sphere import Bools, Floats, Ints, Structured, distance_m
from anomaly.words import device_on, distance, moment
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind, Flag
from sealtrail.runtime.settings.anomaly import AnomalySettings

NAME = "position_implausible"
OK, JUMP, ZERO, FUTURE, FROZEN = 0, 1, 2, 3, 4
WORDS = {JUMP: "jump", ZERO: "zero_island", FUTURE: "future_time", FROZEN: "frozen"}


class PositionImplausible:
    """Keeps the place held for true (``pos_*``) and a second hypothesis (``alt_*``)."""

    name = NAME
    version = 3
    types = (AlertType.POSITION_IMPLAUSIBLE,)
    state = (
        ("pos_known", "u1"),
        ("pos_t", "i8"),
        ("pos_v", ("f8", 3)),
        ("pos_lat", "i4"),
        ("pos_lon", "i4"),
        ("pos_unc", "f4"),
        ("pos_kmh", "f2"),  # the device's own speed there
        ("alt_t", "i8"),
        ("alt_v", ("f8", 3)),
        ("alt_unc", "f4"),
        ("alt_n", "u2"),
        ("pos_episode", "u1"),
    )

    only_while = (("alt_n", ("alt_t", "alt_v", "alt_unc")),)

    def step(self, rows: Rows) -> None:
        state, reports, settings = rows.state, rows.reports, rows.settings
        fixes = reports["quality"] != NO_PLACE
        wavering = state["alt_n"] != 0
        limit = settings.zero_island_deg * 1e7
        zero = fixes & (np.abs(reports["lat"]) <= limit) & (np.abs(reports["lon"]) <= limit)
        away = distance_m(state["pos_v"], rows.vectors)
        allowed = _reach(rows, state["pos_t"], state["pos_unc"])
        near = (state["pos_known"] == 0) | (away <= allowed)
        frozen = _frozen(rows, fixes & ~zero)
        accepted = fixes & ~zero & ~frozen & near
        elsewhere = self._nearer_to_second(rows, accepted & wavering, away)
        jumped = fixes & ~zero & ~near
        if jumped.any():
            accepted |= self._second_hypothesis(rows, jumped)
            elsewhere |= jumped & accepted
            jumped &= ~accepted
        reports["quality"][jumped | zero | frozen] = IMPLAUSIBLE
        reports["quality"][accepted] = PLAUSIBLE
        self._speak(rows, (jumped, zero, frozen), accepted, away, elsewhere)
        moved = self._move(rows, accepted, near)
        future = (reports["flags"] & Flag.CLOCK_FUTURE) != 0
        reports["mark"] = HOME
        if future.any() or not moved.all():
            matters = jumped | frozen | (accepted & wavering) | future
            reports["mark"] = np.where(moved & ~future, HOME, np.where(matters, MATTERS, NOTHING))

    def _nearer_to_second(self, rows: Rows, either: Bools, away: Floats) -> Bools:
        """Of fixes that may be true, those that the second hypothesis explains at a lower speed."""
        nearer = np.zeros(len(either), bool)
        index = np.flatnonzero(either)
        if index.size:
            state, slack_s = rows.state, rows.settings.time_slack_s
            since_s = (rows.reports["t"][index] - state["pos_t"][index]) / 1000 + slack_s
            second_s = (rows.reports["t"][index] - state["alt_t"][index]) / 1000 + slack_s
            second = distance_m(state["alt_v"][index], rows.vectors[index])
            nearer[index] = second * since_s < away[index] * second_s
        return nearer

    def _second_hypothesis(self, rows: Rows, jumped: Bools) -> Bools:
        """Count fixes that agree with each other; those that complete the count are accepted."""
        state, reports = rows.state, rows.reports
        index = np.flatnonzero(jumped)
        part = take(state, index)
        away = distance_m(part["alt_v"], rows.vectors[index])
        reach = _reach(rows, state["alt_t"], state["alt_unc"])[index]
        agrees = (part["alt_n"] > 0) & (away <= reach)
        part["alt_n"] = np.where(agrees, part["alt_n"] + 1, 1)
        part["alt_t"], part["alt_unc"] = reports["t"][index], reports["unc"][index]
        part["alt_v"] = rows.vectors[index]
        put(state, index, part)
        switched = np.zeros(len(state), bool)
        switched[index] = part["alt_n"] >= rows.settings.reacquire_fixes
        return switched

    def _move(self, rows: Rows, accepted: Bools, near: Bools) -> Bools:
        """Accepted fixes become the place held for true, unless it says more than they do; which did."""
        state, reports = rows.state, rows.reports
        grown = state["pos_unc"] + rows.settings.max_speed_m_s * (reports["t"] - state["pos_t"]) / 1000
        better = (state["pos_known"] == 0) | ~near | (reports["unc"] <= grown)
        moved: Bools = accepted & better
        state["pos_known"] |= moved.astype(np.uint8)
        for column, value in (("t", reports["t"]), ("lat", reports["lat"]), ("lon", reports["lon"])):
            state["pos_" + column] = np.where(moved, value, state["pos_" + column])
        state["pos_unc"] = np.where(moved, reports["unc"], state["pos_unc"])
        state["pos_kmh"] = np.where(moved, _speed_kmh(reports), state["pos_kmh"])
        state["pos_v"] = np.where(moved[:, None], rows.vectors, state["pos_v"])
        state["alt_n"] = np.where(accepted, 0, state["alt_n"])
        return moved

    def _speak(
        self, rows: Rows, wrong: tuple[Bools, Bools, Bools], accepted: Bools, away: Floats, elsewhere: Bools
    ) -> None:
        """Signals at the beginning and the end of episodes; ``wrong``: jumped, zero, frozen."""
        state, (jumped, zero, frozen) = rows.state, wrong
        future = (rows.reports["flags"] & Flag.CLOCK_FUTURE) != 0
        now = np.where(zero, ZERO, np.where(jumped, JUMP, np.where(future, FUTURE, OK)))
        now = np.where(frozen, FROZEN, now)
        silent = ~(jumped | zero | frozen | accepted | future)  # no position: nothing begins or ends
        now = np.where(silent, state["pos_episode"], now)
        changed = now != state["pos_episode"]
        for row in np.flatnonzero(changed):
            code = int(now[row])
            numbers = {"moved": 1.0} if code == OK and elsewhere[row] else {}
            if code == JUMP:
                seconds = max(0.0, float(rows.reports["t"][row] - state["pos_t"][row]) / 1000)
                numbers = {"distance_m": float(round(float(away[row]))), "after_s": float(round(seconds))}
            rows.emit(int(row), NAME, Signal(code, rows.sighting_of(int(row)), numbers=numbers))
        state["pos_episode"] = now

    def seed(self, state: Structured, marks: Ints) -> None:
        """Nothing: a fix that is held for true says all."""

    def pass_over(self, state: Structured, hidden: Ints, settings: AnomalySettings) -> None:
        """Fixes held for true came between: fixes that contradict them begin anew."""
        del settings
        state["alt_n"] = np.where(hidden != 0, 0, state["alt_n"])

    def begins(self, signal: Signal) -> bool:
        del signal
        return True  # each episode stands alone

    def findings(self, case: Case) -> list[Finding]:
        found: list[Finding] = []
        for track in case.tracks:
            for index, signal in enumerate(track.signals):
                if signal.code != OK:
                    following = track.signals[index + 1 : index + 2]
                    until = following[0].at.occurred_at_ms if following else None
                    found.append(self._finding(case, track.lane, signal, until))
        return found

    def _finding(self, case: Case, lane: int, signal: Signal, until_ms: int | None) -> Finding:
        settings, at = case.settings, signal.at
        segment = case.segment_at(at.occurred_at_ms)
        trip_id = segment.trip.trip_id if segment else ""
        severity = severity_under(segment, AlertType.POSITION_IMPLAUSIBLE)
        return Finding(
            type=AlertType.POSITION_IMPLAUSIBLE,
            rule=NAME,
            rule_version=self.version,
            scope=trip_id or case.key,
            trip_id=trip_id,
            lane=lane,
            start=at,
            shown_by=at,
            severity=severity,
            sentence=_sentence(case, signal),
            logged=True,
            group=f"{at.device_id}/{signal.code}",
            until_ms=until_ms,
            settings={
                "max_speed_m_s": settings.max_speed_m_s,
                "time_slack_s": settings.time_slack_s,
                "uncertainty_factor": settings.uncertainty_factor,
                "reacquire_fixes": settings.reacquire_fixes,
                "frozen_speed_kmh": settings.frozen_speed_kmh,
                "frozen_m": settings.frozen_m,
            },
            details={"why": WORDS[signal.code], **signal.numbers},
            evidence=(at,)[:EVIDENCE_KEPT],
        )


def _reach(rows: Rows, since_ms: Floats, uncertainty_m: Floats) -> Floats:
    """How far from a place of an earlier time each report may be."""
    settings = rows.settings
    seconds = np.maximum((rows.reports["t"] - since_ms) / 1000, 0) + settings.time_slack_s
    slack = settings.uncertainty_factor * (rows.reports["unc"] + uncertainty_m)
    reach: Floats = settings.max_speed_m_s * seconds + slack
    return reach


def _frozen(rows: Rows, fixes: Bools) -> Bools:
    """Fixes that repeat the place held for true though their device says that it moves."""
    state, reports, settings = rows.state, rows.reports, rows.settings
    same: Bools = fixes & (state["pos_known"] != 0) & (reports["kind"] == FixKind.GNSS)
    same &= (reports["lat"] == state["pos_lat"]) & (reports["lon"] == state["pos_lon"])
    if same.any():
        speed_kmh = np.maximum(_speed_kmh(reports), state["pos_kmh"]).astype(np.float64)
        come_m = speed_kmh / 3.6 * (reports["t"] - state["pos_t"]) / 1000
        same &= (speed_kmh >= settings.frozen_speed_kmh) & (come_m >= settings.frozen_m)
        state["pos_kmh"] = np.where(same, 0, state["pos_kmh"])  # repeated at rest once more it is believed
    return same


def _speed_kmh(reports: Structured) -> Floats:
    """The devices' own speed; 0 where they say none."""
    speed: Floats = np.fmax(reports["values"][:, COLUMN["speed_kmh"]], 0)
    return speed


def _sentence(case: Case, signal: Signal) -> str:
    at: Sighting = signal.at
    who, when = device_on(at.device_id, case.key), moment(at.occurred_at_ms)
    if signal.code == ZERO:
        return f"{who} reported the position 0 N 0 E {when}; it is not used."
    if signal.code == FUTURE:
        return f"{who} reported a time in the future; the report counts as of its receipt {when}."
    if signal.code == FROZEN:
        return f"{who} reported exactly the place of its last report {when} while moving; it is not used."
    far, seconds = signal.numbers["distance_m"], signal.numbers["after_s"]
    return (
        f"{who} reported a position {when} that is {distance(far)} from where it was "
        f"{seconds:.0f} s before; it is not used."
    )
