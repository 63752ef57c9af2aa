"""`sealtrail corridor`: corridors learned from past journeys, proposed to people and accepted by them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from anomaly.learning.corridor import Learned, Manner, learn
from anomaly.learning.journeys import Journey, journey_of
from sealtrail.commands.client import with_log
from sealtrail.commands.corridor_picture import picture
from sealtrail.commands.judge import read_readings
from sealtrail.commands.trip_options import LENGTH, MOMENT, actor, as_json
from sealtrail.contract.clock import iso, wall_clock_ms
from sealtrail.contract.errors import InvalidTripError, RefusedError
from sealtrail.contract.geometry import length_m
from sealtrail.contract.lane import CorridorState, KnownCorridor, check_name
from sealtrail.contract.public.corridor_file import CorridorFile
from sealtrail.contract.queries import Position, QueryRefusal, TrackQuery
from sealtrail.contract.reading import Reading
from sealtrail.contract.subjects import RECORD_REQUEST
from sealtrail.runtime.known_corridors import KnownCorridors
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

PART_POSITIONS = 5_000
MOST_PARTS = 40


@click.group()
def corridor() -> None:
    """Learn corridors from past journeys, look at them, and accept those that trips may use.

    Example: sealtrail corridor learn --name mombasa-malaba --from past.jsonl
    """


def journeys_of(readings: list[Reading], name: str) -> list[Journey]:
    """One journey for each container (or lone device) of a file."""
    by_key: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        by_key[reading.key].append(reading)
    found = [journey_of(f"{name}:{key}", rows) for key, rows in sorted(by_key.items())]
    return [each for each in found if each is not None]


def _from_files(paths: tuple[Path, ...]) -> list[Journey]:
    journeys: list[Journey] = []
    for path in paths:
        refused: Counter[str] = Counter()
        found = journeys_of(read_readings(path, refused), path.stem)
        if not found:
            click.echo(f"{path}: no journey with satellite positions", err=True)
        journeys += found
    return journeys


async def _from_store(log: Log, container_id: str, since_ms: int, until_ms: int) -> Journey | None:
    """A container's way between two times, as the record has it: newest part first, then what is before."""
    rows: list[Position] = []
    for _ in range(MOST_PARTS):
        question = TrackQuery(
            container_id=container_id, since_ms=since_ms, until_ms=until_ms, limit=PART_POSITIONS
        )
        part = await _ask(log, question)
        rows += part
        if len(part) < PART_POSITIONS:
            break
        until_ms = part[0].occurred_at_ms
    return journey_of(f"{container_id}@{iso(since_ms)[:16]}", [_reading(row) for row in rows])


async def _ask(log: Log, question: TrackQuery) -> list[Position]:
    headers, body = await log.request(f"{RECORD_REQUEST}.track", msgspec.msgpack.encode(question), 60.0)
    if "Sealtrail-Refused" in headers:
        refusal = msgspec.msgpack.decode(body, type=QueryRefusal)
        raise RefusedError(refusal.reason, refusal.detail)
    return msgspec.msgpack.decode(body, type=list[Position])


def _reading(row: Position) -> Reading:
    """A position of the record as the report that it was, as far as learning asks."""
    return Reading(
        device_id=row.device_id,
        family="",
        reading_id=0,
        occurred_at_ms=row.occurred_at_ms,
        received_at_ms=row.received_at_ms,
        fix_kind=row.fix_kind,
        latitude_deg=row.latitude_deg,
        longitude_deg=row.longitude_deg,
    )


def _shown(known: KnownCorridor) -> dict[str, Any]:
    """A corridor for programs: its GeoJSON, with all that is known of it among the properties."""
    feature: dict[str, Any] = CorridorFile.from_corridor(known.corridor).model_dump(mode="json")
    evidence = msgspec.to_builtins(known.evidence)
    evidence |= {"from": iso(evidence.pop("from_ms")), "until": iso(evidence.pop("until_ms"))}
    feature["properties"] |= {
        "name": known.name,
        "state": known.state.value,
        "length_km": round(length_m(known.corridor.coordinates) / 1000, 1),
        "proposed_at": iso(known.proposed_at_ms),
        "proposed_by": known.proposed_by,
        "decided_at": None if known.decided_at_ms is None else iso(known.decided_at_ms),
        "decided_by": known.decided_by or None,
        "reason": known.reason or None,
        "evidence": evidence,
    }
    return feature


def _line(known: KnownCorridor) -> str:
    widths, evidence = known.corridor.half_width_m, known.evidence
    decided = f" by {known.decided_by} {iso(known.decided_at_ms)[:10]}" if known.decided_at_ms else ""
    return (
        f"{known.name}  {known.state.value}{decided}  {length_m(known.corridor.coordinates) / 1000:.0f} km, "
        f"{min(widths) / 1000:g} to {max(widths) / 1000:g} km to either side, "
        f"from {len(evidence.journeys)} journeys"
    )


