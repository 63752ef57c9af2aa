"""A draft made into a trip: planned, driven, reported, sent, and its truths settled."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from sealtrail.contract.trip import SensorLimit, TripEvent, TripEventKind
from simulators.evaluation.columns import Columns
from simulators.evaluation.derive import claim_spoiled, derive
from simulators.evaluation.draft import Claim, Draft, Habits, Identity, NoRoomError
from simulators.evaluation.motion import Motion, drive, pace
from simulators.evaluation.network import send, spoil
from simulators.evaluation.planning import dead_stretches, ordinary_halts, plan, set_off
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS, EvaluationProfile
from simulators.evaluation.sampling import arrived, sample
from simulators.evaluation.scenes import SCENES
from simulators.evaluation.scenes.scene import Scene
from simulators.evaluation.truth import Scripted
from simulators.evaluation.ways import Way

LAND_MIN = (5, 5, 10, 10, 15, 30, 60)
SEA_MIN = (60, 60, 120, 180)
FIX_EVERY = {False: (1, 1, 2, 5), True: (2, 3, 6, 6)}  # by whether it is at sea
QUICK_MIN = 10
SAYS_INTERVAL, COVERED, TELLS_STATE, HAS_DOOR, HAS_MOUNT, NAMES_SEAL = 0.5, 0.35, 0.75, 0.6, 0.4, 0.35
"""Parts of the containers."""
SURE_MS = 10 * MINUTE_MS
FOREVER_MS = 1 << 62


@dataclass(frozen=True)
class Made:
    """One trip, ready to be sent."""

    trip_id: str
    scene: str
    devices: tuple[Columns, ...]
    events: tuple[TripEvent, ...]
    truths: tuple[Scripted, ...]
    motion: Motion
    departs_ms: int
    ended_ms: int
    free_ms: int  # when the container can take its next trip


def make(
    profile: EvaluationProfile,
    identity: Identity,
    way: Way,
    number: int,
    departs_ms: int,
    scene: Scene,
    plan_seed: str,
) -> Made:
    """The trip with its scene; without one where there is no room for it."""
    for chosen in (scene, SCENES["plain"]):
        draft = _draft(profile, identity, way, number, departs_ms, chosen, plan_seed)
        try:
            return _made(draft, chosen)
        except NoRoomError:
            continue
    raise AssertionError("a plain trip always has room")


def _draft(
    profile: EvaluationProfile,
    identity: Identity,
    way: Way,
    number: int,
    departs_ms: int,
    scene: Scene,
    plan_seed: str,
) -> Draft:
    rng = random.Random(f"{profile.seed}/{plan_seed}")
    own = int.from_bytes(
        random.Random(f"{profile.seed}/{identity.container_id}/{number}").randbytes(8), "big"
    )
    habits = _habits(profile.seed, identity.container_id, way, scene)
    return Draft(
        profile=profile,
        identity=identity if scene.tracker is not False else identity._replace(tracker_id=None),
        way=way,
        trip_id=f"{identity.container_id}-{number}",
        scene=scene.name,
        departs_ms=departs_ms,
        habits=habits,
        dead=() if habits.covered else dead_stretches(profile.seed, way),
        rng=rng,
        noise=np.random.default_rng(own),
    )


def _habits(seed: int, container_id: str, way: Way, scene: Scene) -> Habits:
    """Drawn for the container; where a scene wants more frequent reports, the plan says so."""
    rng = random.Random(f"{seed}/{container_id}/habits")
    own_min = rng.choice(SEA_MIN if way.at_sea else LAND_MIN)
    least_min = (SEA_MIN if way.at_sea else LAND_MIN)[0]
    steady = own_min <= QUICK_MIN or (way.at_sea and own_min == least_min)
    factor, says, fix_every = (
        rng.choice((1, 2, 3)),
        rng.random() < SAYS_INTERVAL,
        rng.choice(FIX_EVERY[way.at_sea]),
    )
    if own_min > QUICK_MIN:
        factor = 1
    covered, tells_state, has_door, has_mount, names_seal = (
        rng.random() < part for part in (COVERED, TELLS_STATE, HAS_DOOR, HAS_MOUNT, NAMES_SEAL)
    )
    return Habits(
        interval_ms=max(least_min, min(own_min, scene.interval_max_min)) * MINUTE_MS,
        rest_factor=factor,
        says_interval=not steady or factor > 1 or says,
        fix_every=1 if scene.wants_fixes else fix_every,
        covered=way.at_sea and covered,
        tells_state=tells_state,
        has_door=has_door,
        has_mount=has_mount,
        names_seal=names_seal,
    )


def _made(draft: Draft, scene: Scene) -> Made:
    _limits(draft)
    scene.plan(draft)
    ordinary_halts(draft)
    set_off(draft)
    scene.act(draft)
    plan(draft)
    ended_ms, free_ms = _end(draft)
    dark_ms = [_passage(draft, stretch) for stretch in draft.dead]
    until_ms = free_ms - 20 * MINUTE_MS
    draft.seal = sample(draft, draft.identity.seal_id, until_ms, is_seal=True)
    send(draft, draft.seal, dark_ms)
    trucks_dark_ms = dark_ms
    if draft.identity.tracker_id is not None:
        trucks_dark_ms = _follow(draft, until_ms, dark_ms)
    devices = tuple(each for each in (draft.seal, draft.tracker) if each is not None)
    spoiled = [(columns, spoil(draft, columns)) for columns in devices]
    scene.report(draft)
    for columns, done in spoiled:
        claim_spoiled(draft, columns, done)
    derive(draft, ended_ms, (dark_ms, trucks_dark_ms))
    return Made(
        trip_id=draft.trip_id,
        scene=draft.scene,
        devices=devices,
        events=tuple(sorted(draft.events, key=lambda event: event.recorded_at_ms)),
        truths=tuple(_settled(draft, claim) for claim in draft.pending),
        motion=draft.motion,
        departs_ms=min(draft.departs_ms, int(draft.leaves_ms)),
        ended_ms=ended_ms,
        free_ms=free_ms,
    )


def _limits(draft: Draft) -> None:
    draft.limits.append(SensorLimit(quantity="shock_g", greatest=10.0))


def _end(draft: Draft) -> tuple[int, int]:
    """When the watch ends, and when the container is free again; the end may be recorded late."""
    rng = draft.rng
    wait_h = rng.uniform(1.2, 2.0) if arrived(draft) else rng.uniform(20, 30)
    ended_ms = int(draft.motion.arrives_ms + wait_h * HOUR_MS)
    recorded_ms = ended_ms + int(rng.choice((0.01, 0.02, 0.1, 1.0, 2.5)) * HOUR_MS)
    draft.record(TripEventKind.ENDED, ended_ms, recorded_ms)
    return ended_ms, recorded_ms + 45 * MINUTE_MS


def _passage(draft: Draft, stretch: tuple[float, float]) -> tuple[float, float]:
    """When it is in a dead stretch."""
    begins_ms = draft.motion.reaches_ms(stretch[0])
    ends_ms = draft.motion.reaches_ms(stretch[1])
    return begins_ms, min(ends_ms, float(FOREVER_MS))


def _follow(draft: Draft, until_ms: float, dark_ms: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The truck's tracker goes with the box, unless the scene has the truck leave it behind.

    The times at which the truck is without a network are returned.
    """
    tracker_id, motion, silences = draft.identity.tracker_id or "", draft.motion, draft.silences
    if draft.parts_at is not None:
        halts = [halt for halt in draft.halts if halt is not draft.parts_at]
        pacing = pace(draft.way, random.Random(draft.trip_id), draft.slow)
        alone = drive(draft.leaves_ms, pacing, halts, draft.turns)
        draft.motion = _joined(motion, alone, draft.parts_at.along_m)
        dark_ms = [_passage(draft, stretch) for stretch in draft.dead]
        draft.silences = []
    draft.tracker = sample(draft, tracker_id, until_ms, is_seal=False)
    send(draft, draft.tracker, dark_ms)
    draft.motion, draft.silences = motion, silences
    return dark_ms


