"""`sealtrail trip`: plan, list, show, authorise, end."""

from __future__ import annotations

import codecs
import secrets
from pathlib import Path

import click
from pydantic import ValidationError

from sealtrail.commands.client import with_log
from sealtrail.contract.clock import iso, wall_clock_ms
from sealtrail.contract.errors import InvalidTripError, SealTrailError
from sealtrail.contract.public.trip_file import AuthorisationFile, TripFile
from sealtrail.contract.trip import Authorisation, Trip, TripEvent, TripEventKind
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.trips import TripRecorder


@click.group()
def trip() -> None:
    """Plan, list, authorise and end trips.

    Example: sealtrail trip add mombasa-malaba.json
    """


def read_trip(path: Path) -> Trip:
    """A trip from its file; raises `InvalidTripError` naming the file and every wrong field."""
    try:
        return TripFile.model_validate_json(path.read_bytes().removeprefix(codecs.BOM_UTF8)).to_trip()
    except OSError as error:
        raise InvalidTripError("unreadable_file", f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise InvalidTripError("invalid_trip_file", f"{path}: {_wrong(error)}") from error
    except InvalidTripError as error:
        raise InvalidTripError(error.reason, f"{path}: {error.detail}") from error


def _wrong(error: ValidationError) -> str:
    """Every wrong field and why, on one line."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}".removeprefix(": ")
        for problem in error.errors(include_url=False)
    )


def written(trip: Trip, indent: int | None = None) -> str:
    """The trip file of a trip (docs/trip-file.md); `read_trip` of it is the same trip."""
    return TripFile.from_trip(trip).model_dump_json(indent=indent, exclude_none=True)


def _known(trips: list[Trip], trip_id: str) -> Trip:
    for known in trips:
        if known.trip_id == trip_id:
            return known
    raise SealTrailError(f"no trip {trip_id!r} is under way; see `sealtrail trip list`")


@trip.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--actor", default="", help="Who plans it, for the record.")
@click.pass_context
def add(ctx: click.Context, files: tuple[Path, ...], actor: str) -> None:
    """Plan the trips in FILES, or change them where they are under way.

    Example: sealtrail trip add mombasa-malaba.json
    """
    trips = [read_trip(path) for path in files]

    async def work(log: Log, settings: Settings) -> None:
        recorder = TripRecorder(log, settings.partitions)
        under_way = {known.trip_id for known in await recorder.trips()}
        for planned in trips:
            kind = TripEventKind.CHANGED if planned.trip_id in under_way else TripEventKind.PLANNED
            now_ms = wall_clock_ms()
            await recorder.record(
                TripEvent(
                    event_id=secrets.token_hex(12),
                    kind=kind,
                    occurred_at_ms=planned.departs_at_ms or now_ms
                    if kind is TripEventKind.PLANNED
                    else now_ms,
                    recorded_at_ms=now_ms,
                    container_id=planned.container_id,
                    trip_id=planned.trip_id,
                    actor=actor,
                    trip=planned,
                )
            )
            click.echo(f"{planned.trip_id}: {kind.value}, container {planned.container_id}")

    with_log(ctx, work)


@trip.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_trips(ctx: click.Context, *, as_json: bool) -> None:
    """List the trips under way.

    Example: sealtrail trip list
    """

    async def work(log: Log, settings: Settings) -> list[Trip]:
        return await TripRecorder(log, settings.partitions).trips()

    for known in sorted(with_log(ctx, work), key=lambda item: item.trip_id):
        if as_json:
            click.echo(written(known))
        else:
            departs = iso(known.departs_at_ms) if known.departs_at_ms is not None else "-"
            click.echo(f"{known.trip_id}  {known.container_id}  {departs}  {' '.join(known.device_ids)}")


@trip.command()
@click.argument("trip_id")
@click.pass_context
def show(ctx: click.Context, trip_id: str) -> None:
    """Print one trip as its trip file, which can be changed and added again.

    Example: sealtrail trip show T-0001 > T-0001.json
    """

    async def work(log: Log, settings: Settings) -> Trip:
        return _known(await TripRecorder(log, settings.partitions).trips(), trip_id)

    click.echo(written(with_log(ctx, work), indent=2))


def _leave(
    granted_by: str,
    valid_from: str,
    valid_until: str,
    cards: tuple[str, ...],
    place: tuple[float, float, float] | None,
    reason: str,
) -> Authorisation:
    """The authorisation, checked like one in a trip file; raises `InvalidTripError`."""
    circle = (
        None
        if place is None
        else dict(zip(("latitude_deg", "longitude_deg", "radius_m"), place, strict=True))
    )
    try:
        written = AuthorisationFile.model_validate(
            {
                "authorisation_id": secrets.token_hex(8),
                "granted_by": granted_by,
                "valid_from": valid_from,
                "valid_until": valid_until,
                "card_ids": cards,
                "place": circle,
                "reason": reason,
            }
        )
    except ValidationError as error:
        raise InvalidTripError("invalid_authorisation", _wrong(error)) from error
    return written.to_authorisation()


@trip.command()
@click.argument("trip_id")
@click.option("--by", "granted_by", required=True, help="Who grants it.")
@click.option("--from", "valid_from", required=True, help="Start, RFC 3339 in UTC.")
@click.option("--until", "valid_until", required=True, help="End, RFC 3339 in UTC.")
@click.option("--card", "cards", multiple=True, help="Card that may open; several times; none allows any.")
@click.option("--place", nargs=3, type=float, help="LATITUDE LONGITUDE RADIUS_M; none allows anywhere.")
@click.option("--reason", default="", help="Why, for the record.")
@click.pass_context
def authorise(
    ctx: click.Context,
    trip_id: str,
    *,
    granted_by: str,
    valid_from: str,
    valid_until: str,
    cards: tuple[str, ...],
    place: tuple[float, float, float] | None,
    reason: str,
) -> None:
    """Allow the seal of TRIP_ID to be opened: who, where and when.

    Example: sealtrail trip authorise T-0001 --by "Customs Malaba"
    --from 2026-11-23T08:00:00Z --until 2026-11-23T10:00:00Z --card 0012260888
    """
    leave = _leave(granted_by, valid_from, valid_until, cards, place, reason)

    async def work(log: Log, settings: Settings) -> None:
        recorder = TripRecorder(log, settings.partitions)
        known = _known(await recorder.trips(), trip_id)
        now_ms = wall_clock_ms()
        await recorder.record(
            TripEvent(
                event_id=leave.authorisation_id,
                kind=TripEventKind.AUTHORISED,
                occurred_at_ms=now_ms,
                recorded_at_ms=now_ms,
                container_id=known.container_id,
                trip_id=trip_id,
                actor=granted_by,
                authorisation=leave,
            )
        )

    with_log(ctx, work)
    click.echo(f"{trip_id}: authorised ({leave.authorisation_id})")


@trip.command()
@click.argument("trip_id")
@click.option("--actor", default="", help="Who ends it, for the record.")
@click.pass_context
def end(ctx: click.Context, trip_id: str, actor: str) -> None:
    """End a trip: from now on its seal is no longer watched.

    Example: sealtrail trip end T-0001 --actor "J. Mwangi"
    """

    async def work(log: Log, settings: Settings) -> None:
        recorder = TripRecorder(log, settings.partitions)
        known = _known(await recorder.trips(), trip_id)
        now_ms = wall_clock_ms()
        await recorder.record(
            TripEvent(
                event_id=secrets.token_hex(12),
                kind=TripEventKind.ENDED,
                occurred_at_ms=now_ms,
                recorded_at_ms=now_ms,
                container_id=known.container_id,
                trip_id=trip_id,
                actor=actor,
            )
        )

    with_log(ctx, work)
    click.echo(f"{trip_id}: ended")
