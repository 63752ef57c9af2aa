"""The publisher's process: ``python -m bench.publisher``, driven by lines of JSON on its standard input.

It is a process of its own, so that its CPU time is seen and isn't the
controller's. ``prepare`` encodes all packets beforehand; ``go`` only sends them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from bench.load import Load
from bench.mqtt import Chunk, Connection, Encoder, publish

CHUNK_MESSAGES = 100
CHUNKS_IN_A_S = 100.0
"""A steady flow is sent in portions this often."""


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where to publish."""

    host: str
    port: int
    user: str = ""
    password: str = ""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """First line: where, what, and how many unacknowledged messages there may be."""

    broker: Broker
    load: Load
    window: int


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Further lines: messages ``first`` to ``first + count``, with cuts spread evenly among them.

    ``seal_cuts`` sends, before anything else, one report of each container that
    is to be cut later.
    """

    first: int
    count: int
    rate: float | None = None
    cuts: int = 0
    seal_cuts: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: how many were acknowledged, and when each cut was handed to the socket."""

    acknowledged: int
    begun_at_s: float
    ended_at_s: float
    cut_sent_at_s: tuple[float, ...] = ()


def _batches(load: Load, work: Work) -> Iterator[tuple[bool, Sequence[tuple[str, bytes]]]]:
    """(whether the last of them is a cut, messages)."""
    step = work.first // load.containers
    if work.seal_cuts:
        yield False, [load.cut_message(n, cut=False, at_step=max(0, step - 1)) for n in range(load.cuts)]
    size = CHUNK_MESSAGES
    if work.rate is not None:
        size = max(1, min(CHUNK_MESSAGES, round(work.rate / CHUNKS_IN_A_S)))
    batches = range(work.first, work.first + work.count, size)
    done = 0
    for place, begin in enumerate(batches):
        end = min(begin + size, work.first + work.count)
        messages = [load.message(number) for number in range(begin, end)]
        due = done < work.cuts and (place + 1) * work.cuts // len(batches) > done
        if due:
            messages.append(load.cut_message(done, cut=True, at_step=end // load.containers + 1))
            done += 1
        yield due, messages


def _answer(message: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Reads `Start`, then `Work` by `Work`: answers an empty line when prepared, `Done` after any line."""
    lines = sys.stdin.buffer
    start = msgspec.json.decode(lines.readline(), type=Start)
    broker = start.broker
    encoder = Encoder()
    with Connection(broker.host, broker.port, "bench-publisher", broker.user, broker.password) as connection:
        for line in lines:
            work = msgspec.json.decode(line, type=Work)
            batches = [(cut, encoder.chunk(messages)) for cut, messages in _batches(start.load, work)]
            chunks: list[Chunk] = [chunk for _, chunk in batches]
            sys.stdout.buffer.write(b"\n")
            sys.stdout.buffer.flush()
            lines.readline()
            before = connection.acknowledged
            sent_at_s = publish(connection, chunks, start.window, work.rate)
            _answer(
                Done(
                    acknowledged=connection.acknowledged - before,
                    begun_at_s=sent_at_s[0],
                    ended_at_s=time.time(),
                    cut_sent_at_s=tuple(at for at, (cut, _) in zip(sent_at_s, batches, strict=True) if cut),
                )
            )


if __name__ == "__main__":
    main()
