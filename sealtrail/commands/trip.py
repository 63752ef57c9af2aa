"""`sealtrail trip`: plan, change, list and show; with the rest of what is done to trips as its verbs."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sealtrail.commands.client import with_log
from sealtrail.commands.trip_custody import authorise, check_seal, end
from sealtrail.commands.trip_draft import new
from sealtrail.commands.trip_options import MOMENT, actor, as_json, ways
from sealtrail.commands.trip_reading import on_lane, read_corridor, read_trip, with_times, with_ways, written
from sealtrail.commands.trip_recording import known, planning, tell
from sealtrail.commands.trip_risk import risk
from sealtrail.contract.clock import iso
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.trip import Trip, TripEvent, TripEventKind
from sealtrail.runtime.known_corridors import KnownCorridors
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.trips import TripRecorder

__all__ = ["read_trip", "trip", "written"]


@click.group()
def trip() -> None:
    """Plan, change, list, authorise, check and end trips.

    Example: sealtrail trip add mombasa-malaba.json
    """


for verb in (new, authorise, check_seal, end, risk):
    trip.add_command(verb)


@trip.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@ways
@click.option(
    "--from",
    "from_ms",
    type=MOMENT,
    help="Where a trip is under way: from when the new plan holds, RFC 3339; else from now on. "
    "What was judged of the time before stands.",
)
@actor
@as_json
@click.pass_context
def add(  # noqa: PLR0913 (one parameter for each option)
    ctx: click.Context,
    files: tuple[Path, ...],
    *,
    drawing: Path | None,
    half_width: float | None,
    alternatives: tuple[Path, ...],
    corridor_name: str | None,
    from_ms: int | None,
    actor: str,
    as_json: bool,
) -> None:
    """Plan the trips in FILES, or change them where they are under way.

    The way may be drawn elsewhere. Everything is checked before anything is recorded.

    Example: sealtrail trip add mombasa-malaba.json --corridor a109.gpx --half-width 3km
    """
    if drawing is not None and corridor_name is not None:
        raise click.UsageError("either --corridor or --corridor-name")
    corridor = None if drawing is None else read_corridor(drawing, half_width)
    others = tuple(read_corridor(path, half_width) for path in alternatives)
    trips = [read_trip(path) for path in files]
    twice = {each.trip_id for each in trips if sum(each.trip_id == other.trip_id for other in trips) > 1}
    if twice:
        raise InvalidTripError("trip_twice", ", ".join(sorted(twice)))
    if corridor_name is None:
        trips = [with_ways(each, corridor, others) for each in trips]

    async def work(log: Log, settings: Settings) -> list[TripEvent]:
        recorder = TripRecorder(log, settings.partitions)
        ready = trips
        if corridor_name is not None:
            accepted = await KnownCorridors(log).accepted(corridor_name)
            ready = [on_lane(with_ways(each, accepted, others), corridor_name) for each in trips]
        under_way = {each.trip_id: each for each in await recorder.trips()}
        events = [planning(each, under_way.get(each.trip_id), from_ms, actor) for each in ready]
        for event in events:
            await recorder.record(event)
        return events

    for event in with_log(ctx, work):
        since = f" from {iso(event.occurred_at_ms)} on" if event.kind is TripEventKind.CHANGED else ""
        tell(event, f"{event.kind.value}{since}, container {event.container_id}", as_json=as_json)


@trip.command()
@click.argument("trip_id")
@ways
@click.option("--departs-at", help="New departure, RFC 3339.")
@click.option("--arrives-at", help="New planned arrival, RFC 3339.")
@click.option(
    "--from",
    "from_ms",
    type=MOMENT,
    help="From when the new plan holds, RFC 3339; else from now on. What was judged before stands.",
)
@actor
@as_json
@click.pass_context
def change(  # noqa: PLR0913 (one parameter for each option)
    ctx: click.Context,
    trip_id: str,
    *,
    drawing: Path | None,
    half_width: float | None,
    alternatives: tuple[Path, ...],
    corridor_name: str | None,
    departs_at: str | None,
    arrives_at: str | None,
    from_ms: int | None,
    actor: str,
    as_json: bool,
) -> None:
    """Change the way or the times of TRIP_ID, which is under way.

    For anything else change what `sealtrail trip show` prints, and add it again.

    Example: sealtrail trip change T-0001 --alternative bypass.geojson --half-width 3km
    """
    if drawing is not None and corridor_name is not None:
        raise click.UsageError("either --corridor or --corridor-name")
    corridor = None if drawing is None else read_corridor(drawing, half_width)
    others = tuple(read_corridor(path, half_width) for path in alternatives)
    times = {"departs_at": departs_at, "arrives_at": arrives_at}
    given = {name: text for name, text in times.items() if text is not None}
    if corridor is None and corridor_name is None and not others and not given:
        raise click.UsageError("nothing to change: give a way or a time")

    async def work(log: Log, settings: Settings) -> TripEvent:
        recorder = TripRecorder(log, settings.partitions)
        found = known(await recorder.trips(), trip_id)
        way = corridor if corridor_name is None else await KnownCorridors(log).accepted(corridor_name)
        changed = with_times(with_ways(found, way, others), given)
        if corridor_name is not None:
            changed = msgspec.structs.replace(changed, lane=corridor_name)
        event = planning(changed, found, from_ms, actor)
        await recorder.record(event)
        return event

    event = with_log(ctx, work)
    tell(event, f"changed from {iso(event.occurred_at_ms)} on", as_json=as_json)


@trip.command(name="list")
@as_json
@click.pass_context
def list_trips(ctx: click.Context, *, as_json: bool) -> None:
    """List the trips under way.

    Example: sealtrail trip list
    """

    async def work(log: Log, settings: Settings) -> list[Trip]:
        return await TripRecorder(log, settings.partitions).trips()

    for each in sorted(with_log(ctx, work), key=lambda item: item.trip_id):
        if as_json:
            click.echo(written(each))
        else:
            departs = iso(each.departs_at_ms) if each.departs_at_ms is not None else "-"
            click.echo(f"{each.trip_id}  {each.container_id}  {departs}  {' '.join(each.device_ids)}")


@trip.command()
@click.argument("trip_id")
@click.option("--json", "as_json", is_flag=True, help="Print it on one line.")
@click.pass_context
def show(ctx: click.Context, trip_id: str, *, as_json: bool) -> None:
    """Print one trip as its trip file, which can be changed and added again.

    Example: sealtrail trip show T-0001 > T-0001.json
    """

    async def work(log: Log, settings: Settings) -> Trip:
        return known(await TripRecorder(log, settings.partitions).trips(), trip_id)

    click.echo(written(with_log(ctx, work), indent=None if as_json else 2))
