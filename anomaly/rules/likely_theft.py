"""LIKELY_THEFT: several things that are each explained otherwise, and together hardly.

What: alerts of at least ``theft_least`` different kinds of one trip, within
``theft_window_s`` of each other, outside of the trip's allowed places and
parking zones: none surely within, and one at least surely without, for a fix by
a cell may be anywhere. Kinds are what ``theft_signals`` says of alert types: opened
(seal and door), stopped, off its way, blind (silent), forged (and jammed),
apart, moved; one of ``theft_strong`` must be among them. A seal that is cut and
a door that opens are one thing, so they are one kind. A separation and a way that is left are one
thing, too: a wrong position of one device explains both. What rests on positions that may be forged is
no sign of its own, and a device that has never spoken hasn't gone blind.

When: as soon as the last of them is known; it began with it, and is taken back
with any that is. Each part is in the sentence and in the details.

Severity: critical, or the trip's own. Settings: theft_signals, theft_strong, theft_least,
theft_window_s. Source: ../shared/ALERTS.md. Equivalents: none.
"""

from __future__ import annotations

import msgspec

from anomaly.custody import FOREVER_MS
from anomaly.rules import never_heard
from anomaly.rules.places import in_allowed, in_zones
from anomaly.rules.rule import EVIDENCE_KEPT, Case, Finding, Signal, Spot, severity_under
from anomaly.words import moment, span
from sealtrail.contract.alert import CATALOGUE, AlertType
from sealtrail.contract.trip import Trip

NAME = "likely_theft"
ACTS = frozenset(
    {
        AlertType.SEAL_CUT,
        AlertType.SEAL_OPENED,
        AlertType.SEAL_TAMPER,
        AlertType.SEAL_MISMATCH,
        AlertType.DOOR_OPENED,
        AlertType.UNLOCK_REFUSED,
    }
)
PLACED = frozenset(
    {
        AlertType.ROUTE_DEVIATION,
        AlertType.WRONG_WAY,
        AlertType.ZONE_FORBIDDEN,
        AlertType.UNSCHEDULED_STOP,
        AlertType.SEPARATION,
        AlertType.UNEXPECTED_MOVEMENT,
    }
)
OFF_ITS_WAY = frozenset({AlertType.ROUTE_DEVIATION, AlertType.WRONG_WAY, AlertType.ZONE_FORBIDDEN})
NEAR_MS = 3 * 3_600_000  # forging is noticed late


