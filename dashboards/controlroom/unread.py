"""`Unread`: reports that have arrived and that nobody has wanted to see yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import structlog

from sealtrail.contract.codec import decode_readings
from sealtrail.contract.errors import WireError
from sealtrail.contract.reading import Reading

LOGGER = structlog.get_logger(__name__)


class Unread:
    """Batches of the log as bytes, the newest ``max_bytes`` of them, and at least one.

    Reading them costs most of what the control room does, and while nobody
    watches nobody needs it. ``overrun`` says that older ones were let go: what
    they said is in the record.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._batches: deque[bytes] = deque()
        self._bytes = 0
        self.overrun = False

    def __len__(self) -> int:
        return len(self._batches)

    def put(self, batch: bytes) -> None:
        self._batches.append(batch)
        self._bytes += len(batch)
        while self._bytes > self._max_bytes and len(self._batches) > 1:
            self._bytes -= len(self._batches.popleft())
            self.overrun = True

    def read(self) -> Iterator[list[Reading]]:
        """Readings of each batch, oldest first, which are read then; one that can't be is passed over."""
        while self._batches:
            batch = self._batches.popleft()
            self._bytes -= len(batch)
            try:
                yield decode_readings(batch)
            except WireError as error:
                LOGGER.warning("batch_unreadable", reason=error.reason)
