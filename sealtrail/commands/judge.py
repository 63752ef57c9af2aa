"""`sealtrail judge`: a file of readings through the very same judgement, for investigations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from anomaly.custody import FOREVER_MS
from anomaly.judge import Judge
from sealtrail.commands.judge_input import readings_of
from sealtrail.commands.trip import read_trip
from sealtrail.contract.alert import AlertAction, AlertEvent
from sealtrail.contract.clock import iso
from sealtrail.contract.errors import InvalidTripError, RefusedError
from sealtrail.contract.public.alert_line import to_line
from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import Trip, TripEvent, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings
from sealtrail.runtime.settings.tree import Settings

PLANNED_BEFORE_MS = 24 * 3_600_000
"""From so long before its departure on a container is declared to stand in its origin."""

TOGETHER_MS = 1_000
"""Readings received within this are judged at once, as they would have been, …"""

TIMES_MOST = 1_000
"""… or within so many equal parts of the time that a file spans, if that is longer: a long file takes
seconds, and differs from the running system in no more than how often a growing alert is told anew."""


def read_readings(path: Path, refused: Counter[str]) -> list[Reading]:
    """Readings of a file in its order; bad lines are told by number and reason, and counted."""

    def refuse(number: int, error: RefusedError) -> None:
        refused[error.reason] += 1
        click.echo(f"{path}:{number}: {error}", err=True)

    with click.open_file(str(path), encoding="utf-8", errors="replace") as lines:
        return list(readings_of(lines, refuse))


def pair(readings: list[Reading], trips: list[Trip]) -> None:
    """Stamp readings of a trip's devices with its container, as the gateway does."""
    containers: dict[str, str] = {}
    for trip in trips:
        for device_id in trip.device_ids:
            if containers.setdefault(device_id, trip.container_id) != trip.container_id:
                raise InvalidTripError("device_on_two_containers", device_id)
    for reading in readings:
        reading.container_id = reading.container_id or containers.get(reading.device_id)


def plan(trip: Trip, first_ms: int) -> TripEvent:
    """The planning of a trip; one without a departure is under watch from the first reading on.

    A file doesn't say when its trip was planned: `PLANNED_BEFORE_MS` before the departure, or with
    the first reading, whichever is later.
    """
    at_ms = first_ms
    if trip.departs_at_ms is not None:
        at_ms = min(trip.departs_at_ms, max(first_ms, trip.departs_at_ms - PLANNED_BEFORE_MS))
    return TripEvent(
        event_id=f"file/{trip.trip_id}",
        kind=TripEventKind.PLANNED,
        occurred_at_ms=at_ms,
        recorded_at_ms=min(at_ms, first_ms),
        container_id=trip.container_id,
        trip_id=trip.trip_id,
        actor="sealtrail judge",
        trip=trip,
    )


def _row(event: AlertEvent) -> str:
    late_s = event.late_by_ms // 1000
    late = f"+{late_s // 3600}:{late_s // 60 % 60:02d} h" if late_s >= 60 else ""  # noqa: PLR2004 (a minute)
    mark = "*" if event.action is AlertAction.RETRACTED else ""
    return (
        f"{iso(event.occurred_at_ms)[:19]}Z  {late:>10}  {event.severity.value:<8}  "
        f"{event.action.value + mark:<10}  {event.type.value:<20}  {event.sentence}"
    )


def judge_readings(
    readings: list[Reading], trips: list[Trip], settings: AnomalySettings, *, as_arrived: bool
) -> list[AlertEvent]:
    """Alert events of readings under trips, in the order in which they would have been told."""
    if not as_arrived:
        readings = sorted(readings, key=lambda reading: reading.received_at_ms)
    first_ms = min((_judged_at_ms(reading, settings) for reading in readings), default=0)
    made = Judge(settings)
    events = made.apply_trip_events([plan(trip, first_ms) for trip in trips])
    gathered_ms = FOREVER_MS
    if readings and not as_arrived:
        spans_ms = readings[-1].received_at_ms - readings[0].received_at_ms
        gathered_ms = max(TOGETHER_MS, spans_ms // TIMES_MOST)
    for batch in batches(readings, settings.batch_readings, gathered_ms):
        events += made.apply_readings(batch)
    return events


def _judged_at_ms(reading: Reading, settings: AnomalySettings) -> int:
    """When a reading counts as having happened: a clock far behind is none (`clock_behind_s`)."""
    behind = reading.received_at_ms - reading.occurred_at_ms > settings.clock_behind_s * 1000
    return reading.received_at_ms if behind else reading.occurred_at_ms


def batches(readings: list[Reading], most: int, gathered_ms: int) -> Iterator[list[Reading]]:
    """Readings in their order, in batches of at most ``most`` that were received within ``gathered_ms``."""
    batch: list[Reading] = []
    for reading in readings:
        if batch and (len(batch) == most or reading.received_at_ms - batch[0].received_at_ms > gathered_ms):
            yield batch
            batch = []
        batch.append(reading)
    if batch:
        yield batch


@click.command()
@click.option(
    "--trip",
    "trip_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A trip's plan (docs/trip-file.md); may be given several times.",
)
@click.argument("readings", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--as-arrived",
    is_flag=True,
    help="Take the file's order for the order of arrival; else received_at decides, else occurred_at.",
)
@click.pass_context
def judge(
    ctx: click.Context, trip_files: tuple[Path, ...], readings: Path, *, as_json: bool, as_arrived: bool
) -> None:
    """Judge a file of READINGS as the running system would have, and print the alert events.

    READINGS is JSON lines (readings as `sealtrail decode --json` prints them, or reports
    as devices send them) or a container-journeys CSV; - is standard input. Settings
    below [anomaly] apply, so rules can be tried out. Bad lines are told by number and
    reason and skipped; the exit code is then 1, as where there is nothing to judge.

    Example: sealtrail judge --trip mombasa-malaba.json readings.jsonl
    """
    tree = ctx.find_object(Settings)
    settings = tree.anomaly if tree is not None else AnomalySettings()
    refused: Counter[str] = Counter()
    trips = [read_trip(path) for path in trip_files]
    found = read_readings(readings, refused)
    pair(found, trips)
    events = judge_readings(found, trips, settings, as_arrived=as_arrived)
    for event in events:
        click.echo(to_line(event) if as_json else _row(event))
    reasons = "".join(f", {reason} {number}" for reason, number in sorted(refused.items()))
    click.echo(
        f"{len(found)} readings judged, {len(events)} alert events, {refused.total()} lines refused{reasons}",
        err=True,
    )
    if refused or not found:
        ctx.exit(1)
