"""Doors, light, refused unlocking, and theft put together from them."""

from __future__ import annotations

import numpy as np

from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import FixKind, SealEvent
from simulators.evaluation.draft import Draft
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS
from simulators.evaluation.scenes.scene import Scene, at_moment, last_watched, spot
from simulators.evaluation.ways import Ints

DAYLIGHT_LUX = (180.0, 900.0)
NOON_H = (9.5, 14.5)


def _plan_stop(draft: Draft) -> None:
    draft.halt(27, "none")


def _plan_long_stop(draft: Draft) -> None:
    draft.halt(draft.rng.uniform(80, 150), "none")


def _act(draft: Draft) -> None:
    halt = draft.halts[0]
    draft.at_ms = draft.during(halt, 0.25)
    draft.marks_ms += [draft.at_ms + minutes * MINUTE_MS for minutes in (0, 5, 10)]


def _rows(draft: Draft) -> Ints:
    return draft.seal.between(draft.at_ms, draft.at_ms + 11 * MINUTE_MS)


def _bright(draft: Draft, rows: Ints) -> None:
    draft.seal.light_lux[rows] = draft.noise.uniform(*DAYLIGHT_LUX, len(rows))


def _door_sensor(draft: Draft) -> None:
    """As a level, or as an event of a device that knows no more."""
    seal, rows = draft.seal, _rows(draft)
    if draft.habits.has_door:
        seal.door_open[rows] = 1.0
    else:
        seal.seal_events[rows[0]] |= int(SealEvent.DOOR_OPENED)
    draft.claim(AlertType.DOOR_OPENED, draft.at_ms, draft.at_ms + 11 * MINUTE_MS, rows=rows)


def _dark_by_day(draft: Draft) -> bool:
    """Whether it was seen to be dark inside by day since departure: only then is light news."""
    seal = draft.seal
    rows = seal.between(draft.departs_ms, draft.at_ms - 1)
    hour = (seal.true_ms[rows] / HOUR_MS + seal.true_longitude_deg[rows] / 15) % 24
    noon = (hour > NOON_H[0]) & (hour < NOON_H[1]) & (seal.fix_kind[rows] == FixKind.GNSS)
    return bool(noon.any())


def _light(draft: Draft) -> None:
    """Through a hole in the wall: the door says nothing."""
    rows = _rows(draft)
    _bright(draft, rows)
    until_ms = draft.at_ms + 11 * MINUTE_MS
    if _dark_by_day(draft):
        draft.claim(AlertType.DOOR_OPENED, draft.at_ms, until_ms, rows=rows, needed=2)
    else:
        draft.claim(None, draft.at_ms, until_ms, also=(AlertType.DOOR_OPENED,))


def _light_said(draft: Draft) -> None:
    seal, rows = draft.seal, _rows(draft)
    _bright(draft, rows)
    seal.seal_events[rows[0]] |= int(SealEvent.LIGHT)
    draft.claim(AlertType.DOOR_OPENED, draft.at_ms, draft.at_ms + 11 * MINUTE_MS, rows=rows)


def _flash(draft: Draft) -> None:
    """Dusk through the vents: a few lux in one report."""
    row = draft.seal.row(draft.at_ms)
    draft.seal.light_lux[row] = draft.rng.uniform(2.0, 6.0)
    draft.claim(None, draft.at_ms, draft.at_ms)


def _refused(draft: Draft, said: SealEvent) -> None:
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    seal.seal_events[row] |= int(said)
    if said is SealEvent.BAD_CARD:
        seal.cards[row] = draft.identity.other_card_id
    draft.claim(AlertType.UNLOCK_REFUSED, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _refused_loading(draft: Draft) -> None:
    """A wrong password while it is loaded is nobody's business."""
    at_ms = draft.departs_ms - 60 * MINUTE_MS
    draft.seal.seal_events[draft.seal.row(at_ms)] |= int(SealEvent.WRONG_PASSWORD)
    draft.claim(None, at_ms, at_ms)


def _theft(draft: Draft) -> None:
    seal, rows = draft.seal, _rows(draft)
    _bright(draft, rows)
    seal.seal_events[rows[0]] |= int(SealEvent.LIGHT)
    if draft.habits.has_door:
        seal.door_open[rows] = 1.0
    halt = draft.halts[0]
    until_ms = draft.during(halt, 1.0)
    stop_max_ms = 30 * MINUTE_MS
    also = (AlertType.SEPARATION,) if draft.identity.tracker_id else ()
    draft.claim(AlertType.DOOR_OPENED, draft.at_ms, draft.at_ms + 11 * MINUTE_MS, rows=rows, needed=2)
    begins_ms = draft.during(halt, 0.0)
    long = seal.between(begins_ms + stop_max_ms, until_ms)
    draft.claim(
        AlertType.LIKELY_THEFT,
        begins_ms,
        until_ms,
        rows=long if len(long) else seal.between(until_ms, until_ms + HOUR_MS),
        known_ms=int(np.sort(seal.received_ms[rows])[min(1, len(rows) - 1)]),
        also=also,
    )


def _plan_parting(draft: Draft) -> None:
    draft.halt(draft.rng.uniform(420, 700), "none")


def _act_parting(draft: Draft) -> None:
    """The box stays where the truck leaves it; an hour later its seal is destroyed."""
    halt = draft.halts[0]
    begins_ms = draft.during(halt, 0.0)
    draft.at_ms = begins_ms
    draft.parts_at = halt
    draft.silences.append((begins_ms + 60 * MINUTE_MS, 2e18, False))


def _theft_apart(draft: Draft) -> None:
    tracker, seal = draft.tracker, draft.seal
    assert tracker is not None  # noqa: S101 - the scene asks for one
    begins_ms = draft.at_ms
    gone = tracker.between(begins_ms + 12 * MINUTE_MS, begins_ms + 5 * HOUR_MS)
    gone = gone[tracker.fix_kind[gone] == 1]
    still = seal.between(begins_ms, begins_ms + 60 * MINUTE_MS)
    known_ms = int(seal.received_ms[still[seal.fix_kind[still] == 1]].min(initial=begins_ms))
    until_ms = last_watched(draft)
    draft.claim(AlertType.SEPARATION, begins_ms, until_ms, rows=gone, of=tracker, known_ms=known_ms)
    period_ms = draft.habits.interval_ms * draft.habits.rest_factor
    silent_ms = begins_ms + 60 * MINUTE_MS + 2 * period_ms
    draft.claim(AlertType.LIKELY_THEFT, begins_ms, until_ms, known_ms=silent_ms, tolerance_ms=2 * HOUR_MS)


SCENES = (
    Scene("door opened", _plan_stop, _act, _door_sensor),
    Scene("light inside", _plan_stop, _act, _light),
    Scene("light inside, said", _plan_stop, _act, _light_said),
    Scene("flash of light", spot, at_moment, _flash, at_sea=True),
    Scene("wrong card", spot, at_moment, lambda d: _refused(d, SealEvent.BAD_CARD)),
    Scene("wrong password", spot, at_moment, lambda d: _refused(d, SealEvent.WRONG_PASSWORD)),
    Scene("outside its area", spot, at_moment, lambda d: _refused(d, SealEvent.OUTSIDE_AREA)),
    Scene("wrong password at loading", report=_refused_loading),
    Scene("light during a stop", _plan_long_stop, _act, _theft, weight=2),
    Scene("left behind and silenced", _plan_parting, _act_parting, _theft_apart, tracker=True, weight=2),
)
