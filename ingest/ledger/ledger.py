"""`Ledger`: the books of what came in, kept from three streams. No I/O.

The log has every new reading, and copies that a gateway couldn't know; the
quarantine what was refused and kept; the tallies what a gateway dropped. Each is
applied message by message in its order, so the books are a function of the
positions in the three streams, and both are saved together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from ingest.ledger.account import Account
from ingest.ledger.known import Known
from ingest.soundness import LATEST_TIME_MS, tag_refusal
from sealtrail.contract.completeness import OTHERS, UNNAMED, Arrival, CameIn, DeviceDay, Tally, Totals
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.runtime.settings.completeness import CompletenessSettings

VERSION = 1
MOST_MESSAGE_IDS = 4_096
"""Of each stream so many of the newest message ids are remembered: a repeated append has the same."""

REFUSED_ONLY_SHARE = 10
"""At most one in so many of the followed devices may be names from which nothing was ever accepted."""


class Position(msgspec.Struct, array_like=True):
    """How far a stream has been counted, and the ids of the newest messages."""

    next_sequence: int = 1
    message_ids: list[str] = []


class _Saved(msgspec.Struct, array_like=True):
    """A ledger as it is saved; ``positions`` by stream."""

    version: int
    positions: dict[str, Position]
    accounts: list[Account]
    ended_days: list[DeviceDay]
    came_in: CameIn
    known: tuple[bytes, bytes]
    refused_only: int


class Message(NamedTuple):
    """What the ledger asks of a message of a stream."""

    stream: str
    sequence: int
    message_id: str


class Ledger:
    """``accounts`` by device; ``ended_days`` are daily records that won't change any more."""

    def __init__(self, settings: CompletenessSettings) -> None:
        self._settings = settings
        self._late_ms = settings.late_after_s * 1000
        self._known = Known(settings.remembered_readings)
        self._ids: dict[str, OrderedDict[str, None]] = {}
        self._next: dict[str, int] = {}
        self._refused_only = 0
        self._came_in = dict.fromkeys(CameIn.__struct_fields__, 0)
        self.accounts: dict[str, Account] = {}
        self.ended_days: list[DeviceDay] = []
        self.repeated = 0

    # positions

    def next_sequence(self, stream: str) -> int:
        """Of the next message of a stream to count."""
        return self._next.get(stream, 1)

    def begins(self, message: Message) -> bool:
        """Moves behind a message; False where it is the repetition of an append and isn't to be counted."""
        self._next[message.stream] = message.sequence + 1
        if not message.message_id:
            return True
        ids = self._ids.setdefault(message.stream, OrderedDict())
        if message.message_id in ids:
            self.repeated += 1
            return False
        ids[message.message_id] = None
        if len(ids) > MOST_MESSAGE_IDS:
            ids.popitem(last=False)
        return True

    # what comes in

    def take_readings(self, arrivals: Sequence[Arrival], *, retried: bool = False) -> None:
        """A batch of readings of the log; ``retried`` ones were refused before, and counted then."""
        identities = {arrival.reading_id for arrival in arrivals}
        fresh = len(arrivals)
        if fresh == len(identities) and self._known.has_none_of(identities):
            self._accept(arrivals, retried=retried)
        else:
            fresh = self._sift(arrivals, retried=retried)
        self._known.add(identities)
        self._came_in["readings"] += fresh if retried else len(arrivals)
        if retried:
            self._came_in["retried"] += fresh

    def _sift(self, arrivals: Sequence[Arrival], *, retried: bool) -> int:
        """The same for a batch with copies, which are counted; returns how many are new."""
        seen: set[int] = set()
        for arrival in arrivals:
            if arrival.reading_id not in self._known and arrival.reading_id not in seen:
                seen.add(arrival.reading_id)
                self._accept((arrival,), retried=retried)
            elif not retried:
                self._account(arrival.device_id, arrival.family, arrival.received_at_ms).duplicate += 1
        return len(seen)

    def _accept(self, arrivals: Sequence[Arrival], *, retried: bool) -> None:
        accounts, late_ms, most_runs = self.accounts, self._late_ms, self._settings.gaps_kept + 1
        for arrival in arrivals:
            received_ms = arrival.received_at_ms
            account = accounts.get(arrival.device_id)
            if account is None or not account.accepted or received_ms >= account.day_end_ms:
                account = self._account(arrival.device_id, arrival.family, received_ms, accepted=True)
            account.accept(arrival, late_ms, most_runs)
            if retried:
                account.retried += 1

    def take_quarantined(self, messages: Iterable[QuarantinedMessage]) -> None:
        """Messages that a gateway refused and kept. Its notices of what it didn't keep have no topic."""
        for message in messages:
            if not message.topic:
                continue
            account = self._account(message.device_id, message.family, message.received_at_ms)
            account.refuse(message.reason, 1)
            self._came_in["quarantined"] += 1

    def take_tallies(self, tallies: Iterable[Tally]) -> None:
        """What a gateway took in and left no other trace of."""
        came_in = self._came_in
        for tally in tallies:
            account = self._account(tally.device_id, tally.family, tally.received_at_ms)
            account.duplicate += tally.duplicate
            account.empty += tally.empty
            account.folded += tally.folded
            for reason, number in tally.refused.items():
                account.refuse(reason, number)
                came_in["not_kept"] += number
            came_in["known"] += tally.duplicate
            came_in["empty"] += tally.empty
            came_in["folded"] += tally.folded

    # accounts

    def _account(self, device_id: str, family: str, received_ms: int, *, accepted: bool = False) -> Account:
        """The account of a device, opened where it is new, on the day of ``received_ms`` or a later one."""
        account = self.accounts.get(device_id) or self._open(
            device_id, family, received_ms, accepted=accepted
        )
        if accepted and not account.accepted and account.followed:
            self._refused_only -= 1
        if received_ms >= account.day_end_ms and (received_ms < LATEST_TIME_MS or not account.day_end_ms):
            ended = account.turn(received_ms)
            if ended is not None:
                self.ended_days.append(ended)
        account.changed = True
        account.last_seen_ms = max(account.last_seen_ms, min(received_ms, LATEST_TIME_MS))
        return account

    def _open(self, device_id: str, family: str, received_ms: int, *, accepted: bool) -> Account:
        """A new account, or that of all for whom there is none."""
        name = device_id
        if not device_id:
            name = UNNAMED
        elif tag_refusal(device_id) or device_id in (OTHERS, UNNAMED):
            name = OTHERS
        else:
            most = self._settings.followed_devices
            full = len(self.accounts) >= most
            if full or (not accepted and self._refused_only >= max(1, most // REFUSED_ONLY_SHARE)):
                name = OTHERS
        if name in self.accounts:
            return self.accounts[name]
        followed = name not in (OTHERS, UNNAMED)
        plain = family if followed and not tag_refusal(family) else ""
        account = Account(name, plain, first_seen_ms=received_ms, followed=followed)
        self._refused_only += followed
        self.accounts[name] = account
        return account

    # sums

    @property
    def came_in(self) -> CameIn:
        return CameIn(**self._came_in)

    def totals(self, now_ms: int) -> Totals:
        """Sums over all accounts."""
        sums = dict.fromkeys(
            ("accepted", "duplicate", "empty", "folded", "retried", "late", "out_of_order"), 0
        )
        refused: dict[str, int] = {}
        missing = silent = 0
        for account in self.accounts.values():
            for name in sums:
                sums[name] += getattr(account, name)
            for reason, number in account.refused.items():
                refused[reason] = refused.get(reason, 0) + number
            missing += account.missing
            silent += account.is_silent(now_ms)
        folded = sums.pop("folded")
        received = (
            sums["accepted"] + sums["duplicate"] + sums["empty"] + sum(refused.values()) - sums["retried"]
        )
        return Totals(
            devices=len(self.accounts),
            received=received,
            messages=received - folded,
            refused=dict(sorted(refused.items())),
            missing=missing,
            silent=silent,
            **sums,
        )

    # daily records

    def due_days(self) -> list[DeviceDay]:
        """Daily records to write: `ended_days`, then the present day of every device heard of since."""
        days = list(self.ended_days)
        for account in self.accounts.values():
            if account.changed:
                account.changed = False
                days.append(account.day())
        return days

    def settle_days(self, days: Sequence[DeviceDay], written: int) -> None:
        """The first ``written`` of those that were due are in the record; the others are due again."""
        ended = 0
        while ended < min(written, len(self.ended_days)) and self.ended_days[ended] is days[ended]:
            ended += 1
        del self.ended_days[:ended]
        for day in days[written:]:
            self.accounts[day.device_id].changed = True

    # saving

    def save(self) -> bytes:
        """Everything, positions included."""
        positions = {
            stream: Position(next_sequence, list(self._ids.get(stream, ())))
            for stream, next_sequence in self._next.items()
        }
        return msgspec.msgpack.encode(
            _Saved(
                VERSION,
                positions,
                list(self.accounts.values()),
                self.ended_days,
                self.came_in,
                self._known.pack(),
                self._refused_only,
            )
        )

    @classmethod
    def restore(cls, settings: CompletenessSettings, data: bytes) -> Ledger:
        """What `save` has given; raises `RefusedError` for any other bytes."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
            if saved.version != VERSION:
                raise RefusedError("unknown_snapshot_version", str(saved.version))
            ledger = cls(settings)
            ledger._known.unpack(saved.known)
        except (msgspec.DecodeError, ValueError) as error:
            raise RefusedError("malformed_snapshot", str(error)) from error
        ledger._next = {stream: position.next_sequence for stream, position in saved.positions.items()}
        ledger._ids = {
            stream: OrderedDict.fromkeys(position.message_ids) for stream, position in saved.positions.items()
        }
        ledger._refused_only = saved.refused_only
        ledger._came_in = msgspec.structs.asdict(saved.came_in)
        ledger.accounts = {account.device_id: account for account in saved.accounts}
        for account in saved.accounts:
            account.changed = True  # what was taken may not have been written
        ledger.ended_days = saved.ended_days
        return ledger
