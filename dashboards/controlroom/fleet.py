"""`Fleet`: the newest known state of every container, folded from readings."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sealtrail.contract.queries import Position
from sealtrail.contract.reading import Reading


class Spot(msgspec.Struct, gc=False, kw_only=True):
    """What the map shows of one container.

    Place fields are those of the newest report that had a place
    (``position_at_ms``); the rest is the newest that any report said.
    """

    container_id: str
    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    position_at_ms: int | None = None
    longitude_deg: float | None = None
    latitude_deg: float | None = None
    fix_kind: int = 0
    accuracy_m: float | None = None
    speed_kmh: float | None = None
    course_deg: float | None = None
    seal_state: int = 0
    battery_pct: float | None = None


class Fleet:
    """Absorbs readings in any order, any number of times; the outcome is the same.

    Not more than ``max_containers`` are kept; readings of further ones are
    counted in ``refused`` and otherwise ignored.
    """

    def __init__(self, max_containers: int) -> None:
        self._max = max_containers
        self._spots: dict[str, Spot] = {}
        self._dirty: set[str] = set()
        self.refused = 0

    def __len__(self) -> int:
        return len(self._spots)

    def __contains__(self, container_id: str) -> bool:
        return container_id in self._spots

    def spots(self) -> list[Spot]:
        """All containers, in the order of their first sight."""
        return list(self._spots.values())

    def take_changed(self) -> list[Spot]:
        """Containers that changed since the last call."""
        changed = [self._spots[key] for key in self._dirty]
        self._dirty.clear()
        return changed

    def absorb(self, readings: Iterable[Reading]) -> None:
        """Fold a batch from the log in."""
        spots, mark = self._spots, self._dirty.add
        for reading in readings:
            key = reading.container_id or reading.device_id
            spot = spots.get(key)
            occurred_at_ms = reading.occurred_at_ms
            if spot is None:
                spot = self._new(key, reading.device_id, occurred_at_ms, reading.received_at_ms)
                if spot is None:
                    continue
                _take_report(spot, reading)
            elif occurred_at_ms > spot.occurred_at_ms:
                _take_report(spot, reading)
            if reading.latitude_deg is not None and reading.longitude_deg is not None:
                _take_place(spot, reading, occurred_at_ms)
            mark(key)

    def absorb_latest(self, positions: Iterable[Position]) -> None:
        """Fold the record's answer in; what the log has said since then stays."""
        for position in positions:
            key = position.container_id
            spot = self._spots.get(key)
            if spot is None:
                spot = self._new(key, position.device_id, position.occurred_at_ms, position.received_at_ms)
                if spot is None:
                    continue
                _take_report(spot, position)
            elif position.occurred_at_ms > spot.occurred_at_ms:
                _take_report(spot, position)
            if position.latitude_deg is not None and position.longitude_deg is not None:
                _take_place(spot, position, position.position_at_ms or position.occurred_at_ms)
            self._dirty.add(key)

    def _new(self, key: str, device_id: str, occurred_at_ms: int, received_at_ms: int) -> Spot | None:
        if len(self._spots) >= self._max:
            self.refused += 1
            return None
        spot = Spot(
            container_id=key,
            device_id=device_id,
            occurred_at_ms=occurred_at_ms,
            received_at_ms=received_at_ms,
        )
        self._spots[key] = spot
        return spot


def _take_report(spot: Spot, report: Reading | Position) -> None:
    spot.device_id = report.device_id
    spot.occurred_at_ms = report.occurred_at_ms
    spot.received_at_ms = report.received_at_ms
    # A truck tracker knows nothing of the seal: its silence must not wipe out what the seal said.
    if report.seal_state:
        spot.seal_state = report.seal_state
    if report.battery_pct is not None:
        spot.battery_pct = report.battery_pct


def _take_place(spot: Spot, report: Reading | Position, at_ms: int) -> None:
    if spot.position_at_ms is not None and at_ms <= spot.position_at_ms:
        return
    spot.position_at_ms = at_ms
    spot.longitude_deg = report.longitude_deg
    spot.latitude_deg = report.latitude_deg
    spot.fix_kind = report.fix_kind
    spot.accuracy_m = report.accuracy_m
    spot.speed_kmh = report.speed_kmh
    spot.course_deg = report.course_deg
