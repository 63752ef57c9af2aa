"""The bucket of incidents: JSON, written by compare-and-set."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
import structlog

from alerts.incidents import StoredIncident
from sealtrail.contract import subjects
from sealtrail.contract.errors import SealTrailError, UnavailableError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.bucket import Bucket
from sealtrail.runtime.log import Log

LOGGER = structlog.get_logger(__name__)

WRITES_AT_ONCE = 64

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredIncident).decode


class IncidentConflictError(SealTrailError):
    """Somebody else has written an incident: this worker's state is out of date and must be loaded anew."""


class IncidentStore:
    """Reads all incidents once, then only writes."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._revisions: dict[str, int] = {}
        self._slots = asyncio.Semaphore(WRITES_AT_ONCE)

    @classmethod
    async def open(cls, log: Log) -> tuple[IncidentStore, list[StoredIncident]]:
        """The store and every incident in it. One that can't be read is logged and left out."""
        store = cls(await log.bucket(subjects.INCIDENTS_BUCKET))
        incidents = []
        for entry in await store._bucket.items():
            store._revisions[entry.key] = entry.revision
            try:
                incidents.append(_decode(entry.value or b""))
            except msgspec.DecodeError as error:
                LOGGER.error("incident_unreadable", incident=entry.key, error=str(error))  # noqa: TRY400 - expected
        return store, incidents

    async def save(self, incidents: Iterable[StoredIncident]) -> None:
        """Writes incidents; all are on disk afterwards. Waits for the log.

        Raises `IncidentConflictError` when one was written by somebody else.
        """
        newest = {incident.incident_id: incident for incident in incidents}
        await asyncio.gather(*(self._save(incident) for incident in newest.values()))

    async def _save(self, incident: StoredIncident) -> None:
        key, value = incident.incident_id, _encode(incident)
        async with self._slots:
            for wait_s in backoff_s(cap_s=5.0):
                try:
                    revision = await self._bucket.put(key, value, self._revisions.get(key, 0))
                    if revision is None:  # another's, or ours whose confirmation was lost
                        revision = await self._own_revision(key, value)
                except UnavailableError as error:
                    LOGGER.warning("incidents_unavailable", error=str(error))
                    await asyncio.sleep(wait_s)
                else:
                    self._revisions[key] = revision
                    return

    async def _own_revision(self, key: str, value: bytes) -> int:
        entry = await self._bucket.get(key)
        if entry is None or entry.value != value:
            raise IncidentConflictError(f"incident {key} was written by another alerts worker")
        return entry.revision
