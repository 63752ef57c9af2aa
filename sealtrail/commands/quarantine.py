"""`sealtrail quarantine`: messages that could not be decoded, with the bytes to try again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import click

from sealtrail.commands.client import with_log
from sealtrail.contract.clock import iso
from sealtrail.contract.codec import decode_quarantined
from sealtrail.contract.errors import RefusedError, WireError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.subjects import QUARANTINE_STREAM, QUARANTINE_SUBJECTS
from sealtrail.runtime.log import Log

WINDOW = 256
SHOWN_BYTES = 32


class Entry(NamedTuple):
    """A refused message; its number is its place in the quarantine and stays the same."""

    batch: int
    place: int
    message: QuarantinedMessage

    @property
    def number(self) -> str:
        return f"{self.batch}.{self.place}"

    def as_json(self) -> str:
        """One line: everything, the payload as hex and, where it is readable, as text."""
        message = self.message
        return json.dumps(
            {
                "number": self.number,
                "received_at": iso(message.received_at_ms),
                "topic": message.topic,
                "family": message.family,
                "device_id": message.device_id,
                "reason": message.reason,
                "detail": message.detail,
                "payload_hex": message.payload.hex(),
                "payload_text": _readable(message.payload),
            }
        )


def _readable(payload: bytes) -> str | None:
    """The payload as text where all of it can be printed."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _printable(value: str) -> str:
    """Text from outside, fit for a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)


def _payload(payload: bytes, limit: int | None) -> str:
    readable = _readable(payload)
    shown = readable if readable is not None else payload.hex(" ")
    length = limit if limit is None else (limit if readable is not None else 3 * limit - 1)
    return shown if length is None or len(shown) <= length else f"{shown[:length]}…"


async def _read(log: Log, first: int, last: int) -> tuple[list[Entry], bool]:
    """Entries of the log messages ``first`` to ``last``, newest first, and whether there is any message.

    Damaged messages are told and left out.
    """
    reader = log.reader(QUARANTINE_STREAM, QUARANTINE_SUBJECTS, first)
    found: list[Entry] = []
    position = first - 1
    try:
        while position < last and (taken := await reader.take(WINDOW, 2.0)):
            for item in taken:
                position = item.sequence
                if position > last:
                    break
                try:
                    messages = decode_quarantined(item.data)
                except WireError as error:
                    click.echo(f"quarantine {position} can't be read: {error}", err=True)
                    continue
                found += [Entry(position, place, message) for place, message in enumerate(messages)]
    finally:
        await reader.close()
    found.reverse()
    return found, position >= first


async def entries(log: Log) -> AsyncIterator[Entry]:
    """All entries of the quarantine, newest first, read as far as they are asked for."""
    last = await log.last_sequence(QUARANTINE_STREAM)
    while last > 0:
        first = max(1, last - WINDOW + 1)
        found, any_left = await _read(log, first, last)
        for entry in found:
            yield entry
        if not any_left:  # older ones have expired
            break
        last = first - 1


def _wanted(reason: str | None, family: str | None) -> Callable[[Entry], bool]:
    def matches(entry: Entry) -> bool:
        return reason in (None, entry.message.reason) and family in (None, entry.message.family)

    return matches


async def newest(log: Log, limit: int, reason: str | None, family: str | None) -> list[Entry]:
    """The newest entries that match, at most ``limit`` (0: all)."""
    wanted = _wanted(reason, family)
    found: list[Entry] = []
    async for entry in entries(log):
        if wanted(entry):
            found.append(entry)
            if len(found) == limit:
                break
    return found


async def numbered(log: Log, number: str) -> Entry:
    """The entry with that number; raises `RefusedError` where there is none."""
    batch, _, place = number.partition(".")
    if batch.isdecimal() and place.isdecimal() and int(batch) <= await log.last_sequence(QUARANTINE_STREAM):
        found, _ = await _read(log, max(1, int(batch)), int(batch))
        for entry in found:
            if entry.place == int(place):
                return entry
    raise RefusedError(
        "unknown_number", f"there is no {number!r} in quarantine; see `sealtrail quarantine list`"
    )


_reason = click.option("--reason", help="Only messages refused for this reason.")
_family = click.option("--family", help="Only messages of this device family, as their topic says.")


@click.group()
def quarantine() -> None:
    """Look at messages that the gateway could not decode. Nothing that was refused is lost.

    Example: sealtrail quarantine list --family jt701 --limit 5
    """


@quarantine.command("list")
@_reason
@_family
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(min=0), help="At most so many; 0 is all."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_(ctx: click.Context, reason: str | None, family: str | None, limit: int, *, as_json: bool) -> None:
    """List refused messages, newest first.

    Example: sealtrail quarantine list --reason bad_checksum --json
    """
    found = with_log(ctx, lambda log, _: newest(log, limit, reason, family))
    for entry in found:
        if as_json:
            click.echo(entry.as_json())
            continue
        message = entry.message
        click.echo(
            f"{entry.number:>8}  {iso(message.received_at_ms)}  {_printable(message.reason)}  "
            f"{_printable(message.topic)}  {_payload(message.payload, SHOWN_BYTES)}"
        )
    if not found and not as_json:
        click.echo("Nothing in quarantine matches.")


@quarantine.command()
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def show(ctx: click.Context, number: str, *, as_json: bool) -> None:
    """Show one refused message with all its bytes. NUMBER is the first column of `list`.

    Example: sealtrail quarantine show 12.0
    """
    entry = with_log(ctx, lambda log, _: numbered(log, number))
    if as_json:
        click.echo(entry.as_json())
        return
    message = entry.message
    for name, value in (
        ("received", iso(message.received_at_ms)),
        ("topic", _printable(message.topic)),
        ("family", _printable(message.family)),
        ("device", _printable(message.device_id)),
        ("reason", _printable(message.reason)),
        ("detail", _printable(message.detail)),
        ("bytes", str(len(message.payload))),
        ("hex", message.payload.hex()),
        ("text", _readable(message.payload) or "(not text)"),
    ):
        click.echo(f"{name:>8}  {value}")


@quarantine.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_reason
@_family
@click.pass_context
def export(ctx: click.Context, file: Path, reason: str | None, family: str | None) -> None:
    """Write refused messages to FILE, one JSON object a line, newest first; `-` is standard output.

    Example: sealtrail quarantine export refused.jsonl --family jt701
    """

    async def write(log: Log) -> int:
        wanted = _wanted(reason, family)
        count = 0
        with click.open_file(str(file), "w", encoding="utf-8") as target:  # only now: the log is there
            async for entry in entries(log):
                if wanted(entry):
                    target.write(entry.as_json() + "\n")
                    count += 1
        return count

    count = with_log(ctx, lambda log, _: write(log))
    click.echo(f"{count} messages written to {file}", err=True)
