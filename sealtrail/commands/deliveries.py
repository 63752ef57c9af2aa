"""``sealtrail deliveries``: the ledger."""

from __future__ import annotations

import heapq
import json
from typing import Any

import click
import msgspec

from sealtrail.commands.client import with_log
from sealtrail.contract.clock import iso
from sealtrail.contract.incident import Delivery, DeliveryState
from sealtrail.contract.subjects import DELIVERIES_BUCKET
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

_decode = msgspec.json.Decoder(Delivery).decode


async def _ledger(log: Log, _: Settings) -> list[Delivery]:
    bucket = await log.bucket(DELIVERIES_BUCKET)
    found = []
    for entry in await bucket.items():
        try:
            found.append(_decode(entry.value or b""))
        except msgspec.DecodeError as error:
            click.echo(f"{entry.key}: {error}", err=True)
    return found


def _shown(delivery: Delivery) -> dict[str, Any]:
    """Public form, times as RFC 3339."""
    tree: dict[str, Any] = msgspec.to_builtins(delivery)
    for name in ("queued_at_ms", "delivered_at_ms", "next_attempt_at_ms"):
        at_ms = tree.pop(name)
        tree[name.removesuffix("_ms")] = None if at_ms is None else iso(at_ms)
    for attempt in tree["attempts"]:
        attempt["at"] = iso(attempt.pop("at_ms"))
    return tree


@click.command()
@click.option("--incident", "incident_id", help="Only of this incident.")
@click.option("--subscriber", "subscriber_id", help="Only to this subscriber.")
@click.option(
    "--state", type=click.Choice([state.value for state in DeliveryState]), help="Only in this state."
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines with every attempt.")
@click.pass_context
def deliveries(
    ctx: click.Context,
    *,
    incident_id: str | None,
    subscriber_id: str | None,
    state: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List who was told of what, when, and every attempt.

    Example: sealtrail deliveries --state failed --json
    """
    found = [
        one
        for one in with_log(ctx, _ledger)
        if incident_id in (None, one.incident_id)
        and subscriber_id in (None, one.subscriber_id)
        and state in (None, one.state.value)
    ]
    for one in heapq.nlargest(limit, found, key=lambda one: (one.queued_at_ms, one.delivery_id)):
        if as_json:
            click.echo(json.dumps(_shown(one)))
            continue
        last = one.attempts[-1] if one.attempts else None
        why = f"{last.outcome} {last.detail}".strip() if last is not None else "not tried yet"
        click.echo(
            f"{iso(one.queued_at_ms)}  {one.state.value:<9}  {one.subscriber_id}  {one.channel.value}  "
            f"{one.alert_type}  {one.container_id}  attempts {len(one.attempts)}: {why}"
        )
