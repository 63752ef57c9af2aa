"""What came in from each device, and what is missing.

The unit is the *report*: a reading that a device sent, or a message without any
(empty, or refused whole). Of every device, and of all together::

    received + retried = accepted + duplicate + empty + refused
    messages           = received - folded

A report is counted once for each delivery that the log has taken; what a gateway
didn't acknowledge and gets again is a second delivery, hence a duplicate.

Request subject: ``sealtrail.request.devices.<query>`` with ``query`` one of
``list``, ``one``. Bodies are MessagePack of the structs below; a refusal is a
`sealtrail.contract.queries.QueryRefusal`, told apart by the header
``Sealtrail-Refused``. Times are UTC milliseconds.
"""

from __future__ import annotations

import msgspec

OTHERS = "(others)"
"""Stands for all devices beyond the number that is followed one by one, and for unusable names."""

UNNAMED = "(unnamed)"
"""Stands for refused messages that name no device."""


class Arrival(msgspec.Struct, array_like=True, gc=False):
    """The first fields of a `Reading` on the wire: as much of it as counting needs."""

    device_id: str
    family: str
    reading_id: int
    occurred_at_ms: int
    received_at_ms: int
    container_id: str | None = None
    sequence: int | None = None
    device_time_ms: int | None = None
    flags: int = 0


class Tally(msgspec.Struct, array_like=True):
    """What a gateway took from one device in one batch and neither the log nor the quarantine shows.

    ``folded`` counts the readings of a message beyond its first, ``refused`` by
    reason what was refused without being kept.
    """

    device_id: str
    family: str
    received_at_ms: int
    duplicate: int = 0
    empty: int = 0
    folded: int = 0
    refused: dict[str, int] = {}


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Numbers ``first`` to ``last`` that a device counted and that never came.

    They lie between reports of ``after_ms`` and ``before_ms``, by event time.
    """

    first: int
    last: int
    after_ms: int
    before_ms: int


class DeviceCompleteness(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One device since it was first heard of."""

    device_id: str
    family: str  # as it spoke last
    container_id: str | None
    received: int  # reports
    messages: int
    accepted: int  # new readings on the log
    duplicate: int
    empty: int  # sound messages without a reading
    refused: dict[str, int]  # by reason
    retried: int  # readings put in from the quarantine, which `received` doesn't count again
    late: int  # accepted long after they happened
    out_of_order: int  # accepted after a report of a later time
    counted: bool  # whether it numbers its reports; without that nothing is known to be missing
    missing: int  # numbers that never came
    missing_unnamed: int  # of these the oldest, of which it is no longer known which they are
    restarts: int  # times that its count began anew
    clock_offset_ms: int | None  # its clock minus ours, less the quickest way of a report; None: unknown
    clock_steps: int  # times that the offset changed for good
    clock_step_ms: int  # by how much the last time
    clock_step_at_ms: int | None  # when that was noticed
    interval_s: float | None  # median time between its newest reports; None: not seen yet
    first_seen_ms: int
    last_seen_ms: int
    last_occurred_ms: int | None  # newest event time
    silent: bool  # not heard of for longer than it is used to
    gaps: tuple[Gap, ...] = ()  # oldest first; only in the answer to ``one``

    @property
    def balanced(self) -> bool:
        """Whether its sums agree."""
        counted = self.accepted + self.duplicate + self.empty + sum(self.refused.values())
        return self.received + self.retried == counted


class DeviceDay(msgspec.Struct, frozen=True, kw_only=True):
    """What came in from a device on one day (UTC, by time of receipt).

    Counts are of that day; ``missing``, clock and interval are as they stood
    when the device was last heard of on it. The reports of a device's days add
    up to those of its `DeviceCompleteness`. Restarts that a late report explains
    away are not taken back from a day that is over.
    """

    device_id: str
    day_ms: int  # its beginning
    family: str
    container_id: str | None
    received: int
    accepted: int
    duplicate: int
    empty: int
    refused: dict[str, int]
    retried: int
    late: int
    out_of_order: int
    missing: int
    restarts: int
    clock_steps: int
    clock_offset_ms: int | None
    interval_s: float | None
    last_seen_ms: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over all devices, `OTHERS` and `UNNAMED` included."""

    devices: int = 0
    received: int = 0
    messages: int = 0
    accepted: int = 0
    duplicate: int = 0
    empty: int = 0
    refused: dict[str, int] = {}
    retried: int = 0
    late: int = 0
    out_of_order: int = 0
    missing: int = 0
    silent: int = 0


class CameIn(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, counted message by message of the log and not by device.

    ``readings + known + empty + quarantined + not_kept - retried`` must be
    `Totals.received`.
    """

    readings: int = 0  # in batches of the log, copies included, those of a retry only if they are new
    retried: int = 0  # of these from the quarantine
    known: int = 0  # dropped by a gateway as duplicates
    empty: int = 0
    quarantined: int = 0
    not_kept: int = 0
    folded: int = 0  # readings beyond the first of their message

    @property
    def received(self) -> int:
        """Reports in all."""
        return self.readings + self.known + self.empty + self.quarantined + self.not_kept - self.retried

    @property
    def messages(self) -> int:
        """Messages in all."""
        return self.received - self.folded


class DevicesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Devices that match, in order of ``sort`` (a field of `DeviceCompleteness`), largest first.

    Names and families sort alphabetically. ``incomplete`` means numbers are
    missing or something was refused.
    """

    sort: str = "device_id"
    silent: bool = False
    incomplete: bool = False
    family: str | None = None
    container_id: str | None = None
    offset: int = 0
    limit: int = 10_000


class DeviceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One device, with its gaps."""

    device_id: str


class DevicesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Devices that match, from ``offset`` on, and the sums over *all* devices at the same moment."""

    at_ms: int
    matching: int
    behind: int  # messages of the log that aren't counted yet
    totals: Totals
    came_in: CameIn
    devices: list[DeviceCompleteness]


class DaysQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Daily records of one device (None: of all) in [since_ms, until_ms), oldest first.

    Asked of the record: ``sealtrail.request.record.days``.
    """

    since_ms: int
    until_ms: int
    device_id: str | None = None
    limit: int = 10_000  # newest ones are kept when there are more
