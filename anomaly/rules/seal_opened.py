"""SEAL_OPENED: unlocked or opened while armed, and no authorisation covers it.

What: the device says OPENED, or its state becomes UNLOCKED or OPEN; a state
that only follows from an earlier cut says nothing new. An authorisation covers
an opening if all three hold at the opening's own time:

* when: within its validity, whenever it became known (one that arrives late
  retracts the alert);
* who: it names no card, or the report's card is one of its cards. A report
  without a card takes the card of another report of the same device about the
  same opening within ``card_grace_s``;
* where: it names no place, or the position at that time lies within the radius
  plus the fix's uncertainty. A report without a usable fix of its own is placed
  by the container's fix nearest in time, at most ``place_max_age_s`` away; else
  by where the container stood, if its last fix before and its first after are
  one place (``stop_radius_m``), each at most ``place_stood_max_s`` away (for
  devices that report hourly). Until that first fix after it has come, for
  ``place_wait_periods`` of the trip's reporting interval at most, it is taken to
  have stood at the last one before, if that is older by one interval at most: an
  alert for every wrong fix at a gate would only be taken back. An unknown place
  is not covered.

A covered opening is SEAL_DISARMED in the custody log. Severity: critical, or
the trip's own.

Settings: those of seal_custody. Equivalents: EAEU 07; JT701 bit 8 without a
valid P45; G-300 0x000F; NCTS 2; DCSA DOOR_OPENED.
"""

from __future__ import annotations

from typing import Any

from anomaly.custody import within
from anomaly.reports import Sighting, plain_number
from anomaly.rules.breach import BreachRule
from anomaly.rules.rule import Case, Signal, Spot, Track
from anomaly.rules.spots import earliest, latest, nearer
from anomaly.sphere import DEGREE_E7, between_m
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import Authorisation

RULE = BreachRule(name="seal_opened", type=AlertType.SEAL_OPENED, deed="was opened without authorisation")


def own_spot(at: Sighting) -> Spot | None:
    """The place of the report itself."""
    if at.latitude_deg is None or at.longitude_deg is None:
        return None
    return Spot(at.latitude_deg, at.longitude_deg, at.uncertainty_m, at.occurred_at_ms)


def held_spot(state: Any) -> Spot | None:
    """The place held for true in a device's row of state."""
    if not state["pos_known"]:
        return None
    latitude, longitude = int(state["pos_lat"]) / DEGREE_E7, int(state["pos_lon"]) / DEGREE_E7
    return Spot(latitude, longitude, round(float(state["pos_unc"]), 1), int(state["pos_t"]))


def place_for(case: Case, signal: Signal) -> Spot | None:
    """Where an opening happened as far as an authorisation may rely on it.

    Asks for the container's fixes around it where the report has none, and
    remembers them, since the history that holds them moves on.
    """
    at_ms = signal.at.occurred_at_ms
    if signal.place is not None and signal.place.at_ms == at_ms:
        return signal.place
    before, after = case.around(at_ms)
    signal.before, signal.after = latest(signal.before, before), earliest(signal.after, after)
    nearest = nearer(signal.before, signal.after, at_ms)
    if nearest is None or abs(nearest.at_ms - at_ms) <= case.settings.place_max_age_s * 1000:
        return nearest
    if _stood(case, signal):
        return nearest
    return signal.before if _may_stand(case, signal) else None


def _may_stand(case: Case, signal: Signal) -> bool:
    """Whether a fix is still to come that shows if the container stood where its last one before was."""
    at_ms, settings, segment = (
        signal.at.occurred_at_ms,
        case.settings,
        case.segment_at(signal.at.occurred_at_ms),
    )
    if segment is None or segment.trip.reporting_interval_s is None:
        return False
    if signal.before is None or signal.after is not None:
        return False
    wait_s = settings.place_wait_periods * segment.trip.reporting_interval_s
    age_s, until_ms = (at_ms - signal.before.at_ms) / 1000, at_ms + round(wait_s * 1000)
    if signal.before.uncertainty_m > settings.stop_radius_m:
        return False
    oldest_s = min(wait_s + segment.trip.reporting_interval_s, settings.place_stood_max_s)
    if not wait_s or age_s > oldest_s or case.now_ms >= until_ms:
        return False
    case.wake(until_ms)
    return True


def _stood(case: Case, signal: Signal) -> bool:
    """Whether the last fix before and the first after are of one place, and near enough in time for that."""
    before, after, at_ms = signal.before, signal.after, signal.at.occurred_at_ms
    if before is None or after is None:
        return False
    if max(at_ms - before.at_ms, after.at_ms - at_ms) > case.settings.place_stood_max_s * 1000:
        return False
    apart_m = between_m(
        (before.latitude_deg, before.longitude_deg), (after.latitude_deg, after.longitude_deg)
    )
    return max(apart_m, before.uncertainty_m, after.uncertainty_m) <= case.settings.stop_radius_m


def _cards(case: Case, track: Track, index: int) -> set[str]:
    """Cards that stand for an opening, as they are compared."""
    at = track.signals[index].at
    if at.card_id is not None:
        return {plain_number(at.card_id)}
    grace_ms = case.settings.card_grace_s * 1000
    return {
        plain_number(other.at.card_id)
        for other in track.signals
        if other.at.card_id is not None
        and other.at.seal_events & SealEvent.OPENED
        and abs(other.at.occurred_at_ms - at.occurred_at_ms) <= grace_ms
    }


def leave_at(case: Case, spot: Spot | None, at_ms: int) -> Authorisation | None:
    """The authorisation that covers a place and a time, whosever card it asks for, or None."""
    for authorisation in case.custody.authorisations_at(at_ms) if case.custody is not None else ():
        if _covers(authorisation, spot):
            return authorisation
    return None


def _covers(authorisation: Authorisation, spot: Spot | None) -> bool:
    """Whether an authorisation holds at a place; one that names a place holds at no unknown one."""
    place = authorisation.place
    if place is None:
        return True
    return spot is not None and within(place, spot.latitude_deg, spot.longitude_deg, spot.uncertainty_m)


def covering(case: Case, track: Track, index: int) -> Authorisation | None:
    """The authorisation that covers an opening, or None."""
    signal = track.signals[index]
    spot = place_for(case, signal)
    if case.custody is None:
        return None
    for authorisation in case.custody.authorisations_at(signal.at.occurred_at_ms):
        if authorisation.card_ids and not _cards(case, track, index) & set(
            map(plain_number, authorisation.card_ids)
        ):
            continue
        if _covers(authorisation, spot):
            return authorisation
    return None
