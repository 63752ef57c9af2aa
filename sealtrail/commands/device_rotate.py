"""``sealtrail device rotate``: new secrets for a device."""

from __future__ import annotations

import json
from typing import Any

import click
import msgspec

from sealtrail.commands.device_keys import add_key, make_key, without_expired
from sealtrail.commands.device_shared import ALGORITHMS, actor_of, actor_option, run
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.device import Device, InvalidDeviceError, SignatureAlgorithm
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.passwords import MADE_ITERATIONS, hash_password, make_password

HOURS = click.FloatRange(0, 24 * 3_660)


@click.command()
@click.argument("device_id")
@click.option("--password", "new_password", is_flag=True, help="A new password; the old one ends at once.")
@click.option("--sign", "algorithm", type=ALGORITHMS, help="A new signing key beside the present ones.")
@click.option("--public-key", help="With --sign ed25519: its public key, base64; made otherwise.")
@click.option(
    "--overlap-h", type=HOURS, default=720.0, show_default=True, help="Hours for which older keys still hold."
)
@actor_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line.")
@click.pass_context
def rotate(ctx: click.Context, /, device_id: str, **options: Any) -> None:
    """Give DEVICE_ID new secrets: a password, a signing key, or both.

    Let keys overlap for longer than its longest dead zone: a backlog is signed
    with the key that held when it was written, and checked when it arrives.

    Example: sealtrail device rotate KE-0001 --sign hmac-sha256 --overlap-h 168
    """
    if not options["new_password"] and not options["algorithm"]:
        raise click.UsageError("give --password, --sign, or both")
    made: dict[str, str] = {}
    now_ms = wall_clock_ms()
    changes: dict[str, Any] = {}
    if options["new_password"]:
        made["password"] = make_password()
        changes["password_hash"] = hash_password(made["password"], MADE_ITERATIONS)
    try:
        key = (
            make_key(SignatureAlgorithm(options["algorithm"]), options["public_key"], now_ms, made)
            if options["algorithm"]
            else None
        )
    except InvalidDeviceError as error:
        raise click.ClickException(error.detail) from error
    overlap_ms = round(options["overlap_h"] * 3_600_000)

    def edit(known: Device) -> Device:
        keys = without_expired(known.signing_keys, now_ms)
        if key is not None:
            keys = add_key(keys, key, now_ms + overlap_ms)
        return msgspec.structs.replace(known, signing_keys=keys, **changes)

    run(ctx, lambda log, _: DeviceRegistry(log).change(device_id, edit, actor_of(options["actor"])))
    if options["as_json"]:
        click.echo(json.dumps({"device_id": device_id, **made}))
        return
    click.echo(f"{device_id}: shown only now:")
    for name, value in made.items():
        click.echo(f"  {name}: {value}")
