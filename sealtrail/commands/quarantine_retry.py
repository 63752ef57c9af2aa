"""Decoding refused messages again, and putting what they say on the log at its own time."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from gateway.access.offline import admission_of
from gateway.batch import BatchDecoder
from gateway.chunks import rounds
from gateway.decoders import decoders
from gateway.topics import is_door_topic
from sealtrail.commands.quarantine_entries import Entry
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.subjects import PAIRINGS_BUCKET, RETRIED
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings

AT_A_DOOR = -1  # the token of a message that came in at a port of the gateway
CUT = "payload_too_large"
"""Of these messages only the beginning was kept: there is nothing whole to try again."""


class Outcome(NamedTuple):
    """What became of one message: its readings, or why it is still refused."""

    number: str
    readings: int
    refused: str = ""
    detail: str = ""

    def as_json(self) -> str:
        """One line."""
        found: dict[str, object] = {"number": self.number, "readings": self.readings}
        if self.refused:
            found |= {"refused": self.refused, "detail": self.detail}
        return json.dumps(found)

    def as_text(self) -> str:
        """One line for people."""
        if self.refused:
            return f"{self.number:>8}  still refused: {self.refused}: {self.detail}"
        return f"{self.number:>8}  {self.readings} reading{'' if self.readings == 1 else 's'}"

    @staticmethod
    def summary(outcomes: Sequence[Outcome], *, as_json: bool, dry_run: bool) -> str:
        """The sums over all messages."""
        good = [outcome for outcome in outcomes if not outcome.refused]
        readings = sum(outcome.readings for outcome in good)
        if as_json:
            return json.dumps(
                {
                    "messages": len(outcomes),
                    "accepted": len(good),
                    "refused": len(outcomes) - len(good),
                    "readings": readings,
                    "dry_run": dry_run,
                }
            )
        deed = "would be put" if dry_run else "were put"
        return (
            f"{len(outcomes)} messages: {len(good)} decode, {len(outcomes) - len(good)} are still refused; "
            f"{readings} readings {deed} on the log"
        )


async def retry_all(
    log: Log, settings: Settings, entries: Sequence[Entry], *, dry_run: bool
) -> list[Outcome]:
    """Tries entries in the given order; an outcome for each.

    A reading keeps the time of receipt that its message had, and goes to the
    container with which its device is paired now. Whether the device is
    believed is asked of the registry as it is now; a signature must have held
    when the message came. Raises `UnavailableError`
    where the log doesn't take a reading; everything before it is on the log.
    """
    await log.check_partitions(settings.partitions)
    admission = admission_of(await DeviceRegistry(log).all(), settings.access)
    decoder = BatchDecoder(decoders(), settings.partitions, settings.gateway.max_payload_bytes, admission)
    containers = await _containers(log)
    outcomes: list[Outcome] = []
    for entry in entries:
        message = entry.message
        if message.reason == CUT:
            outcomes.append(Outcome(entry.number, 0, CUT, "only its beginning was kept"))
            continue
        at_door = is_door_topic(message.topic, message.family, message.device_id)
        token = AT_A_DOOR if at_door else 0
        batch = decoder.decode(
            [(message.topic, message.payload, token)], message.received_at_ms, containers, frozenset()
        )
        refusals = [refusal for each in batch.refused.values() for refusal in each]
        if refusals:
            outcomes.append(Outcome(entry.number, 0, refusals[0].reason, refusals[0].detail))
            continue
        if not dry_run:
            batch.tallies.clear()  # what came in was counted when it came
            for messages in rounds(batch):
                ids = [f"{RETRIED}{secrets.token_hex(12)}" for _ in messages]
                _raise_first(await log.append_all(messages, ids))
        outcomes.append(Outcome(entry.number, len(batch.reading_ids)))
    return outcomes


def _raise_first(results: Sequence[int | UnavailableError]) -> None:
    for result in results:
        if isinstance(result, UnavailableError):
            raise result


async def _containers(log: Log) -> dict[str, str]:
    """Container of each paired device, as it is now."""
    bucket = await log.bucket(PAIRINGS_BUCKET)
    return {
        entry.key: entry.value.decode("utf-8", "replace") for entry in await bucket.items() if entry.value
    }
