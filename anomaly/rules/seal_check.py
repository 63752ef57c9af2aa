"""What people find when they look at a seal, and when they take its device off: breaches of their own.

What: a seal check (WCO SAFE, at a change of custody) that finds the seal
missing, or with a number that isn't declared, is SEAL_MISMATCH; broken,
SEAL_CUT; damaged, SEAL_TAMPER; electronically faulty, SEAL_FAULT. A device that
is unpaired from its container under way is SEAL_MISMATCH, unless an
authorisation covers the time, or the container stands at its destination.

When: at the check's own time, however late it is written down. What a device
has said of the same kind before, on the same trip, is what the check confirms:
nothing is raised twice. A check that finds a seal open which an authorisation
allows to open at that time and place raises nothing.

Severity: as the types', or the trip's own. Settings: replacement_grace_s,
place_max_age_s. Source: ../shared/ALERTS.md; UN/EDIFACT 4517; WCO SAFE seal
integrity programme.
"""

from __future__ import annotations

import msgspec

from anomaly.custody import Custody, Segment, within
from anomaly.reports import number_hash
from anomaly.rules.rule import Case, Finding, Signal, Spot, planned_moment, severity_under
from anomaly.rules.seal_mismatch import declared
from anomaly.rules.seal_opened import leave_at
from anomaly.rules.spots import nearer
from anomaly.words import moment
from sealtrail.contract.alert import AlertType
from sealtrail.contract.trip import SealCheck, TripEvent, TripEventKind

NAME = "seal_check"
DAMAGED, MISSING, BROKEN, FAULTY = 2, 3, 4, 5
_TYPES = {
    DAMAGED: (AlertType.SEAL_TAMPER, "damaged"),
    MISSING: (AlertType.SEAL_MISMATCH, "missing"),
    BROKEN: (AlertType.SEAL_CUT, "broken"),
    FAULTY: (AlertType.SEAL_FAULT, "electronically faulty"),
}
_EXCUSED = frozenset({AlertType.SEAL_CUT, AlertType.SEAL_MISMATCH})


class SealChecked:
    """Reads the custody log only."""

    name = NAME
    version = 1
    types = (AlertType.SEAL_CHECK,)

    def begins(self, signal: Signal) -> bool:
        del signal
        return True

    def findings(self, case: Case) -> list[Finding]:
        custody = case.custody
        if custody is None:
            return []
        found: list[Finding] = []
        for event in custody.events:
            check, segment = event.seal_check, custody.segment_at(_at_ms(event))
            if segment is None:
                continue
            if check is not None:
                found += self._checked(case, custody, segment, event, check)
            elif event.kind is TripEventKind.UNPAIRED and event.device_id in segment.trip.device_ids:
                found += self._unpaired(case, segment, event)
        return found

    def _checked(
        self, case: Case, custody: Custody, segment: Segment, event: TripEvent, check: SealCheck
    ) -> list[Finding]:
        kind, words = _TYPES.get(check.condition, (None, ""))
        seen, grace_s = check.seal_seen, case.settings.replacement_grace_s
        if kind is None and seen is not None:
            before_ms = check.checked_at_ms - 1  # before this check itself replaces anything
            numbers = declared(custody, segment, before_ms, grace_s)
            if number_hash(seen) not in numbers or _differ(check.seal_expected, seen):
                expected = check.seal_expected or ", ".join(segment.trip.seal_numbers)
                kind, words = AlertType.SEAL_MISMATCH, f"with the number {seen} instead of {expected}"
        if kind is None or any(
            finding.type is kind
            and finding.trip_id == segment.trip.trip_id
            and finding.start.occurred_at_ms <= check.checked_at_ms
            for finding in case.found
        ):
            return []
        spot = _spot_of(case, check)
        if (
            kind in _EXCUSED
            and check.condition != 1
            and leave_at(case, spot, check.checked_at_ms) is not None
        ):
            return []
        details: dict[str, float | int | str | bool | None] = {
            "check_id": check.check_id,
            "condition": check.condition,
            "party": check.party,
            "party_role": check.party_role,
            "seal_seen": seen,
            "seal_expected": check.seal_expected,
            "replaced_by": check.replaced_by,
            "remark": check.remark,
        }
        said = (
            f"{check.party} ({check.party_role}) found the seal of {case.key} {words} "
            f"{moment(check.checked_at_ms)}."
        )
        return [self._finding(case, segment, event, kind, said, details, spot)]

    def _unpaired(self, case: Case, segment: Segment, event: TripEvent) -> list[Finding]:
        at_ms = event.occurred_at_ms
        spot = _near(case, at_ms)
        end = segment.trip.destination
        if leave_at(case, spot, at_ms) is not None or (
            end is not None
            and spot is not None
            and within(end, spot.latitude_deg, spot.longitude_deg, spot.uncertainty_m)
        ):
            return []
        by = f" by {event.actor}" if event.actor else ""
        said = f"Seal {event.device_id} was taken off {case.key}{by} under way {moment(at_ms)}."
        details: dict[str, float | int | str | bool | None] = {"actor": event.actor, "unpaired": True}
        return [self._finding(case, segment, event, AlertType.SEAL_MISMATCH, said, details, spot)]

    def _finding(
        self,
        case: Case,
        segment: Segment,
        event: TripEvent,
        kind: AlertType,
        sentence: str,
        details: dict[str, float | int | str | bool | None],
        spot: Spot | None,
    ) -> Finding:
        at_ms = _at_ms(event)
        start = msgspec.structs.replace(
            planned_moment(segment.trip.trip_id, f"{NAME}/{event.event_id}", at_ms),
            device_id=event.device_id or "",
            received_at_ms=max(at_ms, event.recorded_at_ms),
        )
        return Finding(
            type=kind,
            rule=NAME,
            rule_version=self.version,
            scope=segment.trip.trip_id,
            trip_id=segment.trip.trip_id,
            lane=-1,
            start=start,
            shown_by=start,
            severity=severity_under(segment, kind),
            sentence=sentence,
            group=f"{NAME}/{event.event_id}",
            until_ms=at_ms,
            place=spot,
            settings={
                "replacement_grace_s": case.settings.replacement_grace_s,
                "place_max_age_s": case.settings.place_max_age_s,
            },
            details=details,
        )


def _differ(expected: str | None, seen: str) -> bool:
    return expected is not None and number_hash(expected) != number_hash(seen)


def _at_ms(event: TripEvent) -> int:
    return event.occurred_at_ms if event.seal_check is None else event.seal_check.checked_at_ms


def _spot_of(case: Case, check: SealCheck) -> Spot | None:
    """Where the check was made: as it says, else where the container was about then."""
    place = check.place
    if place is None:
        return _near(case, check.checked_at_ms)
    return Spot(place.latitude_deg, place.longitude_deg, place.radius_m, check.checked_at_ms)


def _near(case: Case, at_ms: int) -> Spot | None:
    spot = nearer(*case.around(at_ms), at_ms)
    if spot is None or abs(spot.at_ms - at_ms) > case.settings.place_max_age_s * 1000:
        return None
    return spot
