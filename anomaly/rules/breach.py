"""What the three breach rules have in common: who watches, how severe, which words."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.custody import Segment
from anomaly.reports import Sighting
from anomaly.rules.rule import Case, Finding, Signal, Spot, Track, severity_under
from anomaly.words import distance, lateness, moment, span, subject
from sealtrail.contract.alert import CATALOGUE, AlertType, Severity
from sealtrail.contract.trip import Authorisation
from sealtrail.runtime.settings.anomaly import AnomalySettings

NEAR_CORRIDOR_M = 100_000
VERSION = 3


@dataclass(frozen=True, slots=True)
class BreachRule:
    """One way to break a seal."""

    name: str
    type: AlertType
    deed: str  # "was cut"


def breach(
    case: Case, track: Track, index: int, segment: Segment | None, rule: BreachRule, bits: int
) -> list[Finding]:
    """The breach that a signal shows, or nothing where nobody watches at that time."""
    signal = track.signals[index]
    severity = watched_severity(case, segment, rule.type, signal.at.occurred_at_ms)
    if severity is None:
        return []
    at = signal.at
    ended = (later.at.occurred_at_ms for later in track.signals[index + 1 :] if not later.word & bits)
    trip_id = segment.trip.trip_id if segment else ""
    place, last_known, where, details = where_words(case, segment, signal)
    if at.card_id is not None:
        details["card_id"] = at.card_id
    who = f" with card {at.card_id}" if at.card_id and rule.type is AlertType.SEAL_OPENED else ""
    late = arrival(at, case.settings)
    said = f"{subject(at.device_id, case.key)} {rule.deed}{who} {moment(at.occurred_at_ms)}{where}{late}."
    settings = case.settings
    return [
        Finding(
            type=rule.type,
            rule=rule.name,
            rule_version=VERSION,
            scope=trip_id or case.key,
            trip_id=trip_id,
            lane=track.lane,
            start=at,
            shown_by=at,
            severity=severity,
            sentence=said,
            group=at.device_id,
            until_ms=next(ended, None),
            place=place,
            place_is_last_known=last_known,
            settings={
                "rearm_at_expiry": settings.rearm_at_expiry,
                "severity_without_trip": settings.severity_without_trip,
                "card_grace_s": settings.card_grace_s,
                "place_max_age_s": settings.place_max_age_s,
                "place_stood_max_s": settings.place_stood_max_s,
                "place_wait_periods": settings.place_wait_periods,
                "stop_radius_m": settings.stop_radius_m,
            },
            details=details,
            evidence=(at,),
        )
    ]


def arrival(at: Sighting, settings: AnomalySettings) -> str:
    """What is to be said of when a report came: how late, or that its time is no other."""
    if at.timed_by_receipt:
        return "; that is when the report arrived, as the device's clock is wrong"
    return lateness(at.occurred_at_ms, at.received_at_ms, settings.late_after_s)


def watched_severity(case: Case, segment: Segment | None, kind: AlertType, at_ms: int) -> Severity | None:
    """None where the seal isn't watched: outside of its trips, as far as they are known, or switched off."""
    if segment is not None:
        return severity_under(segment, kind)
    if case.custody is not None and case.custody.planned and at_ms >= case.fixed_before_ms:
        return None
    wanted = case.settings.severity_without_trip
    if not case.paired and kind is AlertType.SEAL_OPENED:
        wanted = case.settings.severity_unpaired_opening
    return None if wanted == "off" else Severity(wanted)


def _place(signal: Signal) -> tuple[Spot | None, bool]:
    """Best known place and whether it is older (or newer) than the event."""
    if signal.place is not None and signal.place.at_ms == signal.at.occurred_at_ms:
        return signal.place, False
    spots = [spot for spot in (signal.place, signal.before, signal.after) if spot is not None]
    at_ms = signal.at.occurred_at_ms
    return min(spots, key=lambda spot: abs(spot.at_ms - at_ms), default=None), bool(spots)


def where_words(
    case: Case, segment: Segment | None, signal: Signal
) -> tuple[Spot | None, bool, str, dict[str, float | int | str | bool | None]]:
    """Place of an event, whether it is of another time, and words and figures for it."""
    place, last_known = _place(signal)
    at_ms = signal.at.occurred_at_ms
    if place is None:
        return None, last_known, ", place unknown", {}
    details: dict[str, float | int | str | bool | None] = {}
    words = f" at {abs(place.latitude_deg):.4f} {'N' if place.latitude_deg >= 0 else 'S'} "
    words += f"{abs(place.longitude_deg):.4f} {'E' if place.longitude_deg >= 0 else 'W'}"
    if segment is not None and (corridor := case.corridor_at(at_ms)) >= 0:
        along_m, offset_m, excess_m = case.plans.corridors.place(
            corridor, place.latitude_deg, place.longitude_deg
        )
        if offset_m <= NEAR_CORRIDOR_M:
            details = {"corridor_km": round(along_m / 1000, 1), "offset_m": round(offset_m)}
            words = f" near corridor km {along_m / 1000:.0f}"
            if excess_m > 0:
                words += f", {distance(offset_m)} off its centre line"
    if last_known:
        age_ms = abs(at_ms - place.at_ms)
        details["place_age_s"] = round((at_ms - place.at_ms) / 1000)
        words += f" (place known {span(age_ms)} {'before' if place.at_ms <= at_ms else 'after'})"
    return place, last_known, words, details


def custody_entry(
    case: Case,
    lane: int,
    signal: Signal,
    segment: Segment | None,
    kind: AlertType,
    authorisation: Authorisation | None,
) -> Finding:
    """A line of the custody log that a seal's own report makes."""
    at = signal.at
    deed = {
        AlertType.SEAL_DISARMED: "was opened with authorisation",
        AlertType.SEAL_ARMED: "was closed",
        AlertType.RESEALED: "was closed again",
    }[kind]
    details: dict[str, float | int | str | bool | None] = {}
    if authorisation is not None:
        deed += f" {authorisation.authorisation_id} of {authorisation.granted_by}"
        details = {
            "authorisation_id": authorisation.authorisation_id,
            "granted_by": authorisation.granted_by,
            "reason": authorisation.reason,
        }
    if at.card_id is not None:
        details["card_id"] = at.card_id
    trip_id = segment.trip.trip_id if segment else ""
    place, last_known = _place(signal)
    late = arrival(at, case.settings)
    return Finding(
        type=kind,
        rule="seal_custody",
        rule_version=VERSION,
        scope=trip_id or case.key,
        trip_id=trip_id,
        lane=lane,
        start=at,
        shown_by=at,
        severity=CATALOGUE[kind].severity,
        sentence=f"{subject(at.device_id, case.key)} {deed} {moment(at.occurred_at_ms)}{late}.",
        logged=True,
        group=at.device_id,
        until_ms=at.occurred_at_ms,
        place=place,
        place_is_last_known=last_known,
        details=details,
        evidence=(at,),
    )
