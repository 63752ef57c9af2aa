"""Which of a container's trip events are given up where there are too many.

Those that reach least far: an authorisation to the end of its validity, the
plans of a trip to its end, anything else to its own time. What reaches into the
present goes last. Up to the time that is returned nothing can be judged again
by what held then, so what was said of it stays as it was said (`ledger.Fixed`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sealtrail.contract.trip import TripEvent, TripEventKind

PLAN_KINDS = frozenset({TripEventKind.PLANNED, TripEventKind.CHANGED, TripEventKind.ENDED})


def give_up(
    events: list[TripEvent], trip_ends: Mapping[str, int], kept: int, now_ms: int
) -> tuple[list[TripEvent], int]:
    """What is left of more than ``kept`` events in event-time order, and up to when others are given up.

    ``trip_ends``: when each trip's plan stops to hold. A quarter more than
    needed is given up, so that the time moves seldom.
    """
    reach = [_reach(event, trip_ends) for event in events]
    order = sorted(range(len(events)), key=lambda i: (reach[i], events[i].occurred_at_ms, events[i].event_id))
    least, number = kept - kept // 4, 0
    while number < len(order) and reach[order[number]] <= now_ms:
        enough = len(order) - number <= least
        if enough and reach[order[number]] != reach[order[number - 1]]:
            break
        number += 1
    gone = order[:number]
    rest = [i for i in order[number:] if events[i].kind not in PLAN_KINDS]
    plans = sorted(i for i in order[number:] if events[i].kind in PLAN_KINDS)
    while len(rest) + len(plans) > kept:
        gone.append(rest.pop(0) if rest else plans.pop(_spare([events[i] for i in plans])))
    left = [events[i] for i in sorted((*rest, *plans))]
    last_ms = max(events[i].occurred_at_ms for i in gone)
    following = (event.occurred_at_ms for event in left if event.occurred_at_ms >= last_ms)
    up_to_ms = max(next(following, last_ms), *(reach[i] for i in gone))
    return left, min(up_to_ms, now_ms)


def _trip_of(event: TripEvent) -> str:
    return event.trip.trip_id if event.trip else event.trip_id


def _reach(event: TripEvent, trip_ends: Mapping[str, int]) -> int:
    """Up to when an event matters to what happens."""
    if event.kind in PLAN_KINDS:
        return trip_ends.get(_trip_of(event), event.occurred_at_ms)
    if event.authorisation is not None:
        return event.authorisation.valid_until_ms
    return event.occurred_at_ms


def _spare(plans: list[TripEvent]) -> int:
    """The oldest change of a plan that was changed again; else the oldest plan."""
    trips = [_trip_of(event) for event in plans]
    for number, trip_id in enumerate(trips):
        if trip_id in trips[:number] and trip_id in trips[number + 1 :]:
            return number
    return 0
