"""SENSOR_ANOMALY: sensor values such as this device, or devices of its family on this lane, never show.

What: of each device on a trip, by two judges. *Its own series*: how improbable each
change from one value to the next is by the changes before it on this trip
(streams/jumps.py); of quantities that belong together (temperature and humidity) the
probabilities multiply, and ``sensor_jump_score`` is what they must come to. Tilt and
the two voltages are judged each by itself; speed, signal, light and shocks not at
all. *A learned model*, where one was accepted before the trip began, for the
device's family and the trip's lane: scores beyond its threshold (docs/models.md).

When: at the ``sensor_confirm_values``-th unusual report of ``sensor_confirm_of`` in a
row; it began at the first of them. So one wild value is nothing. What is unusual
again within ``sensor_quiet_s`` belongs to it, and it ends after so long without.
Quantities beyond the trip's ``cargo_limits`` are left out: sensor_excursion.py says
so already.

A watcher: values are judged on arrival and once, in event-time order; several reports
of one moment count as one. A report older than the newest judged of its device is
passed over, as is one from before its trip was known, or without a clock. A series is
*not ready* for its first thirty values on a trip, and for a value after a silence of
six hours.

Severity: medium, or the trip's own. Settings: sensor_streams, sensor_jump_score,
sensor_confirm_values, sensor_confirm_of, sensor_quiet_s, sensor_forget_s. Source:
../shared/ALERTS.md; ../shared/DETECTION.md 5.5; Fisher 1932 (probabilities multiply).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anomaly.fleet import Fleet
from anomaly.models import features
from anomaly.models.features import FLOORS, PARTS
from anomaly.models.model import Model
from anomaly.reports import CLOCKLESS, COLUMN, NO_PLACE, Sighting
from anomaly.rows import put, take
from anomaly.rules.rule import Case, Finding, Signal
from anomaly.rules.seal_opened import held_spot
from anomaly.rules.sensor_anomaly_words import NAME, findings_of
from anomaly.sensors import Pending
from anomaly.sphere import DEGREE_E7, Bools, Floats, Ints, Structured
from anomaly.streams import jumps
from anomaly.streams.tuning import Tuning
from sealtrail.contract.alert import AlertType
from sealtrail.runtime.settings.anomaly import AnomalySettings

GROUPS = (("temperature_c", "humidity_pct"), ("tilt_deg",), ("battery_v",), ("external_v",))
"""Quantities of which an unusual change of one makes a change of the others more telling."""

QUANTITIES = tuple(quantity for group in GROUPS for quantity in group)
MODEL_GROUP = len(GROUPS)
COLUMNS = [COLUMN[quantity] for quantity in QUANTITIES]
_LEAST = np.array([FLOORS[quantity] for quantity in QUANTITIES])
_MEMBERS = np.array([[quantity in group for group in GROUPS] for quantity in QUANTITIES], np.float64)
_TUNING = Tuning()
SWEEPS = 24
"""What is to be forgotten is looked for so often in the time after which it is."""


class SensorAnomaly:
    """Keeps where each device's series and its model's state are, and what waits to be confirmed."""

    name = NAME
    version = 1
    types = (AlertType.SENSOR_ANOMALY,)
    state = (
        ("sensor_series", "u4", len(QUANTITIES)),  # places in `Sensors.series`; 0: none
        ("sensor_t", "i8"),  # time of the newest report judged
        ("sensor_recv", "i8"),  # when that was received
        ("sensor_trip", "u4"),  # whose values they are; 0: nobody's
        ("sensor_family", "u2"),  # number of the device's family
        ("sensor_model", "u2"),  # number of the trip's model
        ("sensor_place", "u4"),  # in that model's pool
        ("sensor_shelf", "u4"),  # `Sensors.generation` of that answer
        ("sensor_pending", "u1"),  # bits of the groups in `Sensors.pending`
    )

    def arrived(self, fleet: Fleet, lanes: Ints, reports: Structured) -> None:
        values = reports["values"][:, COLUMNS].astype(np.float64)
        worth = np.full(len(lanes), bool(fleet.sensors.generation))
        if fleet.settings.sensor_streams:
            worth |= ~np.isnan(values).all(axis=1)
        if not worth.any():
            return
        plans = fleet.plans_at(lanes, reports["t"])
        worth &= plans["watched"] & ((reports["flags"] & CLOCKLESS) == 0)
        rows = np.flatnonzero(worth)
        if not rows.size:
            return
        rows = rows[np.argsort(lanes[rows], kind="stable")]
        of = lanes[rows]
        begins = np.flatnonzero(np.concatenate(([True], of[1:] != of[:-1])))
        nth = np.arange(len(of)) - np.repeat(begins, np.diff(np.append(begins, len(of))))
        for k in range(int(nth.max()) + 1):
            now = rows[nth == k]
            _Round(fleet, lanes[now], take(reports, now), values[now], plans["trip"][now]).judge()

    def sweep(self, fleet: Fleet) -> None:
        """Forget devices that are not heard of; they begin afresh whether or not this has run."""
        forget_ms = _forget_ms(fleet.settings)
        if not fleet.sensors.is_due(fleet.now_ms, forget_ms // SWEEPS):
            return
        watch = fleet.lanes.watch[: fleet.size]
        idle = np.flatnonzero((watch["sensor_trip"] != 0) & (fleet.now_ms - watch["sensor_recv"] > forget_ms))
        if idle.size:
            mine = take(watch, idle)
            _forget(fleet, idle, mine)
            put(watch, idle, mine)

    def begins(self, signal: Signal) -> bool:
        del signal
        return True

    def findings(self, case: Case) -> list[Finding]:
        return findings_of(case, self.version)


def _forget_ms(settings: AnomalySettings) -> int:
    return round(settings.sensor_forget_s * 1000)


def _forget(fleet: Fleet, lanes: Ints, mine: Structured) -> None:
    """Give back all that these lanes have; ``mine``, their columns, is written in place."""
    sensors = fleet.sensors
    sensors.release(mine["sensor_series"].ravel(), mine["sensor_model"], mine["sensor_place"])
    for lane in lanes[mine["sensor_pending"] != 0].tolist():
        for group in range(MODEL_GROUP + 1):
            sensors.pending.pop((lane, group), None)
    for name in ("series", "trip", "model", "place", "shelf", "pending"):
        mine[f"sensor_{name}"] = 0


class _Round:
    """One report of each of different lanes, not older than what was judged of them."""

    def __init__(self, fleet: Fleet, lanes: Ints, reports: Structured, values: Floats, trips: Ints) -> None:
        mine = take(fleet.lanes.watch, lanes)
        newer = reports["t"] >= mine["sensor_t"]
        if not newer.all():
            lanes, reports, values, trips = lanes[newer], take(reports, newer), values[newer], trips[newer]
            mine = take(mine, newer)
        self.fleet, self.sensors, self.settings = fleet, fleet.sensors, fleet.settings
        self.lanes, self.reports, self.values, self.trips, self.mine = lanes, reports, values, trips, mine

    def judge(self) -> None:
        """Learn, score, and say what is confirmed."""
        mine, reports = self.mine, self.reports
        if not len(mine):
            return
        away_ms = reports["recv"] - mine["sensor_recv"]
        afresh = (mine["sensor_trip"] != self.trips) | (away_ms > _forget_ms(self.settings))
        if afresh.any():
            begun = take(mine, afresh)
            _forget(self.fleet, self.lanes[afresh], begun)
            put(mine, afresh, begun)
            mine["sensor_trip"] = self.trips
        mine["sensor_t"], mine["sensor_recv"] = reports["t"], reports["recv"]
        self._ask_for_models()
        if self.settings.sensor_streams:
            self._by_own_past()
        for number in sorted(set(mine["sensor_model"].tolist())):
            if number:
                self._by_model(number, np.flatnonzero(mine["sensor_model"] == number))
        put(self.fleet.lanes.watch, self.lanes, mine)

    # -- by the series' own past --------------------------------------------------

    def _by_own_past(self) -> None:
        pool, t_ms = self.sensors.series, self.reports["t"]
        row, column = np.nonzero(~np.isnan(self.values))
        places = self.mine["sensor_series"][row, column].astype(np.int64)
        new = places == 0
        if new.any():
            places[new] = pool.give(int(new.sum()))
            self.mine["sensor_series"][row[new], column[new]] = places[new]
        state = take(pool.rows, places)
        first = state["t"] < t_ms[row]  # some devices send one moment's values in several reports
        if not first.all():
            row, column, places, state = row[first], column[first], places[first], take(state, first)
        jumps.step(state, self.values[row, column], t_ms[row], _TUNING, _LEAST[column])
        put(pool.rows, places, state)
        worth = (self.mine["sensor_pending"] != 0) & (self.mine["sensor_pending"] != 1 << MODEL_GROUP)
        worth[row[state["score"] > 0]] = True
        rows = np.flatnonzero(worth)
        if rows.size:
            self._together(rows)

    def _together(self, rows: Ints) -> None:
        """Join what quantities that belong together show at one moment."""
        places = self.mine["sensor_series"][rows].astype(np.int64)
        series = take(self.sensors.series.rows, places)
        now = (places > 0) & (series["t"] == self.reports["t"][rows][:, None])
        scores = np.where(now, series["score"], 0.0)
        told = now @ _MEMBERS > 0
        hit = np.zeros((len(self.mine), MODEL_GROUP), bool)
        hit[rows] = scores @ _MEMBERS >= self.settings.sensor_jump_score
        at = {row: i for i, row in enumerate(rows.tolist())}
        for group in range(MODEL_GROUP):
            of = [QUANTITIES.index(quantity) for quantity in GROUPS[group]]

            def numbers(row: int, of: list[int] = of) -> dict[str, float]:
                i = at[row]
                return {
                    f"{name}_{COLUMNS[j]}": float(series[name][i, j])
                    for j in of
                    if scores[i, j] > 0
                    for name in ("value", "usual", "spread", "score")
                }

            self._follow(group, rows[told[:, group]], hit[:, group], numbers)

    # -- by a model ---------------------------------------------------------------

    def _ask_for_models(self) -> None:
        """Find the model of each device whose trip is new, or that was answered before the last decision."""
        sensors, mine = self.sensors, self.mine
        for i in np.flatnonzero(mine["sensor_shelf"] != sensors.generation).tolist():
            lane, at_ms = int(self.lanes[i]), int(self.reports["t"][i])
            custody = self.fleet.containers.files[int(self.fleet.lanes.container[lane])].custody
            segment = None if custody is None else custody.segment_at(at_ms)
            number = 0
            if custody is not None and segment is not None:
                trip = segment.trip
                began_ms = min(each.from_ms for each in custody.segments if each.trip.trip_id == trip.trip_id)
                number = sensors.model_for(int(mine["sensor_family"][i]), trip.lane, began_ms)
            if number != mine["sensor_model"][i]:
                none = np.zeros(1, np.int64)
                sensors.release(none, mine["sensor_model"][i : i + 1], mine["sensor_place"][i : i + 1])
                sensors.pending.pop((lane, MODEL_GROUP), None)
                mine["sensor_pending"][i] &= ~np.uint8(1 << MODEL_GROUP)
                mine["sensor_place"][i] = sensors.models[number][1].give(1)[0] if number else 0
                mine["sensor_model"][i] = number
            mine["sensor_shelf"][i] = sensors.generation

    def _by_model(self, number: int, rows: Ints) -> None:
        model, pool = self.sensors.models[number]
        places, reports = self.mine["sensor_place"][rows], take(self.reports, rows)
        kept, t_ms = take(pool.rows, places), reports["t"]
        same = kept["after"]["at_ms"] == t_ms  # a moment's further report: judge the moment again with it
        kept["before"] = np.where(same, kept["before"], kept["after"])
        values = reports["values"][:, model.layout.columns].astype(np.float64)
        values = np.where(same[:, None] & np.isnan(values), kept["values"], values)
        longitude = np.where(reports["quality"] == NO_PLACE, np.nan, reports["lon"] / DEGREE_E7)
        longitude = np.where(same & np.isnan(longitude), kept["after"]["lon"], longitude)
        kept["after"], found = features.step(kept["before"], values, t_ms, longitude, model.layout)
        kept["values"] = values
        put(pool.rows, places, kept)
        scores = model.score(found)
        ready, hit = np.zeros(len(self.mine), bool), np.zeros(len(self.mine), bool)
        ready[rows], hit[rows] = ~np.isnan(scores), model.alarming(scores)
        at = {int(row): i for i, row in enumerate(rows.tolist()) if hit[row]}

        def numbers(row: int) -> dict[str, float]:
            i = at[row]
            return {"model": float(number), **_strangest(model, found[i], float(scores[i]))}

        self._follow(MODEL_GROUP, np.flatnonzero(ready), hit, numbers)

    # -- what is confirmed ----------------------------------------------------------

    def _follow(
        self, group: int, ready: Ints, hit: Bools, numbers: Callable[[int], dict[str, float]]
    ) -> None:
        """Count unusual reports among the newest ones with a score; few rows have any."""
        bit, settings = 1 << group, self.settings
        waiting = (self.mine["sensor_pending"][ready] & bit) != 0
        for row in ready[hit[ready] | waiting].tolist():
            lane = int(self.lanes[row])
            at = self.fleet.sighting(lane, self.reports[row])
            pending = self.sensors.pending.get((lane, group))
            if pending is None:
                pending = self.sensors.pending[lane, group] = Pending(at, numbers(row))
            window = (1 << settings.sensor_confirm_of) - 1
            if pending.at_ms != at.occurred_at_ms:
                pending.bits = pending.bits << 1 & window
            pending.bits |= int(hit[row])
            pending.at_ms = at.occurred_at_ms
            if not pending.bits:
                del self.sensors.pending[lane, group]
                self.mine["sensor_pending"][row] &= ~np.uint8(bit)
                continue
            self.mine["sensor_pending"][row] |= bit
            if not pending.told and pending.bits.bit_count() >= settings.sensor_confirm_values:
                pending.told = True
                self._say(lane, at, pending)

    def _say(self, lane: int, at: Sighting, pending: Pending) -> None:
        place = held_spot(self.fleet.lanes.live[lane])
        signal = Signal(0, at, place=place, first=pending.first, numbers=pending.numbers)
        self.fleet.emit(lane, NAME, signal)


def _strangest(model: Model, found: Floats, score: float) -> dict[str, float]:
    """What a model has to say of one report's features."""
    numbers = {
        "score": score,
        "threshold": model.threshold,
        "probability": float(model.tail.probability(np.array([score]))[0]),
    }
    name, sigmas = model.strangest(found)
    place = model.layout.names.index(name)
    numbers |= {"sigmas": sigmas, "feature": float(found[place]), "feature_usual": float(model.centre[place])}
    channel, dot, part = name.partition(".")
    if channel in COLUMN:
        numbers |= {"column": float(COLUMN[channel]), "part": float(PARTS.index(dot + part))}
        value = found[model.layout.names.index(channel)]
        numbers["value"] = float(np.expm1(value)) if channel in features.LOGARITHMIC else float(value)
    return numbers
