"""The script: to which container what happens, and what must be raised for it."""

from __future__ import annotations

import enum
import random
from typing import NamedTuple

from sealtrail.contract.alert import AlertType
from simulators.profile import Profile


class Kind(enum.StrEnum):
    PLAIN = "plain"  # nothing happens, nothing may be raised
    CUT = "cut"
    CUT_DEAD_ZONE = "cut_dead_zone"  # the report comes hours later
    CUT_DEAD_ZONE_LIVE = "cut_dead_zone_live"  # hours ago, but the report arrives while people watch
    CUT_NO_FIX = "cut_no_fix"  # on a report without a valid position
    CUT_LIVE = "cut_live"
    OPENED_AUTHORISED = "opened_authorised"  # right card, place and time
    OPENED_WRONG_CARD = "opened_wrong_card"
    OPENED_WRONG_PLACE = "opened_wrong_place"
    OPENED_WRONG_TIME = "opened_wrong_time"
    OPENED_LIVE = "opened_live"  # by force, without any card
    TAMPERED = "tampered"
    TAMPERED_LIVE = "tampered_live"
    DOOR_LIVE = "door_live"  # the door's contact opens, the seal stays whole
    JAMMED_LIVE = "jammed_live"  # the seal says that its satellites are drowned out
    STOPPED = "stopped"  # stands for long where the plan has no stop
    DETOUR = "detour"  # leaves the corridor for good
    DETOUR_RETURN = "detour_return"  # leaves it and comes back
    JUMP = "jump"  # one wrong fix, hundreds of kilometres away


class Plan(NamedTuple):
    """What is scripted for one kind."""

    alert: AlertType | None
    least_past_h: float  # hours of past that it needs; 0: happens live
    description: str
    also: tuple[AlertType, ...] = ()  # what else must come of it


PLANS: dict[Kind, Plan] = {
    Kind.CUT: Plan(AlertType.SEAL_CUT, 1, "seal cut under coverage"),
    Kind.CUT_DEAD_ZONE: Plan(AlertType.SEAL_CUT, 2, "seal cut in a dead zone, reported hours later"),
    Kind.CUT_DEAD_ZONE_LIVE: Plan(
        AlertType.SEAL_CUT, 2, "seal cut in a dead zone hours ago, reported while live"
    ),
    Kind.CUT_NO_FIX: Plan(AlertType.SEAL_CUT, 1, "seal cut, reported without a valid position"),
    Kind.CUT_LIVE: Plan(AlertType.SEAL_CUT, 0, "seal cut while live"),
    Kind.OPENED_AUTHORISED: Plan(None, 1, "opened with the right card, in the right place and time"),
    Kind.OPENED_WRONG_CARD: Plan(AlertType.SEAL_OPENED, 1, "opened with another card than authorised"),
    Kind.OPENED_WRONG_PLACE: Plan(AlertType.SEAL_OPENED, 1, "opened far from the authorised place"),
    Kind.OPENED_WRONG_TIME: Plan(AlertType.SEAL_OPENED, 1, "opened long before the authorised time"),
    Kind.OPENED_LIVE: Plan(AlertType.SEAL_OPENED, 0, "opened without any authorisation, while live"),
    Kind.TAMPERED: Plan(AlertType.SEAL_TAMPER, 1, "back cap opened"),
    Kind.TAMPERED_LIVE: Plan(AlertType.SEAL_TAMPER, 0, "back cap opened while live"),
    Kind.DOOR_LIVE: Plan(AlertType.DOOR_OPENED, 0, "door opened while live, the seal untouched"),
    Kind.JAMMED_LIVE: Plan(AlertType.GNSS_JAMMING, 0, "satellites jammed while live"),
    Kind.STOPPED: Plan(AlertType.UNSCHEDULED_STOP, 4, "stands for long where the plan has no stop"),
    Kind.DETOUR: Plan(
        AlertType.ROUTE_DEVIATION,
        4,
        "leaves the corridor and stands out there",
        (AlertType.UNSCHEDULED_STOP,),
    ),
    Kind.DETOUR_RETURN: Plan(AlertType.ROUTE_DEVIATION, 5, "leaves the corridor and returns"),
    Kind.JUMP: Plan(None, 1, "one wrong fix, hundreds of kilometres away"),
}

