"""`sealtrail trip risk`: which trips to inspect first, and why."""

from __future__ import annotations

import json
from typing import Any

import click
import msgspec

from sealtrail.commands.client import with_log
from sealtrail.contract.clock import iso
from sealtrail.contract.errors import RefusedError, SealTrailError, UnavailableError
from sealtrail.contract.queries import QueryRefusal
from sealtrail.contract.risk import RiskAnswer, RiskQuery, TripRisk
from sealtrail.contract.subjects import RISK_REQUEST
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

WITHIN_S = 30.0
MOST = 1_000
UNKNOWN = {
    "record": "the record doesn't answer: places count nothing",
    "devices": "the record doesn't answer: what devices left out counts nothing",
}


async def _ask(log: Log, query: RiskQuery) -> RiskAnswer:
    headers, body = await log.request(RISK_REQUEST, msgspec.msgpack.encode(query), WITHIN_S)
    if "Sealtrail-Refused" not in headers:
        return msgspec.msgpack.decode(body, type=RiskAnswer)
    refusal = msgspec.msgpack.decode(body, type=QueryRefusal)
    if refusal.reason == "unknown_trip":
        raise SealTrailError(f"{refusal.detail}; see `sealtrail trip list`")
    if refusal.reason == "log_unavailable":
        raise UnavailableError(refusal.detail)
    raise RefusedError(refusal.reason, refusal.detail)


def _line(risk: TripRisk) -> str:
    way = f"{risk.origin or '?'} to {risk.destination or '?'}" if risk.origin or risk.destination else "-"
    why = risk.parts[0].reason if risk.parts else "Nothing speaks for an inspection."
    return f"{risk.score:>3}  {risk.trip_id}  {risk.container_id}  {way}  {why}"


def _print_parts(risk: TripRisk) -> None:
    click.echo(f"{risk.trip_id}  {risk.container_id}  risk {risk.score} of 100")
    for part in risk.parts:
        click.echo(f"{part.points:>6.1f}  {part.name.value:<14}  {part.reason}")
        for one in part.basis:
            click.echo(f"{'':>24}{one.kind.value} {one.id}")
    if not risk.parts:
        click.echo("Nothing speaks for an inspection.")
    elif risk.points > risk.score + 1:
        click.echo(f"The parts add up to {risk.points:.1f}; a score is 100 at most.")


def _tree(risk: TripRisk, at_ms: int) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(risk)
    return {"at": iso(at_ms), **tree}


@click.command()
@click.argument("trip_id", required=False)
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=20, show_default=True, help="So many trips at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, with all parts.")
@click.pass_context
def risk(ctx: click.Context, trip_id: str | None, *, limit: int, as_json: bool) -> None:
    """List the trips to inspect first, or show all that makes the score of TRIP_ID.

    Weights and points are settings, section risk. Needs a running alerts service.

    Example: sealtrail trip risk --limit 10
    """

    async def work(log: Log, _: Settings) -> RiskAnswer:
        return await _ask(log, RiskQuery(trip_id=trip_id, limit=limit))

    answer = with_log(ctx, work)
    for name in answer.unknown:
        click.echo(UNKNOWN.get(name, name), err=True)
    for one in answer.risks:
        if as_json:
            click.echo(json.dumps(_tree(one, answer.at_ms)))
        elif trip_id is None:
            click.echo(_line(one))
        else:
            _print_parts(one)
    if not as_json and trip_id is None and answer.trips > len(answer.risks):
        click.echo(f"{answer.trips - len(answer.risks)} further trips are under way", err=True)
