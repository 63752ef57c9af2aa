"""Learned models by name and version: proposed by training, accepted by a person, told to the judgement.

The bytes of a model lie under their own hash, so that a version's bytes can't
be exchanged. A decision is first kept here, then written to every partition of
the log; where that fails, deciding the same again writes it again.
"""

from __future__ import annotations

import hashlib

import msgspec

from sealtrail.contract.clock import Clock, wall_clock_ms
from sealtrail.contract.codec import encode_model_events
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import (
    MOST_BLOB_BYTES,
    KnownModel,
    ModelCard,
    ModelEvent,
    ModelEventKind,
    ModelState,
    check_name,
    name_of,
)
from sealtrail.contract.subjects import MODEL_BLOBS_BUCKET, MODELS_BUCKET, models_subject
from sealtrail.runtime.log import Log

_ATTEMPTS = 20
_EVENTS = {
    ModelState.ACCEPTED: ModelEventKind.ACCEPTED,
    ModelState.WITHDRAWN: ModelEventKind.WITHDRAWN,
}


class KnownModels:
    """The bucket of models. Raises `InvalidModelError` and `UnavailableError` by name."""

    def __init__(self, log: Log, clock: Clock = wall_clock_ms) -> None:
        self._log = log
        self._clock = clock

    async def list(self) -> list[KnownModel]:
        bucket = await self._log.bucket(MODELS_BUCKET)
        found = [_read(entry.value) for entry in await bucket.items() if entry.value is not None]
        return sorted(found, key=lambda each: (each.name, each.version))

    async def get(self, name: str, version: int | None = None) -> KnownModel:
        """That version, or the newest; raises `InvalidModelError` named ``unknown_model``."""
        return (await self._entry(name, version))[0]

    async def blob(self, known: KnownModel) -> bytes:
        """The model's bytes. Reasons: ``model_bytes_missing``, ``damaged_model``."""
        bucket = await self._log.bucket(MODEL_BLOBS_BUCKET)
        entry = await bucket.get(known.card.sha256)
        if entry is None or entry.value is None:
            raise InvalidModelError("model_bytes_missing", f"{known.name} version {known.version}")
        if hashlib.sha256(entry.value).hexdigest() != known.card.sha256:
            raise InvalidModelError("damaged_model", f"{known.name} version {known.version}: another hash")
        return entry.value

    async def propose(self, card: ModelCard, blob: bytes, actor: str) -> KnownModel:
        """Keeps a model as the next version of its name."""
        if len(blob) > MOST_BLOB_BYTES:
            raise InvalidModelError("model_too_large", f"{len(blob)} bytes, at most {MOST_BLOB_BYTES}")
        if hashlib.sha256(blob).hexdigest() != card.sha256:
            raise InvalidModelError("damaged_model", "the card is of other bytes")
        name = name_of(card.family, card.lane)
        blobs = await self._log.bucket(MODEL_BLOBS_BUCKET)
        await blobs.put(card.sha256, blob)
        bucket = await self._log.bucket(MODELS_BUCKET)
        for _ in range(_ATTEMPTS):
            versions = [each.version for each in await self.list() if each.name == name]
            proposal = KnownModel(
                name=name,
                version=max(versions, default=0) + 1,
                state=ModelState.PROPOSED,
                card=card,
                proposed_at_ms=self._clock(),
                proposed_by=actor,
            )
            if await bucket.put(_key(proposal), msgspec.json.encode(proposal), 0) is not None:
                return proposal
        raise InvalidModelError("model_changed", f"{name} was changed at this moment; look again")

    async def decide(
        self, known: KnownModel, state: ModelState, *, actor: str, reason: str, partitions: int
    ) -> KnownModel:
        """Accepts or withdraws a version, and tells the judgement.

        A version that is in that state already is told again as it was decided: so what
        was not written to every partition is, and a log that has forgotten it hears of it.
        Raises `InvalidModelError` named ``model_withdrawn`` for accepting what was withdrawn.
        """
        current, revision = await self._entry(known.name, known.version)
        blob = await self.blob(current) if state is ModelState.ACCEPTED else b""
        if current.state is not state:
            if current.state is ModelState.WITHDRAWN:
                raise InvalidModelError(
                    "model_withdrawn", f"{current.name} version {current.version}: train it again"
                )
            current = msgspec.structs.replace(
                current, state=state, decided_at_ms=self._clock(), decided_by=actor, reason=reason
            )
            bucket = await self._log.bucket(MODELS_BUCKET)
            if await bucket.put(_key(current), msgspec.json.encode(current), revision) is None:
                raise InvalidModelError(
                    "model_changed", f"{current.name} was changed at this moment; look again"
                )
        await self._tell(current, blob, partitions)
        return current

    async def _tell(self, decided: KnownModel, blob: bytes, partitions: int) -> None:
        await self._log.check_partitions(partitions)
        event = ModelEvent(
            event_id=f"model/{_key(decided)}/{decided.state.value}",
            kind=_EVENTS[decided.state],
            occurred_at_ms=decided.decided_at_ms or decided.proposed_at_ms,
            recorded_at_ms=self._clock(),
            actor=decided.decided_by,
            name=decided.name,
            version=decided.version,
            family=decided.card.family,
            lane=decided.card.lane,
            sha256=decided.card.sha256,
            blob=blob,
        )
        batch = encode_model_events([event])
        for partition in range(partitions):
            await self._log.append(
                models_subject(partition),
                batch,
                message_id=f"{event.event_id}/{partition}/{event.recorded_at_ms}",
            )

    async def _entry(self, name: str, version: int | None) -> tuple[KnownModel, int]:
        bucket = await self._log.bucket(MODELS_BUCKET)
        if version is None:
            versions = [each.version for each in await self.list() if each.name == check_name(name)]
            if not versions:
                raise InvalidModelError("unknown_model", f"{name!r}; see `sealtrail models list`")
            version = max(versions)
        entry = await bucket.get(f"{check_name(name)}.{version}")
        if entry is None or entry.value is None:
            raise InvalidModelError(
                "unknown_model", f"{name!r} version {version}; see `sealtrail models list`"
            )
        return _read(entry.value), entry.revision


def _key(known: KnownModel) -> str:
    return f"{known.name}.{known.version}"


def _read(value: bytes) -> KnownModel:
    try:
        return msgspec.json.decode(value, type=KnownModel)
    except msgspec.DecodeError as error:
        raise InvalidModelError("damaged_card", str(error)) from error
