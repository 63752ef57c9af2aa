"""SENSOR_EXCURSION: temperature, humidity or another quantity outside of the cargo's profile for long enough.

What: a value beyond the least or greatest of one of the trip's ``cargo_limits``,
for at least the limit's own time. Missing values and NaN say nothing: an
excursion goes on over them. Excursions within ``excursion_join_s`` of each other
are one. Shocks are no excursions (shock.py).

When: once a value shows that it has lasted; it began at the first value
outside, and ends with the first inside. A single value outside is one only
where the limit allows none at all (``lasting_s`` 0).

Severity: medium, or the trip's own. Settings: excursion_join_s. Source:
../shared/ALERTS.md. Equivalents: DCSA reefer.
"""

from __future__ import annotations

import numpy as np

from anomaly.custody import FOREVER_MS, Segment
from anomaly.reports import COLUMN
from anomaly.rules.levels import Episode, episodes, follow
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Cleared, Finding, Rows, Signal, severity_under
from anomaly.rules.sensor_words import figure, name_of
from anomaly.sphere import Floats
from anomaly.words import device_on, lateness, moment, span
from sealtrail.contract.alert import AlertType
from sealtrail.contract.trip import SensorLimit

NAME = "sensor_excursion"
SHOCK = COLUMN["shock_g"]
_BITS = 1 << np.arange(len(COLUMN))


class SensorExcursion:
    """Keeps which quantities of each device are outside."""

    name = NAME
    version = 1
    types = (AlertType.SENSOR_EXCURSION,)
    state = (("excursion_word", "u2"),)

    def step(self, rows: Rows) -> None:
        before = rows.state["excursion_word"].astype(np.int64)
        limited = np.flatnonzero(rows.plan["limits"] >= 0)
        if not limited.size and not before.any():
            return
        word = np.zeros(len(before), np.int64)
        if limited.size:
            limits, profile = rows.plans.limits, rows.plan["limits"][limited]
            values = rows.reports["values"][limited].astype(np.float64)
            outside = (values < limits.least[profile]) | (values > limits.greatest[profile])
            outside[:, SHOCK] = False
            bits = (outside * _BITS).sum(axis=1)
            unknown = (np.isnan(values) * _BITS).sum(axis=1)
            word[limited] = bits | (before[limited] & unknown)
        follow(rows, NAME, "excursion_word", word)

    def begins(self, signal: Signal) -> bool:
        return signal.word != 0

    def findings(self, case: Case) -> list[Finding]:
        join_ms = round(case.settings.excursion_join_s * 1000)
        found: list[Finding | None] = []
        for track in case.tracks:
            bits = track.base
            for signal in track.signals:
                bits |= signal.word
            for quantity, column in COLUMN.items():
                if bits >> column & 1:
                    for episode in episodes(track, 1 << column, join_ms):
                        found.append(self._excursion(case, episode, quantity))  # noqa: PERF401 (readable)
        return [finding for finding in found if finding is not None]

    def _excursion(self, case: Case, episode: Episode, quantity: str) -> Finding | None:
        at = episode.signals[0].at
        segment = case.segment_at(at.occurred_at_ms)
        if segment is None:
            return None
        limit = next((each for each in segment.trip.cargo_limits if each.quantity == quantity), None)
        if limit is None:
            return None
        known_ms, worst = _known(case, episode, limit)
        lasting_ms = round(limit.lasting_s * 1000)
        if known_ms - at.occurred_at_ms < lasting_ms:
            if episode.ended is None:
                case.wake(max(case.now_ms + 1, at.occurred_at_ms + lasting_ms))
            return None
        return self._finding(case, episode, segment, limit, worst)

    def _finding(
        self, case: Case, episode: Episode, segment: Segment, limit: SensorLimit, worst: float | None
    ) -> Finding:
        at, ended, quantity = episode.signals[0].at, episode.ended, limit.quantity
        who, what = device_on(at.device_id, case.key), name_of(quantity)
        late = lateness(at.occurred_at_ms, at.received_at_ms, case.settings.late_after_s)
        allowed = _allowed(limit)
        reached = f", {figure(quantity, worst)} at the worst" if worst is not None else ""
        cleared = None
        if ended is not None:
            lasted = span(ended.at.occurred_at_ms - at.occurred_at_ms)
            when = moment(ended.at.occurred_at_ms)
            said = f"The {what} of {who} is within its limits again {when}, after {lasted}."
            cleared = Cleared(ended.at, ended.at.occurred_at_ms, said)
        place = episode.signals[0].place
        return Finding(
            type=AlertType.SENSOR_EXCURSION,
            rule=NAME,
            rule_version=self.version,
            scope=f"{segment.trip.trip_id}/{quantity}",
            trip_id=segment.trip.trip_id,
            lane=episode.track.lane,
            start=at,
            shown_by=at,
            severity=severity_under(segment, AlertType.SENSOR_EXCURSION),
            sentence=f"The {what} of {who} left its limits ({allowed}) {moment(at.occurred_at_ms)}"
            f"{reached}{late}.",
            group=f"{at.device_id}/{quantity}",
            until_ms=None if ended is None else ended.at.occurred_at_ms,
            cleared=cleared,
            place=place,
            place_is_last_known=place is not None and place.at_ms != at.occurred_at_ms,
            settings={"excursion_join_s": case.settings.excursion_join_s},
            details={
                "quantity": quantity,
                "least": limit.least,
                "greatest": limit.greatest,
                "lasting_s": limit.lasting_s,
                "worst": worst,
            },
            evidence=tuple(signal.at for signal in episode.signals)[:EVIDENCE_KEPT],
        )


