"""Replay of recorded journeys through the same MQTT path as the simulated fleet."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sealtrail.contract.clock import Clock, iso
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.journey_csv import JourneyRow, parse_journey
from sealtrail.contract.subjects import device_up_topic
from sealtrail.runtime.settings.simulator import PublisherSettings
from simulators import json_device
from simulators.fleet import unless_stopped, wait_until
from simulators.publisher import Publisher
from simulators.truth import Outgoing, OutgoingKind

_GRACE_S = 5.0
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Refused(NamedTuple):
    """A row that is no report."""

    line_no: int
    reason: str
    detail: str


class ReplayReport(NamedTuple):
    """``published`` counts PUBACKs. ``refused`` holds the first rows that were no reports."""

    rows: int
    published: int
    resent: int
    unacknowledged: int
    refused_by_reason: dict[str, int]
    refused: tuple[Refused, ...]


class Replay:
    """One journey file, sent in the order of its rows.

    ``speed`` is how many times faster than recorded (0: as fast as the broker
    takes it). Event times stay as recorded, or are all shifted so that the
    newest is now: never into the future, since a gateway disbelieves those.
    ``device_id`` replaces ``journey-<device>``, for files of one device.
    Raises `RefusedError` for a file without a sound header or row, or with an unusable name.
    """

    MAX_REFUSED = 20

    def __init__(
        self,
        path: Path,
        settings: PublisherSettings,
        clock: Clock,
        *,
        speed: float = 0.0,
        shift_to_now: bool = False,
        device_id: str | None = None,
    ) -> None:
        if device_id is not None and not _PLAIN_NAME.fullmatch(device_id):
            raise RefusedError("bad_device", f"{device_id!r}: letters, digits, '_', '.', '-' only")
        self._path = path
        self._settings = settings
        self._clock = clock
        self._speed = speed
        self._shift_to_now = shift_to_now
        self._device_id = device_id
        self._rows = 0
        self._refused: list[Refused] = []
        self._reasons: Counter[str] = Counter()
        self.published = 0

    async def run(self, stop: asyncio.Event) -> ReplayReport:
        """Until the last row has its PUBACK, or ``stop`` is set."""
        self._check()
        shift_ms = self._shift_ms()
        async with Publisher(self._settings, self._on_published, stop) as publisher:
            began_ms, first_ms, latest_ms = self._clock(), None, 0
            for row in self._sound_rows(self._note):
                first_ms = row.occurred_at_ms if first_ms is None else first_ms
                latest_ms = max(latest_ms, row.occurred_at_ms)
                due_ms = began_ms + round((latest_ms - first_ms) / self._speed) if self._speed > 0 else 0
                if not await wait_until(due_ms, self._clock, stop):
                    break
                self._rows += 1
                outgoing = self._outgoing(row, shift_ms, due_ms)
                if not publisher.offer(outgoing):
                    await unless_stopped(publisher.send(outgoing), stop)
            if not stop.is_set():
                await unless_stopped(publisher.flush(), stop)
            unacknowledged = await publisher.close(_GRACE_S)
            return ReplayReport(
                self._rows,
                self.published,
                publisher.resent,
                unacknowledged,
                dict(self._reasons),
                tuple(self._refused),
            )

    def _check(self) -> None:
        """Raises `RefusedError` for a file that has nothing to send, before anything is connected."""
        refused: list[RefusedError] = []
        if next(self._sound_rows(lambda _, error: refused.append(error)), None) is None:
            why = f"; the first is refused: {refused[0]}" if refused else ""
            raise RefusedError("no_rows", f"{self._path} has no row to send{why}")

    def _sound_rows(self, on_refused: Callable[[int, RefusedError], None]) -> Iterator[JourneyRow]:
        with self._path.open(encoding="utf-8", errors="replace", newline="") as lines:
            for row in parse_journey(lines, on_refused):
                if _PLAIN_NAME.fullmatch(row.device):
                    yield row
                else:
                    on_refused(row.line_no, RefusedError("bad_device", f"line {row.line_no}: {row.device!r}"))

    def _shift_ms(self) -> int:
        if not self._shift_to_now:
            return 0
        newest_ms = max((row.occurred_at_ms for row in self._sound_rows(_ignore)), default=0)
        return self._clock() - newest_ms

    def _outgoing(self, row: JourneyRow, shift_ms: int, due_ms: int) -> Outgoing:
        device_id = self._device_id or f"journey-{row.device}"
        report = row.report | {"occurred_at": iso(row.occurred_at_ms + shift_ms)}
        return Outgoing(
            due_ms,
            device_up_topic(json_device.FAMILY, device_id),
            msgspec.json.encode(report),
            OutgoingKind.REPORT,
            device_id,
            row.container or "",
        )

    def _on_published(self, _: Outgoing) -> None:
        self.published += 1

    def _note(self, line_no: int, error: RefusedError) -> None:
        self._reasons[error.reason] += 1
        if len(self._refused) < self.MAX_REFUSED:
            self._refused.append(Refused(line_no, error.reason, error.detail))


def _ignore(_line_no: int, _error: RefusedError) -> None:
    """Refused rows are noted when they are sent."""
