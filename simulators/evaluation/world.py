"""`EvaluationWorld`: the fleet of a profile, as one log in order of receipt, and its truth."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import TripEvent, TripEventKind
from simulators.evaluation.columns import Columns
from simulators.evaluation.draft import Identity
from simulators.evaluation.making import Made, make
from simulators.evaluation.motion import Motion
from simulators.evaluation.profile import DAY_MS, HOUR_MS, MINUTE_MS, EvaluationProfile
from simulators.evaluation.scenes import SCENES
from simulators.evaluation.scenes.scene import Scene
from simulators.evaluation.truth import Scripted
from simulators.evaluation.ways import LAND_NAMES, OCEAN_NAMES, Ints, Way, way
from simulators.world import container_number

OWNER = "SLE"
WINDOW_MS = 6 * HOUR_MS
SHIPS_PART, TRACKERS_PART, PLAIN_PART = 0.3, 0.45, 0.3
CONVOY = 4
"""So many containers go together where a scene wants neighbours."""


@dataclass
class Slot:
    """One container and the trips it takes, one after the other, back and forth on its way."""

    number: int
    identity: Identity
    way_name: str
    convoy: int | None
    trips: int = 0
    next_departs_ms: int = 0


@dataclass
class _Sending:
    """What one device still has to send."""

    columns: Columns
    received_ms: Ints
    rows: Ints
    at: int = 0


@dataclass
class Travelled:
    """How far a container had come on each of its trips."""

    trips: list[tuple[int, Motion]] = field(default_factory=list)

    def between_m(self, from_ms: int, until_ms: int) -> float:
        """Metres travelled between two moments."""
        return sum(motion.gone_m(until_ms) - motion.gone_m(from_ms) for _, motion in self.trips)


Item = list[Reading] | TripEvent
"""Readings in order of receipt that nothing comes between, or one trip event."""


class EvaluationWorld:
    """A pure function of its profile; `stream` may be run once, and fills ``truths`` as it goes."""

    def __init__(self, profile: EvaluationProfile) -> None:
        self.profile = profile
        self.truths: list[Scripted] = []
        self.travelled: dict[str, Travelled] = {}
        self.container_days = 0.0
        self.scenes: dict[str, str] = {}  # trip -> what was scripted for it
        self._slots = list(_slots(profile))
        self._decks = {at_sea: _deck(profile.seed, at_sea=at_sea) for at_sea in (False, True)}

    @property
    def ships(self) -> frozenset[str]:
        """Containers whose way is at sea."""
        return frozenset(slot.identity.container_id for slot in self._slots if slot.way_name in OCEAN_NAMES)

    def made(self) -> Iterator[Made]:
        """All trips, slot by slot, without sending anything."""
        for slot in self._slots:
            while slot.next_departs_ms < self.profile.end_ms - 30 * HOUR_MS:
                yield self._next(slot)

    def stream(self) -> Iterator[tuple[int, list[Item]]]:
        """(clock, what was received until then since the clock before), tick by tick."""
        now = self.profile.start_ms
        sending: list[_Sending] = []
        waiting: list[TripEvent] = []
        while now < self.profile.end_ms:
            window_ms = min(now + WINDOW_MS, self.profile.end_ms)
            for slot in self._slots:
                while slot.next_departs_ms - DAY_MS < window_ms and self._has_time(slot):
                    made = self._next(slot)
                    sending += [_Sending(each, *each.arrivals()) for each in made.devices]
                    waiting += made.events
            waiting.sort(key=lambda event: (event.recorded_at_ms, event.event_id))
            due = [event for event in waiting if event.recorded_at_ms < window_ms]
            waiting = waiting[len(due) :]
            readings = sorted(
                (reading for each in sending for reading in _received(each, window_ms)),
                key=lambda reading: (reading.received_at_ms, reading.reading_id),
            )
            sending = [each for each in sending if each.at < len(each.rows)]
            yield from self._ticks(now, window_ms, readings, due)
            now = window_ms

    def _has_time(self, slot: Slot) -> bool:
        return slot.next_departs_ms < self.profile.end_ms - 30 * HOUR_MS

    def _next(self, slot: Slot) -> Made:
        profile = self.profile
        path = way(slot.way_name, backwards=(slot.trips + slot.number) % 2 == 1 and slot.convoy is None)
        if slot.convoy is not None and slot.trips > 0:
            path = way(slot.way_name, backwards=slot.trips % 2 == 1)
        scene, plan_seed = self._scene(slot, path)
        made = make(profile, slot.identity, path, slot.trips, slot.next_departs_ms, scene, plan_seed)
        slot.trips += 1
        pause_h = random.Random(f"{profile.seed}/{made.trip_id}/pause").uniform(24, 40)
        slot.next_departs_ms = int(made.free_ms + pause_h * HOUR_MS) // 60_000 * 60_000
        self.truths += made.truths
        self.scenes[made.trip_id] = made.scene
        self.travelled.setdefault(slot.identity.container_id, Travelled()).trips.append(
            (made.departs_ms, made.motion)
        )
        self.container_days += max(0, min(made.ended_ms, profile.end_ms) - made.departs_ms) / DAY_MS
        return made

    def _scene(self, slot: Slot, path: Way) -> tuple[Scene, str]:
        own = f"{slot.identity.container_id}/{slot.trips}/plan"
        if slot.convoy is not None and slot.trips == 0:
            convoys = [scene for scene in SCENES.values() if scene.convoy]
            return convoys[slot.convoy % len(convoys)], f"convoy/{slot.convoy}"
        deck = self._decks[path.at_sea]
        for turn in range(len(deck)):
            index = slot.trips * self.profile.containers + slot.number + turn * 7919
            scene = deck[index % len(deck)]
            if scene.tracker is None or scene.tracker == (slot.identity.tracker_id is not None):
                return scene, own
        return SCENES["plain"], own

    def _ticks(
        self, from_ms: int, until_ms: int, readings: list[Reading], events: list[TripEvent]
    ) -> Iterator[tuple[int, list[Item]]]:
        at_reading = at_event = 0
        for clock in range(from_ms + self.profile.tick_ms, until_ms + 1, self.profile.tick_ms):
            items: list[Item] = []
            while True:
                upto = clock
                event = events[at_event] if at_event < len(events) else None
                if event is not None and event.recorded_at_ms <= clock:
                    upto = event.recorded_at_ms
                first = at_reading
                while at_reading < len(readings) and readings[at_reading].received_at_ms <= upto:
                    at_reading += 1
                if at_reading > first:
                    items.append(readings[first:at_reading])
                if event is None or event.recorded_at_ms > clock:
                    break
                items.append(event)
                at_event += 1
            yield clock, items


def tick(clock_ms: int) -> TripEvent:
    """Time has passed."""
    return TripEvent(
        event_id=f"tick/{clock_ms}",
        kind=TripEventKind.TICK,
        occurred_at_ms=clock_ms,
        recorded_at_ms=clock_ms,
    )


def _received(sending: _Sending, until_ms: int) -> Iterator[Reading]:
    upto = int(np.searchsorted(sending.received_ms, until_ms))
    part = slice(sending.at, upto)
    sending.at = upto
    return sending.columns.readings(sending.rows[part], sending.received_ms[part])


def _deck(seed: int, *, at_sea: bool) -> list[Scene]:
    """Every scene once, plain trips between them, in an order of the seed."""
    scripted = [
        scene
        for scene in SCENES.values()
        if not scene.convoy and scene.name != "plain" and (scene.at_sea if at_sea else scene.on_land)
    ]
    deck = [scene for scene in scripted for _ in range(scene.weight)] + [SCENES["plain"]] * round(
        PLAIN_PART * len(scripted)
    )
    random.Random(f"{seed}/deck/{at_sea}").shuffle(deck)
    return deck


def _slots(profile: EvaluationProfile) -> Iterator[Slot]:
    rng = random.Random(f"{profile.seed}/slots")
    serials = rng.sample(range(1_000_000), profile.containers)
    convoys = 2 * max(1, profile.containers // 60) if profile.containers >= 3 * CONVOY else 0
    for number, serial in enumerate(serials):
        convoy = number // CONVOY if number < convoys * CONVOY else None
        ship = convoy is None and rng.random() < SHIPS_PART
        convoy_way = LAND_NAMES[(convoy or 0) % 3]
        name = rng.choice(OCEAN_NAMES) if ship else rng.choice(LAND_NAMES) if convoy is None else convoy_way
        tracker = not ship and rng.random() < TRACKERS_PART
        identity = Identity(
            container_id=container_number(OWNER, serial),
            seal_id=f"eseal-{serial:06d}",
            tracker_id=f"etruck-{serial:06d}" if tracker else None,
            seal_number=f"SLE{serial:06d}",
            card_id=f"{rng.randrange(10**9):010d}",
            other_card_id=f"{rng.randrange(10**9):010d}",
        )
        first_ms = profile.start_ms + int(rng.uniform(26, 44) * HOUR_MS) // 60_000 * 60_000
        if convoy is not None:
            first_ms = profile.start_ms + 30 * HOUR_MS + (number % CONVOY) * 2 * MINUTE_MS
        yield Slot(number, identity, name, convoy, next_departs_ms=first_ms)