def _known(case: Case, episode: Episode, limit: SensorLimit) -> tuple[int, float | None]:
    """Up to when values are known to have been outside, and the one furthest out.

    Written down in the first signal, since the history that shows it moves on.
    """
    first, column = episode.signals[0], COLUMN[limit.quantity]
    numbers = first.numbers
    history = case.history(episode.track.lane)
    values = history["values"][:, column].astype(np.float64)
    ended_ms = FOREVER_MS if episode.ended is None else episode.ended.at.occurred_at_ms
    over = _beyond(values, limit)
    outside = (history["t"] >= first.at.occurred_at_ms) & (history["t"] < ended_ms) & (over > 0)
    known_ms, furthest = f"known_ms_{column}", f"furthest_{column}"
    if outside.any():
        last_ms = float(history["t"][outside].max())
        numbers[known_ms] = max(numbers.get(known_ms, 0.0), last_ms)
        worst = float(values[outside][int(np.argmax(over[outside]))])
        before = numbers.get(furthest)
        if before is None or _beyond(np.array([before]), limit)[0] < _beyond(np.array([worst]), limit)[0]:
            numbers[furthest] = round(worst, 2)
    shown_ms = max(numbers.get(known_ms, 0.0), episode.signals[-1].at.occurred_at_ms)
    return round(shown_ms), numbers.get(furthest)


def _beyond(values: Floats, limit: SensorLimit) -> Floats:
    """How far outside values are; 0 or less inside, and for NaN."""
    beyond = np.full(len(values), -np.inf)
    if limit.greatest is not None:
        beyond = np.fmax(beyond, values - limit.greatest)
    if limit.least is not None:
        beyond = np.fmax(beyond, limit.least - values)
    return beyond


def _allowed(limit: SensorLimit) -> str:
    """``2 °C to 8 °C``, ``at most 8 °C``, ``at least 2 °C``."""
    if limit.least is None:
        return f"at most {figure(limit.quantity, limit.greatest or 0.0)}"
    if limit.greatest is None:
        return f"at least {figure(limit.quantity, limit.least)}"
    return f"{figure(limit.quantity, limit.least)} to {figure(limit.quantity, limit.greatest)}"