class LikelyTheft:
    """Looks at what the rules before it have found."""

    name = NAME
    version = 2
    types = (AlertType.LIKELY_THEFT,)

    def begins(self, signal: Signal) -> bool:
        del signal
        return True

    def findings(self, case: Case) -> list[Finding]:
        kinds = case.settings.theft_signals
        trips: dict[str, list[Finding]] = {}
        for finding in case.found:
            if finding.rule == never_heard.NAME:
                continue
            if finding.trip_id and finding.type.value in kinds and not _is_safe(case, finding):
                trips.setdefault(finding.trip_id, []).append(finding)
        honest = (_without_forged(parts) for parts in trips.values())
        found = (self._composed(case, parts) for parts in honest if len(parts) > 1)
        return [finding for each in found for finding in each]

    def _composed(self, case: Case, parts: list[Finding]) -> list[Finding]:
        """One finding for each group of parts that are near in time and of enough kinds."""
        window_ms = round(case.settings.theft_window_s * 1000)
        parts = sorted(parts, key=lambda part: (part.start.occurred_at_ms, part.type.value))
        groups: list[list[Finding]] = []
        until_ms = -1
        for part in parts:
            if groups and part.start.occurred_at_ms <= until_ms + window_ms:
                groups[-1].append(part)
            else:
                groups.append([part])
                until_ms = -1
            until_ms = max(until_ms, _last_ms(part))
        found = (self._of_group(case, group) for group in groups)
        return [finding for finding in found if finding is not None]

    def _of_group(self, case: Case, group: list[Finding]) -> Finding | None:
        kinds, window_ms = case.settings.theft_signals, case.settings.theft_window_s * 1000
        chosen: dict[str, Finding] = {}
        for part in group:
            near = {
                kind: other
                for kind, other in chosen.items()
                if part.start.occurred_at_ms - _last_ms(other) <= window_ms
            }
            chosen = near | {kinds[part.type.value]: near.get(kinds[part.type.value], part)}
            strong = chosen.keys() & set(case.settings.theft_strong)
            enough = strong and _independent(chosen) >= case.settings.theft_least
            if enough and any(_is_outside(case, each) for each in chosen.values()):
                return self._finding(case, list(chosen.values()), part)
        return None

    def _finding(self, case: Case, parts: list[Finding], last: Finding) -> Finding:
        at, settings = last.start, case.settings
        segment = case.segment_at(at.occurred_at_ms)
        titles = [_title(part) for part in parts]
        evidence = tuple(each for part in parts for each in (part.evidence or (part.start,))[:2])
        within = span(at.occurred_at_ms - parts[0].start.occurred_at_ms)
        return Finding(
            type=AlertType.LIKELY_THEFT,
            rule=NAME,
            rule_version=self.version,
            scope=last.trip_id,
            trip_id=last.trip_id,
            lane=last.lane,
            start=at,
            shown_by=max((part.shown_by for part in parts), key=lambda each: each.received_at_ms),
            severity=severity_under(segment, AlertType.LIKELY_THEFT),
            sentence=f"{case.key} may be being robbed {moment(at.occurred_at_ms)}: "
            f"{' and '.join(titles)} within {within}, away from any place where it may stand.",
            group=NAME,
            until_ms=at.occurred_at_ms + round(settings.theft_window_s * 1000),
            place=last.place,
            place_is_last_known=last.place_is_last_known,
            settings={"theft_least": settings.theft_least, "theft_window_s": settings.theft_window_s},
            details={part.type.value.lower(): part.sentence for part in parts},
            evidence=evidence[:EVIDENCE_KEPT],
        )


def _is_safe(case: Case, part: Finding) -> bool:
    """Whether it happened where a container may stand and be handled, or on no trip."""
    segment = case.segment_at(part.start.occurred_at_ms)
    if segment is None:
        return True
    exactly = None if part.place is None else msgspec.structs.replace(part.place, uncertainty_m=0.0)
    return _in_safe_place(case, segment.trip, exactly)


def _is_outside(case: Case, part: Finding) -> bool:
    """Whether it certainly did not: its fix, as far as it may be wrong, lies in no such place."""
    segment = case.segment_at(part.start.occurred_at_ms)
    return segment is not None and not _in_safe_place(case, segment.trip, part.place)


def _in_safe_place(case: Case, trip: Trip, spot: Spot | None) -> bool:
    return in_allowed(trip, spot) or in_zones(case, trip.parking_zones, spot)


def _independent(chosen: dict[str, Finding]) -> int:
    """How many of the kinds no single wrong position explains together."""
    types = {part.type for part in chosen.values()}
    return len(chosen) - (AlertType.SEPARATION in types and bool(types & OFF_ITS_WAY))


def _without_forged(parts: list[Finding]) -> list[Finding]:
    """Parts without those that rest on positions which may be forged: they say nothing of their own."""
    forged = [part for part in parts if part.type is AlertType.GNSS_SPOOFING]
    return [
        part
        for part in parts
        if part.type not in PLACED
        or not any(
            each.start.occurred_at_ms - NEAR_MS <= part.start.occurred_at_ms <= _last_ms(each) + NEAR_MS
            for each in forged
        )
    ]


def _title(part: Finding) -> str:
    """``seal cut (03:12 UTC)``."""
    when = moment(part.start.occurred_at_ms).removeprefix("at ").partition(" on ")[0]
    return f"{CATALOGUE[part.type].title.lower()} ({when})"


def _last_ms(part: Finding) -> int:
    """Until when a part goes on: for ever where it hasn't ended; what is opened is opened once."""
    if part.type in ACTS:
        return part.start.occurred_at_ms
    if part.until_ms is not None:
        return part.until_ms
    return FOREVER_MS if part.cleared is None else part.cleared.at_ms
