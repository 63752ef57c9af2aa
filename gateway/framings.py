"""Framings that families share: by delimiters, by lines, by a length field, or mixed by start mark.

Each object is the `Framing` of one connection. All are made of rules: a rule
knows by which marks a frame may begin and how long it is. What stands before a
start mark is noise: all of it up to the next frame becomes one frame of its own,
marks by chance included. Filler between frames (line ends of a text protocol)
is dropped. The same bytes give the same frames whatever the fragmentation, and
no byte is searched twice.

::

    Wire(framing=lambda: Delimited(b"(", b")", 1024), …)
    Wire(framing=lambda: Lines(65_536), …)
    Wire(framing=lambda: LengthField((b"xx",), offset=2, size=1, endian="big", extra=5, most=260), …)
    Wire(framing=lambda: Mixed(LengthField((b"xx",), …), LengthField((b"yy",), …)), …)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from gateway.wire import StreamError

UNKNOWN_YET = 0
NO_FRAME = -1


class Rule(Protocol):
    """How frames of one form begin and how long they are."""

    starts: tuple[bytes, ...]  # marks of the first bytes; none: a frame begins anywhere
    most: int  # bytes of the longest frame, delimiters included
    filler: bytes  # bytes that mean nothing between frames
    beyond: int  # bytes after a frame that may have to be seen to know its end

    def length(self, kept: bytearray, at: int, looked: int) -> int:
        """Bytes of the frame that begins at ``at``.

        `UNKNOWN_YET` while that can't be told, `NO_FRAME` if no frame begins
        there after all (the mark was chance). ``looked``: where a search for an
        end may begin. Raises `StreamError` for a length that can't be.
        """
        ...


class Marked:
    """The framing that follows rules, the first one whose mark stands earliest."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = rules
        self._most = max(rule.most for rule in rules)
        self._filler = bytes(set(b"".join(rule.filler for rule in rules)))
        self._longest_mark = max((len(start) for rule in rules for start in rule.starts), default=0)
        self._kept = bytearray()  # begins where the piece (noise, frame) begins that isn't handed over yet
        self._looked = 0  # offset in `_kept` before which the search needn't be repeated
        self._begins = 0  # offset of the frame in `_kept`; before it stands noise
        self._rule: Rule | None = None  # of that frame; None: no frame has begun

    def cut(self, data: bytes) -> list[bytes]:
        """See `Framing.cut`."""
        kept = self._kept
        kept += data
        frames: list[bytes] = []
        at = 0
        try:
            while at < len(kept):
                if self._rule is None:
                    end = self._sought(at)
                    if end is None:
                        break
                    at = end
                    continue
                length = self._measured(self._rule)
                if length is None:
                    break
                if length == NO_FRAME:
                    continue  # the noise goes on
                if self._begins > at:
                    frames.append(bytes(kept[at : self._begins]))
                at = self._looked
                frames.append(bytes(kept[self._begins : at]))
        except StreamError as error:
            del kept[:at]
            raise StreamError(error.reason, error.detail, frames) from None
        self._looked -= at
        self._begins -= at
        del kept[:at]
        return frames

    def rest(self) -> bytes:
        """See `Framing.rest`."""
        return bytes(self._kept)

    def _sought(self, at: int) -> int | None:
        """Where the piece begins before which all is dealt with, or None: no frame begins yet.

        Filler is passed over; where a frame begins, `_rule` and `_begins` are set
        and noise stays before it until it is sure to be a frame.
        """
        kept = self._kept
        if self._looked <= at and kept[at] in self._filler:
            end = at + 1
            while end < len(kept) and kept[end] in self._filler:
                end += 1
            self._looked = end
            return end
        found = self._start(max(at, self._looked))
        if found is None:
            if len(kept) - at >= self._most + self._longest_mark:
                raise StreamError("no_start_mark", f"none in {len(kept) - at} bytes")
            self._looked = max(at, self._looked, len(kept) - self._longest_mark + 1)
            return None
        start, rule = found
        if start - at > self._most:
            raise StreamError("no_start_mark", f"none in {start - at} bytes")
        self._begins, self._looked, self._rule = start, start, rule
        return at

    def _start(self, looked: int) -> tuple[int, Rule] | None:
        """Where the next frame may begin, and by which rule."""
        best: tuple[int, Rule] | None = None
        for rule in self._rules:
            if not rule.starts:
                return (looked, rule) if best is None or looked < best[0] else best
            for mark in rule.starts:
                found = self._kept.find(mark, looked)
                if found >= 0 and (best is None or found < best[0]):
                    best = found, rule
        return best

    def _measured(self, rule: Rule) -> int | None:
        """Length of the frame that has begun, which ends at `_looked`; `NO_FRAME`; None: not complete yet."""
        kept, at = self._kept, self._begins
        length = rule.length(kept, at, self._looked)
        if length == NO_FRAME:
            self._rule = None
            self._looked = at + 1
            return NO_FRAME
        if length > rule.most:
            raise StreamError("frame_too_long", f"{length} bytes, at most {rule.most}")
        there = len(kept) - at
        if length == UNKNOWN_YET and there >= rule.most + rule.beyond:
            raise StreamError("frame_too_long", f"no end in {there} bytes, at most {rule.most}")
        if length == UNKNOWN_YET or length > there:
            self._looked = len(kept)
            return None
        self._rule = None
        self._looked = at + length
        return length


