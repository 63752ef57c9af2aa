"""``sealtrail device``: the registry of devices."""

from __future__ import annotations

import json
from typing import Any

import click

from sealtrail.commands.device_clock import clock, clock_ahead_s
from sealtrail.commands.device_export import export_mosquitto
from sealtrail.commands.device_identity import doubt_about
from sealtrail.commands.device_import import import_
from sealtrail.commands.device_keys import make_key
from sealtrail.commands.device_pairing import pair, unpair
from sealtrail.commands.device_rotate import rotate
from sealtrail.commands.device_shared import ALGORITHMS, actor_of, actor_option, container_of, run, why_option
from sealtrail.contract.clock import iso, wall_clock_ms
from sealtrail.contract.device import (
    Device,
    DeviceState,
    InvalidDeviceError,
    SignatureAlgorithm,
    SigningKey,
    check_device,
    check_device_id,
    clock_offset_text,
)
from sealtrail.contract.subjects import PAIRINGS_BUCKET
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.passwords import CHOSEN_ITERATIONS, MADE_ITERATIONS, hash_password, make_password
from sealtrail.runtime.settings.tree import Settings


@click.group()
def device() -> None:
    """Add devices, say what they may do, and pair them with containers.

    What came in from each of them is told by `sealtrail devices`.

    Example: sealtrail device add KE-0001 --family json
    """


def shown(known: Device, container_id: str | None) -> dict[str, Any]:
    """A device for people and programs; what it proves itself with is only named."""
    return {
        "device_id": known.device_id,
        "family": known.family,
        "state": known.state.value,
        "container_id": container_id,
        "password": bool(known.password_hash),
        "certificate_sha256": known.certificate_sha256 or None,
        "signature_required": known.signature_required,
        "signing_keys": [
            {
                "key_id": key.key_id,
                "algorithm": key.algorithm.value,
                "valid_from": iso(key.valid_from_ms),
                "valid_until": None if key.valid_until_ms is None else iso(key.valid_until_ms),
            }
            for key in known.signing_keys
        ],
        "reporting_interval_s": known.reporting_interval_s,
        "messages_per_s": known.messages_per_s,
        "clock_offset": None if known.clock_ahead_s is None else clock_offset_text(known.clock_ahead_s),
        "capabilities": list(known.capabilities),
        "note": known.note,
        "changed_at": iso(known.changed_at_ms),
        "changed_by": known.changed_by,
    }


@device.command()
@click.argument("device_id")
@click.option("--family", required=True, help="How it speaks: json, jt701, … (`sealtrail decode --list`).")
@click.option("--password", help="Its password, where it can't be changed; made and printed once otherwise.")
@click.option("--no-password", is_flag=True, help="It signs in with its certificate only, or not by MQTT.")
@click.option("--certificate", help="SHA-256 fingerprint of its client certificate, hexadecimal.")
@click.option("--sign", "algorithm", type=ALGORITHMS, help="It signs what it sends; its key is printed once.")
@click.option("--sign-optional", is_flag=True, help="With --sign: unsigned messages are believed as well.")
@click.option("--public-key", help="With --sign ed25519: its public key, base64; made otherwise.")
@click.option("--interval", "interval_s", type=float, help="Seconds between its reports.")
@click.option("--rate", "messages_per_s", type=float, help="Messages a second it may send in the long run.")
@click.option(
    "--clock-offset", default="", help="Its clock from UTC, as +08:00, where it isn't its protocol's."
)
@click.option(
    "--capability", "capabilities", multiple=True, help="seal, gnss, temperature, …; several times."
)
@click.option("--note", default="", help="For people.")
@click.option("--actor", default="", help="Who adds it, for the record.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line.")
@click.pass_context
def add(ctx: click.Context, /, device_id: str, **options: Any) -> None:
    """Enter DEVICE_ID; an identity is given once and never again.

    Example: sealtrail device add KE-0001 --family json --interval 300 --capability seal
    """
    if options["no_password"] and options["password"]:
        raise click.UsageError("give --password or --no-password, not both")
    if not options["algorithm"] and (options["public_key"] or options["sign_optional"]):
        raise click.UsageError("--public-key and --sign-optional need --sign")
    made: dict[str, str] = {}
    try:
        entered = _from_options(device_id, options, made)
    except InvalidDeviceError as error:
        raise click.ClickException(error.detail) from error
    actor = actor_of(options["actor"])
    found = run(ctx, lambda log, _: DeviceRegistry(log).add(entered, actor))
    doubt = doubt_about(found)
    if doubt is not None:
        click.echo(f"Note: {doubt}.", err=True)
    if options["as_json"]:
        click.echo(json.dumps({**shown(found, None), **made}))
        return
    click.echo(f"Added {device_id} ({found.family}); it may sign in within seconds.")
    if made:
        click.echo("Shown only now:")
    for name, value in made.items():
        click.echo(f"  {name}: {value}")


