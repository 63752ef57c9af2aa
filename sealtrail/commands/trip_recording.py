"""Trip events made of what a person says at the command line."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence

import click

from sealtrail.commands.client import with_log
from sealtrail.contract.clock import iso, wall_clock_ms
from sealtrail.contract.errors import InvalidTripError, SealTrailError
from sealtrail.contract.trip import Trip, TripEvent, TripEventKind
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.trips import TripRecorder

AHEAD_MS = 5 * 60_000
"""How far a clock may be ahead of ours before what it dates is refused as not yet happened."""


def known(trips: Sequence[Trip], trip_id: str) -> Trip:
    for each in trips:
        if each.trip_id == trip_id:
            return each
    raise SealTrailError(f"no trip {trip_id!r} is under way; see `sealtrail trip list`")


def tell(event: TripEvent, words: str, *, as_json: bool) -> None:
    """What was recorded, for people or for programs."""
    if not as_json:
        click.echo(f"{event.trip_id}: {words}")
        return
    told = {
        "event_id": event.event_id,
        "kind": event.kind.value,
        "trip_id": event.trip_id,
        "container_id": event.container_id,
        "occurred_at": iso(event.occurred_at_ms),
        "recorded_at": iso(event.recorded_at_ms),
        "actor": event.actor,
    }
    click.echo(json.dumps(told))


def happened(at_ms: int | None, now_ms: int) -> int:
    """When something happened: as said, else now; never in the future."""
    if at_ms is not None and at_ms > now_ms + AHEAD_MS:
        raise InvalidTripError("not_yet_happened", f"{iso(at_ms)} is in the future")
    return now_ms if at_ms is None else at_ms


def record(ctx: click.Context, trip_id: str, make: Callable[[Trip, int], TripEvent]) -> TripEvent:
    """Records what ``make`` says of a trip under way at this moment."""

    async def work(log: Log, settings: Settings) -> TripEvent:
        recorder = TripRecorder(log, settings.partitions)
        event = make(known(await recorder.trips(), trip_id), wall_clock_ms())
        await recorder.record(event)
        return event

    return with_log(ctx, work)


def planning(planned: Trip, before: Trip | None, from_ms: int | None, who: str) -> TripEvent:
    """The event that plans a trip, or that changes it where it is under way."""
    now_ms = wall_clock_ms()
    if before is None:
        if from_ms is not None:
            raise InvalidTripError(
                "not_under_way", f"{planned.trip_id} begins with its departs_at, not --from"
            )
        kind, at_ms = TripEventKind.PLANNED, planned.departs_at_ms or now_ms
    else:
        if before.container_id != planned.container_id:
            raise InvalidTripError(
                "container_changed",
                f"{planned.trip_id} is under way on {before.container_id}: end it and plan another trip",
            )
        kind, at_ms = TripEventKind.CHANGED, now_ms if from_ms is None else from_ms
    return TripEvent(
        event_id=secrets.token_hex(12),
        kind=kind,
        occurred_at_ms=at_ms,
        recorded_at_ms=now_ms,
        container_id=planned.container_id,
        trip_id=planned.trip_id,
        actor=who,
        trip=planned,
    )
