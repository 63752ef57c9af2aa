"""`sealtrail evaluate`: the judgement against a simulated fleet whose truth is known."""

from __future__ import annotations

import sys
import time

import click
import msgspec

from sealtrail.commands.evaluate_run import Evaluation, Progress, evaluate_world
from sealtrail.evaluation.figures import Figures, Spread
from sealtrail.runtime.settings.anomaly import AnomalySettings
from sealtrail.runtime.settings.tree import Settings
from simulators.evaluation.profile import EvaluationProfile

PROGRESS_EVERY_S = 5.0
TUNING_SEEDS = 1_000
RATE = click.FloatRange(0, 1)


def _progress() -> Progress:
    """Says on standard error how far it is, every few seconds."""
    began_s = last_s = time.monotonic()

    def say(part: float, readings: int) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= PROGRESS_EVERY_S or part >= 1:
            last_s = now_s
            click.echo(f"{part:6.1%}  {readings:,} readings  {now_s - began_s:.0f} s", err=True)

    return say


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _pair(spread: Spread) -> str:
    if spread.median is None or spread.p90 is None:
        return "-"
    return f"{spread.median:.0f}/{spread.p90:.0f}"


def _row(each: Figures, name: str = "") -> str:
    return (
        f"{name or each.name:<22} {each.truths:>6} {_number(each.recall):>7} {_number(each.precision):>9} "
        f"{_number(each.f1):>6} {_pair(each.delay_reports):>8} {_pair(each.delay_s):>11} "
        f"{_pair(each.delay_m):>13} {each.false:>6} {each.retracted:>9} "
        f"{_number(each.false_per_1000_container_days, 2):>8}"
    )


HEADER = (
    f"{'':<22} {'truths':>6} {'recall':>7} {'precision':>9} {'F1':>6} {'reports':>8} {'seconds':>11} "
    f"{'metres':>13} {'false':>6} {'retracted':>9} {'/1000 cd':>8}"
)


def _print(found: Evaluation) -> None:
    profile = found.profile
    click.echo(
        f"seed {profile.seed}: {profile.containers} containers, {found.trips} trips, "
        f"{found.container_days:.0f} container-days under watch, {found.readings:,} readings"
    )
    click.echo(HEADER)
    for each in (*found.types, *found.families, found.total):
        click.echo(_row(each))
    click.echo("\nbeside trivial detectors")
    for compared in found.baselines:
        click.echo(_row(compared.baseline))
        click.echo(_row(compared.judgement, "  the judgement"))
    ratio = found.realised_to_budget
    click.echo(
        f"\nfalse alarms: {_number(found.total.false_per_1000_container_days, 2)} per 1,000 container-days, "
        f"{_number(ratio, 2)} times the budget of {found.budget_per_1000_container_days:g}; "
        f"{found.withdrawn} alerts taken back as they must be"
    )
    for title, attribute in (("missed", "missed"), ("false", "false")):
        lines = [
            f"  {counts[attribute]:>4}  {kind:<22} {scene}"
            for scene, kinds in found.by_scene.items()
            for kind, counts in kinds.items()
            if counts[attribute]
        ]
        if lines:
            click.echo(f"\n{title}, by type and what was scripted for the trip")
            click.echo("\n".join(sorted(lines, reverse=True)))


@click.command()
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0), help="Equal seeds, equal worlds."
)
@click.option(
    "--containers", default=100, show_default=True, type=click.IntRange(1), help="How many are under way."
)
@click.option("--days", default=10.0, show_default=True, type=click.FloatRange(2), help="For how long.")
@click.option(
    "--tick-s",
    default=300,
    show_default=True,
    type=click.IntRange(10, 3_600),
    help="How long reports gather before they are judged, and how often time passes; seconds of the world.",
)
@click.option("--slow", default=0.01, show_default=True, type=RATE, help="Part of the reports minutes late.")
@click.option(
    "--late", default=0.002, show_default=True, type=RATE, help="Part of the reports hours to days late."
)
@click.option(
    "--duplicates", default=0.02, show_default=True, type=RATE, help="Part of the reports sent twice."
)
@click.option(
    "--shuffle", default=0.0, show_default=True, type=RATE, help="Part of the backlogs that come in no order."
)
@click.option(
    "--budget",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="False alarms allowed in 1,000 container-days, to compare with.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="All figures, misses and false alarms as one JSON object."
)
@click.pass_context
def evaluate(  # noqa: PLR0913 - one parameter for each option
    ctx: click.Context,
    *,
    seed: int,
    containers: int,
    days: float,
    tick_s: int,
    slow: float,
    late: float,
    duplicates: float,
    shuffle: float,
    budget: float,
    as_json: bool,
) -> None:
    """Judge a simulated fleet to which everything happens, and say how well that went.

    Every alert type is scripted, beside what only looks like it. Printed by type: how many
    there were, recall, precision, F1, the delay from the receipt of the evidence (median/90 %)
    in reports, seconds and metres, and false alarms. Settings below [anomaly] apply. Seeds
    below 1000 may be used for tuning; figures to be believed are of seeds from 1000 on.

    Example: sealtrail evaluate --seed 1000 --containers 200 --days 10 --json
    """
    tree = ctx.find_object(Settings)
    settings = tree.anomaly if tree is not None else AnomalySettings()
    profile = EvaluationProfile(
        seed=seed,
        containers=containers,
        days=days,
        tick_ms=tick_s * 1000,
        slow_rate=slow,
        late_rate=late,
        duplicate_rate=duplicates,
        shuffle_rate=shuffle,
    )
    found = evaluate_world(profile, settings, budget, _progress())
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    else:
        _print(found)
    if seed < TUNING_SEEDS:
        click.echo(f"seed {seed} is one of those for tuning (below {TUNING_SEEDS})", err=True)
