"""``sealtrail device pair`` and ``unpair``: on which container a device rides."""

from __future__ import annotations

import secrets

import click

from sealtrail.commands.device_shared import actor_of, actor_option, container_of, run
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.device import DeviceState, InvalidDeviceError, check_device_id
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.iso6346 import container_number
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.trips import TripRecorder


def _record_pairing(
    ctx: click.Context, kind: TripEventKind, device_id: str, container_id: str | None, actor: str
) -> str:
    async def work(log: Log, settings: Settings) -> str:
        known = await DeviceRegistry(log).get(device_id)
        is_speaking = known is not None and known.device.state is not DeviceState.RETIRED
        if kind is TripEventKind.PAIRED and not is_speaking:
            raise InvalidDeviceError("unknown_device", f"there is no device {device_id} to be paired")
        paired_with = await container_of(log, check_device_id(device_id))
        if kind is TripEventKind.PAIRED and paired_with not in {None, container_id}:
            raise InvalidDeviceError(
                "already_paired", f"{device_id} is paired with {paired_with}; unpair it first"
            )
        container = container_id or paired_with
        if container is None:
            raise InvalidDeviceError("not_paired", f"{device_id} isn't paired")
        now_ms = wall_clock_ms()
        await TripRecorder(log, settings.partitions).record(
            TripEvent(
                event_id=secrets.token_hex(12),
                kind=kind,
                occurred_at_ms=now_ms,
                recorded_at_ms=now_ms,
                container_id=container,
                actor=actor_of(actor),
                device_id=device_id,
            )
        )
        return container

    return run(ctx, work)


@click.command()
@click.argument("device_id")
@click.argument("container_id")
@actor_option
@click.pass_context
def pair(ctx: click.Context, device_id: str, container_id: str, *, actor: str) -> None:
    """Say that DEVICE_ID rides on CONTAINER_ID (ISO 6346) from now on.

    Example: sealtrail device pair KE-0001 MSCU6639871
    """
    try:
        container = container_number(container_id)
    except RefusedError as error:
        raise click.ClickException(error.detail) from error
    _record_pairing(ctx, TripEventKind.PAIRED, device_id, container, actor)
    click.echo(f"{device_id}: paired with {container}")


@click.command()
@click.argument("device_id")
@actor_option
@click.pass_context
def unpair(ctx: click.Context, device_id: str, *, actor: str) -> None:
    """Say that DEVICE_ID rides on no container any more.

    Example: sealtrail device unpair KE-0001
    """
    container = _record_pairing(ctx, TripEventKind.UNPAIRED, device_id, None, actor)
    click.echo(f"{device_id}: unpaired from {container}")
