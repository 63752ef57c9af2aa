"""What decoders share: identity, credible ranges, places. Pure functions."""

from __future__ import annotations

from typing import NamedTuple

from gateway.device_time import CLOCK_EPOCH_MS, settle
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.public.device_report import RANGES
from sealtrail.contract.reading import FixKind, Flag, Reading, reading_id_of

Extra = dict[str, str | int | float | bool]

CSQ_FULL_SCALE = 31  # 3GPP TS 27.007: 0 … 31, 99 unknown
CSQ_UNKNOWN = 99
CSQ_ZERO_DBM, CSQ_STEP_DBM = -113, 2


class Place(NamedTuple):
    """A position as a reading holds it, and what was wrong with it."""

    kind: FixKind
    latitude_deg: float | None
    longitude_deg: float | None
    flags: Flag


NOWHERE = Place(FixKind.NONE, None, None, Flag.NONE)
REFUSED = Place(FixKind.NONE, None, None, Flag.POSITION_REFUSED)


def within(quantity: str, value: float | None) -> float | None:
    """The value, or None where it is outside the credible range of its quantity."""
    if value is None:
        return None
    least, greatest = RANGES[quantity]
    return value if least <= value <= greatest else None


def place(latitude_deg: float | None, longitude_deg: float | None, kind: FixKind) -> Place:
    """A maker's coordinates as a place.

    None stands for digits that are no number: refused, like values out of
    range. Exactly 0, 0 is how these devices fill the field without a fix.
    """
    if within("latitude_deg", latitude_deg) is None or within("longitude_deg", longitude_deg) is None:
        return REFUSED
    if latitude_deg == 0 and longitude_deg == 0:
        return NOWHERE
    return Place(kind, latitude_deg, longitude_deg, Flag.NONE)


def signal_pct_of_csq(csq: int) -> float | None:
    """Percent of full scale of a modem's signal quality (3GPP TS 27.007 +CSQ)."""
    return round(100 * csq / CSQ_FULL_SCALE, 1) if 0 <= csq <= CSQ_FULL_SCALE else None


def signal_pct_of_dbm(dbm: int) -> float | None:
    """Percent on the same scale of a received power; None where it isn't one (0 or more)."""
    if dbm >= 0:
        return None
    csq = (dbm - CSQ_ZERO_DBM) / CSQ_STEP_DBM
    return round(100 * min(max(csq, 0), CSQ_FULL_SCALE) / CSQ_FULL_SCALE, 1)


def settled_identity(found: str | None, device_id: str | None) -> str:
    """The device's identity, given what the frame says and what the transport vouches for.

    Raises `DecodeError` ``identity_mismatch`` where they differ, ``no_identity``
    where neither is there.
    """
    if device_id is None:
        if not found:
            raise DecodeError("no_identity", "neither the frame nor the transport names the device")
        return found
    if found is not None and found != device_id:
        raise DecodeError("identity_mismatch", f"the frame says {found!r}, the transport {device_id!r}")
    return device_id


def content_identity(device_id: str, at_ms: int | None, content: bytes) -> int:
    """Identity of a record by what it says, see `reading_id_of`.

    ``at_ms`` is the claimed time. Where a device says nothing that tells one
    report from the next, neither time nor count, it is the time of receipt:
    every delivery is a report of its own, since a second breach taken for a
    copy of the first would be lost.
    """
    return reading_id_of(device_id, None, at_ms, content)


def stamped(
    reading: Reading, device_id: str, claimed_ms: int | None, received_at_ms: int, content: bytes
) -> Reading:
    """The reading of a device that doesn't count, given its identity and its times."""
    reading.device_id = device_id
    reading.reading_id = content_identity(
        device_id, received_at_ms if claimed_ms is None else claimed_ms, content
    )
    reading.received_at_ms = received_at_ms
    if claimed_ms is not None and CLOCK_EPOCH_MS <= claimed_ms <= received_at_ms:
        reading.occurred_at_ms = (
            claimed_ms  # what `settle` says of a credible clock, at a fraction of its cost
        )
        return reading
    time = settle(claimed_ms, received_at_ms)
    reading.occurred_at_ms = time.occurred_at_ms
    reading.device_time_ms = time.device_time_ms
    reading.flags |= time.flags.value
    return reading


def unstamped(family: str) -> Reading:
    """An empty reading to be filled in, then `stamped`."""
    return Reading(device_id="", family=family, reading_id=0, occurred_at_ms=0, received_at_ms=0)
