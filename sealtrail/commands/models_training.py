"""`sealtrail models train`: from the past to proposed models, one for each family of devices."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from anomaly.learning.models import Manner, Trained, train
from anomaly.learning.sensor_history import series_of
from sealtrail.commands.client import with_log
from sealtrail.commands.models_reading import Journey, from_files, from_store, journeys_of_all
from sealtrail.commands.models_words import as_builtins, line_of, text_of
from sealtrail.commands.trip_options import MOMENT, actor, as_json
from sealtrail.contract.clock import iso, wall_clock_ms
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import KnownModel, ModelState, check_lane, name_of
from sealtrail.contract.reading import SENSOR_FIELDS, Reading
from sealtrail.runtime.known_models import KnownModels
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.anomaly import AnomalySettings
from sealtrail.runtime.settings.tree import Settings


@click.command("train")
@click.option("--lane", default="", help="Lane of the journeys: letters, digits, - and _. Missing: any lane.")
@click.option("--family", default="", help="Only devices of this family; else one model for each.")
@click.option(
    "--from",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Readings as `sealtrail judge` reads them; several times.",
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
@click.option(
    "--since", "since_ms", type=MOMENT, help="All containers of the record, from then on, RFC 3339."
)
@click.option("--until", "until_ms", type=MOMENT, help="All containers of the record, until then.")
@click.option(
    "--budget",
    type=click.FloatRange(0, 10, min_open=True),
    show_default="the setting anomaly.model_alarms_per_container_day",
    help="False alarms allowed a container-day.",
)
@click.option(
    "--rows",
    type=click.IntRange(500, 5_000),
    default=4_000,
    show_default=True,
    help="Most reports that detectors are fitted on.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.Choice(SENSOR_FIELDS),
    help="Only this quantity; several times.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.8,
    show_default=True,
    help="A quantity must be in so many of the reports.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of everything drawn.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for NAME.model and NAME.card.json, to keep or to carry elsewhere.",
)
@click.option("--dry-run", is_flag=True, help="Propose nothing to the running system.")
@actor
@as_json
@click.pass_context
def train_(  # noqa: PLR0913 (one parameter for each option)
    ctx: click.Context,
    *,
    lane: str,
    family: str,
    files: tuple[Path, ...],
    stored: tuple[tuple[str, int, int], ...],
    since_ms: int | None,
    until_ms: int | None,
    budget: float | None,
    rows: int,
    channels: tuple[str, ...],
    share: float,
    seed: int,
    out: Path | None,
    dry_run: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Learn what sensor values are usual, and propose a model for each family of devices.

    Several detectors are compared by anomalies put into ordinary reports. No trip is judged by the
    best before somebody has looked at its card and accepted it. Needs PyOD: pip install 'sealtrail[models]'.

    Example: sealtrail models train --lane mombasa-malaba --from past.jsonl --budget 0.01
    """
    if lane:
        check_lane(lane)
    whole = since_ms is not None and until_ms is not None
    if not files and not stored and not whole:
        raise click.UsageError("say which reports: --from FILE, --journey …, or --since and --until")
    tree = ctx.find_object(Settings)
    settings = tree.anomaly if tree is not None else AnomalySettings()
    manner = Manner(
        budget=budget or settings.model_alarms_per_container_day,
        seed=seed,
        most_rows=rows,
        least_share=share,
        channels=channels,
    )
    readings = from_files(files)

    async def read(log: Log, _: Settings) -> list[Reading]:
        journeys = [Journey(*each) for each in stored]
        if since_ms is not None and until_ms is not None:
            journeys += await journeys_of_all(log, since_ms, until_ms)
        return await from_store(log, journeys, family)

    if stored or whole:
        readings += with_log(ctx, read)
    sources = [str(path) for path in files] + [f"{name} {iso(a)}/{iso(b)}" for name, a, b in stored]
    if whole:
        sources.append("the record")
    made = list(_trained(readings, (family, lane), manner, sources))
    if not made:
        raise InvalidModelError("nothing_trained", "no family has reports enough")
    for each in made:
        if out is not None:
            _write(out, each)
        _tell(_proposed(ctx, each, actor, dry_run=dry_run), as_json=as_json, dry_run=dry_run)


def _trained(
    readings: Iterable[Reading], wanted: tuple[str, str], manner: Manner, sources: list[str]
) -> Iterable[Trained]:
    """One model for each family that has enough reports; the others are told."""
    family, lane = wanted
    by_family: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        if family in ("", reading.family):
            by_family[reading.family].append(reading)
    if not by_family:
        raise InvalidModelError("no_reports", f"of family {family}" if family else "at all")
    for name, rows in sorted(by_family.items()):
        click.echo(f"{name}: {len(rows)} readings", err=True)
        try:
            yield train(series_of(rows), name, lane, manner, sources)
        except InvalidModelError as error:
            if len(by_family) == 1:
                raise
            click.echo(f"left out: {name}: {error}", err=True)


def _proposed(ctx: click.Context, made: Trained, actor: str, *, dry_run: bool) -> KnownModel:
    if dry_run:
        return KnownModel(
            name=name_of(made.card.family, made.card.lane),
            version=0,
            state=ModelState.PROPOSED,
            card=made.card,
            proposed_at_ms=wall_clock_ms(),
            proposed_by=actor,
        )

    async def propose(log: Log, _: Settings) -> KnownModel:
        return await KnownModels(log).propose(made.card, made.blob, actor)

    return with_log(ctx, propose)


def _write(out: Path, made: Trained) -> None:
    stem = name_of(made.card.family, made.card.lane)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{stem}.model").write_bytes(made.blob)
        card = msgspec.json.format(msgspec.json.encode(made.card))
        (out / f"{stem}.card.json").write_bytes(card + b"\n")
    except OSError as error:
        raise InvalidModelError("unwritable_file", f"{error.filename}: {error.strerror}") from error


def _tell(proposal: KnownModel, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        click.echo(json.dumps(as_builtins(proposal)))
        return
    if dry_run:
        click.echo(text_of(proposal))
        return
    click.echo(line_of(proposal))
    click.echo(
        f"look at it: sealtrail models show {proposal.name}; "
        f"then: sealtrail models accept {proposal.name} --version {proposal.version}"
    )
