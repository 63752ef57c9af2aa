"""The framings that families share: the same frames however the bytes come, nothing lost, bounded."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.framings import Delimited, LengthField, Lines, Marked, Measured, Mixed
from gateway.wire import StreamError

MAKERS: dict[str, Callable[[], Marked]] = {
    "delimited": lambda: Delimited(b"(", b")", 20),
    "restarting": lambda: Delimited(b"##S", b"E##", 20, restarts=True),
    "equal marks": lambda: Delimited(b"~", b"~", 12),
    "no start mark": lambda: Delimited(None, b"$", 12),
    "lines": lambda: Lines(12),
    "length": lambda: LengthField((b"xx", b"y"), 2, 1, "big", 5, 30, end=b"\r\n"),
    "length anywhere": lambda: LengthField((), 0, 2, "little", 2, 30),
    "measured": lambda: Measured(lambda kept, at: kept[at] % 7 + 1, 9),
    "mixed": lambda: Mixed(Delimited(b"(", b")", 20), LengthField((b"$",), 1, 2, "big", 4, 40)),
}
PIECES = [
    b"(",
    b")",
    b"##S",
    b"E##",
    b"\n",
    b"\r\n",
    b"~",
    b"xx",
    b"y",
    b"$",
    b"\0",
    b"\1",
    b"\0\5",
    b"abc",
    b"#",
]
streams = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)


def cut(make: Callable[[], Marked], pieces: list[bytes]) -> tuple[list[bytes], str, bytes | None]:
    """(frames, why it ended, what is left)."""
    framing = make()
    frames: list[bytes] = []
    for piece in pieces:
        try:
            frames += framing.cut(piece)
        except StreamError as error:
            return [*frames, *error.frames], error.reason, None
    return frames, "", framing.rest()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(stream=streams, at=st.lists(st.integers(0, 120), max_size=4))
def test_fragmentation_makes_no_difference(make: Callable[[], Marked], stream: bytes, at: list[int]) -> None:
    """In one piece, in single bytes, or cut anywhere: the same frames, the same end, the same rest."""
    whole = cut(make, [stream])
    assert cut(make, [stream[i : i + 1] for i in range(len(stream))]) == whole
    edges = [0, *sorted(min(each, len(stream)) for each in at), len(stream)]
    assert cut(make, [stream[a:b] for a, b in itertools.pairwise(edges)]) == whole


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(stream=streams)
def test_no_byte_is_lost(make: Callable[[], Marked], stream: bytes) -> None:
    """Frames, rest and dropped line ends together are what came in."""
    framing = make()
    frames: list[bytes] = []
    try:
        frames = framing.cut(stream)
    except StreamError as error:
        frames = list(error.frames)
    found = b"".join([*frames, framing.rest()])
    at = 0
    for byte in stream:
        if at < len(found) and found[at] == byte:
            at += 1
        else:
            assert byte in b"\r\n"
    assert at == len(found)


def test_frames() -> None:
    """Each building block cuts as it says."""
    assert Delimited(b"(", b")", 20).cut(b"noise(a)\r\n(b)(c") == [b"noise", b"(a)", b"(b)"]
    assert Delimited(b"##S", b"E##", 20, restarts=True).cut(b"##S,cut##S,2E##") == [b"##S,cut", b"##S,2E##"]
    assert Delimited(b"~", b"~", 20).cut(b"joined~~a~~b~") == [b"joined~", b"~a~", b"~b~"]
    assert Lines(20).cut(b"a\r\n\r\nb\n") == [b"a\r\n", b"b\n"]
    assert LengthField((b"xx",), 2, 1, "big", 5, 30, end=b"\r\n").cut(b"xx\1a\r\nxx\1a__xx\1b\r\n") == [
        b"xx\1a\r\n",
        b"xx\1a__",
        b"xx\1b\r\n",
    ]


def test_noise_is_one_piece() -> None:
    """Neighbouring noise, start marks by chance and all, is handed over once, just before the next frame."""
    framing = LengthField((b"xx",), 2, 1, "big", 5, 30, end=b"\r\n")
    assert framing.cut(b"junk xx\1a__ xx\1a__ xx") == []
    assert framing.cut(b"\1a\r\n") == [b"junk xx\1a__ xx\1a__ ", b"xx\1a\r\n"]
    marks = Delimited(b"~", b"~", 20)
    assert marks.cut(b"~" * 15 + b"a~") == [b"~" * 14, b"~a~"]


@pytest.mark.parametrize(
    ("framing", "stream", "reason"),
    [
        (Delimited(b"(", b")", 20), b"(" + b"a" * 20, "frame_too_long"),
        (Delimited(b"(", b")", 20), b"(" + b"a" * 19 + b")", "frame_too_long"),
        (Delimited(b"(", b")", 20), b"a" * 21, "no_start_mark"),
        (Delimited(b"~", b"~", 20), b"~" * 22, "no_start_mark"),
        (LengthField((b"$",), 1, 2, "big", 4, 40), b"$\xff\xff", "frame_too_long"),
        (LengthField((), 0, 1, "big", 0, 40), b"\0", "bad_length"),
        (Lines(5), b"abcdef", "frame_too_long"),
    ],
)
def test_streams_that_cant_be_followed(framing: Marked, stream: bytes, reason: str) -> None:
    """What is too long to be a frame, and noise without end, end the stream by name, all bytes at hand."""
    with pytest.raises(StreamError) as caught:
        framing.cut(stream)
    assert caught.value.reason == reason
    assert framing.rest() == stream


def test_bytes_are_looked_at_once() -> None:
    """A frame of 64 KiB that comes byte by byte is measured from where the last look ended."""
    looked: list[int] = []

    class Looking(bytearray):
        def find(self, sub: object, start: object = 0, end: object = None) -> int:
            assert isinstance(start, int)
            assert end is None
            looked.append(len(self) - start)
            return super().find(sub, start)  # type: ignore[arg-type]  # bytes, as the framing has it

    framing = Delimited(b"(", b"))", 1 << 17)
    vars(framing)["_kept"] = Looking()
    frames: list[bytes] = []
    for byte in b"(" + b"a" * 65_536 + b"))":
        frames += framing.cut(bytes([byte]))
    assert len(frames[0]) == 65_539
    assert max(looked) <= 3
