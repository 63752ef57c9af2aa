"""A lease: at most one process works on something, and another takes over when it dies.

The holder's name stands under a key of the leases' bucket, whose entries the
server drops `streams.LEASE_TTL_S` seconds after they were last written. The
holder writes it again three times as often. A killed holder is followed within
that time; on the same machine at once, because the successor sees that the
process is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import NamedTuple

import structlog

from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.bucket import Bucket
from sealtrail.runtime.streams import LEASE_TTL_S

LOGGER = structlog.get_logger(__name__)

RENEW_EVERY_S = LEASE_TTL_S / 3
RETRY_EVERY_S = 0.3
POLL_EVERY_S = 0.5
MARGIN_S = 1.0  # the holder gives up this long before the server would


class _Process(NamedTuple):
    """A process, told apart from any later one with the same number."""

    host: str
    boot: str
    namespace: str
    pid: int
    started: str


def _started(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty where there is none (or only a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = fields.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def process_identity() -> str:
    """A holder's name for this process: machine, boot, process namespace, number and start time."""
    boot, namespace = "", ""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    pid = os.getpid()
    return "|".join((socket.gethostname(), boot, namespace, str(pid), _started(pid)))


def _is_gone(holder: str) -> bool:
    """Whether a holder is a process of this very machine that has ended.

    Only where host, boot and process namespace are our own can its absence be
    seen; a holder elsewhere is never called gone.
    """
    theirs, ours = holder.split("|"), process_identity().split("|")
    if len(theirs) != len(_Process._fields) or theirs[:3] != ours[:3] or not all(theirs):
        return False
    return theirs[3].isdigit() and _started(int(theirs[3])) != theirs[4]


class Lease:
    """One lease, taken with `acquire` and renewed in the background until `release`.

    ``held`` turns False, and ``lost`` is set, before anybody else can hold it:
    when it wasn't renewed in time, or when another holder's name stands there.
    A lost lease stays lost; make a new one.
    """

    def __init__(self, bucket: Bucket, key: str, holder: str) -> None:
        self._bucket = bucket
        self._key = key
        self._holder = holder
        self._revision = 0
        self._valid_until_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()

    @property
    def held(self) -> bool:
        return (
            self._task is not None
            and not self.lost.is_set()
            and asyncio.get_running_loop().time() < self._valid_until_s
        )

    async def acquire(self, stop: asyncio.Event) -> bool:
        """Waits for the lease; True once it is held, False when ``stop`` was set first."""
        waiting = False
        while not stop.is_set():
            try:
                if await self._try():
                    self._task = asyncio.create_task(self._keep(), name=f"lease {self._key}")
                    LOGGER.info("lease_acquired", key=self._key)
                    return True
            except UnavailableError as error:
                LOGGER.debug("lease_unavailable", key=self._key, error=str(error))
            if not waiting:
                waiting = True
                LOGGER.info("lease_held_by_another", key=self._key)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_EVERY_S)
        return False

    async def _try(self) -> bool:
        begun_s = asyncio.get_running_loop().time()
        entry = await self._bucket.get(self._key)
        if entry is None:
            revision = await self._bucket.put(self._key, self._holder.encode(), 0)
        else:
            holder = (entry.value or b"").decode(errors="replace")
            if holder != self._holder and not _is_gone(holder):
                return False
            revision = await self._bucket.put(self._key, self._holder.encode(), entry.revision)
        return self._written(revision, begun_s)

    def _written(self, revision: int | None, begun_s: float) -> bool:
        if revision is None:
            return False
        self._revision = revision
        self._valid_until_s = begun_s + LEASE_TTL_S - MARGIN_S
        return True

    async def _renew(self) -> bool:
        """Writes the entry again; False when it is another's."""
        begun_s = asyncio.get_running_loop().time()
        revision = await self._bucket.put(self._key, self._holder.encode(), self._revision)
        if revision is None:  # another's, or a write of ours whose confirmation was lost
            entry = await self._bucket.get(self._key)
            if entry is None or entry.value != self._holder.encode():
                return False
            revision = await self._bucket.put(self._key, self._holder.encode(), entry.revision)
        return self._written(revision, begun_s)

    async def _keep(self) -> None:
        """Renews until the lease is lost."""
        loop = asyncio.get_running_loop()
        pause_s = RENEW_EVERY_S
        while (left_s := self._valid_until_s - loop.time()) > 0:
            await asyncio.sleep(min(pause_s, left_s))
            pause_s = RETRY_EVERY_S
            with contextlib.suppress(UnavailableError, TimeoutError):
                async with asyncio.timeout(max(0.0, self._valid_until_s - loop.time())):
                    if not await self._renew():
                        break
                    pause_s = RENEW_EVERY_S
        LOGGER.warning("lease_lost", key=self._key)
        self.lost.set()

    async def release(self) -> None:
        """Gives the lease back, if it is still held, so that another needn't wait."""
        was_held = self.held
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if was_held:
            with contextlib.suppress(UnavailableError):
                entry = await self._bucket.get(self._key)
                if entry is not None and entry.value == self._holder.encode():
                    await self._bucket.delete(self._key)
