"""A batch as log messages: by subject, in order, none larger than the log takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from gateway.batch import Batch
from sealtrail.contract.codec import encode_quarantined, encode_readings, encode_tallies
from sealtrail.contract.subjects import TALLIES_SUBJECT, quarantine_subject, readings_subject

MAX_CHUNK_BYTES = 512 * 1024
"""Half of what an external NATS server takes by default (1 MB)."""

T = TypeVar("T")


def _split(encode: Callable[[Sequence[T]], bytes], items: Sequence[T]) -> list[bytes]:
    encoded = encode(items)
    if len(encoded) <= MAX_CHUNK_BYTES or len(items) == 1:
        return [encoded]
    half = len(items) // 2
    return _split(encode, items[:half]) + _split(encode, items[half:])


def rounds(batch: Batch) -> list[list[tuple[str, bytes]]]:
    """``(subject, bytes)`` to append, in rounds.

    A round holds at most one message for each subject; the next round may be
    appended only after the log has confirmed the one before, which keeps the
    order within a partition.
    """
    by_subject = {
        readings_subject(partition): _split(encode_readings, readings)
        for partition, readings in batch.readings.items()
    } | {
        quarantine_subject(label): _split(encode_quarantined, messages)
        for label, messages in batch.refused.items()
    }
    if batch.tallies:
        by_subject[TALLIES_SUBJECT] = _split(encode_tallies, list(batch.tallies.values()))
    deepest = max((len(chunks) for chunks in by_subject.values()), default=0)
    return [
        [(subject, chunks[depth]) for subject, chunks in by_subject.items() if depth < len(chunks)]
        for depth in range(deepest)
    ]
