"""`SealCheckFile`: what a person saw of the seal at a change of custody (WCO SAFE seal integrity)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.public.fields import FileModel, Name, Time
from sealtrail.contract.public.place_file import PlaceFile
from sealtrail.contract.trip import SealCheck

CONDITIONS = {1: "right", 2: "damaged", 3: "missing", 4: "broken", 5: "faulty"}
"""UN/EDIFACT 4517 as far as it speaks of seals."""

MISSING = 3


class SealCheckFile(FileModel):
    """One look at one seal."""

    check_id: Name
    checked_at: Time
    condition: int = Field(
        ge=1,
        le=5,
        description="UN/EDIFACT 4517: " + ", ".join(f"{n} {word}" for n, word in CONDITIONS.items()),
    )
    party: Name = Field(description="who looked")
    party_role: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,3}$")] = Field(
        description="UN/EDIFACT 9303, for example CU customs, CA carrier, SH shipper, TO terminal operator"
    )
    seal_expected: Name | None = None
    seal_seen: Name | None = None
    replaced_by: Name | None = Field(default=None, description="number of the seal put on instead")
    place: PlaceFile | None = None
    remark: str = ""

    def to_seal_check(self) -> SealCheck:
        """Raises `InvalidTripError` for a look that contradicts itself."""
        if self.condition == MISSING and self.seal_seen is not None:
            raise InvalidTripError("missing_seal_seen", f"a missing seal shows no number {self.seal_seen!r}")
        if self.replaced_by is not None and self.replaced_by in {self.seal_seen, self.seal_expected}:
            raise InvalidTripError("replaced_by_itself", f"{self.replaced_by!r} was on it before")
        return SealCheck(
            check_id=self.check_id,
            checked_at_ms=parse_iso(self.checked_at),
            condition=self.condition,
            party=self.party,
            party_role=self.party_role,
            seal_expected=self.seal_expected,
            seal_seen=self.seal_seen,
            replaced_by=self.replaced_by,
            place=self.place.to_place() if self.place else None,
            remark=self.remark,
        )

    @classmethod
    def from_seal_check(cls, check: SealCheck) -> SealCheckFile:
        return cls(
            check_id=check.check_id,
            checked_at=iso(check.checked_at_ms),
            condition=check.condition,
            party=check.party,
            party_role=check.party_role,
            seal_expected=check.seal_expected,
            seal_seen=check.seal_seen,
            replaced_by=check.replaced_by,
            place=PlaceFile.from_place(check.place),
            remark=check.remark,
        )
