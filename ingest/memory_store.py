"""The record in memory: a whole `Store` for tests and short demonstrations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingest import names
from ingest.answers import checked_quantity, newest_positions
from ingest.soundness import sift, sift_alerts, sift_days
from ingest.store import WriteReport
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.completeness import DaysQuery, DeviceDay
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.queries import (
    CountQuery,
    Counts,
    LatestQuery,
    Position,
    Sample,
    SealQuery,
    SealRecord,
    SensorQuery,
    TrackQuery,
)
from sealtrail.contract.reading import Reading


def _located(reading: Reading) -> bool:
    return reading.latitude_deg is not None and reading.longitude_deg is not None


def _says_of_seal(reading: Reading) -> bool:
    said = (reading.seal_number, reading.card_id, reading.door_open)
    return reading.seal_state != 0 or reading.seal_events != 0 or any(value is not None for value in said)


def _position(report: Reading, place: Reading | None) -> Position:
    of_fix = place or report
    return Position(
        container_id=report.key,
        device_id=report.device_id,
        occurred_at_ms=report.occurred_at_ms,
        received_at_ms=report.received_at_ms,
        fix_kind=of_fix.fix_kind,
        latitude_deg=place.latitude_deg if place else None,
        longitude_deg=place.longitude_deg if place else None,
        accuracy_m=place.accuracy_m if place else None,
        speed_kmh=place.speed_kmh if place else None,
        course_deg=place.course_deg if place else None,
        seal_state=report.seal_state,
        seal_events=report.seal_events,
        battery_pct=report.battery_pct,
        position_at_ms=place.occurred_at_ms if place else None,
    )


class MemoryStore:
    """A `Store` that forgets at its end. Set ``available`` to False and it doesn't answer."""

    def __init__(self) -> None:
        self.available = True
        self.readings: dict[tuple[str, int, int], Reading] = {}
        self.alerts: dict[str, AlertEvent] = {}
        self.device_days: dict[tuple[int, str], DeviceDay] = {}

    def _check(self) -> None:
        if not self.available:
            raise UnavailableError("the record in memory was made unavailable")

    async def open(self) -> None:
        self._check()

    async def close(self) -> None:
        """Nothing to end; what was kept stays until the object goes."""

    async def write(self, readings: Sequence[Reading]) -> WriteReport[Reading]:
        self._check()
        sound, refused = sift(readings)
        self.readings.update(((one.key, one.occurred_at_ms, one.reading_id), one) for one in sound)
        return WriteReport(len(sound), refused)

    async def write_alerts(self, events: Sequence[AlertEvent]) -> WriteReport[AlertEvent]:
        self._check()
        sound, refused = sift_alerts(events)
        self.alerts.update((event.event_id, event) for event in sound)
        return WriteReport(len(sound), refused)

    async def write_days(self, days: Sequence[DeviceDay]) -> WriteReport[DeviceDay]:
        self._check()
        sound, refused = sift_days(days)
        self.device_days.update(((day.day_ms, day.device_id), day) for day in sound)
        return WriteReport(len(days) - len(refused), refused)

    def _in_order(self) -> list[Reading]:
        return sorted(
            self.readings.values(),
            key=lambda one: names.point_time_ns(one.occurred_at_ms, one.reading_id),
        )

    def _chosen(self, query: TrackQuery | SensorQuery | SealQuery) -> Iterable[Reading]:
        self._check()
        for reading in self._in_order():
            if (
                reading.key == query.container_id
                and query.since_ms <= reading.occurred_at_ms < query.until_ms
            ):
                yield reading

    async def latest(self, query: LatestQuery) -> list[Position]:
        self._check()
        in_order = self._in_order()
        reports = {reading.key: reading for reading in in_order}
        places = {reading.key: reading for reading in in_order if _located(reading)}
        positions = [_position(report, places.get(key)) for key, report in reports.items()]
        return newest_positions(positions, query.limit)

    async def track(self, query: TrackQuery) -> list[Position]:
        return [_position(one, one) for one in self._chosen(query) if _located(one)][-query.limit :]

    async def sensors(self, query: SensorQuery) -> list[Sample]:
        quantity = checked_quantity(query.quantity)
        samples = [
            Sample(one.occurred_at_ms, getattr(one, quantity), one.device_id)
            for one in self._chosen(query)
            if getattr(one, quantity) is not None
        ]
        return samples[-query.limit :]

    async def seals(self, query: SealQuery) -> list[SealRecord]:
        records = [
            SealRecord(**{name: getattr(one, name) for name in SealRecord.__struct_fields__})
            for one in self._chosen(query)
            if _says_of_seal(one)
        ]
        return records[-query.limit :]

    async def days(self, query: DaysQuery) -> list[DeviceDay]:
        self._check()
        found = [
            day
            for (day_ms, device_id), day in sorted(self.device_days.items())
            if query.since_ms <= day_ms < query.until_ms and query.device_id in (None, device_id)
        ]
        return found[-query.limit :]

    async def counts(self, query: CountQuery) -> Counts:  # noqa: ARG002 - has no parameters yet
        self._check()
        containers: dict[str, set[int]] = {}
        for key, _, reading_id in self.readings:
            containers.setdefault(key, set()).add(reading_id)
        return Counts(
            readings=len({reading_id for _, _, reading_id in self.readings}),
            by_container={key: len(found) for key, found in containers.items()},
        )
