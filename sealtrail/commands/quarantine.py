"""`sealtrail quarantine`: messages that could not be decoded, with the bytes to try again."""

from __future__ import annotations

from pathlib import Path

import click

from sealtrail.commands.client import with_log
from sealtrail.commands.quarantine_entries import entries, newest, numbered, readable, wanted_by
from sealtrail.commands.quarantine_retry import Outcome, retry_all
from sealtrail.contract.clock import iso
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

SHOWN_BYTES = 32


def _printable(value: str) -> str:
    """Text from outside, fit for a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)


def _payload(payload: bytes, limit: int | None) -> str:
    text = readable(payload)
    shown = text if text is not None else payload.hex(" ")
    length = limit if limit is None else (limit if text is not None else 3 * limit - 1)
    return shown if length is None or len(shown) <= length else f"{shown[:length]}…"


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
        ("text", readable(message.payload) or "(not text)"),
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
        wanted = wanted_by(reason, family)
        count = 0
        with click.open_file(str(file), "w", encoding="utf-8") as target:  # only now: the log is there
            async for entry in entries(log):
                if wanted(entry):
                    target.write(entry.as_json() + "\n")
                    count += 1
        return count

    count = with_log(ctx, lambda log, _: write(log))
    click.echo(f"{count} messages written to {file}", err=True)


@quarantine.command()
@click.argument("numbers", nargs=-1)
@_reason
@_family
@click.option("--all", "everything", is_flag=True, help="All of the quarantine.")
@click.option("--dry-run", is_flag=True, help="Decode and tell, but put nothing on the log.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, and one with the sums.")
@click.pass_context
def retry(
    ctx: click.Context,
    numbers: tuple[str, ...],
    reason: str | None,
    family: str | None,
    *,
    everything: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Decode refused messages again and put their readings on the log, at their own time.

    For after a decoder has been fixed. The messages are named by NUMBERS (first column of
    `list`), by --reason and --family, or by --all; oldest first. What is still refused stays
    where it is. Trying again what was put in before changes nothing: a reading counts once.

    Example: sealtrail quarantine retry --family jt701 --reason bad_length
    """
    if not (numbers or reason or family or everything):
        raise click.UsageError("which messages? NUMBERS, --reason, --family or --all")
    if numbers and (reason or family or everything):
        raise click.UsageError("either NUMBERS or a choice by --reason, --family or --all")

    async def work(log: Log, settings: Settings) -> list[Outcome]:
        chosen = (
            [await numbered(log, number) for number in numbers]
            if numbers
            else await newest(log, 0, reason, family)
        )
        chosen.sort(key=lambda entry: (entry.batch, entry.place))
        return await retry_all(log, settings, chosen, dry_run=dry_run)

    outcomes = with_log(ctx, work)
    for outcome in outcomes:
        click.echo(outcome.as_json() if as_json else outcome.as_text())
    click.echo(Outcome.summary(outcomes, as_json=as_json, dry_run=dry_run))
