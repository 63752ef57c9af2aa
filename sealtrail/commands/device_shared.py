"""What the verbs of ``sealtrail device`` share."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from sealtrail.commands.client import with_log
from sealtrail.contract.device import SignatureAlgorithm
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.subjects import PAIRINGS_BUCKET
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

T = TypeVar("T")

actor_option = click.option("--actor", default="", help="Who does it, for the record.")
why_option = click.option("--note", default="", help="Why, for the record.")
ALGORITHMS = click.Choice([algorithm.value for algorithm in SignatureAlgorithm])


def run(ctx: click.Context, work: Callable[[Log, Settings], Awaitable[T]]) -> T:
    """`with_log`; what the registry refuses is one line."""
    try:
        return with_log(ctx, work)
    except RefusedError as error:
        raise click.ClickException(error.detail or error.reason) from error


def actor_of(given: str) -> str:
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return "command line"


async def container_of(log: Log, device_id: str) -> str | None:
    entry = await (await log.bucket(PAIRINGS_BUCKET)).get(device_id)
    return entry.value.decode() if entry is not None and entry.value else None
