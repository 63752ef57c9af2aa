"""SEAL_MISMATCH: the seal that reports is not the seal that was declared.

What: a device reports a seal number that is none of its trip's ``seal_numbers``,
case, spaces and dashes aside. When: from the first report of the number under
the trip on; it ends with a declared number, or where a seal
check says that this number was put on instead (from ``replacement_grace_s``
before the check on: it is written down after the work). A number that a check
has replaced is no longer declared. Devices that report no number, and trips
that declare none, raise nothing. What people see is in seal_check.py.

Severity: critical, or the trip's own. Settings: replacement_grace_s. Source:
../shared/ALERTS.md. Equivalents: EDIFACT 4517=3; DCSA UNPAIRING.
"""

from __future__ import annotations

import numpy as np

from anomaly.custody import Custody, Segment
from anomaly.reports import number_hash
from anomaly.rules.breach import arrival, where_words
from anomaly.rules.levels import placed_signal
from anomaly.rules.rule import Case, Cleared, Finding, Rows, Signal, Track, severity_under
from anomaly.words import moment, subject
from sealtrail.contract.alert import AlertType
from sealtrail.contract.trip import SealCheck

NAME = "seal_mismatch"


class SealMismatch:
    """Keeps the number that each device reported last."""

    name = NAME
    version = 1
    types = (AlertType.SEAL_MISMATCH,)
    state = (("number_seen", "u4"), ("number_trip", "u4"))

    def step(self, rows: Rows) -> None:
        number = rows.reports["number"]
        if not number.any():
            return
        state, trip = rows.state, rows.plan["trip"]
        says = number != 0
        changed = says & ((number != state["number_seen"]) | (trip != state["number_trip"]))
        for row in np.flatnonzero(changed).tolist():
            rows.emit(row, NAME, placed_signal(rows, row, int(number[row])))
        state["number_seen"] = np.where(says, number, state["number_seen"])
        state["number_trip"] = np.where(says, trip, state["number_trip"])

    def begins(self, signal: Signal) -> bool:
        del signal
        return True  # each says what is reported from here on

    def findings(self, case: Case) -> list[Finding]:
        if case.custody is None:
            return []
        found = (
            self._mismatch(case, case.custody, track, index)
            for track in case.tracks
            for index in range(len(track.signals))
        )
        return [finding for finding in found if finding is not None]

    def _mismatch(self, case: Case, custody: Custody, track: Track, index: int) -> Finding | None:
        """The mismatch that begins with a signal, if it is none that has lasted since before."""
        signal = track.signals[index]
        at_ms, before = signal.at.occurred_at_ms, track.signals[index - 1] if index else None
        segment = case.segment_at(at_ms)
        if segment is None or signal.word in declared(
            custody, segment, at_ms, case.settings.replacement_grace_s
        ):
            return None
        if before is not None and before.word == signal.word:
            earlier = case.segment_at(before.at.occurred_at_ms)
            if earlier is not None and earlier.trip.trip_id == segment.trip.trip_id:
                return None
        other = (each for each in track.signals[index + 1 :] if each.word != signal.word)
        return self._finding(case, segment, track, signal, next(other, None))

    def _finding(
        self,
        case: Case,
        segment: Segment,
        track: Track,
        signal: Signal,
        following: Signal | None,
    ) -> Finding:
        at, settings = signal.at, case.settings
        place, last_known, where, details = where_words(case, segment, signal)
        number = case.number_of_seal(signal.word)
        expected = ", ".join(segment.trip.seal_numbers)
        details |= {"seal_seen": number, "seal_expected": expected}
        who = subject(at.device_id, case.key)
        late = arrival(at, settings)
        cleared, until_ms = None, None
        if following is not None:
            until_ms = following.at.occurred_at_ms
            said = f"{who} reports another number again {moment(until_ms)}."
            cleared = Cleared(following.at, until_ms, said)
        return Finding(
            type=AlertType.SEAL_MISMATCH,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=track.lane,
            start=at,
            shown_by=at,
            severity=severity_under(segment, AlertType.SEAL_MISMATCH),
            sentence=f"{who} reports the number {number or '(not kept)'} instead of {expected} "
            f"{moment(at.occurred_at_ms)}{where}{late}.",
            group=at.device_id,
            until_ms=until_ms,
            cleared=cleared,
            place=place,
            place_is_last_known=last_known,
            settings={"replacement_grace_s": settings.replacement_grace_s},
            details=details,
            evidence=(at,),
        )


def checks_of(custody: Custody, segment: Segment) -> list[SealCheck]:
    """Seal checks of a trip, oldest first."""
    checks = (
        event.seal_check
        for event in custody.events
        if event.seal_check is not None and event.trip_id in ("", segment.trip.trip_id)
    )
    return sorted(checks, key=lambda check: (check.checked_at_ms, check.check_id))


def declared(custody: Custody, segment: Segment, at_ms: int, grace_s: float) -> set[int]:
    """Hashes of the numbers that a trip's seals may have at a moment; everything where none is declared."""
    numbers = {number_hash(number) for number in segment.trip.seal_numbers}
    if not numbers:
        return _Any()
    for check in checks_of(custody, segment):
        if check.replaced_by is None or check.checked_at_ms - grace_s * 1000 > at_ms:
            continue
        numbers.add(number_hash(check.replaced_by))
        if check.checked_at_ms <= at_ms:
            gone = [each for each in (check.seal_seen, check.seal_expected) if each is not None]
            if not gone and len(segment.trip.seal_numbers) == 1:
                gone = list(segment.trip.seal_numbers)
            numbers -= {number_hash(number) for number in gone}
    return numbers


class _Any(set[int]):
    """A set of all numbers."""

    def __contains__(self, number: object) -> bool:
        return True
