"""Past reports for models: from files, or asked of the record, as readings with sensor values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from sealtrail.commands.judge import read_readings
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.queries import LatestQuery, Position, QueryRefusal, Sample, SensorQuery, TrackQuery
from sealtrail.contract.reading import SENSOR_FIELDS, FixKind, Reading, reading_id_of
from sealtrail.contract.subjects import RECORD_REQUEST
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log

PART_ROWS = 20_000
MOST_READINGS = 1_000_000
"""What is read at most: a few hundred bytes each."""


class Journey(NamedTuple):
    """A container between two times, the end not included."""

    container_id: str
    since_ms: int
    until_ms: int


def from_files(paths: Sequence[Path]) -> list[Reading]:
    """Readings of files as `sealtrail judge` reads them; bad lines are told and left out."""
    found: list[Reading] = []
    for path in paths:
        refused: Counter[str] = Counter()
        found += read_readings(path, refused)
        if refused:
            click.echo(f"{path}: {refused.total()} lines refused", err=True)
        _check_number(len(found))
    return found


def _check_number(readings: int) -> None:
    if readings > MOST_READINGS:
        raise RefusedError("too_many_reports", f"more than {MOST_READINGS}: choose a shorter time")


async def journeys_of_all(log: Log, since_ms: int, until_ms: int) -> list[Journey]:
    """Every container that the record knows, between two times."""
    body = await _request(log, "latest", LatestQuery())
    rows = msgspec.msgpack.decode(body, type=list[Position])
    return [Journey(row.container_id, since_ms, until_ms) for row in rows]


async def from_store(log: Log, journeys: Sequence[Journey], only_family: str) -> list[Reading]:
    """Readings of journeys, as far as the record's series tell.

    The family of a device is what the registry says; ``only_family`` is taken for devices
    that it doesn't know. Without either a device is left out, and told.
    """
    families = {device.device_id: device.family for device in await DeviceRegistry(log).all()}
    found: list[Reading] = []
    unknown: Counter[str] = Counter()
    for journey in journeys:
        for reading in await _readings(log, journey):
            reading.family = families.get(reading.device_id, only_family)
            if reading.family:
                found.append(reading)
            else:
                unknown[reading.device_id] += 1
        _check_number(len(found))
    for device_id, number in sorted(unknown.items()):
        click.echo(
            f"left out: {device_id} ({number} reports) isn't in the registry; say its --family", err=True
        )
    return found


async def _readings(log: Log, journey: Journey) -> list[Reading]:
    """One reading for each device and time, put together from the series of its quantities."""
    made: dict[tuple[str, int], Reading] = {}
    for quantity in SENSOR_FIELDS:
        for sample in await _samples(log, journey, quantity):
            key = sample.device_id, sample.occurred_at_ms
            if key not in made:
                made[key] = Reading(
                    device_id=sample.device_id,
                    family="",
                    reading_id=reading_id_of(sample.device_id, None, sample.occurred_at_ms, b"record"),
                    occurred_at_ms=sample.occurred_at_ms,
                    received_at_ms=sample.occurred_at_ms,
                    container_id=journey.container_id,
                )
            setattr(made[key], quantity, sample.value)
    for row in await _track(log, journey):
        reading = made.get((row.device_id, row.occurred_at_ms))
        if reading is not None and row.fix_kind in (FixKind.GNSS, FixKind.CELL):
            reading.fix_kind, reading.longitude_deg = row.fix_kind, row.longitude_deg
            reading.latitude_deg = row.latitude_deg
    return list(made.values())


async def _samples(log: Log, journey: Journey, quantity: str) -> list[Sample]:
    """All samples of one quantity: newest part first, then what is before."""
    found: list[Sample] = []
    until_ms = journey.until_ms
    while until_ms > journey.since_ms:
        question = SensorQuery(
            container_id=journey.container_id,
            quantity=quantity,
            since_ms=journey.since_ms,
            until_ms=until_ms,
            limit=PART_ROWS,
        )
        body = await _request(log, "sensors", question)
        part = msgspec.msgpack.decode(body, type=list[Sample])
        found += part
        _check_number(len(found))
        if len(part) < PART_ROWS:
            break
        until_ms = part[0].occurred_at_ms
    return found


async def _track(log: Log, journey: Journey) -> list[Position]:
    found: list[Position] = []
    until_ms = journey.until_ms
    while until_ms > journey.since_ms:
        question = TrackQuery(
            container_id=journey.container_id, since_ms=journey.since_ms, until_ms=until_ms, limit=5_000
        )
        body = await _request(log, "track", question)
        part = msgspec.msgpack.decode(body, type=list[Position])
        found += part
        _check_number(len(found))
        if len(part) < question.limit:
            break
        until_ms = part[0].occurred_at_ms
    return found


async def _request(log: Log, query: str, question: msgspec.Struct) -> bytes:
    headers, body = await log.request(f"{RECORD_REQUEST}.{query}", msgspec.msgpack.encode(question), 60.0)
    if "Sealtrail-Refused" in headers:
        refusal = msgspec.msgpack.decode(body, type=QueryRefusal)
        raise RefusedError(refusal.reason, refusal.detail)
    return body
