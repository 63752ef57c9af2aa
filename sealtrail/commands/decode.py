"""`sealtrail decode`: device frames to readings, for trying out and for looking into a quarantined frame."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator

import click

from gateway.decoders import decoder_for, decoders
from sealtrail.contract.clock import iso, parse_iso, wall_clock_ms
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import DecodeError, RefusedError
from sealtrail.contract.public.reading_line import to_line
from sealtrail.contract.reading import Reading

TEXT_MARKS = ("(", "##", "{", "[")
HEX_DECORATION = re.compile(r"\b0x|[\s:]", re.IGNORECASE)


def frame_bytes(text: str, *, binary: bool) -> bytes:
    """Bytes of a frame as people write it: hex digits or the text itself.

    Hex digits may have blanks or colons between them and ``0x`` before them; they
    are taken for every family, since the quarantine shows any frame that way.
    What begins like a text frame is text. Raises `DecodeError` named ``not_hex``
    where a binary family's frame is neither.
    """
    if not text.startswith(TEXT_MARKS):
        with contextlib.suppress(ValueError):
            return bytes.fromhex(HEX_DECORATION.sub("", text))
        if binary:
            raise DecodeError("not_hex", "give hex digits in pairs, or a text frame as it is")
    return text.encode("utf-8", "surrogateescape")


def _frames(arguments: tuple[str, ...]) -> Iterator[str]:
    for line in arguments or _standard_input():
        if line.strip():
            yield line.strip()


def _standard_input() -> Iterator[str]:
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "surrogateescape")


def _described(reading: Reading) -> str:
    """A reading for people: a heading and one line for each value that is there."""
    line: dict[str, object] = json.loads(to_line(reading))
    heading = f"{line.pop('device_id')}  {line.pop('occurred_at')}  ({line.pop('family')})"
    extra = line.pop("extra", None)
    rows = [*line.items(), *(extra.items() if isinstance(extra, dict) else ())]
    width = max(len(name) for name, _ in rows)
    return "\n".join([heading, *(f"  {name:<{width}}  {_shown(value)}" for name, value in rows)])


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _print_families(*, as_json: bool) -> None:
    for family, decoder in sorted(decoders().items()):
        kind = "hex digits or text" if decoder.binary else "text"
        if as_json:
            found = {"family": family, "aliases": list(decoder.aliases), "binary": decoder.binary}
            click.echo(json.dumps(found))
        else:
            click.echo(f"{family}  ({kind}; also called {', '.join(decoder.aliases) or 'nothing else'})")


def _decode_one(
    decoder: Decoder, text: str, device_id: str | None, received_at_ms: int, *, as_json: bool
) -> bool:
    """Print the readings of one frame, or why it is refused; whether it was accepted."""
    try:
        frame = frame_bytes(text, binary=decoder.binary)
        readings = decoder.decode(frame, device_id, received_at_ms)
    except DecodeError as error:
        if as_json:
            click.echo(json.dumps({"refused": error.reason, "detail": error.detail, "frame": text}))
        else:
            click.echo(f"refused: {error}", err=True)
        return False
    for reading in readings:
        click.echo(to_line(reading) if as_json else _described(reading))
    if not readings and not as_json:
        click.echo("nothing to report (a heartbeat or an answer)")
    return True


@click.command()
@click.argument("family", required=False)
@click.argument("frames", metavar="[FRAME]...", nargs=-1)
@click.option("--device-id", help="Identity given by topic or session; needed where the frame has none.")
@click.option("--received-at", help="RFC 3339 time of receipt; now, if not given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--list", "list_families", is_flag=True, help="List the device families.")
def decode(
    family: str | None,
    frames: tuple[str, ...],
    *,
    device_id: str | None,
    received_at: str | None,
    as_json: bool,
    list_families: bool,
) -> None:
    """Decode device frames of FAMILY into readings.

    Frames are arguments or, without any, the lines of standard input: text frames as
    they are, any other as hex digits. Refused frames are told on standard error; the
    others are decoded nevertheless, and the exit code is 1.

    Example: sealtrail decode jt701
    '(2050018634,P45,051124,204046,9.861502,N,83.950336,W,A,1,0,1,1,0012260888,0,0,0)'
    """
    if list_families:
        _print_families(as_json=as_json)
        return
    if family is None:
        raise click.UsageError("which FAMILY? `sealtrail decode --list` shows them")
    try:
        decoder = decoder_for(family)
        received_at_ms = wall_clock_ms() if received_at is None else parse_iso(received_at)
        iso(received_at_ms)
    except (RefusedError, OverflowError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    accepted = [
        _decode_one(decoder, frame, device_id, received_at_ms, as_json=as_json) for frame in _frames(frames)
    ]
    if not accepted:
        raise RefusedError("no_frame", "give a FRAME, or lines with frames on standard input")
    if not all(accepted):
        raise SystemExit(1)
