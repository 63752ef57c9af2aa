"""What is fuzzed: each decoder, each wire, and what else reads bytes of strangers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pydantic import ValidationError

from bench.fuzz.checks import RECEIVED_AT_MS, check_reason, decoded, promise, refused_or
from bench.fuzz.repair import REPAIRS
from bench.fuzz.seeds import frames_of
from bench.mqtt import Encoder
from gateway.access import signatures
from gateway.batch import BatchDecoder
from gateway.decoders import decoders
from gateway.frames import BadPacketError, Frames
from gateway.listeners.http_request import credentials, named_device
from gateway.listeners.proxy_protocol import HEAD_BYTES, SIGNATURE, body_length, source_address
from gateway.listeners.wires import wires
from gateway.session import Delivery
from gateway.topics import door_topic
from gateway.wire import StreamError, Wire
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.corridor_formats import corridor_of, read_line
from sealtrail.contract.public.trip_file import TripFile

Run = Callable[[bytes], None]
DEVICE = "device"
MOST_ANSWER_BYTES, ANSWER_BYTES_FOR_EACH = 4_096, 16


class Target(NamedTuple):
    """``run`` raises for an input that breaks a promise; ``family`` is empty where it is of none."""

    name: str
    family: str
    seeds: list[bytes]
    run: Run


def targets() -> Iterator[Target]:
    """Every target, in a fixed order."""
    for family, decoder in sorted(decoders().items()):
        yield Target(f"decoder:{family}", family, frames_of(decoder), _decoder(decoder))
    for family, wire in sorted(wires().items()):
        seeds = [b"\3" + frame for frame in frames_of(decoders()[family])]
        yield Target(f"wire:{family}", family, seeds, _wire(wire, decoders()[family]))
    yield Target("mqtt", "", _mqtt_seeds(), _mqtt)
    yield Target("proxy", "", [SIGNATURE + b"\x21\x11\0\x0c" + bytes(range(12))], _proxy)
    yield Target("http", "", _http_seeds(), _http)
    yield Target("pipeline", "", _pipeline_seeds(), _pipeline)
    yield Target("signature", "", [b"{}\n.k7f3a1c22.Zm9y", b"{}"], _signature)
    yield Target("corridor", "", _corridor_seeds(), _corridor)
    yield Target("trip", "", [b"{}", b'{"trip_id":"T-1","container_id":"MSKU1234565"}'], _trip)


def _decoder(decoder: Decoder) -> Run:
    repair = REPAIRS.get(decoder.family)

    def run(data: bytes) -> None:
        for frame in (data,) if repair is None else (data, repair(data)):
            decoded(decoder, frame, None)
            decoded(decoder, frame, DEVICE)

    return run


def _pieces(stream: bytes, step: int) -> list[bytes]:
    return [stream[at : at + step] for at in range(0, len(stream), step)]


def _cut(wire: Wire, pieces: list[bytes]) -> tuple[list[bytes], str, bytes]:
    """(frames, why the stream ended, what is left)."""
    framing = wire.framing()
    frames: list[bytes] = []
    for piece in pieces:
        try:
            frames += framing.cut(piece)
        except StreamError as error:
            check_reason(error)
            return [*frames, *error.frames], error.reason, b""
    return frames, "", framing.rest()


def _wire(wire: Wire, decoder: Decoder) -> Run:
    repair = REPAIRS.get(decoder.family)

    def run(data: bytes) -> None:
        step, stream = data[0] % 61 + 1 if data else 1, data[1:]
        if repair is not None and data[:1] > b"\x7f":
            stream = repair(stream) + stream
        whole = _cut(wire, [stream])
        pieces = _pieces(stream, step)
        promise(kept=_cut(wire, pieces) == whole, name="fragmentation makes no difference")
        frames, _, rest = whole
        promise(kept=sum(map(len, frames)) + len(rest) <= len(stream), name="framing invents nothing")
        dialogue = wire.dialogue()
        answered = 0
        for frame in frames:
            try:
                heard = dialogue.hear(frame, RECEIVED_AT_MS)
            except RefusedError as refusal:
                check_reason(refusal)
                continue
            answered += len(heard.answer) + len(heard.refusal)
            if heard.answer_refused is not None:
                answered += len(heard.answer_refused("bad_value"))
            if heard.message is not None:
                decoded(decoder, heard.message, heard.identity)
        most = MOST_ANSWER_BYTES + ANSWER_BYTES_FOR_EACH * len(stream)
        promise(kept=answered <= most, name="answers are bounded by what was heard")

    return run


def _fed(pieces: list[bytes]) -> tuple[list[Delivery], bool]:
    """(messages, whether the packets were sound)."""
    frames = Frames(1, 65_536)
    found: list[Delivery] = []
    try:
        for piece in pieces:
            found += frames.feed(piece)
    except BadPacketError:
        return found, False
    return found, True


def _mqtt_seeds() -> list[bytes]:
    packets = Encoder().chunk([("sealtrail/json/KE-0001/up", b'{"occurred_at":null}')]).packets
    return [b"\3" + packets, b"\1\xd0\0", b"\2\x90\3\0\1\1"]


def _mqtt(data: bytes) -> None:
    step, stream = data[0] % 61 + 1 if data else 1, data[1:]
    found, sound = _fed([stream])
    pieces = _pieces(stream, step)
    in_pieces, sound_in_pieces = _fed(pieces)
    promise(kept=sound == sound_in_pieces, name="fragmentation makes no difference")
    promise(kept=not sound or found == in_pieces, name="fragmentation makes no difference to messages")
    promise(kept=sum(len(each[1]) for each in found) <= len(stream), name="packets invent nothing")


def _proxy(data: bytes) -> None:
    head, body = data[:HEAD_BYTES], data[HEAD_BYTES:]
    refused_or(lambda: body_length(head) and source_address(head, body[: body_length(head)]))


def _http_seeds() -> list[bytes]:
    of_families = (frames_of(decoder)[:10] for decoder in decoders().values())
    seeds = [bytes([at]) + frame for at, frames in enumerate(of_families) for frame in frames]
    return [*seeds, b"\0Basic ZGV2aWNlOnNlY3JldA==\n{}", b"\0Bearer secret\n{}"]


def _http(data: bytes) -> None:
    every = list(decoders().values())
    decoder = every[data[0] % len(every)] if data else every[0]
    header, _, body = data[1:].partition(b"\n")
    user, secret = credentials(header.decode("latin-1"))
    promise(kept=len(user or "") + len(secret) <= len(header) * 2, name="credentials are what was said")
    promise(
        kept=len(named_device(decoder, data[1:], RECEIVED_AT_MS)) <= len(data), name="a name is in the body"
    )
    named_device(decoder, body, RECEIVED_AT_MS)


def _pipeline_seeds() -> list[bytes]:
    seeds = [
        f"sealtrail/{family}/{DEVICE}/up\n".encode() + frame
        for family, decoder in decoders().items()
        for frame in frames_of(decoder)[:5]
    ]
    return [*seeds, b"owntracks/jane/phone\n{}", b"v3/app@tenant/devices/seal-7/up\n{}"]


def _pipeline(data: bytes) -> None:
    """The path of a message, of MQTT and of a door, up to the log: never an exception, exactly counted."""
    topic, _, payload = data.partition(b"\n")
    name = topic.decode("utf-8", "replace")
    levels = name.split("/")
    family = levels[1] if len(levels) > 1 and levels[1] in decoders() else "json"
    deliveries: list[Delivery] = [
        (name, payload, 1),
        (name, payload, 2),
        (door_topic("tcp", family, ""), payload, -256),
        (door_topic("tcp", family, DEVICE), payload, -512),
    ]
    batch = BatchDecoder(decoders(), 4, 65_536).decode(deliveries, RECEIVED_AT_MS, {}, frozenset())
    counted = batch.accepted.total() + batch.duplicate.total() + batch.quarantined.total()
    promise(kept=counted == len(deliveries), name="every message is counted once")
    failures = [reason for _, reason in batch.quarantined if reason == "decoder_failure"]
    promise(kept=not failures, name="no decoder fails")
    kept = sum(len(refused) for refused in batch.refused.values())
    promise(kept=kept == batch.quarantined.total(), name="what is refused is kept")


def _signature(data: bytes) -> None:
    def check() -> None:
        found = signatures.split(data)
        if found is not None:
            signatures.check(found, (), RECEIVED_AT_MS)

    refused_or(check)


def _corridor_seeds() -> list[bytes]:
    points = "[[36.8,-1.3],[36.9,-1.2],[37.0,-1.0]]"
    return [
        f'{{"type":"LineString","coordinates":{points}}}'.encode(),
        f'{{"type":"Feature","geometry":{{"type":"LineString","coordinates":{points}}}}}'.encode(),
        b"LINESTRING (36.8 -1.3, 36.9 -1.2)",
        b'<gpx><trk><trkseg><trkpt lat="-1" lon="36"/><trkpt lat="-2" lon="37"/></trkseg></trk></gpx>',
        b"<kml><LineString><coordinates>36.8,-1.3 36.9,-1.2</coordinates></LineString></kml>",
    ]


def _corridor(data: bytes) -> None:
    refused_or(lambda: corridor_of(read_line(data), 500.0))


def _trip(data: bytes) -> None:
    try:
        TripFile.model_validate_json(data)
    except ValidationError:  # pydantic's own name for a refusal, translated where a file is read
        return
