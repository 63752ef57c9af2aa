"""Trivial detectors to be better than, run over the same readings.

* *every opening*: an alarm whenever a seal or a door says that it is open, cut
  or tampered with and hadn't said so before;
* *fence*: any position further than ``FENCE_M`` from the corridor's line;
* *speed limit*: two positions in a row that are further apart than
  ``LIMIT_M_S`` allows;
* *k-sigma*: temperature or humidity ``K`` standard deviations from the mean of
  all values of the device so far, of which there are ``LEAST`` at least.

Alarms of one device within ``QUIET_MS`` of the one before are that one. They
are matched to truths as alerts are (`matching.match`), any type of the group
counting as shown.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable

import msgspec
import numpy as np

from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind, Reading, SealEvent, SealState
from sealtrail.contract.trip import Trip
from sealtrail.evaluation.figures import Delay, Figures, figures
from sealtrail.evaluation.matching import match
from sealtrail.evaluation.told import Told
from simulators.evaluation.truth import Scripted
from simulators.evaluation.ways import Floats, apart_m, line_off_m, unit_vectors

FENCE_M, LIMIT_M_S, K, LEAST = 5_000.0, 40.0, 4.0, 20
QUIET_MS = 3_600_000
OPENING = int(SealEvent.CUT | SealEvent.OPENED | SealEvent.TAMPERED | SealEvent.DOOR_OPENED)
OPEN_STATES = frozenset({int(SealState.UNLOCKED), int(SealState.OPEN), int(SealState.CUT)})
GROUPS: dict[str, tuple[AlertType, ...]] = {
    "every opening": (
        AlertType.SEAL_CUT, AlertType.SEAL_OPENED, AlertType.SEAL_TAMPER, AlertType.DOOR_OPENED,
    ),
    "fence": (AlertType.ROUTE_DEVIATION,),
    "speed limit": (AlertType.POSITION_IMPLAUSIBLE, AlertType.GNSS_SPOOFING),
    "k-sigma": (AlertType.SENSOR_EXCURSION, AlertType.SENSOR_ANOMALY),
}  # fmt: skip
"""What each baseline is to find."""

_WIDTH = 6  # occurred, received, latitude, longitude, temperature, humidity


class Compared(msgspec.Struct, frozen=True):
    """A baseline, and the judgement on the same types."""

    baseline: Figures
    judgement: Figures


class Baselines:
    """Collects what the trivial detectors need, and lets them judge it in the end."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], array[float]] = defaultdict(lambda: array("d"))
        self._open: dict[str, bool] = {}
        self._openings: list[tuple[str, str, int, int]] = []
        self._trips: dict[str, list[Trip]] = defaultdict(list)

    def plan(self, trip: Trip) -> None:
        self._trips[trip.container_id].append(trip)

    def take(self, readings: Iterable[Reading]) -> None:
        """In order of receipt."""
        nan = float("nan")
        for each in readings:
            placed = each.fix_kind in {FixKind.GNSS, FixKind.CELL} and each.latitude_deg is not None
            self._rows[each.container_id or each.device_id, each.device_id].extend((
                each.occurred_at_ms,
                each.received_at_ms,
                each.latitude_deg if placed and each.latitude_deg is not None else nan,
                each.longitude_deg if placed and each.longitude_deg is not None else nan,
                nan if each.temperature_c is None else each.temperature_c,
                nan if each.humidity_pct is None else each.humidity_pct,
            ))  # fmt: skip
            opened = bool(each.seal_events & OPENING or each.seal_state in OPEN_STATES or each.door_open)
            if opened and not self._open.get(each.device_id, False):
                key = each.container_id or each.device_id
                self._openings.append((key, each.device_id, each.occurred_at_ms, each.received_at_ms))
            self._open[each.device_id] = opened

    def alarms(self) -> dict[str, list[tuple[str, str, int, int]]]:
        """By baseline: (container, device, occurred, received) of each alarm."""
        found: dict[str, list[tuple[str, str, int, int]]] = {name: [] for name in GROUPS}
        found["every opening"] = list(self._openings)
        for (container, device), values in self._rows.items():
            rows = np.frombuffer(values, np.float64).reshape(-1, _WIDTH)
            flags = {
                "fence": self._fence(container, rows),
                "speed limit": _speed(rows),
                "k-sigma": _sigma(rows[:, 4]) | _sigma(rows[:, 5]),
            }
            for name, hit in flags.items():
                found[name] += [
                    (container, device, int(row[0]), int(row[1])) for row in rows[np.flatnonzero(hit)]
                ]
        return {name: _episodes(alarms) for name, alarms in found.items()}

    def _fence(self, container: str, rows: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        hit = np.zeros(len(rows), bool)
        for trip in self._trips[container]:
            if trip.corridor is None:
                continue
            until = trip.arrives_at_ms or np.inf
            on = (rows[:, 0] >= (trip.departs_at_ms or 0)) & (rows[:, 0] <= until) & ~np.isnan(rows[:, 2])
            index = np.flatnonzero(on)
            if index.size:
                longitude, latitude = np.array(trip.corridor.coordinates).T
                line = unit_vectors(latitude, longitude)
                hit[index] |= line_off_m(line, rows[index, 2], rows[index, 3]) > FENCE_M
        return hit


def _speed(rows: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    hit = np.zeros(len(rows), bool)
    index = np.flatnonzero(~np.isnan(rows[:, 2]))
    if index.size > 1:
        vectors = unit_vectors(rows[index, 2], rows[index, 3])
        seconds = np.maximum(np.abs(np.diff(rows[index, 0])) / 1000, 1.0)
        hit[index[1:]] = apart_m(vectors[1:], vectors[:-1]) / seconds > LIMIT_M_S
    return hit


def _sigma(values: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    hit = np.zeros(len(values), bool)
    index = np.flatnonzero(~np.isnan(values))
    series = values[index]
    n = np.arange(1, len(series) + 1)
    mean = np.cumsum(series) / n
    spread = np.sqrt(np.maximum(np.cumsum(series**2) / n - mean**2, 1e-6))
    if len(series) > LEAST:
        far = np.abs(series[LEAST:] - mean[LEAST - 1 : -1]) > K * spread[LEAST - 1 : -1]
        hit[index[LEAST:]] = far
    return hit


def _episodes(alarms: list[tuple[str, str, int, int]]) -> list[tuple[str, str, int, int]]:
    kept: list[tuple[str, str, int, int]] = []
    last: dict[tuple[str, str], int] = {}
    for container, device, occurred_ms, received_ms in sorted(alarms, key=lambda each: each[2]):
        if occurred_ms - last.get((container, device), -QUIET_MS - 1) > QUIET_MS:
            kept.append((container, device, occurred_ms, received_ms))
        last[container, device] = occurred_ms
    return kept


def score(
    name: str, alarms: Iterable[tuple[str, str, int, int]], truths: Iterable[Scripted], container_days: float
) -> Figures:
    """Figures of one baseline on its group, all types of which count as one."""
    types = [kind.value for kind in GROUPS[name]]
    told = [
        Told(f"{name}/{i}", name, container, "", device, occurred_ms, received_ms, "", "")
        for i, (container, device, occurred_ms, received_ms) in enumerate(alarms)
    ]
    renamed = [
        msgspec.structs.replace(
            truth,
            alert_type=name if truth.alert_type in types else None,
            also=(name,) if set(truth.also) & set(types) else (),
        )
        for truth in truths
    ]
    return figures(name, [name], match(renamed, told), _at_once, container_days)


def _at_once(truth: Scripted, alert: Told) -> Delay:
    return Delay(0, max(0.0, (alert.told_ms - truth.complete_received_ms) / 1000), 0.0)


def compare(
    baselines: Baselines, truths: list[Scripted], judged: dict[str, Figures], container_days: float
) -> list[Compared]:
    """Every baseline beside the judgement's figures on the same types (``judged``, by baseline)."""
    alarms = baselines.alarms()
    return [Compared(score(name, alarms[name], truths, container_days), judged[name]) for name in GROUPS]
