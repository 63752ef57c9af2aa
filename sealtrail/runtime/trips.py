"""Recording trip events: on the log first, then in the projections that look-ups read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from sealtrail.contract import subjects
from sealtrail.contract.codec import encode_trip_events
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.trip import Authorisation, SealCheck, Trip, TripEvent, TripEventKind
from sealtrail.runtime.bucket import Bucket
from sealtrail.runtime.log import Log

MOST_EVENT_BYTES = 900_000
"""The log takes messages of up to 1 MiB, headers included."""


def _with_leave(trip: Trip, leave: Authorisation) -> Trip:
    """The trip with one more leave, once."""
    if any(known.authorisation_id == leave.authorisation_id for known in trip.authorisations):
        return trip
    return msgspec.structs.replace(trip, authorisations=(*trip.authorisations, leave))


def _with_seals(trip: Trip, check: SealCheck) -> Trip:
    """The trip with the seal that was put on instead of another, once."""
    new = check.replaced_by
    if new is None or new in trip.seal_numbers:
        return trip
    old = {check.seal_expected, check.seal_seen}
    kept = tuple(number for number in trip.seal_numbers if number not in old)
    return msgspec.structs.replace(trip, seal_numbers=(*kept, new))


class TripRecorder:
    """Writes trip events for a log of ``partitions`` partitions.

    Pairings are projected before the event is on the log, so that the gateway
    files the device's next report under its container; everything else after.
    """

    def __init__(self, log: Log, partitions: int) -> None:
        self._log = log
        self._partitions = partitions
        self._checked = False

    async def record(self, event: TripEvent) -> int:
        """Makes the event known; returns its sequence on the log.

        Raises `InvalidTripError` for an event that names no container or is too large, and
        `UnavailableError` when the log doesn't take it (try again: recording
        an event twice changes nothing). `SettingsError` where the log is divided otherwise.
        """
        if not event.container_id:
            raise InvalidTripError("container_missing", f"event {event.event_id} names no container")
        if not self._checked:
            await self._log.check_partitions(self._partitions)
            self._checked = True
        batch = encode_trip_events([event])
        if len(batch) > MOST_EVENT_BYTES:
            raise InvalidTripError(
                "plan_too_long",
                f"{len(batch)} bytes, at most {MOST_EVENT_BYTES}: simplify corridors and zones",
            )
        await self._project_pairings(event)
        partition = subjects.partition_of(event.container_id, self._partitions)
        sequence = await self._log.append(subjects.trips_subject(partition), batch, message_id=event.event_id)
        await self._project_trip(event)
        return sequence

    async def _project_pairings(self, event: TripEvent) -> None:
        paired: tuple[str, ...] = ()
        if event.trip is not None:
            paired = event.trip.device_ids
        elif event.kind is TripEventKind.PAIRED and event.device_id:
            paired = (event.device_id,)
        bucket = await self._log.bucket(subjects.PAIRINGS_BUCKET)
        for device_id in paired:
            await bucket.put(device_id, event.container_id.encode())
        if event.kind is TripEventKind.UNPAIRED and event.device_id:
            await bucket.delete(event.device_id)

    async def _project_trip(self, event: TripEvent) -> None:
        bucket = await self._log.bucket(subjects.TRIPS_BUCKET)
        if event.trip is not None:
            await bucket.put(event.trip.trip_id, msgspec.json.encode(event.trip))
        elif event.authorisation is not None and event.trip_id:
            await self._rewrite(bucket, event.trip_id, partial(_with_leave, leave=event.authorisation))
        elif event.seal_check is not None and event.trip_id:
            await self._rewrite(bucket, event.trip_id, partial(_with_seals, check=event.seal_check))
        elif event.kind is TripEventKind.ENDED and event.trip_id:
            await bucket.delete(event.trip_id)

    @staticmethod
    async def _rewrite(bucket: Bucket, trip_id: str, change: Callable[[Trip], Trip]) -> None:
        """Changes the trip as it stands, whoever else writes at the same time."""
        written: int | None = None
        while written is None:
            entry = await bucket.get(trip_id)
            if entry is None or entry.value is None:
                return
            trip = msgspec.json.decode(entry.value, type=Trip)
            changed = change(trip)
            if changed == trip:
                return
            written = await bucket.put(trip_id, msgspec.json.encode(changed), entry.revision)

    async def trips(self) -> list[Trip]:
        """All trips under way, as last planned or changed."""
        bucket = await self._log.bucket(subjects.TRIPS_BUCKET)
        return [
            msgspec.json.decode(entry.value, type=Trip)
            for entry in await bucket.items()
            if entry.value is not None
        ]