_FIRST = (  # a small fleet shows the most telling ones
    Kind.CUT_LIVE, Kind.DETOUR_RETURN, Kind.CUT_DEAD_ZONE, Kind.OPENED_AUTHORISED, Kind.OPENED_WRONG_CARD,
    Kind.DOOR_LIVE, Kind.TAMPERED, Kind.JAMMED_LIVE, Kind.STOPPED, Kind.CUT_NO_FIX, Kind.JUMP,
    Kind.OPENED_LIVE, Kind.CUT_DEAD_ZONE_LIVE, Kind.DETOUR, Kind.OPENED_WRONG_PLACE,
    Kind.OPENED_WRONG_TIME, Kind.CUT, Kind.TAMPERED_LIVE,
)  # fmt: skip
_AGAIN = (
    Kind.OPENED_AUTHORISED, Kind.CUT, Kind.DETOUR_RETURN, Kind.OPENED_WRONG_CARD, Kind.CUT_DEAD_ZONE,
    Kind.JUMP, Kind.TAMPERED, Kind.STOPPED, Kind.CUT_NO_FIX, Kind.OPENED_WRONG_PLACE, Kind.DETOUR,
    Kind.OPENED_WRONG_TIME,
)  # fmt: skip
_LATER = (Kind.CUT_LIVE, Kind.DOOR_LIVE, Kind.TAMPERED_LIVE, Kind.JAMMED_LIVE, Kind.OPENED_LIVE)

SCRIPTED_PART = 0.45
"""Part of the containers to which something happens by the first minute."""

LATER_PART = 0.2
"""Part to which something happens later on, one after the other."""

_LIVE_DELAY_S = {
    Kind.CUT_LIVE: 16,
    Kind.CUT_DEAD_ZONE_LIVE: 12,  # end of the dead zone; the upload takes some seconds
    Kind.DOOR_LIVE: 20,
    Kind.OPENED_LIVE: 23,
    Kind.JAMMED_LIVE: 27,
    Kind.TAMPERED_LIVE: 31,
}
_LATER_EVERY_S = 75
_MARGIN_MS = 5_000


class Casting(NamedTuple):
    """``at_ms`` is the moment of a live event; a past one is set by `consignment`."""

    kind: Kind
    at_ms: int | None


def cast(profile: Profile, rng: random.Random) -> list[Casting]:
    """One casting for each container, by container index."""
    early = min(profile.containers, max(2, round(profile.containers * SCRIPTED_PART)))
    castings = [_casting(profile, kind) for kind in _kinds(early)]
    later = int(profile.containers * LATER_PART)
    for i in range(min(later, profile.containers - early)):
        at_ms = profile.live_ms + (i + 1) * _LATER_EVERY_S * 1000
        castings.append(_if_in_time(profile, _LATER[i % len(_LATER)], at_ms))
    castings += [Casting(Kind.PLAIN, None)] * (profile.containers - len(castings))
    rng.shuffle(castings)
    return castings


def _kinds(count: int) -> list[Kind]:
    again = (_AGAIN[i % len(_AGAIN)] for i in range(max(0, count - len(_FIRST))))
    return [*_FIRST[:count], *again]


def _casting(profile: Profile, kind: Kind) -> Casting:
    if profile.past_hours < PLANS[kind].least_past_h:
        return Casting(Kind.PLAIN, None)
    if kind in _LIVE_DELAY_S:
        return _if_in_time(profile, kind, profile.live_ms + _LIVE_DELAY_S[kind] * 1000)
    return Casting(kind, None)


def _if_in_time(profile: Profile, kind: Kind, at_ms: int) -> Casting:
    if profile.end_ms is not None and at_ms + _MARGIN_MS > profile.end_ms:
        return Casting(Kind.PLAIN, None)
    return Casting(kind, at_ms)
