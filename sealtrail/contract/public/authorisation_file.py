"""`AuthorisationFile`: leave to open the seal."""

from __future__ import annotations

from pydantic import Field

from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.public.fields import FileModel, Name, Time
from sealtrail.contract.public.place_file import PlaceFile
from sealtrail.contract.trip import Authorisation


class AuthorisationFile(FileModel):
    """Leave to open the seal: who, where and when."""

    authorisation_id: Name
    granted_by: Name = Field(description="office or person that grants it")
    valid_from: Time
    valid_until: Time
    card_ids: tuple[Name, ...] = Field(default=(), description="cards that may open; empty: any")
    place: PlaceFile | None = Field(default=None, description="where; missing: anywhere")
    reason: str = ""

    def to_authorisation(self) -> Authorisation:
        """Raises `InvalidTripError` for a leave that holds at no time."""
        valid_from_ms, valid_until_ms = parse_iso(self.valid_from), parse_iso(self.valid_until)
        if valid_until_ms <= valid_from_ms:
            raise InvalidTripError("empty_authorisation", f"{self.authorisation_id} ends before it begins")
        return Authorisation(
            authorisation_id=self.authorisation_id,
            granted_by=self.granted_by,
            valid_from_ms=valid_from_ms,
            valid_until_ms=valid_until_ms,
            card_ids=self.card_ids,
            place=self.place.to_place() if self.place else None,
            reason=self.reason,
        )

    @classmethod
    def from_authorisation(cls, leave: Authorisation) -> AuthorisationFile:
        return cls(
            authorisation_id=leave.authorisation_id,
            granted_by=leave.granted_by,
            valid_from=iso(leave.valid_from_ms),
            valid_until=iso(leave.valid_until_ms),
            card_ids=leave.card_ids,
            place=PlaceFile.from_place(leave.place),
            reason=leave.reason,
        )
