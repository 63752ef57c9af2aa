"""Stops, delays, silence, movement before its time; and what looks like it."""

from __future__ import annotations

import numpy as np

from sealtrail.contract.alert import AlertType
from sealtrail.contract.device import Suspicion
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import TripEventKind
from simulators.evaluation.columns import blank
from simulators.evaluation.draft import Draft, NoRoomError
from simulators.evaluation.motion import Halt
from simulators.evaluation.planning import END_RADIUS_M
from simulators.evaluation.profile import DAY_MS, HOUR_MS, MINUTE_MS
from simulators.evaluation.scenes.scene import Scene, at_moment, last_watched, spot
from simulators.evaluation.ways import moved

KM = 1_000.0


def _stop(draft: Draft) -> None:
    draft.halt(draft.rng.uniform(70, 240), "none", low=0.1, high=0.85)


def _patient(draft: Draft) -> None:
    """The plan allows longer stops than the setting."""
    draft.stop_max_s = 3 * 3_600.0
    draft.halt(100, "none")


def _patient_report(draft: Draft) -> None:
    draft.claim(None, draft.during(draft.halts[0], 0.0), draft.during(draft.halts[0], 1.0))


def _held_up(draft: Draft) -> None:
    """Where it may stand as long as it likes, but far longer than planned."""
    draft.arrives_late = True
    draft.halt(draft.rng.uniform(16, 30) * 60, "rest", "!lorry park", 0.2, 0.7)


def _departs_late(draft: Draft) -> None:
    draft.leaves_ms = draft.departs_ms + draft.rng.uniform(9, 15) * HOUR_MS


def _leaves_early(draft: Draft) -> None:
    draft.leaves_ms = draft.departs_ms - draft.rng.uniform(2.2, 3.5) * HOUR_MS


def _early_report(draft: Draft) -> None:
    seal = draft.seal
    away_ms = draft.motion.reaches_ms(END_RADIUS_M + 4 * KM)
    rows = seal.between(away_ms, draft.departs_ms)
    rows = rows[seal.fix_kind[rows] == 1]
    draft.claim(AlertType.UNEXPECTED_MOVEMENT, draft.leaves_ms, draft.departs_ms, rows=rows)


def _plan_park(draft: Draft) -> None:
    draft.halt(9 * 60, "rest", "!lorry park")


def _act_park(draft: Draft) -> None:
    draft.at_ms = draft.during(draft.halts[0], 0.4)
    draft.marks_ms += [draft.at_ms + minutes * MINUTE_MS for minutes in (0, 5, 10, 15)]


def _towed(draft: Draft) -> None:
    """Dragged about the lorry park at night; the device says that it is moved."""
    seal = draft.seal
    rows = seal.between(draft.at_ms, draft.at_ms + 15 * MINUTE_MS)
    seal.seal_events[rows[0]] |= int(SealEvent.ILLEGAL_MOVEMENT)
    seal.moving[rows] = 1.0
    latitude, longitude = moved(
        seal.true_latitude_deg[rows],
        seal.true_longitude_deg[rows],
        np.linspace(0, 700, len(rows)),
        np.full(len(rows), 150.0),
    )
    seal.place(rows, latitude, longitude, 10.0)
    seal.speed_kmh[rows] = 6.0
    draft.claim(AlertType.UNEXPECTED_MOVEMENT, draft.at_ms, draft.at_ms + 15 * MINUTE_MS, rows=rows)


def _plan_off(draft: Draft) -> None:
    draft.pick(draft.rng.uniform(110, 170) * KM, 0.1, 0.9)


def _act_off(draft: Draft, *, remembered: bool) -> None:
    from_m, to_m = draft.reserved[0]
    draft.silences.append((draft.moment(from_m), draft.moment(to_m), remembered))


def _act_gone(draft: Draft) -> None:
    draft.silences.append((draft.moment(draft.reserved[0][0]), 2e18, False))


def _plan_mute(draft: Draft) -> None:
    draft.mute_id = f"mute-{draft.trip_id}"


