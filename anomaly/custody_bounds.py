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
    reach = {event.event_id: _reach(event, trip_ends) for event in events}
    by_reach = sorted(events, key=lambda event: (reach[event.event_id], event.occurred_at_ms, event.event_id))
    least, number = kept - kept // 4, 0
    while number < len(events) and reach[by_reach[number].event_id] <= now_ms:
        enough = len(events) - number <= least
        if enough and reach[by_reach[number].event_id] != reach[by_reach[number - 1].event_id]:
            break
        number += 1
    gone = by_reach[:number]
    rest = [event for event in by_reach[number:] if event.kind not in PLAN_KINDS]
    plans = [event for event in events if event.kind in PLAN_KINDS and event not in gone]
    while len(rest) + len(plans) > kept:
        gone.append(rest.pop(0) if rest else plans.pop(_spare(plans)))
    left = sorted((*rest, *plans), key=events.index)
    last_ms = max(event.occurred_at_ms for event in gone)
    following = (event.occurred_at_ms for event in left if event.occurred_at_ms >= last_ms)
    up_to_ms = max(next(following, last_ms), *(reach[event.event_id] for event in gone))
    return left, min(up_to_ms, now_ms)


def _reach(event: TripEvent, trip_ends: Mapping[str, int]) -> int:
    """Up to when an event matters to what happens."""
    if event.kind in PLAN_KINDS:
        return trip_ends.get(event.trip.trip_id if event.trip else event.trip_id, event.occurred_at_ms)
    if event.authorisation is not None:
        return event.authorisation.valid_until_ms
    return event.occurred_at_ms


def _spare(plans: list[TripEvent]) -> int:
    """The oldest change of a plan that was changed again; else the oldest plan."""
    trips = [event.trip.trip_id if event.trip else event.trip_id for event in plans]
    for number, trip_id in enumerate(trips):
        if trip_id in trips[:number] and trip_id in trips[number + 1 :]:
            return number
    return 0
