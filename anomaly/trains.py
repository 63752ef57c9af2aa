"""Rows of structured arrays as bytes, for what is kept of devices and seldom looked at.

A train is some rows of one type in runs, each run as bytes one after the other,
so that trains are joined as bytes are. A row is written as its difference
(exclusive or, byte by byte) from the row before it in its run: which bytes differ, as
bits, and those. The bits themselves are written in the same way, since reports of
one device differ from each other in the same places. Many trains are packed and
unpacked at once: that is what makes it cheap.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.reports import REPORT
from anomaly.rows import copied
from anomaly.sphere import Bools, Ints, Structured

LONGEST_RUN = 64
MISSING = np.float16(np.nan).view(np.uint16)
_HEADER = struct.Struct("<BHH")  # rows, bytes of bits that differ, bytes that differ

Bytes = NDArray[np.uint8]


def pack(rows: Structured, sizes: Sequence[int] | Ints) -> list[bytes]:
    """Trains of so many consecutive rows each, one run for each ``LONGEST_RUN`` rows."""
    width = rows.dtype.itemsize
    rows = copied(rows)
    _without_usual(rows)
    plain = np.ndarray((len(rows), width), np.uint8, rows)
    counts, runs_of = _runs(np.asarray(sizes, np.int64))
    heads = np.cumsum(counts) - counts
    data_mask, data = _differences(plain, heads)
    bits = np.packbits(data_mask, axis=1)
    bits_mask, changed = _differences(bits, heads)
    places = np.packbits(bits_mask, axis=1)
    tails = heads + counts
    place_at = (heads * places.shape[1]).tolist(), (tails * places.shape[1]).tolist()
    bits_at, data_at = _ends(bits_mask, heads, tails), _ends(data_mask, heads, tails)
    text, changed_text, data_text = places.tobytes(), changed.tobytes(), data.tobytes()
    packed = [
        _HEADER.pack(count, b1 - b0, d1 - d0) + text[p0:p1] + changed_text[b0:b1] + data_text[d0:d1]
        for count, p0, p1, b0, b1, d0, d1 in zip(counts.tolist(), *place_at, *bits_at, *data_at, strict=True)
    ]
    trains = [b""] * len(sizes)
    for train, run in zip(runs_of.tolist(), packed, strict=True):
        trains[train] += run
    return trains


def unpack(trains: Sequence[bytes], dtype: np.dtype[Any]) -> tuple[Structured, Ints]:
    """All rows of trains, one train after the other, and how many each has."""
    width = dtype.itemsize
    bits_width = -(-width // 8)
    place_width = -(-bits_width // 8)
    counts: list[int] = []
    places: list[bytes] = []
    changed: list[bytes] = []
    data: list[bytes] = []
    sizes = np.zeros(len(trains), np.int64)
    for number, train in enumerate(trains):
        at, size = 0, 0
        while at < len(train):
            count, of_bits, of_data = _HEADER.unpack_from(train, at)
            counts.append(count)
            begin = at + _HEADER.size
            middle = begin + count * place_width
            places.append(train[begin:middle])
            at = middle + of_bits
            changed.append(train[middle:at])
            data.append(train[at : at + of_data])
            at += of_data
            size += count
        sizes[number] = size
    total = int(sizes.sum())
    of_run = np.array(counts, np.int64)
    heads = np.cumsum(of_run) - of_run
    bits_mask = _mask(np.frombuffer(b"".join(places), np.uint8).reshape(total, place_width), bits_width)
    bits = _added_up(bits_mask, b"".join(changed), heads, of_run)
    plain = _added_up(_mask(bits, width), b"".join(data), heads, of_run)
    rows = np.ndarray(total, dtype, plain)
    _with_usual(rows)
    return rows, sizes


def split(train: bytes, number: int, dtype: np.dtype[Any]) -> tuple[bytes, bytes]:
    """A train's first ``number`` rows, and the others."""
    at = cut = size = 0
    while cut < len(train) and size < number:
        at = cut
        cut, count = _next(train, at, dtype)
        size += count
    if size <= number:
        return train[:cut], train[cut:]
    rows, _ = unpack([train[at:cut]], dtype)
    inside = len(rows) - (size - number)
    first, second = pack(rows, (inside, len(rows) - inside))
    return train[:at] + first, second + train[cut:]


def _next(train: bytes, at: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    """Where the run after this one begins, and how many rows this one has."""
    count, of_bits, of_data = _HEADER.unpack_from(train, at)
    place_width = -(-dtype.itemsize // 64)
    return at + _HEADER.size + count * place_width + of_bits + of_data, count


def _reports_in(rows: Structured) -> Structured | None:
    """The reports that rows are, or begin with: what most of them say is written shorter."""
    dtype, name = rows.dtype, (rows.dtype.names or ("",))[0]
    if dtype == REPORT:
        return rows
    return rows[name] if dtype[name] == REPORT else None


def _without_usual(rows: Structured) -> None:
    """Receipt as the time since the report, and missing values as zeros: in place."""
    if (reports := _reports_in(rows)) is not None:
        reports["recv"] -= reports["t"]
        reports["values"].view(np.uint16)[:] ^= MISSING


def _with_usual(rows: Structured) -> None:
    """Undo `_without_usual`."""
    if (reports := _reports_in(rows)) is not None:
        reports["recv"] += reports["t"]
        reports["values"].view(np.uint16)[:] ^= MISSING


def _runs(sizes: Ints) -> tuple[Ints, Ints]:
    """Rows of each run, and which train's it is."""
    if not sizes.size or (sizes.max() <= LONGEST_RUN and sizes.min() > 0):
        return sizes, np.arange(len(sizes))
    number = -(-sizes // LONGEST_RUN)
    of = np.repeat(np.arange(len(sizes)), number)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(number) - number, number)
    return np.minimum(sizes[of] - nth * LONGEST_RUN, LONGEST_RUN), of


def _differences(plain: Bytes, heads: Ints) -> tuple[Bools, Bytes]:
    """Which bytes differ from the row before, and the differences; heads differ from zeros."""
    differences = plain.copy()
    differences[1:] ^= plain[:-1]
    differences[heads] = plain[heads]
    mask = differences != 0
    return mask, differences[mask]


def _ends(mask: Bools, heads: Ints, tails: Ints) -> tuple[list[int], list[int]]:
    """Where the bytes of each run begin and end."""
    before = np.concatenate(([0], np.cumsum(np.count_nonzero(mask, axis=1))))
    return before[heads].tolist(), before[tails].tolist()


def _mask(bits: Bytes, width: int) -> Bools:
    return np.unpackbits(bits, axis=1, count=width).view(bool)


def _added_up(mask: Bools, data: bytes, heads: Ints, counts: Ints) -> Bytes:
    """Rows from their differences."""
    rows: Bytes = np.zeros(mask.shape, np.uint8)
    rows[mask] = np.frombuffer(data, np.uint8)
    if len(heads) == len(rows):
        return rows
    np.bitwise_xor.accumulate(rows, axis=0, out=rows)
    before = np.zeros((len(heads), mask.shape[-1]), np.uint8)
    before[1:] = rows[heads[1:] - 1]
    rows ^= np.repeat(before, counts, axis=0)
    return rows
