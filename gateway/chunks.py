"""A batch as log messages: by subject, in order, none larger than the log takes."""

from __future__ import annotations

from gateway.batch import Batch
from gateway.pieces import MAX_CHUNK_BYTES, encoded
from sealtrail.contract.codec import encode_quarantined, encode_readings, encode_tallies, join_readings
from sealtrail.contract.subjects import TALLIES_SUBJECT, quarantine_subject, readings_subject


def _joined(batch: Batch, partition: int) -> list[bytes]:
    """All readings of a partition in as few messages as hold them."""
    readings = batch.readings.get(partition)
    pieces = [*batch.packed.get(partition, ()), *(encoded(encode_readings, readings) if readings else ())]
    chunks: list[bytes] = []
    begin = size = 0
    for at, piece in enumerate(pieces):
        if size and size + len(piece) > MAX_CHUNK_BYTES:
            chunks.append(join_readings(pieces[begin:at]))
            begin, size = at, 0
        size += len(piece)
    return [*chunks, join_readings(pieces[begin:])] if pieces else chunks


def rounds(batch: Batch) -> list[list[tuple[str, bytes]]]:
    """``(subject, bytes)`` to append, in rounds.

    A round holds at most one message for each subject; the next round may be
    appended only after the log has confirmed the one before, which keeps the
    order within a partition.
    """
    by_subject = {
        readings_subject(partition): _joined(batch, partition)
        for partition in dict.fromkeys((*batch.packed, *batch.readings))
    } | {
        quarantine_subject(label): encoded(encode_quarantined, messages)
        for label, messages in batch.refused.items()
    }
    if batch.tallies:
        by_subject[TALLIES_SUBJECT] = encoded(encode_tallies, list(batch.tallies.values()))
    deepest = max((len(chunks) for chunks in by_subject.values()), default=0)
    return [
        [(subject, chunks[depth]) for subject, chunks in by_subject.items() if depth < len(chunks)]
        for depth in range(deepest)
    ]
