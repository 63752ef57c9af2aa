"""``sealtrail incident``: the alert queue, and what people do to it."""

from __future__ import annotations

import getpass
import json
from typing import Any

import click
import msgspec

from sealtrail.commands.client import with_log
from sealtrail.contract.clock import iso
from sealtrail.contract.incident import (
    CommandReply,
    Incident,
    IncidentAction,
    IncidentCommand,
    IncidentState,
)
from sealtrail.contract.subjects import INCIDENT_COMMAND, INCIDENTS_BUCKET
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

_decode = msgspec.json.Decoder(Incident).decode
_decode_reply = msgspec.msgpack.Decoder(CommandReply).decode
_encode = msgspec.msgpack.Encoder().encode


@click.group()
def incident() -> None:
    """List incidents, look into one, and say what is to become of it.

    Example: sealtrail incident list --state open
    """


async def _all(log: Log, _: Settings) -> list[Incident]:
    bucket = await log.bucket(INCIDENTS_BUCKET)
    found = []
    for entry in await bucket.items():
        try:
            found.append(_decode(entry.value or b""))
        except msgspec.DecodeError as error:
            click.echo(f"{entry.key}: {error}", err=True)
    return found


def _shown(one: Incident) -> dict[str, Any]:
    """Public form, times as RFC 3339."""

    def with_times(tree: Any) -> Any:
        if isinstance(tree, (list, tuple)):
            return [with_times(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        return {
            (name.removesuffix("_ms") if name.endswith("at_ms") else name): (
                iso(value) if name.endswith("at_ms") and isinstance(value, int) else with_times(value)
            )
            for name, value in tree.items()
        }

    tree: dict[str, Any] = with_times(msgspec.to_builtins(one))
    tree["late_by_s"] = one.late_by_ms / 1000
    return tree


def _line(one: Incident) -> str:
    late = f"  late by {one.late_by_ms / 60_000:.0f} min" if one.late_by_ms >= 60_000 else ""  # noqa: PLR2004 - a minute
    types = ", ".join(sorted({alert.type.value for alert in one.alerts}))
    return (
        f"{one.incident_id}  {iso(one.occurred_at_ms)}  {one.severity.value:<8}  {one.state.value:<12}  "
        f"{one.container_id}  {types}{late}"
    )


@incident.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in IncidentState]), help="Only in this state."
)
@click.option("--container", "container_id", help="Only of this container.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.pass_context
def list_(
    ctx: click.Context, *, state: str | None, container_id: str | None, limit: int, as_json: bool
) -> None:
    """List incidents, those opened last first.

    Example: sealtrail incident list --state open --json
    """
    found = [
        one
        for one in with_log(ctx, _all)
        if state in (None, one.state.value) and container_id in (None, one.container_id)
    ]
    found.sort(key=lambda one: (one.opened_at_ms, one.incident_id), reverse=True)
    for one in found[:limit]:
        click.echo(json.dumps(_shown(one)) if as_json else _line(one))


def _plain(incident_id: str) -> bool:
    """Whether it can be the key of an incident at all."""
    return incident_id.isascii() and incident_id.isalnum()


async def _one(log: Log, incident_id: str) -> Incident | None:
    entry = await (await log.bucket(INCIDENTS_BUCKET)).get(incident_id)
    return None if entry is None else _decode(entry.value or b"")


def _print(one: Incident, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_shown(one)))
        return
    click.echo(_line(one))
    for alert in one.alerts:
        click.echo(
            f"  {iso(alert.occurred_at_ms)}  {alert.severity.value}  {alert.action.value}  {alert.sentence}"
        )
    for step in one.history:
        why = f": {step.reason}" if step.reason else ""
        click.echo(f"  {iso(step.at_ms)}  {step.actor}  {step.action}{why}")


@incident.command()
@click.argument("incident_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line.")
@click.pass_context
def show(ctx: click.Context, incident_id: str, *, as_json: bool) -> None:
    """Show one incident with its alerts and its history.

    Example: sealtrail incident show 0123456789abcdef01234567
    """
    one = with_log(ctx, lambda log, _: _one(log, incident_id)) if _plain(incident_id) else None
    if one is None:
        raise click.ClickException(f"there is no incident {incident_id!r}; see `sealtrail incident list`")
    _print(one, as_json=as_json)


async def _ask(log: Log, command: IncidentCommand) -> CommandReply:
    _, body = await log.request(INCIDENT_COMMAND, _encode(command))
    return _decode_reply(body)


def _decide(ctx: click.Context, command: IncidentCommand, *, as_json: bool) -> None:
    reply = with_log(ctx, lambda log, _: _ask(log, command))
    if reply.incident is None:
        raise click.ClickException(f"{reply.refused}: {reply.detail}")
    _print(reply.incident, as_json=as_json)


def _verb(action: IncidentAction, summary: str) -> None:
    @incident.command(
        action.value,
        help=f"{summary}\n\nExample: sealtrail incident {action.value} 0123456789abcdef01234567 "
        '--actor "J. Otieno" --reason "seal checked at the weighbridge"',
    )
    @click.argument("incident_id")
    @click.option("--actor", default=getpass.getuser, show_default="your login", help="Who decides.")
    @click.option("--reason", default="", help="Why; needed for everything but acknowledging.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON line.")
    @click.pass_context
    def decide(ctx: click.Context, incident_id: str, *, actor: str, reason: str, as_json: bool) -> None:
        command = IncidentCommand(incident_id=incident_id, action=action, actor=actor, reason=reason)
        _decide(ctx, command, as_json=as_json)


_verb(IncidentAction.ACKNOWLEDGE, "Say that somebody is looking into an incident.")
_verb(IncidentAction.RESOLVE, "Close an incident that has been dealt with.")
_verb(IncidentAction.RETRACT, "Take an incident back as wrong; those who were told are told so.")
_verb(IncidentAction.REOPEN, "Open a resolved or retracted incident again.")
