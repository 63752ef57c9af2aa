"""``sealtrail device clock``: in which zone a device's clock runs."""

from __future__ import annotations

import click
import msgspec

from gateway.decoders import decoder_for, decoders
from sealtrail.commands.device_shared import actor_of, actor_option, run
from sealtrail.contract.decoder import ZonedDecoder
from sealtrail.contract.device import Device, InvalidDeviceError, clock_offset_s, clock_offset_text
from sealtrail.contract.errors import RefusedError
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

PROTOCOL = "protocol"


def clock_ahead_s(family: str, text: str) -> int | None:
    """Seconds of ``text`` for a device of that family; None where it is empty.

    Raises `InvalidDeviceError`, ``no_clock_offset`` for a family whose frames say their zone.
    """
    if not text:
        return None
    try:
        decoder = decoder_for(family)
    except RefusedError as error:
        raise InvalidDeviceError("bad_family", error.detail) from error
    if not isinstance(decoder, ZonedDecoder):
        zoned = ", ".join(sorted(name for name, one in decoders().items() if isinstance(one, ZonedDecoder)))
        raise InvalidDeviceError(
            "no_clock_offset", f"frames of {family} say their zone; these don't: {zoned}"
        )
    return clock_offset_s(text)


@click.command(context_settings={"ignore_unknown_options": True})  # -03:30 is none
@click.argument("device_id")
@click.argument("offset")
@actor_option
@click.pass_context
def clock(ctx: click.Context, device_id: str, offset: str, *, actor: str) -> None:
    """Say that the clock of DEVICE_ID is ahead of UTC by OFFSET: +08:00, -03:30, 0 or protocol.

    From the next report on; readings that are on the log keep their time.

    Example: sealtrail device clock 013812345678 +02:00
    """

    def edit(device: Device) -> Device:
        ahead_s = clock_ahead_s(device.family, "" if offset == PROTOCOL else offset)
        return msgspec.structs.replace(device, clock_ahead_s=ahead_s)

    async def work(log: Log, _: Settings) -> Device:
        return await DeviceRegistry(log).change(device_id, edit, actor_of(actor))

    ahead_s = run(ctx, work).clock_ahead_s
    click.echo(f"{device_id}: {'as its protocol says' if ahead_s is None else clock_offset_text(ahead_s)}")
