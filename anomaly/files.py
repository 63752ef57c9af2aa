"""Files of all containers: those that something happened to lately as objects, all others as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from anomaly.container_file import ContainerFile
from anomaly.file_state import FileCodec

OPEN_KEPT = 2048
"""So many files stay open from one message of the log to the next."""


class Files:
    """Files by row of their containers."""

    def __init__(self, codec: FileCodec) -> None:
        self.codec = codec
        self._packed: list[bytes] = []  # empty: open
        self._open: dict[int, ContainerFile] = {}

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, row: int) -> ContainerFile:
        """A container's file, to be read and written until the end of the message in hand."""
        row = row if row >= 0 else len(self._packed) + row
        file = self._open.get(row)
        if file is None:
            file = self._open[row] = self.codec.unpack(self._packed[row])
            self._packed[row] = b""
        return file

    def __iter__(self) -> Iterator[ContainerFile]:
        """All of them, for reading; those that are closed stay closed."""
        for row, packed in enumerate(self._packed):
            yield self.codec.unpack(packed) if packed else self._open[row]

    def append(self, file: ContainerFile) -> None:
        """The file of the next row."""
        self._open[len(self._packed)] = file
        self._packed.append(b"")

    def close_old(self) -> None:
        """Pack those that were opened longest ago, beyond the number that stays open."""
        for row in list(islice(self._open, max(0, len(self._open) - OPEN_KEPT))):
            self._packed[row] = self.codec.pack(self._open.pop(row))

    @property
    def kept(self) -> list[bytes]:
        """All of them packed, for `restore`."""
        return [packed or self.codec.pack(self._open[row]) for row, packed in enumerate(self._packed)]

    def restore(self, packed: list[bytes]) -> None:
        """What `kept` was, none of them open."""
        self._packed, self._open = packed, {}