@corridor.command("learn")
@click.option("--name", required=True, help="Name of the lane: letters, digits, - and _.")
@click.option(
    "--from",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Readings as `sealtrail judge` reads them; each container is one journey; several times.",
)
@click.option(
    "--journey",
    "stored",
    multiple=True,
    nargs=3,
    type=(str, MOMENT, MOMENT),
    metavar="CONTAINER SINCE UNTIL",
    help="A journey from the record: container and two times, RFC 3339; several times.",
)
@click.option("--floor", type=LENGTH, default="1km", show_default=True, help="Least half width.")
@click.option("--gap", type=LENGTH, default="20km", show_default=True, help="Longest leg that shows the way.")
@click.option(
    "--quantile", type=click.FloatRange(0.5, 1), default=0.95, show_default=True, help="Share to be covered."
)
@click.option(
    "--margin", type=click.FloatRange(1, 10), default=1.5, show_default=True, help="Factor on the spread."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default="here",
    help="Folder for NAME.svg and NAME.geojson.",
)
@click.option("--dry-run", is_flag=True, help="Write the files only; propose nothing to the running system.")
@actor
@as_json
@click.pass_context
def learn_(  # noqa: PLR0913 (one parameter for each option)
    ctx: click.Context,
    *,
    name: str,
    files: tuple[Path, ...],
    stored: tuple[tuple[str, int, int], ...],
    floor: float,
    gap: float,
    quantile: float,
    margin: float,
    out: Path,
    dry_run: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Learn the corridor of a lane from at least three journeys, and propose it with a picture.

    No trip uses it until somebody has looked at the picture and accepted it.

    Example: sealtrail corridor learn --name mombasa-malaba --from past.jsonl --floor 2km
    """
    check_name(name)
    if not files and not stored:
        raise click.UsageError("say which journeys: --from FILE or --journey CONTAINER SINCE UNTIL")
    manner = Manner(floor_m=floor, gap_m=gap, quantile=quantile, margin=margin)
    journeys = _from_files(files)

    async def read(log: Log, _: Settings) -> list[Journey]:
        found = [await _from_store(log, *each) for each in stored]
        return [each for each in found if each is not None]

    if stored:
        journeys += with_log(ctx, read)
    learned = learn(_named_apart(journeys), manner)
    proposal = KnownCorridor(
        name=name,
        corridor=learned.corridor,
        state=CorridorState.PROPOSED,
        proposed_at_ms=wall_clock_ms(),
        proposed_by=actor,
        evidence=learned.evidence,
    )
    svg, geojson = _write(out, proposal, learned)
    if not dry_run:

        async def propose(log: Log, _: Settings) -> None:
            await KnownCorridors(log).propose(proposal)

        with_log(ctx, propose)
    if as_json:
        click.echo(json.dumps(_shown(proposal)))
        return
    click.echo(_line(proposal))
    for left_out, why in learned.evidence.left_out.items():
        click.echo(f"left out: {left_out} {why}")
    click.echo(f"look at {svg} (and {geojson}); then: sealtrail corridor accept {name}")


def _named_apart(journeys: list[Journey]) -> list[Journey]:
    """Journeys of which no two have one name."""
    seen: Counter[str] = Counter()
    named = []
    for each in journeys:
        seen[each.name] += 1
        named.append(each if seen[each.name] == 1 else each._replace(name=f"{each.name}#{seen[each.name]}"))
    return named


def _write(out: Path, proposal: KnownCorridor, learned: Learned) -> tuple[Path, Path]:
    svg, geojson = out / f"{proposal.name}.svg", out / f"{proposal.name}.geojson"
    try:
        out.mkdir(parents=True, exist_ok=True)
        svg.write_text(picture(proposal.name, learned), encoding="utf-8")
        geojson.write_text(json.dumps(_shown(proposal), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidTripError("unwritable_file", f"{error.filename}: {error.strerror}") from error
    return svg, geojson


@corridor.command("list")
@as_json
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List all corridors with their state.

    Example: sealtrail corridor list
    """

    async def work(log: Log, _: Settings) -> list[KnownCorridor]:
        return await KnownCorridors(log).list()

    for known in with_log(ctx, work):
        click.echo(json.dumps(_shown(known)) if as_json else _line(known))


@corridor.command()
@click.argument("name")
@click.pass_context
def show(ctx: click.Context, name: str) -> None:
    """Print one corridor as GeoJSON, which `sealtrail trip add --corridor` reads.

    Example: sealtrail corridor show mombasa-malaba > mombasa-malaba.geojson
    """

    async def work(log: Log, _: Settings) -> KnownCorridor:
        return await KnownCorridors(log).get(name)

    click.echo(json.dumps(_shown(with_log(ctx, work)), indent=2))


def _decide(
    ctx: click.Context, name: str, state: CorridorState, said: Mapping[str, str], *, as_json: bool
) -> None:
    async def work(log: Log, _: Settings) -> KnownCorridor:
        return await KnownCorridors(log).decide(name, state, at_ms=wall_clock_ms(), **said)

    decided = with_log(ctx, work)
    click.echo(json.dumps(_shown(decided)) if as_json else _line(decided))


@corridor.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for the record.")
@actor
@as_json
@click.pass_context
def accept(ctx: click.Context, name: str, *, reason: str, actor: str, as_json: bool) -> None:
    """Accept a proposed corridor after looking at its picture: from now on trips may use it.

    Example: sealtrail corridor accept mombasa-malaba --actor "J. Mwangi"
    """
    _decide(ctx, name, CorridorState.ACCEPTED, {"actor": actor, "reason": reason}, as_json=as_json)


@corridor.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for the record.")
@actor
@as_json
@click.pass_context
def withdraw(ctx: click.Context, name: str, *, reason: str, actor: str, as_json: bool) -> None:
    """Withdraw a corridor: no new trip uses it; trips under way keep their plan.

    Example: sealtrail corridor withdraw mombasa-malaba --reason "bridge closed"
    """
    _decide(ctx, name, CorridorState.WITHDRAWN, {"actor": actor, "reason": reason}, as_json=as_json)
