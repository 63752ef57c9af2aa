"""`sealtrail models`: models of usual sensor values, learned from the past and accepted by people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from anomaly.learning.sensor_history import series_of
from anomaly.learning.watch import Watched, watch
from anomaly.models.blob import decode
from anomaly.models.model import Model
from sealtrail.commands.client import with_log
from sealtrail.commands.models_reading import Journey, from_files, from_store, journeys_of_all
from sealtrail.commands.models_training import train_
from sealtrail.commands.models_words import as_builtins, line_of, text_of
from sealtrail.commands.trip_options import MOMENT, actor, as_json
from sealtrail.contract.clock import iso
from sealtrail.contract.model import KnownModel, ModelState
from sealtrail.contract.reading import Reading
from sealtrail.runtime.known_models import KnownModels
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

version = click.option("--version", "version", type=click.IntRange(1), help="Which version; else the newest.")


@click.group()
def models() -> None:
    """Learn what sensor values are usual, look at the models, and accept those that judge trips.

    Example: sealtrail models train --lane mombasa-malaba --from past.jsonl
    """


models.add_command(train_)


@models.command("list")
@as_json
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List all models with their state.

    Example: sealtrail models list
    """

    async def work(log: Log, _: Settings) -> list[KnownModel]:
        return await KnownModels(log).list()

    for known in with_log(ctx, work):
        click.echo(json.dumps(as_builtins(known)) if as_json else line_of(known))


@models.command()
@click.argument("name")
@version
@as_json
@click.pass_context
def show(ctx: click.Context, name: str, *, version: int | None, as_json: bool) -> None:
    """Print the card of a model: what it rests on, what it finds, and how often it errs.

    Example: sealtrail models show json-mombasa-malaba
    """

    async def work(log: Log, _: Settings) -> KnownModel:
        return await KnownModels(log).get(name, version)

    known = with_log(ctx, work)
    click.echo(json.dumps(as_builtins(known)) if as_json else text_of(known))


def _decide(
    ctx: click.Context, named: tuple[str, int | None], state: ModelState, said: tuple[str, str]
) -> KnownModel:
    name, number = named
    actor, reason = said

    async def work(log: Log, settings: Settings) -> KnownModel:
        known = KnownModels(log)
        found = await known.get(name, number)
        if state is ModelState.ACCEPTED:
            decode(await known.blob(found))  # refused here by name, not by every worker that judges
        return await known.decide(found, state, actor=actor, reason=reason, partitions=settings.partitions)

    return with_log(ctx, work)


@models.command()
@click.argument("name")
@version
@click.option("--reason", default="", help="Why, for the record.")
@actor
@as_json
@click.pass_context
def accept(
    ctx: click.Context, name: str, *, version: int | None, reason: str, actor: str, as_json: bool
) -> None:
    """Accept a model after looking at its card: trips that begin from now on are judged by it.

    Trips under way keep the model that they began with. Accepting again tells the judgement again.

    Example: sealtrail models accept json-mombasa-malaba --actor "J. Mwangi"
    """
    known = _decide(ctx, (name, version), ModelState.ACCEPTED, (actor, reason))
    click.echo(json.dumps(as_builtins(known)) if as_json else line_of(known))


@models.command()
@click.argument("name")
@version
@click.option("--reason", default="", help="Why, for the record.")
@actor
@as_json
@click.pass_context
def withdraw(
    ctx: click.Context, name: str, *, version: int | None, reason: str, actor: str, as_json: bool
) -> None:
    """Withdraw a model for good: trips that begin from now on aren't judged by it.

    Example: sealtrail models withdraw json-mombasa-malaba --reason "new sensors"
    """
    known = _decide(ctx, (name, version), ModelState.WITHDRAWN, (actor, reason))
    click.echo(json.dumps(as_builtins(known)) if as_json else line_of(known))


@models.command()
@click.argument("name")
@version
@click.option(
    "--from",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Newer readings, as `sealtrail judge` reads them; several times. Else the record's.",
)
@click.option("--since", "since_ms", type=MOMENT, help="Of the record: from then on, RFC 3339.")
@click.option("--until", "until_ms", type=MOMENT, help="Of the record: until then, RFC 3339.")
@as_json
@click.pass_context
def check(
    ctx: click.Context,
    name: str,
    *,
    version: int | None,
    files: tuple[Path, ...],
    since_ms: int | None,
    until_ms: int | None,
    as_json: bool,
) -> None:
    """Check on newer reports whether a model keeps its budget, and whether its world has moved.

    Nothing is retrained by it. The exit code is 1 where there is a drift.

    Example: sealtrail models check json-mombasa-malaba --from newer.jsonl
    """
    if not files and (since_ms is None or until_ms is None):
        raise click.UsageError("say which reports: --from FILE, or --since and --until")
    readings = from_files(files)

    async def work(log: Log, _: Settings) -> tuple[Model, Sequence[Reading]]:
        known = KnownModels(log)
        model = decode(await known.blob(await known.get(name, version)))
        if files or since_ms is None or until_ms is None:
            return model, readings
        journeys: list[Journey] = await journeys_of_all(log, since_ms, until_ms)
        return model, await from_store(log, journeys, model.family)

    model, found = with_log(ctx, work)
    seen = watch(model, series_of(each for each in found if each.family == model.family))
    click.echo(json.dumps(_for_programs(seen)) if as_json else _for_people(seen))
    if seen.drift_at_ms is not None:
        ctx.exit(1)


def _for_programs(seen: Watched) -> dict[str, object]:
    shown: dict[str, object] = {
        name: value for name, value in seen._asdict().items() if name != "drift_at_ms"
    }
    shown["drift"] = {
        "most": seen.drift.most,
        "higher": seen.drift.higher_at >= 0,
        "lower": seen.drift.lower_at >= 0,
    }
    shown["drift_at"] = None if seen.drift_at_ms is None else iso(seen.drift_at_ms)
    return shown


def _for_people(seen: Watched) -> str:
    text = (
        f"{seen.rows_ready} of {seen.rows} reports scored, {seen.container_days:.1f} container-days: "
        f"{seen.realised} alarms where {seen.expected:.3g} false ones are allowed"
    )
    if seen.drift_at_ms is None:
        return f"{text}; no drift"
    way = "higher" if seen.drift.higher_at >= 0 else "lower"
    return f"{text}; DRIFT: scores are {way} since about {iso(seen.drift_at_ms)[:16]}; look, and train again"
