"""``sealtrail subscriber``: who is told."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import click

from sealtrail.commands.client import with_log
from sealtrail.contract.alert import AlertFamily, Severity
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.device import Login, subscriber_login
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.subscriber import InvalidSubscriberError, Subscriber, parse_subscriber
from sealtrail.contract.subjects import SUBSCRIBERS_BUCKET
from sealtrail.runtime.devices import LoginBook
from sealtrail.runtime.log import Log
from sealtrail.runtime.passwords import MADE_ITERATIONS, hash_password, make_password
from sealtrail.runtime.settings.tree import Settings

SECRET_BYTES = 32


@click.group()
def subscriber() -> None:
    """Add, list and remove those who are told of alerts.

    Example: sealtrail subscriber add --id customs-ke --webhook https://customs.example/alerts
    """


async def _put(log: Log, found: Subscriber, *, replace: bool) -> str:
    """Enters the subscriber; the password that was made for it ('' where it has one or needs none)."""
    bucket = await log.bucket(SUBSCRIBERS_BUCKET)
    if await bucket.put(found.id, found.to_json(), None if replace else 0) is None:
        raise InvalidSubscriberError(
            "subscriber_exists", f"there is a subscriber {found.id}; --replace writes over it"
        )
    if not found.channels.mqtt:
        await LoginBook(log).remove(found.id)
        return ""
    has_login = any(login.subscriber_id == found.id for login in await LoginBook(log).all())
    return "" if has_login else await _new_password(log, found.id)


async def _new_password(log: Log, subscriber_id: str) -> str:
    made = make_password()
    await LoginBook(log).put(
        Login(
            subscriber_id=subscriber_id,
            password_hash=hash_password(made, MADE_ITERATIONS),
            changed_at_ms=wall_clock_ms(),
        )
    )
    return made


def _from_file(path: Path) -> tuple[dict[str, Any], str]:
    """The file's tree, and the secret that was made for it ('' where it has one)."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{path} is no JSON: {error}") from error
    if not isinstance(tree, dict):
        raise click.ClickException(f"{path} holds no JSON object")
    channels = tree.get("channels")
    webhook = channels.get("webhook") if isinstance(channels, dict) else None
    if isinstance(webhook, dict) and "secret" not in webhook:
        webhook["secret"] = secrets.token_urlsafe(SECRET_BYTES)
        return tree, str(webhook["secret"])
    return tree, ""


@subscriber.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--id", "subscriber_id", help="Identifier: letters, digits, - and _.")
@click.option("--name", help="Name for people; the identifier where it is left out.")
@click.option("--webhook", metavar="URL", help="POST notifications to this address.")
@click.option("--secret", help="Key of the signature; made and printed once where it is left out.")
@click.option("--mqtt", is_flag=True, help="Publish on sealtrail/alerts/<id>/<container>.")
@click.option("--trip", "trips", multiple=True, help="Only this trip; may be given several times.")
@click.option("--container", "containers", multiple=True, help="Only this container; several times.")
@click.option(
    "--severity",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.MEDIUM.value,
    show_default=True,
    help="Nothing milder.",
)
@click.option(
    "--family",
    "families",
    multiple=True,
    type=click.Choice([family.value for family in AlertFamily]),
    help="Only this family of alerts; several times.",
)
@click.option("--replace", is_flag=True, help="Write over a subscriber of that identifier.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line.")
@click.pass_context
def add(  # noqa: PLR0913 - one parameter per option
    ctx: click.Context,
    *,
    file: Path | None,
    subscriber_id: str | None,
    name: str | None,
    webhook: str | None,
    secret: str | None,
    mqtt: bool,
    trips: tuple[str, ...],
    containers: tuple[str, ...],
    severity: str,
    families: tuple[str, ...],
    replace: bool,
    as_json: bool,
) -> None:
    """Add a subscriber, from FILE (JSON) or from options.

    Example: sealtrail subscriber add --id insurer --mqtt --severity critical
    """
    made = ""
    if file is not None:
        if subscriber_id or webhook or mqtt:
            raise click.UsageError("give FILE or options, not both")
        tree, made = _from_file(file)
    else:
        if not subscriber_id:
            raise click.UsageError("give FILE, or --id with --webhook URL or --mqtt")
        channels: dict[str, Any] = {"mqtt": mqtt}
        if webhook:
            made = "" if secret else secrets.token_urlsafe(SECRET_BYTES)
            channels["webhook"] = {"url": webhook, "secret": secret or made}
        tree = {
            "id": subscriber_id,
            "name": name or subscriber_id,
            "channels": channels,
            "filter": {
                "trips": list(trips),
                "containers": list(containers),
                "minimum_severity": severity,
                "families": list(families),
            },
        }
    try:
        found = parse_subscriber(json.dumps(tree))
        password = with_log(ctx, lambda log, _: _put(log, found, replace=replace))
    except RefusedError as error:
        raise click.ClickException(error.detail) from error
    if as_json:
        once = {"secret": made} if made else {}
        if password:
            once |= {"mqtt_user": subscriber_login(found.id), "mqtt_password": password}
        click.echo(json.dumps({**found.shown(), **once}))
        return
    click.echo(f"Added subscriber {found.id} ({', '.join(kind.value for kind in found.channel_kinds)}).")
    if made:
        click.echo(f"Signature secret, shown only now: {made}")
    if password:
        _say_login(found.id, password)