def _from_options(device_id: str, options: dict[str, Any], made: dict[str, str]) -> Device:
    """The device as the options say; what is made for it is added to ``made``."""
    check_device_id(device_id)
    password_hash = ""
    if options["password"]:
        password_hash = hash_password(options["password"], CHOSEN_ITERATIONS)
    elif not options["no_password"]:
        made["password"] = make_password()
        password_hash = hash_password(made["password"], MADE_ITERATIONS)
    keys: tuple[SigningKey, ...] = ()
    if options["algorithm"]:
        key = make_key(SignatureAlgorithm(options["algorithm"]), options["public_key"], wall_clock_ms(), made)
        keys = (key,)
    return check_device(
        Device(
            device_id=device_id,
            family=options["family"],
            password_hash=password_hash,
            certificate_sha256=(options["certificate"] or "").replace(":", "").lower(),
            signing_keys=keys,
            signature_required=bool(keys) and not options["sign_optional"],
            reporting_interval_s=options["interval_s"],
            messages_per_s=options["messages_per_s"],
            clock_ahead_s=clock_ahead_s(options["family"], options["clock_offset"]),
            capabilities=options["capabilities"],
            note=options["note"],
        )
    )


@device.command()
@click.argument("device_id")
@click.option("--history", is_flag=True, help="Every change that is kept, oldest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def show(ctx: click.Context, device_id: str, *, history: bool, as_json: bool) -> None:
    """Show what is known about DEVICE_ID; its secrets are never shown.

    Example: sealtrail device show KE-0001 --history
    """

    async def work(log: Log, _: Settings) -> list[dict[str, Any]]:
        registry = DeviceRegistry(log)
        container_id = await container_of(log, check_device_id(device_id))
        if history:
            found = await registry.history(device_id)
        else:
            known = await registry.get(device_id)
            found = [known.device] if known is not None else []
        if not found:
            raise InvalidDeviceError("unknown_device", f"there is no device {device_id}")
        return [shown(one, container_id) for one in found]

    for tree in run(ctx, work):
        if as_json:
            click.echo(json.dumps(tree))
        elif history:
            click.echo(f"{tree['changed_at']}  {tree['state']:<12} by {tree['changed_by']}  {tree['note']}")
        else:
            for name, value in tree.items():
                click.echo(f"{name:<22}{'-' if value in (None, '', []) else value}")


@device.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in DeviceState]), help="Only those in this state."
)
@click.option("--family", help="Only those of this family.")
@click.option("--paired/--unpaired", default=None, help="Only those with, or without, a container.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_(
    ctx: click.Context, *, state: str | None, family: str | None, paired: bool | None, as_json: bool
) -> None:
    """List the devices.

    Example: sealtrail device list --state suspended
    """

    async def work(log: Log, _: Settings) -> list[dict[str, Any]]:
        entries = await (await log.bucket(PAIRINGS_BUCKET)).items()
        containers = {entry.key: entry.value.decode() for entry in entries if entry.value}
        return [shown(one, containers.get(one.device_id)) for one in await DeviceRegistry(log).all()]

    for tree in run(ctx, work):
        if (state and tree["state"] != state) or (family and tree["family"] != family):
            continue
        if paired is not None and paired is not (tree["container_id"] is not None):
            continue
        if as_json:
            click.echo(json.dumps(tree))
        else:
            container = tree["container_id"] or "-"
            click.echo(f"{tree['device_id']}\t{tree['family']}\t{tree['state']}\t{container}\t{tree['note']}")


def _set_state(ctx: click.Context, device_id: str, state: DeviceState, actor: str, note: str) -> None:
    run(ctx, lambda log, _: DeviceRegistry(log).set_state(device_id, state, actor_of(actor), note))
    click.echo(f"{device_id}: {state.value}")


@device.command()
@click.argument("device_id")
@why_option
@actor_option
@click.pass_context
def suspend(ctx: click.Context, device_id: str, *, note: str, actor: str) -> None:
    """Stop believing DEVICE_ID: its session is cut, what it sends is kept apart.

    Example: sealtrail device suspend KE-0001 --note "stolen at Malaba"
    """
    _set_state(ctx, device_id, DeviceState.SUSPENDED, actor, note)


@device.command()
@click.argument("device_id")
@why_option
@actor_option
@click.pass_context
def resume(ctx: click.Context, device_id: str, *, note: str, actor: str) -> None:
    """Believe DEVICE_ID again.

    Example: sealtrail device resume KE-0001
    """
    _set_state(ctx, device_id, DeviceState.ACTIVE, actor, note)


@device.command()
@click.argument("device_id")
@why_option
@actor_option
@click.pass_context
def retire(ctx: click.Context, device_id: str, *, note: str, actor: str) -> None:
    """End DEVICE_ID for good; its identity is never given again.

    Example: sealtrail device retire KE-0001 --note "crushed"
    """
    _set_state(ctx, device_id, DeviceState.RETIRED, actor, note)


for command in (clock, pair, unpair, rotate, import_, export_mosquitto):
    device.add_command(command)
