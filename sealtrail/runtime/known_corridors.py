"""Corridors by name: proposed by a program, accepted by a person, and only then used."""

from __future__ import annotations

import msgspec

from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.lane import CorridorState, KnownCorridor, check_name
from sealtrail.contract.public.corridor_file import check_corridor
from sealtrail.contract.subjects import CORRIDORS_BUCKET
from sealtrail.contract.trip import Corridor
from sealtrail.runtime.log import Log


class KnownCorridors:
    """The bucket of corridors. Raises `InvalidTripError` and `UnavailableError` by name."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def list(self) -> list[KnownCorridor]:
        bucket = await self._log.bucket(CORRIDORS_BUCKET)
        found = [_read(entry.value) for entry in await bucket.items() if entry.value is not None]
        return sorted(found, key=lambda each: each.name)

    async def get(self, name: str) -> KnownCorridor:
        """Raises `InvalidTripError` named ``unknown_corridor``."""
        return (await self._entry(name))[0]

    async def accepted(self, name: str) -> Corridor:
        """The corridor for a trip; refuses what nobody has accepted."""
        known = await self.get(name)
        if known.state is not CorridorState.ACCEPTED:
            raise InvalidTripError(
                "corridor_not_accepted", f"{name} is {known.state.value}; see `sealtrail corridor accept`"
            )
        return known.corridor

    async def propose(self, proposal: KnownCorridor) -> None:
        """Keeps a proposal; one that would write over a corridor in use is refused."""
        check_corridor(proposal.corridor)
        bucket = await self._log.bucket(CORRIDORS_BUCKET)
        entry = await bucket.get(check_name(proposal.name))
        if entry is not None and entry.value is not None:
            known = _read(entry.value)
            if known.state is CorridorState.ACCEPTED:
                raise InvalidTripError(
                    "corridor_in_use",
                    f"{proposal.name} is accepted: choose another name, or withdraw it first",
                )
        revision = 0 if entry is None else entry.revision
        if await bucket.put(proposal.name, msgspec.json.encode(proposal), revision) is None:
            raise InvalidTripError(
                "corridor_changed", f"{proposal.name} was changed at this moment; look again"
            )

    async def decide(
        self, name: str, state: CorridorState, *, actor: str, at_ms: int, reason: str = ""
    ) -> KnownCorridor:
        """Accepts or withdraws; the corridor that is decided on is the one that stands at this moment."""
        known, revision = await self._entry(name)
        decided = msgspec.structs.replace(
            known, state=state, decided_at_ms=at_ms, decided_by=actor, reason=reason
        )
        bucket = await self._log.bucket(CORRIDORS_BUCKET)
        if await bucket.put(name, msgspec.json.encode(decided), revision) is None:
            raise InvalidTripError("corridor_changed", f"{name} was changed at this moment; look again")
        return decided

    async def _entry(self, name: str) -> tuple[KnownCorridor, int]:
        bucket = await self._log.bucket(CORRIDORS_BUCKET)
        entry = await bucket.get(check_name(name))
        if entry is None or entry.value is None:
            raise InvalidTripError("unknown_corridor", f"{name!r}; see `sealtrail corridor list`")
        return _read(entry.value), entry.revision


def _read(value: bytes) -> KnownCorridor:
    try:
        return msgspec.json.decode(value, type=KnownCorridor)
    except msgspec.DecodeError as error:
        raise InvalidTripError("damaged_corridor", str(error)) from error
