"""What was made to happen, and what of it must, may or must not be raised."""

from __future__ import annotations

import msgspec


class Scripted(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the ground truth.

    ``alert_type`` must be raised for ``container_id`` with an event time within
    ``from_ms`` … ``until_ms`` and ``tolerance_ms`` to either side; None: nothing
    must be. ``also`` are the types that the same cause may truly raise beside
    it. ``evidence`` are the readings (16 hex digits) or trip events that show
    it; the last of them to arrive did so at ``complete_received_ms``.
    ``withdrawn``: an alert may be raised, but must be retracted in the end.
    ``may_be_withdrawn``: raised is right, and so is taking it back when the
    backlog has come.
    """

    kind: str  # the scene, or what was derived: "radio silence"
    alert_type: str | None
    container_id: str
    trip_id: str
    from_ms: int
    until_ms: int
    tolerance_ms: int
    complete_ms: int
    complete_received_ms: int
    device_id: str = ""
    also: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    withdrawn: bool = False
    may_be_withdrawn: bool = False