def _say_login(subscriber_id: str, password: str) -> None:
    click.echo(f"MQTT user {subscriber_login(subscriber_id)}, password, shown only now: {password}")


async def _all(log: Log, _: Settings) -> list[Subscriber]:
    bucket = await log.bucket(SUBSCRIBERS_BUCKET)
    found = []
    for entry in await bucket.items():
        try:
            found.append(parse_subscriber(entry.value or b""))
        except InvalidSubscriberError as error:
            click.echo(f"{entry.key}: {error.detail}", err=True)
    return sorted(found, key=lambda one: one.id)


@subscriber.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the subscribers; secrets are never shown.

    Example: sealtrail subscriber list --json
    """
    for one in with_log(ctx, _all):
        if as_json:
            click.echo(json.dumps(one.shown()))
            continue
        webhook = one.channels.webhook
        ways = [webhook.url] if webhook is not None else []
        ways += ["mqtt"] if one.channels.mqtt else []
        scope = [*one.filter.trips, *one.filter.containers] or ["everything"]
        click.echo(
            f"{one.id}\t{one.name}\t{', '.join(ways)}\tfrom {one.filter.minimum_severity}\t{', '.join(scope)}"
        )


async def _remove(log: Log, subscriber_id: str) -> bool:
    bucket = await log.bucket(SUBSCRIBERS_BUCKET)
    if await bucket.get(subscriber_id) is None:
        return False
    await LoginBook(log).remove(subscriber_id)
    await bucket.delete(subscriber_id)
    return True


@subscriber.command()
@click.argument("subscriber_id")
@click.pass_context
def remove(ctx: click.Context, subscriber_id: str) -> None:
    """Remove a subscriber; its waiting notifications fail, the ledger stays.

    Example: sealtrail subscriber remove insurer
    """
    plain = subscriber_id.replace("-", "").replace("_", "")
    is_one = plain.isalnum() and plain.isascii()
    if not (is_one and with_log(ctx, lambda log, _: _remove(log, subscriber_id))):
        raise click.ClickException(
            f"there is no subscriber {subscriber_id!r}; see `sealtrail subscriber list`"
        )
    click.echo(f"Removed subscriber {subscriber_id}.")


@subscriber.command()
@click.argument("subscriber_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line.")
@click.pass_context
def password(ctx: click.Context, subscriber_id: str, *, as_json: bool) -> None:
    """Give a subscriber a new MQTT password; the old one ends at once, and with it its session.

    Example: sealtrail subscriber password insurer
    """

    async def work(log: Log, _: Settings) -> str:
        known = {one.id: one for one in await _all(log, _)}
        if subscriber_id not in known or not known[subscriber_id].channels.mqtt:
            raise click.ClickException(f"there is no subscriber {subscriber_id!r} that is told by MQTT")
        return await _new_password(log, subscriber_id)

    made = with_log(ctx, work)
    if as_json:
        click.echo(json.dumps({"mqtt_user": subscriber_login(subscriber_id), "mqtt_password": made}))
    else:
        _say_login(subscriber_id, made)
