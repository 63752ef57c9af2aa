"""Reading the quarantine: refused messages by their numbers, newest first."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import click

from sealtrail.contract.clock import iso
from sealtrail.contract.codec import decode_quarantined
from sealtrail.contract.errors import RefusedError, WireError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.subjects import QUARANTINE_STREAM, QUARANTINE_SUBJECTS
from sealtrail.runtime.log import Log

WINDOW = 256


class Entry(NamedTuple):
    """A refused message; its number is its place in the quarantine and stays the same."""

    batch: int
    place: int
    message: QuarantinedMessage

    @property
    def number(self) -> str:
        return f"{self.batch}.{self.place}"

    def as_json(self) -> str:
        """One line: everything, the payload as hex and, where it is readable, as text."""
        message = self.message
        return json.dumps(
            {
                "number": self.number,
                "received_at": iso(message.received_at_ms),
                "topic": message.topic,
                "family": message.family,
                "device_id": message.device_id,
                "reason": message.reason,
                "detail": message.detail,
                "payload_hex": message.payload.hex(),
                "payload_text": readable(message.payload),
            }
        )


def readable(payload: bytes) -> str | None:
    """The payload as text where all of it can be printed."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


async def _read(log: Log, first: int, last: int) -> tuple[list[Entry], bool]:
    """Entries of the log messages ``first`` to ``last``, newest first, and whether there is any message.

    Damaged messages are told and left out.
    """
    reader = log.reader(QUARANTINE_STREAM, QUARANTINE_SUBJECTS, first)
    found: list[Entry] = []
    position = first - 1
    try:
        while position < last and (taken := await reader.take(WINDOW, 2.0)):
            for item in taken:
                position = item.sequence
                if position > last:
                    break
                try:
                    messages = decode_quarantined(item.data)
                except WireError as error:
                    click.echo(f"quarantine {position} can't be read: {error}", err=True)
                    continue
                found += [Entry(position, place, message) for place, message in enumerate(messages)]
    finally:
        await reader.close()
    found.reverse()
    return found, position >= first


async def entries(log: Log) -> AsyncIterator[Entry]:
    """All entries of the quarantine, newest first, read as far as they are asked for."""
    last = await log.last_sequence(QUARANTINE_STREAM)
    while last > 0:
        first = max(1, last - WINDOW + 1)
        found, any_left = await _read(log, first, last)
        for entry in found:
            yield entry
        if not any_left:  # older ones have expired
            break
        last = first - 1


def wanted_by(reason: str | None, family: str | None) -> Callable[[Entry], bool]:
    def matches(entry: Entry) -> bool:
        return reason in (None, entry.message.reason) and family in (None, entry.message.family)

    return matches


async def newest(log: Log, limit: int, reason: str | None, family: str | None) -> list[Entry]:
    """The newest entries that match, at most ``limit`` (0: all)."""
    wanted = wanted_by(reason, family)
    found: list[Entry] = []
    async for entry in entries(log):
        if wanted(entry):
            found.append(entry)
            if len(found) == limit:
                break
    return found


async def numbered(log: Log, number: str) -> Entry:
    """The entry with that number; raises `RefusedError` where there is none."""
    batch, _, place = number.partition(".")
    if batch.isdecimal() and place.isdecimal() and int(batch) <= await log.last_sequence(QUARANTINE_STREAM):
        found, _ = await _read(log, max(1, int(batch)), int(batch))
        for entry in found:
            if entry.place == int(place):
                return entry
    raise RefusedError(
        "unknown_number", f"there is no {number!r} in quarantine; see `sealtrail quarantine list`"
    )
