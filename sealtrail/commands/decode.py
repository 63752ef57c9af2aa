"""`sealtrail decode`: device frames to readings, for trying out and for looking into a quarantined frame."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import sys
from collections.abc import Iterable, Iterator

import click

from gateway.decoders import decoder_for, decoders
from gateway.listeners.wires import wires
from gateway.wire import Dialogue, Heard, StreamError, Wire
from sealtrail.commands.device_clock import clock_ahead_s
from sealtrail.contract.clock import iso, parse_iso, wall_clock_ms
from sealtrail.contract.decoder import Decoder, ZonedDecoder
from sealtrail.contract.errors import DecodeError, RefusedError
from sealtrail.contract.public.reading_line import to_line
from sealtrail.contract.reading import Reading

TEXT_MARKS = ("(", "##", "{", "[", "+", "*")
MAX_DOCUMENT_CHARS = 1 << 17
UNIDENTIFIED = "unidentified"
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
    for frame in arguments or documents(_standard_input()):
        if frame.strip():
            yield frame.strip()


def _standard_input() -> Iterator[str]:
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "surrogateescape")


def documents(lines: Iterable[str]) -> Iterator[str]:
    """Each line for itself, but a JSON document that goes over several lines as one.

    Where what follows is no continuation, or the document is longer than
    `MAX_DOCUMENT_CHARS`, its lines stay what they were.
    """
    begun: list[str] = []
    for line in lines:
        begun.append(line)
        text = "".join(begun)
        if len(text) <= MAX_DOCUMENT_CHARS and _is_begun(text):
            continue
        yield from [text] if _is_document(text) else begun
        begun = []
    yield from begun


def _is_begun(text: str) -> bool:
    """Whether this is the beginning of a JSON object or array, and more must follow."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text.rstrip())
    except RecursionError:
        return False
    return False


def _is_document(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


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


class Conversation:
    """Frames of one input, heard as if they came over one connection.

    A login names the device for what follows, parts of a message are put
    together, and what stands in one argument back to back is taken apart.
    Where no identity is known, a frame is decoded for a device `UNIDENTIFIED`.
    """

    def __init__(self, decoder: Decoder, device_id: str | None, received_at_ms: int) -> None:
        self._decoder = decoder
        self._wire: Wire | None = wires().get(decoder.family)
        self._dialogue: Dialogue | None = self._wire.dialogue() if self._wire else None
        self._device_id = device_id
        self._named: str | None = None
        self._received_at_ms = received_at_ms

    def readings(self, data: bytes) -> Iterator[list[Reading] | DecodeError]:
        """For each frame in ``data`` its readings or why it is refused."""
        frames = self._cut(data)
        if len(frames) > 1:
            before = copy.deepcopy(self._dialogue), self._named
            whole = self._one(data)
            if not isinstance(whole, DecodeError):
                yield whole
                return
            self._dialogue, self._named = before
        for frame in frames:
            yield self._one(frame)

    def _cut(self, data: bytes) -> list[bytes]:
        """Frames of one argument; one that the framing can't take apart stays as it is."""
        if self._wire is None:
            return [data]
        framing = self._wire.framing()
        try:
            frames = framing.cut(data)
        except StreamError:
            return [data]
        return [*frames, *filter(None, [framing.rest().strip(b"\r\n")])] if frames else [data]

    def _one(self, frame: bytes) -> list[Reading] | DecodeError:
        try:
            heard = self._hear(frame)
            if heard.message is None:
                return []
            return self._decoded(heard.message, self._device_id or heard.identity or self._named)
        except DecodeError as error:
            return error

    def _hear(self, frame: bytes) -> Heard:
        if self._dialogue is None:
            return Heard(message=frame)
        try:
            heard = self._dialogue.hear(frame, self._received_at_ms)
        except DecodeError as error:
            if self._named is not None and not self._is_anothers(error):
                raise
            return Heard(message=frame)  # perhaps only because no login came before; the decoder checks it
        self._named = heard.identity or self._named
        return heard

    def _is_anothers(self, error: DecodeError) -> bool:
        """Whether a frame names another device than an earlier one, which people may give in one input."""
        return error.reason == "identity_mismatch" and self._device_id is None

    def _decoded(self, message: bytes, device_id: str | None) -> list[Reading]:
        try:
            return self._decoder.decode(message, device_id, self._received_at_ms)
        except DecodeError as error:
            if self._is_anothers(error) and device_id is not None:  # the input holds several devices' frames
                return self._decoded(message, None)
            if error.reason != "no_identity":
                raise
        readings = self._decoder.decode(message, UNIDENTIFIED, self._received_at_ms)
        click.echo(
            f"note: nothing names the device, so it is called {UNIDENTIFIED!r}; see --device-id", err=True
        )
        return readings


def _decode_one(conversation: Conversation, text: str, *, binary: bool, as_json: bool) -> bool:
    """Print the readings of what stands in one argument, or why it is refused; whether all was accepted."""
    accepted = True
    try:
        data = frame_bytes(text, binary=binary)
    except DecodeError as error:
        _print_refusal(error, text, as_json=as_json)
        return False
    for found in conversation.readings(data):
        if isinstance(found, DecodeError):
            _print_refusal(found, text, as_json=as_json)
            accepted = False
            continue
        for reading in found:
            click.echo(to_line(reading) if as_json else _described(reading))
        if not found and not as_json:
            click.echo("nothing to report (a login, a heartbeat, an answer or a part of a message)")
    return accepted


def _print_refusal(error: DecodeError, text: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"refused": error.reason, "detail": error.detail, "frame": text}))
    else:
        click.echo(f"refused: {error}", err=True)


@click.command()
@click.argument("family", required=False)
@click.argument("frames", metavar="[FRAME]...", nargs=-1)
@click.option("--device-id", help="Identity given by topic or session, for frames that have none.")
@click.option("--clock-offset", default="", help="The device's clock from UTC, as +08:00, if known.")
@click.option("--received-at", help="RFC 3339 time of receipt; now, if not given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--list", "list_families", is_flag=True, help="List the device families.")
def decode(
    family: str | None,
    frames: tuple[str, ...],
    *,
    device_id: str | None,
    clock_offset: str,
    received_at: str | None,
    as_json: bool,
    list_families: bool,
) -> None:
    """Decode device frames of FAMILY into readings.

    Frames are arguments or, without any, the lines of standard input (a JSON
    document may go over several): text frames as
    they are, any other as hex digits. They are heard like the frames of one connection:
    a login names the device of what follows, parts of a message are put together, several
    frames in one argument are taken apart. Refused frames are told on standard error;
    the others are decoded nevertheless, and the exit code is 1.

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
        ahead_s = clock_ahead_s(decoder.family, clock_offset)
        if ahead_s is not None and isinstance(decoder, ZonedDecoder):
            decoder = decoder.in_zone(ahead_s * 1000)
        received_at_ms = wall_clock_ms() if received_at is None else parse_iso(received_at)
        iso(received_at_ms)
    except (RefusedError, OverflowError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    conversation = Conversation(decoder, device_id, received_at_ms)
    accepted = [
        _decode_one(conversation, frame, binary=decoder.binary, as_json=as_json) for frame in _frames(frames)
    ]
    if not accepted:
        raise RefusedError("no_frame", "give a FRAME, or lines with frames on standard input")
    if not all(accepted):
        raise SystemExit(1)