class Delimited(Marked):
    """Frames between marks: ``start … end``; ``start`` None: whatever ends with ``end``.

    With equal marks an empty frame is taken for the end of one and the beginning
    of the next, so that a stream joined in the middle falls into step. With
    ``restarts`` a start mark inside a frame ends that frame where it stands: it
    was cut off, and what follows is sound; only for marks that no frame contains.
    """

    def __init__(
        self, start: bytes | None, end: bytes, most: int, *, filler: bytes = b"\r\n", restarts: bool = False
    ) -> None:
        super().__init__(_Delimited(start, end, most, filler, restarts=restarts))


class Lines(Marked):
    """Lines of text, each with its line end; empty lines are dropped."""

    def __init__(self, most: int, end: bytes = b"\n") -> None:
        super().__init__(_Delimited(None, end, most, b"\r\n", restarts=False))


class LengthField(Marked):
    """Frames with a length field: ``extra`` bytes and as many as the field says.

    ``headers`` are the marks by which a frame may begin (none: anywhere), each
    beginning at the frame's first byte; ``offset`` and ``size`` are those of the
    length field. With ``end`` a frame must end so, or else the mark was chance
    and the next one is sought.
    """

    def __init__(
        self,
        headers: tuple[bytes, ...],
        offset: int,
        size: int,
        endian: Literal["big", "little"],
        extra: int,
        most: int,
        *,
        end: bytes = b"",
        filler: bytes = b"",
    ) -> None:
        super().__init__(_LengthField(headers, offset, size, endian, extra, most, end, filler))


class Measured(Marked):
    """Frames whose length a function tells; for a family with a rule of its own.

    ``measure(kept, at)`` is the whole length of the frame that begins at ``at``,
    0 while that can't be told, -1 where no frame begins (with ``starts``). It may raise `StreamError`.
    """

    def __init__(
        self,
        measure: Callable[[bytearray, int], int],
        most: int,
        *,
        starts: tuple[bytes, ...] = (),
        filler: bytes = b"",
    ) -> None:
        super().__init__(_Measured(measure, most, starts, filler))


class Mixed(Marked):
    """Several forms in one stream, told apart by their start marks."""

    def __init__(self, *framings: Marked) -> None:
        super().__init__(*(rule for framing in framings for rule in framing._rules))  # noqa: SLF001  of our own kind


class _Delimited:
    def __init__(self, start: bytes | None, end: bytes, most: int, filler: bytes, *, restarts: bool) -> None:
        self.starts: tuple[bytes, ...] = () if start is None else (start,)
        self.most = most
        self.filler = filler
        self._start = start or b""
        self._end = end
        self._same = start == end
        self._restarts = restarts
        self.beyond = len(self._start) if restarts else 0

    def length(self, kept: bytearray, at: int, looked: int) -> int:
        head = at + len(self._start)
        look = max(head, looked - max(len(self._end), len(self._start)) + 1)
        end = kept.find(self._end, look)
        if self._restarts:
            again = kept.find(self._start, look, len(kept) if end < 0 else end)
            if again >= 0:
                return again - at
        if end < 0:
            return UNKNOWN_YET
        if self._same and end == head:
            return NO_FRAME  # noise of one mark; the other one begins the frame
        return end + len(self._end) - at


class _LengthField:
    beyond = 0

    def __init__(
        self,
        starts: tuple[bytes, ...],
        offset: int,
        size: int,
        endian: Literal["big", "little"],
        extra: int,
        most: int,
        end: bytes,
        filler: bytes,
    ) -> None:
        self.starts = starts
        self.most = most
        self.filler = filler
        self._field = slice(offset, offset + size)
        self._endian = endian
        self._extra = extra
        self._end = end
        self._least = offset + size + len(end)

    def length(self, kept: bytearray, at: int, looked: int) -> int:
        del looked
        there = at + self._field.stop
        if len(kept) < there:
            return UNKNOWN_YET
        field = kept[at + self._field.start : there]
        length = int.from_bytes(field, self._endian) + self._extra
        if length < self._least:
            if self.starts:
                return NO_FRAME
            raise StreamError("bad_length", f"{length} bytes, at least {self._least}")
        whole = at + length
        if (
            self._end
            and length <= self.most
            and len(kept) >= whole
            and not kept.endswith(self._end, at, whole)
        ):
            return NO_FRAME
        return length


class _Measured:
    beyond = 0

    def __init__(
        self, measure: Callable[[bytearray, int], int], most: int, starts: tuple[bytes, ...], filler: bytes
    ) -> None:
        self.starts = starts
        self.most = most
        self.filler = filler
        self._measure = measure

    def length(self, kept: bytearray, at: int, looked: int) -> int:
        del looked
        return self._measure(kept, at)