def _joined(first: Motion, second: Motion, along_m: float) -> Motion:
    """As the first up to a place, then as the second without delay."""
    leaves_ms, goes_ms = first.reaches_ms(along_m), second.reaches_ms(along_m)
    before = first.times_ms < leaves_ms
    after = second.times_ms > goes_ms
    times = (first.times_ms[before], [leaves_ms], second.times_ms[after] - goes_ms + leaves_ms)
    along = (first.along_m[before], [along_m], second.along_m[after])
    return Motion(np.concatenate(times), np.concatenate(along))


def _settled(draft: Draft, claim: Claim) -> Scripted:
    """A claim with what is known of its receipt; must only where that comes before the world's end."""
    of = claim.of if claim.of is not None else draft.seal
    evidence: tuple[str, ...] = ()
    complete_ms, known_ms = claim.from_ms, claim.known_ms or claim.from_ms
    possible = True
    if claim.event is not None:
        evidence, known_ms = (claim.event.event_id,), claim.event.recorded_at_ms
    elif len(claim.rows) or claim.needed > 1:
        rows = claim.rows[of.kept[claim.rows]]
        order = rows[np.argsort(of.received_ms[rows], kind="stable")]
        possible = len(order) >= claim.needed
        if possible and len(order):
            last = int(order[claim.needed - 1])
            evidence = tuple(f"{of.reading_id(int(row)):016x}" for row in order[: claim.needed])
            complete_ms = int(of.occurred_ms[last])
            known_ms = max(claim.known_ms, int(of.received_ms[last]))
    must = claim.alert_type
    also = claim.also
    if must is not None and (not possible or known_ms + SURE_MS > draft.profile.end_ms):
        also = (*also, must)
        must = None
    period_ms = draft.habits.interval_ms * draft.habits.rest_factor
    return Scripted(
        kind=claim.kind or draft.scene,
        alert_type=None if must is None else str(must),
        container_id=draft.identity.container_id,
        trip_id=draft.trip_id,
        device_id=of.device_id,
        from_ms=int(claim.from_ms),
        until_ms=int(min(claim.until_ms, FOREVER_MS)),
        tolerance_ms=claim.tolerance_ms or min(period_ms, 2 * HOUR_MS) + 10 * MINUTE_MS,
        complete_ms=int(complete_ms),
        complete_received_ms=int(known_ms),
        also=tuple(str(each) for each in also),
        evidence=evidence,
        withdrawn=claim.withdrawn,
        may_be_withdrawn=claim.may_be_withdrawn,
    )