def _mute(draft: Draft) -> None:
    """A second seal stands on the plan and never says anything: nobody knows whether it is there."""
    assert draft.trip is not None  # noqa: S101 - it is planned before it is driven
    interval_s = draft.trip.reporting_interval_s
    from_ms, until_ms = draft.departs_ms, last_watched(draft)
    known_ms = from_ms + round(DAY_MS if interval_s is None else 2_000 * interval_s)
    sure = until_ms - known_ms > HOUR_MS
    draft.claim(
        AlertType.SILENT if sure else None,
        from_ms,
        until_ms,
        known_ms=known_ms,
        of=blank(str(draft.mute_id), "", draft.identity.container_id, np.zeros(0, np.int64)),
        also=() if sure else (AlertType.SILENT,),
    )


def _dead_zone_stay(draft: Draft) -> None:
    stretches = [each for each in draft.dead if each[1] < draft.reach_m]
    if not stretches:
        raise NoRoomError
    from_m, to_m = draft.rng.choice(stretches)
    draft.halts.append(Halt((from_m + to_m) / 2, round(draft.rng.uniform(10, 16) * HOUR_MS), "none"))


def _identity(draft: Draft, why: Suspicion) -> None:
    at_ms = draft.at_ms
    event = draft.record(
        TripEventKind.IDENTITY_SUSPECT,
        at_ms,
        at_ms + 200,
        device_id=draft.identity.seal_id,
        suspicion=why.value,
        evidence={"count": 1},
    )
    draft.claim(AlertType.IDENTITY_SUSPECT, at_ms, at_ms, event=event)


def _repeated(draft: Draft) -> None:
    _identity(draft, Suspicion.REPLAYED_SEQUENCE)


def _plan_yard(draft: Draft) -> None:
    draft.halt(draft.rng.uniform(480, 720), "place", "!yard")


def _act_parting(draft: Draft) -> None:
    draft.at_ms = draft.during(draft.halts[0], 0.0)
    draft.parts_at = draft.halts[0]


def _apart(draft: Draft) -> None:
    """The box is left in a yard where it may stand; the truck drives on."""
    tracker, seal = draft.tracker, draft.seal
    assert tracker is not None  # noqa: S101 - the scene asks for one
    gone = tracker.between(draft.at_ms + 12 * MINUTE_MS, draft.at_ms + 6 * HOUR_MS)
    still = seal.between(draft.at_ms, draft.at_ms + 6 * HOUR_MS)
    draft.claim(
        AlertType.SEPARATION,
        draft.at_ms,
        last_watched(draft),
        rows=gone[tracker.fix_kind[gone] == 1],
        of=tracker,
        known_ms=int(seal.received_ms[still[seal.fix_kind[still] == 1]].min(initial=1 << 62)),
    )


SCENES = (
    Scene("stop", _stop, interval_max_min=15),
    Scene("long stop in a sparse report", _stop, interval_max_min=30),
    Scene("stop that the plan allows", _patient, report=_patient_report),
    Scene("held up", _held_up),
    Scene("departs late", _departs_late),
    Scene("leaves early", _leaves_early, report=_early_report, interval_max_min=15),
    Scene("moved while parked", _plan_park, _act_park, _towed),
    Scene("switched off", _plan_off, lambda d: _act_off(d, remembered=False), interval_max_min=15),
    Scene("out of network", _plan_off, lambda d: _act_off(d, remembered=True), interval_max_min=15),
    Scene("silent for good", spot, _act_gone),
    Scene("named and never heard", _plan_mute, report=_mute),
    Scene("stays in a dead zone", _dead_zone_stay),
    Scene("two sessions", spot, at_moment, lambda d: _identity(d, Suspicion.SECOND_SESSION), at_sea=True),
    Scene("repeated number", spot, at_moment, _repeated, at_sea=True),
    Scene("left in a yard", _plan_yard, _act_parting, _apart, tracker=True, interval_max_min=15, weight=2),
)  # fmt: skip
