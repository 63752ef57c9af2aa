"""One suite over the wires of all families: whatever comes, frames and named refusals, nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decoders import decoders
from gateway.listeners.wires import wires
from gateway.wire import Heard, StreamError, Wire
from sealtrail.contract.errors import DecodeError
from tests.gateway.decoders.cases import CASES
from tests.shared import SHARED, shared_rows

VECTORS = {"jt701": "jt600", "queclink": "gl200"}
OWN = {
    "json": [
        b'{"device_id":"d1","occurred_at":"2026-11-20T10:00:00Z","sequence":1}\n',
        b'[{"device_id":"d1","occurred_at":null,"sequence":2}]\n',
        b'{"device_id":"d1","secret":"x"}\n',
    ]
}
LONGEST_REST = 70_000
NOW_MS = 1_795_000_000_000
every_wire = pytest.mark.parametrize("family", sorted(wires()))


def frames_of(family: str) -> list[bytes]:
    """Real frames, as they stand in the vectors; else those of the family's golden cases."""
    if family in OWN:
        return OWN[family]
    file = f"vectors/traccar/{VECTORS.get(family, family)}.jsonl"
    if not (SHARED / file).exists():
        return [case.frame for case in CASES if case.family == family]
    rows = shared_rows(file)
    return [
        bytes.fromhex(r["frame"]) if r["kind"] == "binary" else r["frame"].encode("latin-1") for r in rows
    ]


def cut(wire: Wire, pieces: Iterator[bytes]) -> tuple[list[bytes], str, bytes]:
    """(frames, why the stream ended, what is left)."""
    framing = wire.framing()
    frames: list[bytes] = []
    for piece in pieces:
        try:
            frames += framing.cut(piece)
        except StreamError as error:
            return [*frames, *error.frames], error.reason, b""
        assert len(framing.rest()) <= LONGEST_REST
    return frames, "", framing.rest()


def pieces_of(stream: bytes, size: Callable[[], int]) -> Iterator[bytes]:
    at = 0
    while at < len(stream):
        step = size()
        yield stream[at : at + step]
        at += step


def heard(family: str, frames: list[bytes]) -> list[Heard]:
    """What the dialogue makes of frames; every message goes through the decoder. Refusals have names."""
    wire, decoder = wires()[family], decoders()[family]
    dialogue = wire.dialogue()
    found, refused = [], []
    for frame in frames:
        try:
            meant = dialogue.hear(frame, NOW_MS)
            found.append(meant)
            assert isinstance(meant.answer, bytes)
            assert isinstance(meant.refusal, bytes)
            if meant.answer_refused is not None:
                assert isinstance(meant.answer_refused("bad_value"), bytes)
            if meant.message is not None:
                decoder.decode(meant.message, meant.identity, NOW_MS)
        except DecodeError as error:
            refused.append(error.reason)
    assert all(reason.isidentifier() for reason in refused)
    return found


def streams(family: str) -> st.SearchStrategy[bytes]:
    """Real frames back to back, some bytes of them changed, garbage between."""
    real = st.sampled_from(frames_of(family))

    def mutated(frame: bytes, changes: list[tuple[int, int]]) -> bytes:
        bent = bytearray(frame)
        for at, byte in changes:
            if bent:
                bent[at % len(bent)] = byte
        return bytes(bent)

    changes = st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 255)), max_size=2)
    piece = st.one_of(real, st.builds(mutated, real, changes), st.binary(max_size=20))
    return st.lists(piece, max_size=6).map(b"".join)


@every_wire
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bent_streams(family: str, data: st.DataObject) -> None:
    """Bent frames and garbage: the same frames however cut, and nothing raised but named refusals."""
    stream = data.draw(streams(family))
    wire = wires()[family]
    whole = cut(wire, iter([stream]))
    sizes = random.Random(len(stream))
    assert cut(wire, pieces_of(stream, lambda: 1)) == whole
    assert cut(wire, pieces_of(stream, lambda: sizes.randint(1, 50))) == whole
    heard(family, whole[0])


@every_wire
@settings(max_examples=30, deadline=None)
@given(stream=st.binary(max_size=2_000))
def test_random_bytes(family: str, stream: bytes) -> None:
    """Random bytes are cut, refused or the end of the stream, by name."""
    frames, reason, rest = cut(wires()[family], iter([stream]))
    assert reason == "" or reason.isidentifier()
    assert len(b"".join(frames)) + len(rest) <= len(stream)
    heard(family, frames)


@every_wire
@pytest.mark.parametrize("byte", [b"\x00", b"\xff", b"\x7e", b"$", b"(", b"#", b"+", b"x", b"\n", b"{"])
def test_endless_streams_are_bounded(family: str, byte: bytes) -> None:
    """One byte for ever never makes a framing keep more than a frame."""
    cut(wires()[family], iter([byte * 1_000] * 300))


@every_wire
def test_real_frames_are_found(family: str) -> None:
    """Every real frame that comes alone on a connection is found whole, or is refused by name."""
    found = 0
    for frame in frames_of(family):
        frames, _, rest = cut(wires()[family], iter([frame]))
        found += b"".join(frames) == frame.rstrip(b"\r\n") or b"".join(frames) == frame
        assert len(b"".join(frames)) + len(rest) <= len(frame)
    assert found > 0


def test_ports_differ() -> None:
    """No two families have one default port."""
    ports = [wire.default_port for wire in wires().values()]
    assert len(ports) == len(set(ports))
