"""The seal: cut, opened, tampered with, another one, faulty; and what looks like it."""

from __future__ import annotations

import numpy as np

from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent, SealState
from sealtrail.contract.trip import TripEventKind
from simulators.evaluation.draft import Draft, NoRoomError
from simulators.evaluation.network import unset_clock
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS
from simulators.evaluation.sampling import find_place
from simulators.evaluation.scenes.scene import Scene, at_moment, last_watched, spot, state_from
from simulators.evaluation.ways import moved


def _cut(draft: Draft) -> None:
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    seal.seal_events[row] |= int(SealEvent.CUT)
    state_from(seal, row, SealState.CUT)
    draft.claim(AlertType.SEAL_CUT, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _in_the_dark(draft: Draft) -> None:
    stretches = [each for each in draft.dead if each[1] < draft.reach_m]
    if not stretches or draft.habits.covered:
        raise NoRoomError
    from_m, to_m = draft.rng.choice(stretches)
    at_m = draft.rng.uniform(from_m + 0.2 * (to_m - from_m), from_m + 0.8 * (to_m - from_m))
    draft.reserved.insert(0, (at_m, at_m + 200.0))


def _cut_without_fix(draft: Draft) -> None:
    _cut(draft)
    draft.seal.lose_fix(np.array([draft.seal.row(draft.at_ms)]))


def _cut_on_jump(draft: Draft) -> None:
    _cut(draft)
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    rows = np.array([row])
    latitude, longitude = (
        seal.true_latitude_deg[rows] * 0.6,
        (seal.true_longitude_deg[rows] + 210) % 360 - 180,
    )
    seal.place(rows, latitude, longitude, 20.0)
    draft.claim(AlertType.POSITION_IMPLAUSIBLE, draft.at_ms, draft.at_ms, rows=rows)


def _cut_without_clock(draft: Draft) -> None:
    _cut(draft)
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    seal.received_ms[row] = draft.at_ms + 5_000
    unset_clock(seal, np.array([row]))


def _plan_stop(draft: Draft) -> None:
    draft.halt(draft.rng.uniform(14, 24), "none")


def _plan_yard(draft: Draft) -> None:
    draft.halt(70, "place", "!inspection yard")


def _act_stop(draft: Draft) -> None:
    halt = draft.halts[0]
    draft.at_ms = draft.during(halt, 0.3)
    draft.marks_ms += [draft.at_ms, draft.at_ms + 7 * MINUTE_MS]


def _leave(draft: Draft, *, cards: tuple[str, ...], hours: float = 0.0, here: bool = True) -> None:
    at_ms = draft.at_ms + hours * HOUR_MS
    place = draft.here("inspection yard", draft.at_ms, 3_000.0) if here else None
    place = place or draft.circle("far yard", draft.way.length_m, 3_000.0)
    draft.authorisations.append(
        draft.leave("A1", at_ms - HOUR_MS, at_ms + 2 * HOUR_MS, place=place, cards=cards)
    )


def _act_authorised(draft: Draft) -> None:
    _act_stop(draft)
    _leave(draft, cards=(draft.identity.card_id,))


def _act_wrong_time(draft: Draft) -> None:
    _act_stop(draft)
    _leave(draft, cards=(draft.identity.card_id,), hours=7)


def _act_wrong_place(draft: Draft) -> None:
    _act_stop(draft)
    _leave(draft, cards=(draft.identity.card_id,), here=False)


def _open(draft: Draft, card: str | None) -> int:
    seal = draft.seal
    row, again = seal.row(draft.at_ms), seal.row(draft.at_ms + 7 * MINUTE_MS)
    seal.seal_events[row] |= int(SealEvent.OPENED)
    if card is not None:
        seal.cards[row] = card
        find_place(seal, row)
    state_from(seal, row, SealState.OPEN, again)
    seal.seal_events[again] |= int(SealEvent.CLOSED)
    return row


def _opened(draft: Draft, card: str | None) -> None:
    row = _open(draft, card)
    draft.claim(AlertType.SEAL_OPENED, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _with_other_card(draft: Draft) -> None:
    _opened(draft, draft.identity.other_card_id)


def _opened_authorised(draft: Draft) -> None:
    row = _open(draft, draft.identity.card_id)
    seal, again = draft.seal, draft.seal.row(draft.at_ms + 7 * MINUTE_MS)
    seal.door_open[row + 1 : again] = np.where(np.isnan(seal.door_open[row + 1 : again]), np.nan, 1.0)
    seal.light_lux[row + 1 : again] = 300.0
    draft.openings.append(row)
    draft.claim(None, draft.at_ms, draft.at_ms + 30 * MINUTE_MS)


def _opened_late_leave(draft: Draft) -> None:
    """The authorisation was given in time and is recorded hours later."""
    row = _open(draft, draft.identity.card_id)
    place = draft.here("inspection yard", draft.at_ms, 3_000.0)
    from_ms, until_ms = draft.at_ms - HOUR_MS, draft.at_ms + 2 * HOUR_MS
    leave = draft.leave("A2", from_ms, until_ms, place=place, cards=(draft.identity.card_id,))
    recorded_ms = draft.at_ms + draft.rng.uniform(1, 8) * HOUR_MS
    draft.record(TripEventKind.AUTHORISED, draft.at_ms - HOUR_MS, recorded_ms, authorisation=leave)
    draft.claim(AlertType.SEAL_OPENED, draft.at_ms, draft.at_ms, rows=np.array([row]), withdrawn=True)


def _tampered(draft: Draft) -> None:
    row = draft.seal.row(draft.at_ms)
    draft.seal.seal_events[row] |= int(SealEvent.TAMPERED)
    draft.claim(AlertType.SEAL_TAMPER, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _unmounted(draft: Draft) -> None:
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    seal.mounted[:] = 1.0
    seal.mounted[row:] = 0.0
    draft.claim(AlertType.SEAL_TAMPER, draft.at_ms, draft.at_ms, rows=np.arange(row, len(seal)))


def _other_number(draft: Draft) -> None:
    seal = draft.seal
    row = seal.row(draft.at_ms)
    seal.seal_numbers = [(0, draft.identity.seal_number), (draft.at_ms, "SLX999001")]
    draft.claim(AlertType.SEAL_MISMATCH, draft.at_ms, last_watched(draft), rows=np.arange(row, len(seal)))


def _checked(draft: Draft, condition: int, seen: str | None) -> None:
    recorded_ms = draft.at_ms + draft.rng.uniform(2, 90) * MINUTE_MS
    event = draft.check(
        draft.at_ms, recorded_ms, condition, seal_expected=draft.identity.seal_number, seal_seen=seen
    )
    if condition == 1 and seen == draft.identity.seal_number:
        draft.claim(None, draft.at_ms, draft.at_ms)
    else:
        draft.claim(AlertType.SEAL_MISMATCH, draft.at_ms, draft.at_ms, event=event)


def _unpaired(draft: Draft) -> None:
    event = draft.record(
        TripEventKind.UNPAIRED, draft.at_ms, draft.at_ms + 20_000, device_id=draft.identity.seal_id
    )
    draft.claim(AlertType.SEAL_MISMATCH, draft.at_ms, last_watched(draft), event=event)


def _replaced(draft: Draft) -> None:
    """Opened by the officers with leave, and sealed with another seal, as the check tells."""
    draft.openings.append(_open(draft, draft.identity.card_id))
    closed_ms = draft.at_ms + 7 * MINUTE_MS
    draft.seal.seal_numbers = [(0, draft.identity.seal_number), (closed_ms, "SLX700500")]
    recorded_ms = closed_ms + draft.rng.uniform(0.1, 40) * MINUTE_MS
    draft.check(
        closed_ms,
        recorded_ms,
        1,
        seal_expected=draft.identity.seal_number,
        seal_seen=draft.identity.seal_number,
        replaced_by="SLX700500",
    )
    row = draft.seal.row(closed_ms)
    named = (draft.seal.received_ms[row:] < recorded_ms).any()
    draft.claim(
        AlertType.SEAL_MISMATCH if named else None, closed_ms, int(recorded_ms), withdrawn=bool(named)
    )


def _faulty(draft: Draft) -> None:
    row = draft.seal.row(draft.at_ms)
    draft.seal.seal_events[row] |= int(SealEvent.LOCK_FAULT)
    draft.claim(AlertType.SEAL_FAULT, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _contradicting(draft: Draft) -> None:
    """Rope in, motor open: the device says that its sensors contradict each other."""
    seal = draft.seal
    row = seal.row(draft.at_ms)
    if not draft.habits.tells_state:
        raise NoRoomError
    seal.seal_state[row : row + 5] = SealState.FAULT
    until_ms = int(seal.true_ms[min(row + 5, len(seal) - 1)])
    draft.claim(AlertType.SEAL_FAULT, draft.at_ms, until_ms, rows=np.arange(row, min(row + 5, len(seal))))


def _cut_and_away(draft: Draft) -> None:
    """Cut on a report whose cell-id fix is kilometres off."""
    _cut(draft)
    seal, rows = draft.seal, np.array([draft.seal.row(draft.at_ms)])
    seal.latitude_deg[rows], seal.longitude_deg[rows] = moved(
        seal.true_latitude_deg[rows], seal.true_longitude_deg[rows], np.array([6_000.0]), np.array([-3_000.0])
    )
    seal.fix_kind[rows], seal.accuracy_m[rows] = 2, np.nan


SCENES = (
    Scene("cut", spot, at_moment, _cut, at_sea=True, wants_fixes=False),
    Scene("cut in a dead zone", _in_the_dark, at_moment, _cut, at_sea=True, wants_fixes=False),
    Scene("cut without a fix", spot, at_moment, _cut_without_fix, at_sea=True),
    Scene("cut on a jump", spot, at_moment, _cut_on_jump),
    Scene("cut without a clock", spot, at_moment, _cut_without_clock),
    Scene("cut on a cell fix", spot, at_moment, _cut_and_away),
    Scene("opened without a card", _plan_stop, _act_stop, lambda d: _opened(d, None)),
    Scene("opened with another card", _plan_yard, _act_authorised, _with_other_card),
    Scene("opened elsewhere", _plan_stop, _act_wrong_place, lambda d: _opened(d, d.identity.card_id)),
    Scene("opened too early", _plan_yard, _act_wrong_time, lambda d: _opened(d, d.identity.card_id)),
    Scene("opened at sea", spot, at_moment, lambda d: _opened(d, None), on_land=False, at_sea=True),
    Scene("opened with leave", _plan_yard, _act_authorised, _opened_authorised),
    Scene("leave recorded late", _plan_yard, _act_stop, _opened_late_leave),
    Scene("back cap opened", spot, at_moment, _tampered, at_sea=True, wants_fixes=False),
    Scene("taken off its mount", spot, at_moment, _unmounted),
    Scene("another seal's number", spot, at_moment, _other_number),
    Scene("check finds another seal", _plan_yard, _act_stop, lambda d: _checked(d, 1, "SLX999002")),
    Scene("check finds no seal", _plan_yard, _act_stop, lambda d: _checked(d, 3, None)),
    Scene("check finds all well", _plan_yard, _act_stop, lambda d: _checked(d, 1, d.identity.seal_number)),
    Scene("unpaired under way", spot, at_moment, _unpaired),
    Scene("replaced by customs", _plan_yard, _act_authorised, _replaced),
    Scene("lock fault", spot, at_moment, _faulty, at_sea=True),
    Scene("contradicting sensors", spot, at_moment, _contradicting),
)  # fmt: skip
